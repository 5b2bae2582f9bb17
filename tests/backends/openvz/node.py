"""A simulated OpenVZ node as a planner meets it: real shells, the demo's tools, a kernel that ticks, and the real runner.

The oracle of a change is what the node's own files and tools say, read here without the backend.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.demo.processes import end_all, environment
from backends.demo.simulation import Kernel
from backends.demo.tree import Tree
from backends.demo.vzconf import Conf
from backends.jobs.start import job_files, new_id, start_script
from backends.model import Container, Key, Node, NodeFacts
from backends.openvz import OpenVz
from backends.plans.plan import Inspection, Plan
from backends.plans.request import Request
from tests.backends.demo import worlds
from tests.backends.demo.worlds import do
from tests.wait import until_blocking

BACKEND = OpenVz()
FACTS = NodeFacts(
    tools={"vzctl": "4.11.1"}, cpus=2, memory_total=4 << 30, swap_total=1 << 30, disk_total=200 << 30, kernel="2.6.32"
)


class VzNode:
    """101 simfs running, 102 simfs stopped, 201 ploop running, 202 ploop stopped; each with one address."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tree: Tree = worlds.openvz(root)
        ploop = f"create 202 --ostemplate {worlds.TEMPLATE} --layout ploop --config vswap-1g --hostname ploop202"
        do(self.tree, f"{ploop} --ipadd 10.0.0.202", "set 102 --ipadd 10.0.0.102 --save", "start 101", "start 201")
        self.node = Node("hn1", facts=replace(FACTS))
        self.environment = {**environment(root, root), "CTDECK_DEMO_SPEED": "50"}
        os.mkfifo(root / ".sim/pipe")
        self._pipe = os.open(root / ".sim/pipe", os.O_RDWR | os.O_NONBLOCK)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        kernel = Kernel(self.tree)
        kernel.tick()
        self._kernel = kernel
        self._thread.start()

    def _live(self) -> None:
        while not self._over.is_set():
            if select.select([self._pipe], [], [], 0.3)[0]:
                os.read(self._pipe, 4096)
            self._kernel.tick()

    def end(self) -> None:
        end_all(self.root)
        self._over.set()
        self._thread.join()
        os.close(self._pipe)

    # --- the node's own words

    def sh(self, script: str, *args: str, shell: str = "sh") -> subprocess.CompletedProcess[bytes]:
        argv = [*shell.split(), "-c", script, "sh", *args]
        return subprocess.run(argv, env=self.environment, capture_output=True, timeout=60, check=False)

    def said(self, command: str) -> str:
        return self.sh(command).stdout.decode().strip()

    def status(self, ctid: str) -> str:
        return self.said(f"vzctl status {ctid}").split(maxsplit=3)[-1]

    def conf(self, ctid: str, key: str) -> str | None:
        conf = Conf.read(self.tree.conf_path(int(ctid)))
        return conf.get(key) if conf else None

    def conf_text(self, ctid: str) -> str:
        return self.tree.conf_path(int(ctid)).read_text()

    def live(self, ctid: str, key: str) -> str | None:
        """What the simulated kernel has been told."""
        return self.tree.state(int(ctid)).live.get(key)

    def limits(self, ctid: str, name: str) -> tuple[int, int]:
        """Barrier and limit in /proc/bc/resources."""
        ours = False
        for line in (self.root / "proc/bc/resources").read_text().splitlines():
            owner, colon, rest = line.partition(":")
            ours = owner.strip() == ctid if colon else ours
            words = (rest if colon else line).split()
            if ours and words[0] == name:
                return int(words[3]), int(words[4])
        raise AssertionError(f"{ctid} has no {name}")

    def snapshots(self, ctid: str) -> str:
        return self.said(f"vzctl snapshot-list {ctid} -H -o uuid,parent_uuid,current,name")

    def log(self) -> str:
        return (self.root / "var/log/vzctl.log").read_text()

    # --- the planner's way

    def container(self, ctid: str) -> Container:
        return Container(Key("hn1", "openvz", ctid))

    def look(self, ctid: str) -> Inspection:
        script = BACKEND.inspect(ctid)
        done = self.sh(script.text, *script.args)
        assert done.returncode == 0, done.stderr
        return BACKEND.inspection(ctid, done.stdout)

    def plan(self, ctid: str, request: Request) -> Plan:
        return BACKEND.plan(request, self.container(ctid), self.look(ctid), self.node)

    def job(self, plan: Plan) -> str:
        """Run a plan as a job; its result. The log of the job stands in `job_log`."""
        assert not plan.refused, plan.refused
        job_id = new_id()
        said = self.sh(start_script(job_id, job_files(plan, {"who": "me"}))).stdout.decode()
        assert said.startswith("started"), said
        place = self.root / "var/lib/ctdeck/jobs" / job_id
        until_blocking(lambda: (place / "result").exists(), timeout=60, what="a result")
        until_blocking(lambda: not any((place.parent.parent / "locks").iterdir()), what="no lock")
        log = place / "log"
        self.job_place, self.job_log = place, log.read_text() if log.exists() else ""
        return (place / "result").read_text().strip()

    def change(self, ctid: str, request: Request) -> Plan:
        """Plan it, do it, and find exactly what was expected."""
        plan = self.plan(ctid, request)
        assert self.job(plan) == "done", self.job_log
        self.verify(ctid, plan)
        return plan

    def verify(self, ctid: str, plan: Plan) -> None:
        values: dict[str, Any] = {"state": "absent"}
        if plan.expect.get("state") != "absent":
            values = self.look(ctid).values
        found = {key: values.get(key, "not told") for key in plan.expect}
        assert found == plan.expect
