"""Addresses against the whole fleet, before a change is planned: what is taken, and who could not be asked."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from backends import change
from backends.change import Changer
from backends.fleet import Fleet
from backends.inventory import Inventory
from backends.model import Container, Key, Node, NodeState, State
from backends.plans.plan import Inspection, Plan, Verdict
from backends.plans.request import Addresses, Request
from backends.store import Store
from backends.transport import Completed

WEB = Key("n1", "toy", "101")


class _Planner:
    """Plans anything, without steps."""

    label = "toy"

    def inspect(self, container_id: str) -> Any:
        from backends.backend import Script

        return Script(":")

    def inspection(self, container_id: str, output: bytes) -> Inspection:
        return Inspection("", "", {})

    def plan(self, request: Request, container: Container, found: Inspection, node: Node) -> Plan:
        return Plan("ip add", container.key, None, False, ())


class _Fleet:
    """Two nodes; `slow` is the one whose whole list does not come."""

    def __init__(self, *others: Container, slow: str = "") -> None:
        self.store, self._slow = Store(), slow
        self.inventory = Inventory(None, ())
        for name in ("n1", "n2"):
            self.store.add_node(Node(name, state=NodeState.UP, answered=time.monotonic(), listed=0.0))
        for container in (Container(WEB, State.RUNNING), *others):
            self.store.containers[container.key] = container

    def backend(self, name: str) -> _Planner:
        return _Planner()

    async def run(self, node: str, script: str, *args: str, timeout: float, limit: int = 0) -> Completed:
        return Completed(0, b"", b"")

    def refresh(self, node: str | None = None) -> None:
        for each in self.store.nodes.values():
            if each.name != self._slow:
                each.listed = time.monotonic()


async def refused(fleet: _Fleet, *ips: str, allow_unasked: bool = False) -> list[str]:
    plan = await Changer(cast(Fleet, fleet)).prepare(WEB, Addresses("add", ips, allow_unasked))
    return [check.text for check in plan.checks if check.verdict is Verdict.REFUSE]


def other(**fields: Any) -> Container:
    return Container(Key("n2", "toy", "201"), State.RUNNING, **fields)


async def test_an_address_that_is_only_configured_clashes_too() -> None:
    # it was taken away inside, and comes back with the next start
    fleet = _Fleet(other(ips=("10.0.0.7",), ips_configured=("10.0.0.7/24", "10.0.0.8/24")))
    assert await refused(fleet, "10.0.0.8") == ["10.0.0.8 is that of n2/201"]
    assert await refused(fleet, "10.0.0.9") == []


async def test_however_it_is_written() -> None:
    fleet = _Fleet(other(ips=("2001:0DB8:0::5/64",)))
    assert await refused(fleet, "2001:db8::5") == ["2001:db8::5 is that of n2/201"]


async def test_a_node_whose_list_does_not_come_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "LOOK_TIMEOUT", 0.1)
    fleet = _Fleet(slow="n2")
    assert await refused(fleet, "10.0.0.7") == ["could not be asked for the address: n2"]
    assert await refused(fleet, "10.0.0.7", allow_unasked=True) == []
