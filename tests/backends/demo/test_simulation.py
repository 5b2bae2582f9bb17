"""The kernel of a simulated node: figures that fit together, and that follow what the tools set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from backends.demo import fleet, workload
from backends.demo.cell import Effect
from backends.demo.simulation import Kernel
from backends.demo.tree import Tree

from . import worlds


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Node:
    """A tree with a kernel whose time is ours."""

    def __init__(self, tree: Tree, now: float) -> None:
        self.tree = tree
        self.clock = Clock(now)
        self.kernel = Kernel(tree, self.clock)
        self.kernel.tick()

    def let_pass(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.clock.now += 0.5
            self.kernel.tick()

    def text(self, name: str) -> str:
        return (self.tree.root / "proc" / name).read_text()

    def vestat(self) -> dict[int, tuple[int, int]]:
        """Used CPU and uptime of each container, in nanoseconds."""
        rows = [line.split() for line in self.text("vz/vestat").splitlines()[2:]]
        return {int(row[0]): (int(row[8]), int(row[7])) for row in rows}

    def cpu(self, seconds: float = 4) -> dict[int, float]:
        """Percent of a core that each container uses, over some seconds."""
        before = self.vestat()
        self.let_pass(seconds)
        after = self.vestat()
        return {
            ctid: 100 * (used - before[ctid][0]) / (uptime - before[ctid][1])
            for ctid, (used, uptime) in after.items()
            if ctid in before
        }

    def counters(self, name: str = "bc/resources") -> dict[int, dict[str, list[int]]]:
        """held, maxheld, barrier, limit, failcnt of each resource of each container."""
        found: dict[int, dict[str, list[int]]] = {}
        ctid = 0
        for line in self.text(name).splitlines()[2:]:
            head, colon, rest = line.partition(":")
            if colon:
                ctid = int(head)
            resource, *values = (rest if colon else line).split()
            found.setdefault(ctid, {})[resource] = [int(value) for value in values]
        return found

    def stat(self) -> list[int]:
        return [int(word) for word in self.text("stat").splitlines()[0].split()[1:]]

    def meminfo(self) -> dict[str, int]:
        return {line.split(":")[0]: int(line.split()[1]) for line in self.text("meminfo").splitlines()}


@pytest.fixture
def make(memory_path: Path) -> Callable[[int], Node]:
    """Makes the node of that number of a healthy fleet of four."""

    def make(number: int, containers: int = 15) -> Node:
        tree = fleet.write_node(memory_path / f"hn{number}", fleet.plan(4, containers)[number - 1])
        return Node(tree, tree.node()["booted"] + 200 * 86400)

    return make


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_healthy_node_looks_healthy(number: int, make: Callable[[int], Node]) -> None:
    node = make(number)
    cores = node.kernel.cores
    for _ in range(6):
        cpu = node.cpu(5)
        assert 0 < sum(cpu.values()) < 80 * cores
        assert float(node.text("loadavg").split()[0]) < 0.8 * cores
        for ctid, values in node.counters().items():
            if ctid:
                held, _, _, limit, _ = values["physpages"]
                assert 0 < held < 0.8 * limit
            assert sum(counter[4] for counter in values.values()) == 0
        memory = node.meminfo()
        assert memory["MemFree"] + memory["Buffers"] + memory["Cached"] > 0.2 * memory["MemTotal"]
        assert memory["SwapFree"] == memory["SwapTotal"]
    for line in node.text("vz/vzquota").splitlines():
        if "1k-blocks" in line:
            usage, soft = map(int, line.split()[1:3])
            assert 0 < usage < 0.8 * soft


def test_the_nodes_cpu_is_at_least_that_of_its_containers(make: Callable[[int], Node]) -> None:
    node = make(1)
    before, used = node.stat(), sum(used for used, _ in node.vestat().values())
    node.let_pass(20)
    after = node.stat()
    ticks = sum(after[place] - before[place] for place in (0, 2))
    inside = (sum(used for used, _ in node.vestat().values()) - used) / 1e7
    assert inside <= ticks <= inside + 0.02 * 20 * 100 * node.kernel.cores
    every = sum(after) - sum(before)
    assert every == pytest.approx(20 * 100 * node.kernel.cores, rel=0.01)


def test_counters_never_go_back(make: Callable[[int], Node]) -> None:
    node = make(2)
    for _ in range(20):
        before = (node.stat(), node.vestat(), node.text("net/dev").split())
        node.let_pass(0.5)
        after = (node.stat(), node.vestat(), node.text("net/dev").split())
        assert all(new >= old for old, new in zip(before[0], after[0], strict=True))
        assert all(after[1][ctid] > both for ctid, both in before[1].items())


def test_files_are_as_the_kernel_writes_them(make: Callable[[int], Node]) -> None:
    node = make(1)
    lines = node.text("vz/vestat").splitlines()
    assert lines[0].rstrip() == "Version: 2.2"
    assert {len(line) for line in lines[1:]} == {12 * 20 + 11}
    for line in lines[2:]:
        row = [int(word) for word in line.split()]
        assert sum(row[1:4]) == pytest.approx(row[8] / 1e6, abs=2)  # jiffies of a millisecond
        assert row[4] == row[7] // 1_000_000
    with_swap, without = node.counters(), node.counters("user_beancounters")
    assert with_swap.keys() == without.keys()
    assert all("swappages" in values for values in with_swap.values())
    assert not any("swappages" in values for values in without.values())
    veinfo = [line.split() for line in node.text("vz/veinfo").splitlines()]
    assert veinfo[-1][0] == "0"
    many = next(row for row in veinfo if row[0] == "1003")
    assert many[3:] == ["10.1.200.2", "2001:db8:1::2", "192.0.2.18", "10.1.0.12"]  # the newest first
    assert "MemAvailable" not in node.meminfo()
    assert "MemAvailable" in make(3).meminfo()
    unlimited = next(values for values in with_swap.values() if values["privvmpages"][3] == 9223372036854775807)
    assert unlimited["numproc"][0] > 0
    assert any(values["physpages"][3] == 9223372036854775807 for ctid, values in with_swap.items() if ctid)
    assert not list((node.tree.root / "proc/vz").glob(".*"))


def test_a_cpu_limit_holds_a_container_back(make: Callable[[int], Node]) -> None:
    node = make(1)
    assert node.cpu()[1001] > 15
    worlds.do(node.tree, "set 1001 --cpulimit 10 --save")
    node.let_pass(0.5)
    assert node.cpu()[1001] == pytest.approx(10, rel=0.02)
    worlds.do(node.tree, "set 1001 --cpulimit 0 --save")
    node.let_pass(0.5)
    assert node.cpu()[1001] > 15


def test_memory_stays_below_its_limit_and_fails_above(make: Callable[[int], Node]) -> None:
    node = make(1)
    held = node.counters()[1001]["physpages"][0]
    worlds.do(node.tree, "set 1001 --ram 1G --swap 512M --save")
    node.let_pass(2)
    physical, swapped = node.counters()[1001]["physpages"], node.counters()[1001]["swappages"]
    assert physical[3] == 262144 < held
    assert 0.98 * 262144 < physical[0] <= 262144
    assert swapped[0] > 0.9 * swapped[3]
    assert physical[4] > 0
    memory = node.meminfo()
    assert memory["SwapFree"] < memory["SwapTotal"]
    worlds.do(node.tree, "set 1001 --ram 16G --swap 16G --save")
    node.let_pass(1)
    calm = node.counters()[1001]["physpages"][4]
    node.let_pass(4)
    assert node.counters()[1001]["physpages"][4] == calm


def test_what_stops_is_gone_and_what_starts_begins_at_nothing(make: Callable[[int], Node]) -> None:
    node = make(1)
    worlds.do(node.tree, "stop 1001")
    node.let_pass(0.5)
    for name in ("vz/vestat", "vz/veinfo", "bc/resources", "user_beancounters"):
        assert "1001" not in node.text(name)
    worlds.do(node.tree, "start 1001")
    with node.tree.changing(1001) as state:
        state.started = node.clock.now
    node.let_pass(1)
    assert node.vestat()[1001][1] <= 2_000_000_000
    worlds.do(node.tree, "stop 1001", "destroy 1001")
    node.let_pass(0.5)
    assert "1001" not in node.text("vz/vestat")


def test_a_frozen_container_uses_no_cpu(make: Callable[[int], Node]) -> None:
    node = make(1)
    worlds.do(node.tree, "chkpnt 1001 --suspend")
    node.let_pass(0.5)
    assert node.cpu()[1001] == 0
    worlds.do(node.tree, "chkpnt 1001 --resume")
    node.let_pass(0.5)
    assert node.cpu()[1001] > 0


def test_more_than_the_cores_cannot_be_used(make: Callable[[int], Node]) -> None:
    node = make(2)
    for ctid in node.kernel.cells:
        node.kernel.effects[ctid] = effect = Effect()
        effect.cpu = 500
    node.let_pass(0.5)
    assert sum(node.cpu().values()) <= 100 * node.kernel.cores
    node.let_pass(120)
    assert float(node.text("loadavg").split()[0]) > 2 * node.kernel.cores


def test_an_effect_ends_with_a_restart(make: Callable[[int], Node]) -> None:
    node = make(1)
    node.kernel.effects[1001] = effect = Effect()
    effect.cpu = 390
    node.let_pass(1)
    assert node.cpu()[1001] > 350
    worlds.do(node.tree, "restart 1001")
    with node.tree.changing(1001) as state:
        state.started = node.clock.now
    node.let_pass(6)
    assert node.cpu()[1001] < 150


def test_a_copy_of_the_files_behaves_like_the_original(make: Callable[[int], Node]) -> None:
    node = make(1)
    private = node.tree.root / "vz/private"
    assert workload.read(private / "1001").kind == "db"
    (private / "1999").mkdir()
    workload.write(private / "1999", workload.read(private / "1001"))
    worlds.put(node.tree.conf_path(1999), 'PHYSPAGES="0:8G"\nSWAPPAGES="0:1G"\nDISKSPACE="90G:90G"\nDISKINODES="9:9"\n')
    worlds.do(node.tree, "start 1999")
    with node.tree.changing(1999) as state:
        state.started = node.clock.now - 100
    node.let_pass(1)
    assert node.counters()[1999]["physpages"][0] == pytest.approx(node.counters()[1001]["physpages"][0], rel=0.1)


def test_traces_of_killed_tools_are_removed(make: Callable[[int], Node]) -> None:
    node = make(1)
    worlds.put(node.tree.root / "proc/4999999/cmdline", "vzctl\0")
    node.kernel.bury()
    assert not (node.tree.root / "proc/4999999").exists()
