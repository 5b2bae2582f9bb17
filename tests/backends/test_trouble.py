"""Reasons of trouble: from one picture alone, worst first, and none where all is well."""

from __future__ import annotations

import pytest

from backends.model import Container, Key, Limits, Lock, Node, NodeFacts, NodeState, State, Usage
from backends.trouble import Severity, container_reasons, node_reasons

G = 1 << 30
NOW = 1_000_000.0


def reasons(**said: object) -> list[str]:
    container = Container(Key("hn01", "openvz", "1"), State.RUNNING)
    container.usage = Usage(cpu_percent=5, memory_used=G, disk_used=G)
    container.limits = Limits(cpu_percent=400, memory=4 * G, disk=10 * G, inodes=1000)
    for name, value in said.items():
        part = container.usage if hasattr(container.usage, name) else container
        setattr(part, name, value)
    return [reason.text for reason in container_reasons(container, Node("hn01", state=NodeState.UP), now=NOW)]


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ({}, []),
        ({"memory_used": int(3.59 * G)}, []),
        ({"memory_used": int(3.8 * G)}, ["memory 95%"]),
        ({"disk_used": int(9.5 * G)}, ["disk 95%"]),
        ({"inodes_used": 990}, ["inodes 99%"]),
        ({"failcnt_growth": 12, "memory_used": 4 * G}, ["failcnt +12", "memory 100%"]),
        ({"failcnt_growth": 0, "failcnt": None}, []),
        ({"cpu_percent": 390}, ["at its CPU limit"]),
        ({"cpu_percent": 390, "throttled_percent": 60.0}, ["held back by its CPU limit 60%"]),
        ({"state": State.UNKNOWN}, ["its state is not known"]),
        ({"state": State.UNKNOWN, "note": "odd line"}, ["odd line"]),
        ({"state": State.STOPPED, "disk_used": int(9.9 * G)}, ["disk 99%"]),
        ({"lock": Lock("vzdump", 1, NOW - 1860)}, ["locked 31m by vzdump"]),
        ({"lock": Lock("/usr/bin/perl -w", 1, NOW - 1860)}, ["locked 31m by perl"]),
        ({"lock": Lock("/usr/bin/perl -w /usr/sbin/vzdump 101", 1, NOW - 1860)}, ["locked 31m by vzdump"]),
        ({"lock": Lock("", None, None)}, ["locked"]),
        ({"lock": Lock("vzctl", 1, NOW - 5, alive=False)}, ["locked 5s by vzctl, holder is gone"]),
        ({"state": State.STOPPED, "disk_used": None, "lock": Lock("vzctl", 1, NOW)}, ["locked 0s by vzctl"]),
        ({"memory_used": None, "disk_used": None, "cpu_percent": None}, []),
    ],
    ids=str,
)
def test_reasons_of_a_container(said: dict[str, object], texts: list[str]) -> None:
    assert reasons(**said) == texts


def test_thresholds_are_the_fleet_files() -> None:
    container = Container(
        Key("hn01", "openvz", "1"), State.RUNNING, usage=Usage(memory_used=G), limits=Limits(memory=2 * G)
    )
    node = Node("hn01", state=NodeState.UP)
    assert not container_reasons(container, node)
    assert container_reasons(container, node, {"memory": 0.5})[0].text == "memory 50%"


def test_a_young_lock_is_only_a_notice() -> None:
    container = Container(Key("hn01", "openvz", "1"), State.RUNNING, lock=Lock("vzdump", 1, NOW - 20))
    node = Node("hn01", state=NodeState.UP)
    assert container_reasons(container, node, now=NOW)[0].severity is Severity.NOTICE
    assert container_reasons(container, node, now=NOW + 900)[0].severity is Severity.TROUBLE


@pytest.mark.parametrize(
    ("node", "texts"),
    [
        (Node("n"), []),
        (Node("n", state=NodeState.UP), []),
        (Node("n", state=NodeState.UP, facts=NodeFacts(load=(15.9, 1, 1), cpus=8)), []),
        (Node("n", state=NodeState.UP, facts=NodeFacts(load=(38.2, 1, 1), cpus=8)), ["load 38.2 on 8 CPUs"]),
        (Node("n", state=NodeState.UP, facts=NodeFacts(memory_used=95, memory_total=100)), ["memory 95%"]),
        (Node("n", state=NodeState.UP, facts=NodeFacts(disk_used=95, disk_total=100)), ["disk of the containers 95%"]),
        (Node("n", state=NodeState.UP, notes=("an empty list",)), ["an empty list"]),
        (Node("n", state=NodeState.DOWN, answered=40.0, error="refused"), ["no answer for 6m, 14 ct unseen: refused"]),
        (Node("n", state=NodeState.DOWN, since=300.0), ["no answer for 100s, 14 ct unseen"]),
        (Node("n", state=NodeState.STALE, answered=358.0), ["14 ct 42s old"]),
        (Node("n", state=NodeState.BLOCKED, error="login refused"), ["login refused, 14 ct unseen"]),
        (Node("n", state=NodeState.BROKEN), ["it cannot be read, 14 ct unseen"]),
    ],
)
def test_reasons_of_a_node(node: Node, texts: list[str]) -> None:
    assert [reason.text for reason in node_reasons(node, 14, now=400.0)] == texts
