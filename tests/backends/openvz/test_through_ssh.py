"""The whole way over SSH on the demo's nodes: look, plan, job, verify, undo. The oracle is what the node's own tools say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

import backends.change
from backends.change import Changer, Consent, Ended
from backends.fleet import Fleet
from backends.inventory import load
from backends.model import Key
from backends.plans.plan import Refused
from backends.plans.request import Addresses, CreateSnapshot, Power, Request, RevertSnapshot, SetLimits
from backends.prompts import NoPrompts
from tests.backends.demo.test_server import Demo

pytestmark = pytest.mark.xdist_group("openvz-ssh")  # one demo for all of them


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    demo = Demo("--nodes", "2", "--containers", "4")
    yield demo
    demo.end()


@pytest.fixture
async def changer(demo: Demo) -> AsyncIterator[Changer]:
    fleet = Fleet(load(demo.file), NoPrompts())
    await fleet.start()
    try:
        await fleet.wait_first(20)
        yield Changer(fleet)
    finally:
        await fleet.stop()


async def change(changer: Changer, ctid: str, request: Request, consent: Consent | None = None) -> float | None:
    plan = await changer.prepare(Key("hn02", "openvz", ctid), request)
    changer.consent(plan, consent or Consent())
    outcome = await changer.run(plan)
    assert outcome.ended is Ended.DONE, (outcome.message, outcome.log)
    assert "done and verified" in outcome.message
    return outcome.seconds


async def said(changer: Changer, command: str) -> str:
    return (await changer.fleet.run("hn02", command, timeout=20)).stdout.decode().strip()


async def undo(changer: Changer, ctid: str) -> None:
    plan = await changer.undo_plan(Key("hn02", "openvz", ctid))
    outcome = await changer.run(plan)
    assert outcome.ended is Ended.DONE, outcome.message


async def test_limits_addresses_and_their_undo(changer: Changer) -> None:
    before = await said(changer, "grep -E '^(PHYSPAGES|IP_ADDRESS)' $CTDECK_ROOT/etc/vz/conf/2001.conf")
    await change(changer, "2001", SetLimits({"memory": 3 << 30}))
    assert "786432" in await said(changer, "vzlist -H -o physpages.l 2001")
    await undo(changer, "2001")
    await change(changer, "2001", Addresses("add", ("10.77.0.1",)))
    assert "10.77.0.1" in (await said(changer, "vzlist -H -o ip 2001")).split()
    await undo(changer, "2001")
    after = await said(changer, "grep -E '^(PHYSPAGES|IP_ADDRESS)' $CTDECK_ROOT/etc/vz/conf/2001.conf")
    assert sorted(after.split()[1:]) == sorted(before.split()[1:])


async def test_a_restart_tells_how_long_it_was_down(changer: Changer) -> None:
    down = await change(changer, "2001", Power("restart", fast=True))
    assert down is not None
    assert down > 0


async def test_a_snapshot_and_the_way_back(changer: Changer) -> None:
    await change(changer, "2003", CreateSnapshot("before"))
    with pytest.raises(Refused, match="wants its name typed"):
        await change(changer, "2003", RevertSnapshot("before"))
    await change(changer, "2003", RevertSnapshot("before"), Consent(confirmed="hn02/2003"))
    with pytest.raises(Refused, match="cannot be undone"):
        await undo(changer, "2003")
    assert "before" in await said(changer, "vzctl snapshot-list 2003 -H -o name")


async def test_a_lie_of_vzctl_is_found(changer: Changer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vzctl that exits with 0 and does nothing."""
    monkeypatch.setattr(backends.change, "SETTLE", 1.0)
    plan = await changer.prepare(Key("hn02", "openvz", "2001"), SetLimits({"cpu_limit": 70}))
    lying = replace(plan, steps=(replace(plan.steps[0], script="true\n"),))
    outcome = await changer.run(lying)
    assert outcome.ended is Ended.FAILED
    assert "limits.cpu_limit.live is None and not 70" in outcome.message
