"""Every scenario in a fleet whose time is ours: the incident is there within seconds, at the culprit, and unmistakable."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.demo import fleet, scenarios
from backends.demo.scenarios import SCENARIOS, World

from . import worlds
from .test_simulation import Node


async def _turn(sleep: Any = asyncio.sleep) -> None:
    """Let the other tasks begin."""
    await sleep(0)


class Server:
    """Stands for a node on the network."""

    def __init__(self) -> None:
        self.weather = SimpleNamespace(delay=0.0, held_until=0.0)
        self.dead_since: float | None = None


class Fleet:
    """A fleet that plays a scenario in made-up time: `play(seconds)` lets it pass."""

    def __init__(self, name: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scenario = scenario = SCENARIOS[name]
        plans = fleet.plan(4, scenario.containers)
        self.plans = scenario.prepare(plans) if scenario.prepare else plans
        self.start = time.time()
        self.now = self.start
        self.nodes = {
            plan.name: Node(fleet.write_node(directory / plan.name, plan), self.start)
            for plan in self.plans
            if plan.name not in scenario.dead
        }
        self.servers = {plan.name: Server() for plan in self.plans}
        for server in self.servers.values():
            server.die = self._dying(server)  # type: ignore[attr-defined]
        self.started: list[subprocess.Popen[bytes]] = []
        kernels = {name: node.kernel for name, node in self.nodes.items()}
        servers: Any = self.servers
        self.world = World(self.plans, kernels, servers, self._run)
        self.culprit = scenario.culprit(self.plans) if scenario.culprit else ""
        monkeypatch.setattr(scenarios.time, "time", lambda: self.now)
        monkeypatch.setattr(scenarios.asyncio, "sleep", self._sleep)
        self.end = 0.0

    def _dying(self, server: Server) -> Any:
        async def die() -> None:
            server.dead_since = self.now

        return die

    def _run(self, node: fleet.NodePlan, words: Sequence[str]) -> subprocess.Popen[bytes]:
        self.started.append(subprocess.Popen(words))
        return self.started[-1]

    async def _sleep(self, seconds: float) -> None:
        """In the place of asyncio.sleep. Only the longest sleeper lets the time pass; there is one in each scenario."""
        await _turn()
        target = self.now + seconds
        while self.now < target:
            if self.now >= self.end:
                raise asyncio.CancelledError
            self.let_pass(0.5)

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        for node in self.nodes.values():
            node.clock.now = self.now
            node.kernel.tick()

    def play(self, seconds: float = 8) -> None:
        self.end = self.now + seconds
        if self.scenario.play is not None:
            try:
                asyncio.run(self.scenario.play(self.world))  # type: ignore[arg-type]
            except asyncio.CancelledError:
                return
        while self.now < self.end:
            self.let_pass(0.5)

    @property
    def blamed(self) -> tuple[Node, int]:
        name, _, ctid = self.culprit.partition("/")
        return self.nodes[name], int(ctid)


@pytest.fixture
def stage(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    fleets: list[Fleet] = []

    def stage(name: str) -> Fleet:
        fleets.append(Fleet(name, memory_path, monkeypatch))
        return fleets[-1]

    yield stage
    for one in fleets:
        for process in one.started:
            process.kill()
            process.wait()


def test_runaway_cpu(stage: Any) -> None:
    fleet = stage("runaway-cpu")
    fleet.play(3)
    node, ctid = fleet.blamed
    cpu = node.cpu()
    assert cpu[ctid] > 370
    assert max(value for other, value in cpu.items() if other != ctid) < 200
    worlds.do(node.tree, f"set {ctid} --cpulimit 50 --save")
    node.let_pass(0.5)
    assert node.cpu()[ctid] == pytest.approx(50, rel=0.02)


def test_memory_limit(stage: Any) -> None:
    fleet = stage("memory-limit")
    fleet.play(4)
    node, ctid = fleet.blamed
    before = node.counters()[ctid]["physpages"]
    node.let_pass(2)
    after = node.counters()[ctid]["physpages"]
    assert after[0] > 0.98 * after[3]
    assert after[4] - before[4] >= 6


def test_disk_full(stage: Any) -> None:
    fleet = stage("disk-full")
    fleet.play(4)
    node, ctid = fleet.blamed
    used, soft, _ = node.kernel._disk(node.kernel.cells[ctid])[0][:3]
    assert used >= soft
    worlds.do(node.tree, f"set {ctid} --diskspace 300G --save")
    node.let_pass(0.5)
    used, soft, _ = node.kernel._disk(node.kernel.cells[ctid])[0][:3]
    assert used < 0.8 * soft


def test_restart_loop(stage: Any) -> None:
    fleet = stage("restart-loop")
    node, ctid = fleet.blamed
    starts = set()
    for _ in range(4):
        fleet.play(2.5)
        starts.add(node.tree.state(ctid).started)
    assert len(starts) >= 3


def test_a_loop_ends_when_somebody_stops_the_container(stage: Any) -> None:
    fleet = stage("restart-loop")
    node, ctid = fleet.blamed
    with node.tree.changing(ctid) as state:
        state.status = "stopped"
    fleet.play(8)
    assert node.tree.state(ctid).status == "stopped"


def test_node_overloaded(stage: Any) -> None:
    fleet = stage("node-overloaded")
    fleet.play(4)
    for name, node in fleet.nodes.items():
        load = float(node.text("loadavg").split()[0])
        assert (load > 3 * node.kernel.cores) is (name == fleet.culprit)


def test_node_dead(stage: Any) -> None:
    fleet = stage("node-dead")
    fleet.play(6)
    assert [name for name, server in fleet.servers.items() if server.dead_since] == [fleet.culprit]
    assert fleet.servers[fleet.culprit].dead_since == fleet.start + 3


def test_hacked(stage: Any) -> None:
    fleet = stage("hacked")
    node, ctid = fleet.blamed
    before = node.counters()[ctid]
    fleet.play(3)
    after = node.counters()[ctid]
    assert after["numproc"][0] > 5 * before["numproc"][0]
    assert after["numtcpsock"][0] > before["numtcpsock"][0] + 100
    assert node.cpu()[ctid] > 150
    assert node.kernel.cells[ctid].sent > 1_000_000


def test_ip_conflict(stage: Any) -> None:
    fleet = stage("ip-conflict")
    fleet.play(2)
    owners: dict[str, list[str]] = {}
    for name, node in fleet.nodes.items():
        for line in node.text("vz/veinfo").splitlines():
            ctid, _, _, *ips = line.split()
            for ip in ips:
                owners.setdefault(ip, []).append(f"{name}/{ctid}")
    shared = [who for who in owners.values() if len(who) > 1]
    assert len(shared) == 1
    assert fleet.culprit in shared[0]
    node, ctid = fleet.blamed
    assert node.vestat()[ctid][1] < 10e9  # the one that came last


def test_tour(stage: Any) -> None:
    fleet = stage("tour")
    fleet.play(60)
    assert set(fleet.nodes) == {"hn01", "hn02", "hn03"}
    assert sum(len(node.kernel.cells) for node in fleet.nodes.values()) > 48
    assert float(fleet.nodes["hn02"].text("loadavg").split()[0]) > 3 * fleet.nodes["hn02"].kernel.cores
    assert max(fleet.nodes["hn02"].cpu().values()) > 300
    assert fleet.servers["hn03"].weather.delay == 0.4
    assert fleet.servers["hn03"].weather.held_until > 0
    (lock,) = (fleet.nodes["hn01"].tree.root / "vz/lock").glob("*.lck")
    assert fleet.now - lock.stat().st_mtime > 30 * 60
    pid = lock.read_text().split()[0]
    assert b"vzdump" in (fleet.nodes["hn01"].tree.root / f"proc/{pid}/cmdline").read_bytes()
    failed = [
        ctid
        for ctid, values in fleet.nodes["hn01"].counters().items()
        if sum(counter[4] for counter in values.values()) > 20
    ]
    assert len(failed) == 1


def test_names_are_listed_one_a_line() -> None:
    command = [sys.executable, "-m", "backends.demo", "--scenario", "list"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert names == [name for name in SCENARIOS if name != "healthy"]
    assert len(names) >= 9


def test_an_unknown_scenario_is_refused_with_the_names() -> None:
    command = [sys.executable, "-m", "backends.demo", "--scenario", "doom"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "runaway-cpu" in done.stderr
    assert "Traceback" not in done.stderr
