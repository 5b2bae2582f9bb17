"""What ctdeck shows of real LXC containers, against the kernel's own files and the node's own tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backends.fleet import Fleet
from backends.inventory import load
from backends.model import Key, State
from backends.prompts import NoPrompts
from tests.lab.lab import Lab
from tests.wait import until


def listed(lab: Lab) -> dict[tuple[str, str], dict[str, Any]]:
    done = lab.ctdeck("ls", "--json")
    assert done.returncode == 0, done.stderr
    return {(one["node"], one["id"]): one for one in json.loads(done.stdout)["containers"]}


def test_the_list_is_that_of_lxc_ls(lab: Lab) -> None:
    containers = listed(lab)
    for node in lab.nodes:
        running = set(lab.enter(node, "lxc-ls", "-1", "--running").split())
        stopped = set(lab.enter(node, "lxc-ls", "-1", "--stopped").split())
        assert {name for where, name in containers if where == node} == running | stopped
        for name in running:
            one = containers[node, name]
            assert (one["state"], one["backend"], one["name"]) == ("running", "lxc", name)
            assert one["ips"] == lab.enter(node, "lxc-info", "-n", name, "-iH").split()
            assert one["on_boot"] is True
            # LXC has no notion of these: unknown, never 0
            assert (one["load"], one["failcnt"], one["template"], one["io_priority"]) == (None, None, None, None)
        for name in stopped:
            one = containers[node, name]
            assert (one["state"], one["cpu_percent"], one["memory_used"]) == ("stopped", None, None)
    assert containers["n1", "ct1102"]["hostname"] == "mail.lab.example"
    loop = containers["n2", "ct2102"]
    total = int(lab.enter("n2", "lxc-attach", "-n", "ct2102", "--", "stat", "-f", "-c", "%b", "/"))
    size = int(lab.enter("n2", "lxc-attach", "-n", "ct2102", "--", "stat", "-f", "-c", "%S", "/"))
    assert loop["disk_limit"] == total * size
    assert containers["n1", "ct1101"]["disk_limit"] is None  # it shares the node's


def test_a_node_tells_itself(lab: Lab) -> None:
    done = lab.ctdeck("ls", "--json")
    nodes = {node["name"]: node for node in json.loads(done.stdout)["nodes"]}
    for name, node in nodes.items():
        assert (node["state"], node["fault"], node["backends"]) == ("up", None, ["lxc"])
        assert node["hostname"] == name
        assert node["tools"]["lxc"] == lab.enter(name, "lxc-info", "--version").strip()
        memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        assert node["memory_total"] == int(memory["MemTotal"].split()[0]) * 1024
        assert node["cpus"] == sum(
            line[3].isdigit() for line in Path("/proc/stat").read_text().splitlines() if line[:3] == "cpu"
        )
        assert node["sampler_ms"] is None or node["sampler_ms"] < 100


async def test_cpu_and_memory_are_the_kernels(lab: Lab) -> None:
    """A container that burns a core and one that holds memory, watched for some samples; the oracle is read beside."""
    lab.burn("n1", "ct1101")
    lab.fill("n2", "ct2101", 24)
    hog, eater, idle = Key("n1", "lxc", "ct1101"), Key("n2", "lxc", "ct2101"), Key("n3", "lxc", "ct3101")

    def counter(key: Key, file: str) -> int:
        return int(lab.enter(key.node, "lxc-cgroup", "-n", key.id, file))

    with lab.inside():
        fleet = Fleet(load(lab.fleet_file()), NoPrompts())
        await fleet.start()
        try:
            store = fleet.store
            await until(lambda: {hog, eater, idle} <= store.containers.keys(), timeout=20)
            usage = {key: store.containers[key].usage for key in (hog, eater, idle)}
            await until(lambda: usage[hog].cpu_percent is not None, timeout=20)
            samples: list[float] = []
            before, since = counter(hog, "cpuacct.usage"), store.containers[hog].usage.uptime or 0.0

            def sampled() -> bool:
                ring = store.series[hog].cpu.recent
                samples[:] = [value for value in ring.last(len(ring)) if value == value]
                return len(samples) >= 4

            await until(sampled, timeout=30)
            spent = (counter(hog, "cpuacct.usage") - before) / 1e7
            seconds = (store.containers[hog].usage.uptime or 0.0) - since
            mean = sum(samples) / len(samples)
            assert mean == pytest.approx(spent / seconds, rel=0.35)
            assert mean > 5  # how much is left for it on a busy machine is nobody's promise
            assert usage[idle].cpu_percent is not None
            assert usage[idle].cpu_percent < mean
            await until(lambda: (usage[eater].memory_used or 0) > 24 << 20, timeout=20)
            stat = dict(
                line.split()
                for line in lab.enter("n2", "lxc-cgroup", "-n", "ct2101", "memory.stat").splitlines()
                if line
            )
            used = counter(eater, "memory.usage_in_bytes") - int(stat["total_inactive_file"])
            assert usage[eater].memory_used == pytest.approx(used, rel=0.1)
        finally:
            await fleet.stop()


async def test_limits_and_states_follow_the_node(lab: Lab) -> None:
    key = Key("n1", "lxc", "ct1102")
    with lab.inside():
        fleet = Fleet(load(lab.fleet_file()), NoPrompts())
        await fleet.start()
        try:
            containers = fleet.store.containers
            await until(lambda: key in containers, timeout=20)
            lab.enter("n1", "lxc-cgroup", "-n", key.id, "memory.limit_in_bytes", "67108864")
            lab.enter("n1", "lxc-cgroup", "-n", key.id, "cpu.cfs_quota_us", "50000")
            fleet.refresh("n1")
            await until(lambda: containers[key].limits.memory == 67108864, timeout=20)
            assert containers[key].limits.cpu_percent == 50.0
            lab.enter("n1", "lxc-freeze", "-n", key.id)
            fleet.refresh("n1")
            await until(lambda: containers[key].state is State.FROZEN, timeout=20)
            lab.enter("n1", "lxc-unfreeze", "-n", key.id)
            fleet.refresh("n1")
            await until(lambda: containers[key].state is State.RUNNING, timeout=20)
            # nobody asks now: the counters themselves tell that it has gone
            lab.enter("n1", "lxc-stop", "-k", "-n", key.id)
            await until(lambda: containers[key].state is State.STOPPED, timeout=20)
            assert containers[key].usage.memory_used is None
            lab.enter("n1", "lxc-start", "-n", key.id)
            fleet.refresh("n1")
            await until(lambda: containers[key].state is State.RUNNING, timeout=20)
        finally:
            await fleet.stop()
