"""Addresses, limits and snapshots: forms that lead to plans."""

from __future__ import annotations

import time

import pytest
from textual.widgets import Input

from backends.jobs.job import Job
from backends.model import Beancounter, State
from backends.plans.request import (
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    RevertSnapshot,
    SetLimits,
)
from tests.tui.changes.fake import lost
from tests.tui.changes.page import WEB, ChangePage, changes
from tests.tui.deck.page import Fleet, small
from tests.tui.deck.test_frames import HOSTILE
from tests.tui.screens.stage import until
from tui.app import Options
from tui.proposal import Proposal
from tui.screens.addresses import AddressList
from tui.screens.entry import Entry
from tui.screens.jobs import JobList, JobLog
from tui.screens.limits import LimitsForm
from tui.screens.plan import PlanDialog
from tui.screens.snapshots import SnapshotList
from tui.snapshot_tree import tree
from tui.widgets.limit_rows import LimitRow

SIZES = pytest.mark.parametrize(
    ("size", "ascii_only"), [((80, 24), False), ((120, 36), False), ((80, 24), True)], ids=["80x24", "120x36", "ascii"]
)


async def entry(page: ChangePage) -> Entry:
    dialog = await page.at(Entry)
    await until(page.pilot, lambda: dialog.ready)
    return dialog


def suffix(size: tuple[int, int], ascii_only: bool) -> str:
    return f"{size[0]}x{size[1]}" + ("-ascii" if ascii_only else "")


# Addresses


async def test_addresses_are_added_several_at_once() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("i")
        await page.at(AddressList)
        await page.shows("10.0.4.42/24", "2001:db8::42/64")
        assert "no: gone after a restart" in page.line("10.0.4.99")
        await page.press("a")
        await entry(page)
        await page.type("10.0.5.x")
        await page.press("enter")
        await page.shows("'10.0.5.x' is no address")
        await page.press("backspace", "1", "space", *"2001", "colon", *"db8", "colon", "colon", "5", "enter")
        await page.plan()
        await page.shows("ip add of hn01/102", "vzctl set 102 --ipadd 10.0.5.1 --save")
        assert page.said.prepared[-1][1] == Addresses("add", ("10.0.5.1", "2001:db8::5"), allow_unasked=True)
        await page.press("e")
        dialog = await entry(page)
        assert dialog.query_one(Input).value == "10.0.5.1 2001:db8::5"
        await page.press("enter")
        await page.plan()
        looked = len(page.said.looked)
        await page.press("y")
        await page.at(AddressList)
        await page.shows("ip add of hn01/102: done and verified")
        page.app.tick()
        await until(page.pilot, lambda: len(page.said.looked) > looked)  # what is shown is read again


async def test_addresses_are_removed_and_replaced() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("i")
        await page.at(AddressList)
        await page.shows("10.0.4.42/24")
        await page.press("space", "space", "d")
        await page.plan()
        assert page.said.prepared[-1][1] == Addresses("del", ("10.0.4.42", "2001:db8::42"), allow_unasked=True)
        await page.press("n")
        await page.press("r")
        await entry(page)
        await page.press("enter")
        await page.plan()
        assert page.said.prepared[-1][1] == Addresses("set", ("10.0.4.42/24", "2001:db8::42/64"), allow_unasked=True)


async def test_what_cannot_be_looked_at_says_why() -> None:
    async with changes() as page:
        page.said.look_error = lost("hn01")
        await page.on(WEB)
        await page.press("i")
        await page.shows("The connection to hn01 broke")


async def test_under_read_only_one_may_look_and_no_more() -> None:
    async with changes(options=Options(ascii=False, read_only=True)) as page:
        await page.on(WEB)
        await page.press("i")
        await page.shows("10.0.4.42/24")
        for key in "adr":
            await page.press(key)
            await page.shows("ctdeck was started read-only")
        await page.press("escape", "escape", "p")
        await page.shows("before-php8")
        for key in "nRD":
            await page.press(key)
            await page.shows("ctdeck was started read-only")
        assert page.said.prepared == []


@SIZES
async def test_addresses_frame(size: tuple[int, int], ascii_only: bool) -> None:
    async with changes(size=size, options=Options(ascii=ascii_only)) as page:
        await page.on(WEB)
        await page.press("i")
        await page.at(AddressList)
        await page.shows("10.0.4.42/24")
        await page.press("space")
        page.same(f"addresses-{suffix(size, ascii_only)}")


# Limits


async def form(page: ChangePage) -> LimitsForm:
    await page.on(WEB)
    await page.press("e")
    found = await page.at(LimitsForm)
    await until(page.pilot, lambda: isinstance(found.focused, Input))
    return found


async def into(page: ChangePage, name: str) -> None:
    row = next(row for row in page.app.screen.query(LimitRow) if row.limit == name)
    row.query_one(Input).focus()
    await page.pilot.pause()


async def test_limits_are_read_kindly_and_go_into_one_plan() -> None:
    async with changes(size=(120, 36)) as page:
        await form(page)
        await page.type("2")
        await page.press("down", *"1.5", "space", *"cores")
        await into(page, "memory")
        await page.press(*"6G")
        await into(page, "disk")
        await page.type("unlimited")
        await page.press("enter")
        await page.plan()
        wanted = {"cpus": 2.0, "cpu_limit": 150.0, "memory": float(6 << 30), "disk": -1}
        assert page.said.prepared[-1][1] == SetLimits(wanted)
        await page.press("e")
        found = await page.at(LimitsForm)
        assert next(iter(found.query(Input))).value == "2"
        await page.press("enter")
        await page.plan()
        await page.press("y")
        await page.back_on_deck()
        await page.shows("limit set of hn01/102: done and verified")


async def test_what_is_wrong_is_said_at_the_field() -> None:
    async with changes() as page:
        await form(page)
        await into(page, "memory")
        await page.type("2X")
        await page.shows("'2X' is no size")
        assert "no size" in page.line("memory")
        await page.press("up", "enter")
        assert page.said.prepared == []
        assert isinstance(page.app.screen, LimitsForm)
        focused = page.app.screen.focused
        assert isinstance(focused, Input)
        assert focused.value == "2X"


async def test_a_leash_and_live_only() -> None:
    async with changes() as page:
        await form(page)
        await page.type("2")
        page.app.screen.query_one("#span").focus()
        await page.press("space", "space")
        await page.shows("[1h]")
        await page.press("down", "space")
        await page.shows("[live only]")
        await page.press("enter")
        await page.plan()
        assert page.said.prepared[-1][1] == SetLimits({"cpus": 2.0}, live_only=True, for_seconds=3600)


async def test_a_leash_that_holds_is_told() -> None:
    async with changes(size=(120, 36)) as page:
        page.said.values["leash.cpu_limit"] = {"old": 400.0, "value": 100.0, "until": time.time() + 1805}
        await form(page)
        await page.shows("cpu limit is on a leash for 30m more, then 400 % again")


def counted() -> Fleet:
    fleet = small()
    fleet.store.containers[WEB].beancounters = {
        "privvmpages": Beancounter(65536, 65536, 65536, 69632, 12),
        "numproc": Beancounter(71, 90, 240, 240, 0),
        "kmemsize": Beancounter(14372700, 20 << 20, None, None, 0),
    }
    return fleet


async def test_beancounters_unfold() -> None:
    async with changes(counted(), size=(120, 36)) as page:
        await form(page)
        await page.shows("beancounters  3, 1 failing")
        assert "numproc" not in page.text
        page.app.screen.query_one("#fold").focus()
        await page.press("space")
        await page.shows("privvmpages", "numproc", "fail 12")
        await into(page, "privvmpages")
        await page.type("98304")
        await page.press("colon")
        await page.type("9")
        await page.shows("the barrier is above the limit")
        await page.type("8304")
        await page.press("enter")
        await page.plan()
        assert page.said.prepared[-1][1] == SetLimits({}, {"privvmpages": (98304, 98304)})


async def test_nothing_typed_is_no_plan_and_n_leaves_the_form() -> None:
    async with changes() as page:
        await form(page)
        await page.press("enter")
        await page.shows("nothing is to be changed yet")
        await page.press("escape")
        await page.type("3")
        await page.press("enter")
        await page.plan()
        await page.press("n")
        await page.back_on_deck()
        assert page.said.ran == []


@SIZES
async def test_limits_frame(size: tuple[int, int], ascii_only: bool) -> None:
    async with changes(counted(), size=size, options=Options(ascii=ascii_only)) as page:
        await form(page)
        await page.press("down")
        await page.type("100")
        await page.press("percent_sign", "down")
        page.same(f"limits-{suffix(size, ascii_only)}")
        if ascii_only:
            assert page.text.isascii()


# Snapshots


async def test_snapshots_new_revert_delete() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("p")
        await page.at(SnapshotList)
        await page.shows("clean-install", "you are here", "tried-php8", "with memory", "3 snapshots")
        await page.press("n")
        await entry(page)
        await page.press("enter")
        await page.shows("It needs a name")
        await page.type("now")
        await page.press("enter")
        await page.plan()
        await page.press("m")
        await page.plan()
        await page.press("y")
        await page.at(SnapshotList)
        await page.shows("snapshot create of hn01/102: done and verified")
        assert page.said.prepared[-1][1] == CreateSnapshot("now", memory=True)
        await page.press("escape", "j", "j", "R")
        await page.plan()
        await page.shows("revert to tried-php8 of hn01/102", "everything since the snapshot", "type hn01/102 to go on:")
        assert page.said.prepared[-1][1] == RevertSnapshot("c3")
        await page.press("escape")
        await page.at(SnapshotList)
        await page.press("g", "D")
        await page.plan()
        assert page.said.prepared[-1][1] == DeleteSnapshot("a1")


async def test_no_snapshot_yet() -> None:
    async with changes() as page:
        page.said.values["snapshots"] = []
        await page.on(WEB)
        await page.press("p")
        await page.shows("it has no snapshot: n makes one")
        await page.press("R", "D", "j", "k")
        assert page.said.prepared == []


@SIZES
async def test_snapshots_frame(size: tuple[int, int], ascii_only: bool) -> None:
    async with changes(size=size, options=Options(ascii=ascii_only)) as page:
        await page.on(WEB)
        await page.press("p")
        await page.at(SnapshotList)
        await page.shows("clean-install")
        page.same(f"snapshots-{suffix(size, ascii_only)}")


async def test_snapshots_and_addresses_of_hostile_names() -> None:
    async with changes() as page:
        await page.on(WEB)
        for name in HOSTILE:
            page.said.values["snapshots"] = [{"id": name, "name": name, "parent": name, "current": True, "date": name}]
            page.said.values["ips.live"] = [name]
            for key in "pi":
                await page.press(key)
                await page.shows("you are here" if key == "p" else "gone after a restart")
                page.only_text()
                await page.press("escape")
                await page.back_on_deck()


def test_a_tree_leaves_none_out() -> None:
    loop = [{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}, {"id": "c", "parent": "gone"}]
    assert sorted(twig.name for twig in tree(loop)) == ["a", "b", "c", "you are here"]
    flat = [{"id": "snap0"}, {"id": "snap1"}]
    assert [(twig.branch, twig.name) for twig in tree(flat)] == [("", "snap0"), ("", "snap1"), ("", "you are here")]


async def test_a_stopped_container_takes_limits_at_its_next_start() -> None:
    fleet = small()
    fleet.store.containers[WEB].state = State.STOPPED
    async with changes(fleet) as page:
        found = await form(page)
        found.query_one("#where").focus()
        await page.shows("after its next start")


async def test_every_bound_key_has_its_method() -> None:
    async with changes():
        job = Job("hn01", "1")
        made = (AddressList(WEB), SnapshotList(WEB), JobList(), JobLog(job), LimitsForm((WEB,)))
        for screen in (*made, PlanDialog(Proposal("undo", (WEB,), None))):
            for bindings in screen._bindings.key_to_bindings.values():
                assert len({binding.action for binding in bindings}) == 1, (type(screen), bindings)
                for binding in bindings:
                    name = binding.action.partition("(")[0]
                    assert "." in name or hasattr(screen, f"action_{name}"), (type(screen), binding)
