"""Changes of real containers: a plan from a real inspection, run by the real runner. The oracle is the node's own tools."""

from __future__ import annotations

import itertools
import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from backends.change import compare
from backends.jobs.start import job_files, new_id, start_script
from backends.lxc import Lxc
from backends.model import Container, Key, Node
from backends.plans.plan import Inspection, Plan, Step
from backends.plans.request import (
    UNLIMITED,
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    Run,
    SetLimits,
)
from tests.lab.lab import Lab
from tests.wait import until_blocking

NODE = "n3"
MIB = 1 << 20
NUMBERS = itertools.count(10)


class Subject:
    """One container of a node, and what can be done with it and seen of it."""

    def __init__(self, lab: Lab, name: str, number: int, node: str = NODE) -> None:
        self.lab, self.name, self.number, self.node = lab, name, number, node

    # --- what ctdeck does

    def look(self) -> Inspection:
        script = Lxc().inspect(self.name)
        output = self.lab.enter(self.node, "sh", "-c", script.text, "sh", *script.args)
        return Lxc().inspection(self.name, output.encode())

    def plan(self, request: Request) -> Plan:
        container = Container(Key(self.node, "lxc", self.name), name=self.name)
        return Lxc().plan(request, container, self.look(), Node(self.node))

    def start(self, plan: Plan) -> str:
        assert not plan.refused, plan.refused
        job = new_id()
        said = self.lab.enter(self.node, "sh", "-s", stdin=start_script(job, job_files(plan, {"who": "me"})))
        assert said.startswith("started"), said
        return f"/var/lib/ctdeck/jobs/{job}"

    def result(self, job: str) -> str:
        result = self.lab.directory / self.node / "upper" / job.lstrip("/") / "result"  # read from outside: no process
        until_blocking(result.exists, timeout=50, what="a result")
        return result.read_text().strip()

    def run(self, plan: Plan) -> str:
        return self.result(self.start(plan))

    def do(self, request: Request) -> Plan:
        """All of it: done, and so afterwards as the plan expects."""
        plan = self.plan(request)
        job = self.start(plan)
        assert self.result(job) == "done", self.sh(f"cat {job}/log")
        until_blocking(lambda: not self.differences(plan), timeout=10, what="it is as expected")
        return plan

    def differences(self, plan: Plan) -> tuple[str, ...]:
        return compare(plan.expect, self.look().values)

    # --- what the node's own tools say

    def sh(self, script: str) -> str:
        return self.lab.enter(self.node, "sh", "-c", script).strip()

    def inside(self, script: str) -> str:
        return self.lab.enter(self.node, "lxc-attach", "-n", self.name, "--", "sh", "-c", script).strip()

    def cgroup(self, key: str) -> str:
        return self.sh(f"lxc-cgroup -n {self.name} {key}")

    @property
    def state(self) -> str:
        return self.sh(f"lxc-info -n {self.name} -sH")

    @property
    def init(self) -> str:
        return self.sh(f"lxc-info -n {self.name} -pH")

    @property
    def config(self) -> str:
        return self.sh(f"cat /var/lib/lxc/{self.name}/config")

    @property
    def files(self) -> list[str]:
        return self.sh(f"ls -1 /var/lib/lxc/{self.name}").split()

    @property
    def snapshots(self) -> str:
        return self.sh(f"lxc-snapshot -n {self.name} -L -C")


def made(lab: Lab, copy: str) -> Iterator[Subject]:
    """A new container of its own for the test: a copy of the one on n3 that is stopped."""
    number = next(NUMBERS)
    name = f"web{number}"
    lab.enter(NODE, "sh", "-c", copy.replace("NAME", name))
    address = f"/^lxc.net.0.ipv4.address/d; $a lxc.net.0.ipv4.address = 10.77.9.{number}/16"
    lab.enter(NODE, "sed", "-i", address, f"/var/lib/lxc/{name}/config")
    lab.enter(NODE, "lxc-start", "-n", name)
    subject = Subject(lab, name, number)
    try:
        yield subject
    finally:
        gone = f"lxc-unfreeze -n {name}; lxc-stop -k -n {name}; lxc-destroy -f -s -n {name}; rm -rf /var/lib/lxc/{name}"
        lab.enter(NODE, "sh", "-c", f"{{ {gone}; }} 2>/dev/null; :")


@pytest.fixture
def web(lab: Lab) -> Iterator[Subject]:
    """Running, on a directory."""
    yield from made(lab, "lxc-copy -n ct3103 -N NAME")


@pytest.fixture
def thin(lab: Lab) -> Iterator[Subject]:
    """Running, on an overlay over another container."""
    yield from made(lab, "lxc-copy -n ct3103 -N NAME -s -B overlay")


# --- power


def ignored(status: str) -> int:
    """The signals that a process ignores, as the mask of /proc/PID/status."""
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn:"))


def test_stopped_started_restarted_and_destroyed(web: Subject) -> None:
    first = web.init
    web.do(Power("restart", fast=True))
    assert web.init != first
    # it begins its life as one that an admin has started: no signal ignored, files for all to read
    status = web.sh(f"cat /proc/{web.init}/status")
    assert "Umask:\t0022" in status
    # what the node itself was started with (a CI may ignore INT and QUIT) comes from above, and not from us
    own = web.sh("cat /proc/self/status")
    assert ignored(status) & ~ignored(own) == 0
    web.do(Power("stop", timeout=10))
    assert web.state == "STOPPED"
    assert [check.text for check in web.plan(Power("stop")).refused] == ["it is stopped, not running"]
    web.do(Power("start"))
    assert web.state == "RUNNING"
    assert web.plan(Power("destroy")).refused
    web.do(Power("stop", fast=True))
    assert web.run(web.plan(Power("destroy"))) == "done"
    assert web.name not in web.sh("lxc-ls -1").split()


def test_a_frozen_one_can_be_killed(web: Subject) -> None:
    web.sh(f"lxc-freeze -n {web.name}")
    assert web.plan(Power("stop")).refused
    web.do(Power("stop", fast=True))
    assert web.state == "STOPPED"


def test_evidence_is_collected_before_a_restart(web: Subject) -> None:
    web.inside("echo 'the last words' >>/var/log/messages; nc -l -p 7777 </dev/null >/dev/null 2>&1 &")
    web.do(Power("restart", fast=True, evidence=True))
    path = web.sh(f"ls /var/lib/ctdeck/evidence/lxc-{web.name}-*")
    text = web.sh(f"cat {path}")
    assert all(word in text for word in ("/bin/syslogd", "the last words", "total_rss", "1E61"))  # port 7777
    assert web.sh(f"stat -c %a {path}") == "600"


def test_a_start_that_fails_leaves_it_stopped(web: Subject) -> None:
    web.do(Power("stop", fast=True))
    web.sh(f"mv /var/lib/lxc/{web.name}/rootfs/sbin/init /var/lib/lxc/{web.name}/rootfs/sbin/off")
    assert web.run(web.plan(Power("start"))).startswith("failed 1 restored")
    assert web.state == "STOPPED"


# --- addresses


def test_an_address_is_there_at_once_and_after_a_restart(web: Subject) -> None:
    first, mode = web.init, web.sh(f"stat -c '%a %U' /var/lib/lxc/{web.name}/config")
    web.do(Addresses("add", (f"10.77.8.{web.number}", "fd00:77::5/64")))
    assert web.init == first
    for _ in range(2):
        shown = web.inside("ip addr show eth0")
        assert all(word in shown for word in (f"10.77.9.{web.number}/16", f"10.77.8.{web.number}/16", "fd00:77::5/64"))
        web.sh(f"lxc-stop -k -n {web.name}; lxc-start -n {web.name}")
    assert web.sh(f"stat -c '%a %U' /var/lib/lxc/{web.name}/config") == mode
    undo = web.do(Addresses("del", (f"10.77.8.{web.number}", "fd00:77::5"))).undo
    assert "10.77.8" not in web.inside("ip addr") + web.config
    assert undo == ("ip", "add", f"10.77.8.{web.number}/16", "fd00:77::5/64")


def test_the_others_stay_when_the_first_of_a_network_goes(web: Subject) -> None:
    web.do(Addresses("add", (f"10.77.8.{web.number}", f"10.77.7.{web.number}")))
    web.sh(f"nsenter -t {web.init} -n ip route replace default via 10.77.0.1 dev eth0")
    web.do(Addresses("del", (f"10.77.9.{web.number}",)))
    shown = web.inside("ip addr show eth0; ip route")
    assert f"10.77.8.{web.number}/16" in shown
    assert f"10.77.7.{web.number}/16" in shown
    assert "default via 10.77.0.1" in shown


def test_addresses_are_replaced_also_by_another_prefix(web: Subject) -> None:
    web.do(Addresses("set", (f"10.77.9.{web.number}/24", f"10.77.8.{web.number}/16")))
    assert f"10.77.9.{web.number}/24" in web.inside("ip addr show eth0")
    assert f"10.77.9.{web.number}/16" not in web.inside("ip addr show eth0") + web.config


def test_a_stopped_one_gets_its_address_at_the_next_start(web: Subject) -> None:
    web.do(Power("stop", fast=True))
    web.do(Addresses("add", (f"10.77.8.{web.number}",)))
    web.do(Power("start"))
    assert f"10.77.8.{web.number}/16" in web.inside("ip addr show eth0")


# --- limits


def test_limits_are_live_and_in_the_configuration(web: Subject) -> None:
    first = web.init
    wanted = {"memory": 64 * MIB, "cpu_limit": 50, "cpus": 1, "cpu_weight": 512, "processes": 100, "io_limit": MIB}
    plan = web.do(SetLimits({**wanted, "on_boot": 1}))
    assert web.init == first
    for _ in range(2):
        assert web.cgroup("memory.limit_in_bytes") == str(64 * MIB)
        assert web.cgroup("cpu.cfs_quota_us") == "50000"
        assert web.cgroup("cpuset.cpus") in ("0", "1")
        assert web.cgroup("cpu.shares") == "512"
        assert web.cgroup("pids.max") == "100"
        assert web.cgroup("blkio.throttle.read_bps_device").split()[1] == str(MIB)
        web.sh(f"lxc-stop -k -n {web.name}; lxc-start -n {web.name}")
    assert "lxc.start.auto = 1" in web.config
    assert "--on-boot no" in " ".join(plan.undo)
    web.do(SetLimits({**dict.fromkeys(wanted, UNLIMITED), "on_boot": 0}))
    assert "lxc.cgroup" not in web.config
    assert web.cgroup("cpu.cfs_quota_us") == "-1"


def test_live_only_is_forgotten_at_a_restart(web: Subject) -> None:
    before = web.config
    web.do(SetLimits({"memory": 64 * MIB}, live_only=True))
    assert web.config == before
    plan = web.plan(Power("restart", fast=True))
    assert "is in no configuration, and ends with the stop: memory 64M" in [check.text for check in plan.checks]
    web.do(Power("restart", fast=True))
    assert web.cgroup("memory.limit_in_bytes") != str(64 * MIB)


def test_less_memory_than_it_uses_is_refused_and_nothing_is_done(web: Subject) -> None:
    web.inside("dd if=/dev/zero of=/dev/shm/ballast bs=1M count=20 2>/dev/null")
    before = web.look().fingerprint
    (check,) = web.plan(SetLimits({"memory": 8 * MIB})).refused
    assert check.id == "memory-use"
    assert web.look().fingerprint == before


def test_memory_goes_up_and_down_together_with_swap(web: Subject) -> None:
    web.sh(
        f"lxc-cgroup -n {web.name} memory.limit_in_bytes 64M; lxc-cgroup -n {web.name} memory.memsw.limit_in_bytes 96M"
    )
    for memory in (128, 32):
        web.do(SetLimits({"memory": memory * MIB}, live_only=True))
        assert web.cgroup("memory.limit_in_bytes") == str(memory * MIB)
        assert web.cgroup("memory.memsw.limit_in_bytes") == str((memory + 32) * MIB)


def test_a_plan_that_is_out_of_date_changes_nothing(web: Subject) -> None:
    plan = web.plan(SetLimits({"memory": 64 * MIB}))
    web.sh(f"echo '# somebody was here' >>/var/lib/lxc/{web.name}/config")
    before = web.config
    assert web.run(plan) == "stale"
    assert web.config == before
    assert web.cgroup("memory.limit_in_bytes") != str(64 * MIB)


# --- leashes


def leash_file(web: Subject) -> str:
    return web.sh(f"cat /var/lib/ctdeck/leashes/lxc-{web.name}.memory 2>/dev/null || :")


def test_a_leash_puts_the_old_value_back_by_itself(web: Subject) -> None:
    web.do(SetLimits({"memory": 64 * MIB}))
    web.do(SetLimits({"memory": 32 * MIB}, for_seconds=3))
    assert web.cgroup("memory.limit_in_bytes") == str(32 * MIB)
    leash = web.look().values["leash.memory"]
    assert (leash["old"], leash["value"]) == (64 * MIB, 32 * MIB)
    assert abs(leash["until"] - time.time()) < 30
    assert f"= {64 * MIB}" in web.config
    until_blocking(lambda: not leash_file(web), what="the end of the leash")
    assert web.cgroup("memory.limit_in_bytes") == str(64 * MIB)


def test_a_leash_leaves_alone_what_is_no_longer_its_own(web: Subject) -> None:
    web.do(SetLimits({"memory": 32 * MIB}, for_seconds=3))
    web.sh(f"lxc-cgroup -n {web.name} memory.limit_in_bytes 48M")
    assert web.look().values["leashed"] == []
    until_blocking(lambda: not leash_file(web), what="the end of the leash")
    assert web.cgroup("memory.limit_in_bytes") == str(48 * MIB)


def test_a_new_leash_goes_back_to_the_oldest_value(web: Subject) -> None:
    web.do(SetLimits({"memory": 64 * MIB}, live_only=True))
    web.do(SetLimits({"memory": 32 * MIB}, for_seconds=600))
    web.do(SetLimits({"memory": 40 * MIB}, for_seconds=2))
    until_blocking(lambda: not leash_file(web), what="the end of the leash")
    assert web.cgroup("memory.limit_in_bytes") == str(64 * MIB)


def test_a_permanent_limit_ends_the_leash(web: Subject) -> None:
    web.do(SetLimits({"memory": 32 * MIB}, for_seconds=600))
    web.do(SetLimits({"memory": 40 * MIB}))
    assert not leash_file(web)
    assert web.cgroup("memory.limit_in_bytes") == str(40 * MIB)


# --- snapshots


def damage(web: Subject) -> None:
    web.inside("echo bad >/root/mark; touch /root/later")


def healthy(web: Subject) -> bool:
    return web.inside("cat /root/mark; ls /root") == "good\nmark"


@pytest.mark.parametrize("kind", ["web", "thin"])
def test_snapshot_damage_revert(kind: str, request: pytest.FixtureRequest) -> None:
    web: Subject = request.getfixturevalue(kind)
    web.inside("echo good >/root/mark")
    before, files = web.init, set(web.files)
    web.do(CreateSnapshot("before the update"))
    assert (web.state, web.init) == ("RUNNING", before)
    assert "before the update" in web.snapshots
    (listed,) = web.look().values["snapshots"]
    assert (listed["id"], listed["name"]) == ("snap0", "before the update")
    damage(web)
    web.do(Addresses("add", (f"10.77.8.{web.number}",)))
    web.do(RevertSnapshot("before the update"))
    assert healthy(web)
    assert web.init != before
    assert "10.77.8" not in web.config + web.inside("ip addr")
    assert f"10.77.9.{web.number}" in web.inside("ip addr")
    web.do(DeleteSnapshot("snap0"))
    assert web.snapshots == "No snapshots"
    assert set(web.files) == files | {"snaps"}


def test_a_stopped_one_stays_stopped_and_may_keep_its_configuration(web: Subject) -> None:
    web.inside("echo good >/root/mark")
    web.do(Power("stop", fast=True))
    web.do(CreateSnapshot("cold"))
    root = f"/var/lib/lxc/{web.name}/rootfs/root"
    web.sh(f"echo bad >{root}/mark")
    web.do(Addresses("add", (f"10.77.8.{web.number}",)))
    web.do(RevertSnapshot("cold", keep_config=True))
    assert (web.state, web.sh(f"cat {root}/mark")) == ("STOPPED", "good")
    assert f"10.77.8.{web.number}/16" in web.config
    assert [check.id for check in web.plan(Power("destroy")).refused] == ["snapshots"]


def test_a_disk_in_a_file(lab: Lab) -> None:
    web = Subject(lab, "ct2102", 0, "n2")
    if "loop:" not in web.config:
        pytest.skip("this machine has no loop devices")
    with pytest.raises(Exception, match="cannot be copied while ct2102 runs"):
        web.plan(CreateSnapshot("x"))
    try:
        web.inside("mkdir -p /root; echo good >/root/mark")
        web.do(Power("stop", fast=True))
        web.do(CreateSnapshot("image"))
        web.do(Power("start"))
        damage(web)
        web.do(RevertSnapshot("image"))
        assert healthy(web)
        assert "rootdev.ctdeck-old" not in web.files
    finally:
        web.sh("rm -rf /var/lib/lxc/ct2102/snaps; lxc-info -n ct2102 -sH | grep -q RUNNING || lxc-start -n ct2102")


def test_without_rsync_a_revert_leaves_all_as_it_was(web: Subject) -> None:
    """The very case in which `lxc-snapshot -r` leaves an empty root."""
    web.do(CreateSnapshot("one"))
    web.inside("echo good >/root/mark")
    plan, config, files = web.plan(RevertSnapshot("one")), web.config, web.files
    web.sh("mv /usr/bin/rsync /usr/bin/rsync.off")
    try:
        assert web.run(plan).startswith("failed 3 restored")
        assert [check.id for check in web.plan(RevertSnapshot("one")).refused] == ["tools"]
        assert [check.id for check in web.plan(CreateSnapshot("two")).refused] == ["tools"]
    finally:
        web.sh("mv /usr/bin/rsync.off /usr/bin/rsync")
    assert (web.state, web.config, web.files) == ("RUNNING", config, files)
    assert healthy(web)


def test_a_snapshot_that_does_not_start_is_not_reverted_to(web: Subject) -> None:
    web.do(CreateSnapshot("broken"))
    web.inside("echo good >/root/mark")
    web.sh(f"rm /var/lib/lxc/{web.name}/snaps/snap0/rootfs/sbin/init")
    files = web.files
    assert web.run(web.plan(RevertSnapshot("broken"))).startswith("failed 5 restored")
    assert (web.state, web.files) == ("RUNNING", files)
    assert healthy(web)


def test_a_copy_that_is_cancelled_leaves_nothing_frozen(web: Subject) -> None:
    plan = web.plan(CreateSnapshot("slow"))
    first, copy, last = plan.steps
    job = web.start(replace(plan, steps=(first, replace(copy, script=copy.script + "sleep 50\n"), last)))
    until_blocking(lambda: "snap0" in web.snapshots, timeout=20, what="the copy")
    assert web.state == "FROZEN"
    web.sh(f"sh {job}/run.sh cancel")
    assert web.result(job).startswith("cancelled 2 restored")
    assert web.state == "RUNNING"
    assert web.snapshots == "No snapshots"


# --- inside, and back again


def test_a_command_inside(web: Subject) -> None:
    plan = web.plan(Run(("sh", "-c", 'echo it is "$0"; exit 3', "a $(b) c")))
    job = web.start(plan)
    assert web.result(job) == "failed 1 as-is 3"
    assert "it is a $(b) c" in web.sh(f"cat {job}/log")


def as_it_is(web: Subject) -> dict[str, Any]:
    """All that a change could leave behind."""
    values = web.look().values
    facts = values["lxc"]
    kept = {name: value for name, value in values.items() if not name.startswith(("use.", "lxc", "leash."))}
    leashes = {
        name: [line for line in lines if not line.startswith("token")] for name, lines in facts["leashes"].items()
    }
    live = json.dumps([facts["config"], facts["limits"], facts["addresses"], facts["routes"], leashes])
    return {**kept, "live": live, "files": web.files, "state": web.state}


@pytest.mark.parametrize(
    ("prelude", "change"),
    [
        (None, Power("stop", fast=True)),
        (None, Power("restart", fast=True)),
        (None, Addresses("add", ("10.77.6.6", "fd00:77::6/64"))),
        (None, Addresses("set", ("10.77.6.6/24",))),
        (None, SetLimits({"memory": 64 * MIB, "cpu_limit": 50, "cpus": 1, "processes": 100, "io_limit": MIB, "on_boot": 1})),
        (None, SetLimits({"memory": 64 * MIB}, for_seconds=600)),
        (SetLimits({"memory": 64 * MIB}, for_seconds=600), SetLimits({"memory": 48 * MIB}, for_seconds=600)),
        (SetLimits({"memory": 64 * MIB}, for_seconds=600), SetLimits({"memory": 48 * MIB})),
        (None, CreateSnapshot("x")),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_fails_at_last_is_put_back(web: Subject, prelude: Request | None, change: Request) -> None:
    if prelude is not None:
        web.do(prelude)
    if isinstance(change, CreateSnapshot):
        web.sh(f"mkdir /var/lib/lxc/{web.name}/snaps")
    web.sh(f"nsenter -t {web.init} -n ip route replace default via 10.77.0.1 dev eth0")
    plan, before = web.plan(change), as_it_is(web)
    failing = Step("fail", "exit 7\n", ":\n")
    if isinstance(change, Power):
        web.sh(f"nsenter -t {web.init} -n ip route del default")
        plan, before = web.plan(change), as_it_is(web)
    result = web.run(replace(plan, steps=(*plan.steps, failing)))
    assert result == f"failed {len(plan.steps) + 1} restored 7"
    until_blocking(lambda: as_it_is(web) == before, timeout=10, what=f"as before: {shlex.quote(str(before))}")
