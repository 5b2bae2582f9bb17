"""The plan dialog: nothing is done without a yes that was meant for it."""

from __future__ import annotations

import asyncio

import pytest

from backends.change import Ended
from backends.model import NodeState
from backends.plans.plan import Check, Refused, Verdict
from backends.plans.request import Power
from tests.tui.changes.fake import lost
from tests.tui.changes.page import PROD, WEB, changes
from tests.tui.deck.page import small
from tests.tui.deck.test_frames import HOSTILE
from tests.tui.screens.stage import until
from tui.app import Options
from tui.screens.dialog import Dialog
from tui.screens.picker import Picker
from tui.screens.plan import PlanDialog


async def test_restart_from_key_to_result() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.shows("restart of hn01/102 web-shop", "hn01 $ vzctl restart 102", "undo", "stop hn01/102")
        await page.press("y")
        await page.back_on_deck()
        await page.shows("restart of hn01/102: done and verified, down 3.4 s", "1 done")
        await page.press("j")
        await page.shows("done and verified, down 3.4 s")  # until it is read
        await page.press("escape")
        await until(page.pilot, lambda: "done and verified" not in page.text)
        assert [plan.target for plan in page.said.ran] == ["hn01/102"]


async def test_it_opens_before_the_plan_is_there_and_can_be_left() -> None:
    async with changes() as page:
        page.said.gate = asyncio.Event()
        await page.on(WEB)
        await page.press("r")
        dialog = await page.at(PlanDialog)
        await page.shows("… looking at it now")
        await until(page.pilot, lambda: dialog._seen)
        await page.press("y", "enter")
        assert not dialog.applicable
        await page.back_on_deck()  # by Enter: the focus starts on cancel
        assert page.said.ran == []


async def test_keys_typed_ahead_apply_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialog, "GUARD", 3600.0)
    async with changes() as page:
        await page.on(WEB)
        await page.press("r", "y", "enter", "y", "n")
        dialog = await page.at(PlanDialog)
        await until(page.pilot, lambda: dialog._prepared)
        await page.press("y", "n", "enter", "tab", "enter")
        assert page.app.screen is dialog
        assert page.said.ran == []


async def test_the_guard_begins_when_the_last_check_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async with changes() as page:
        page.said.gate = asyncio.Event()
        await page.on(WEB)
        await page.press("r")
        dialog = await page.at(PlanDialog)
        await until(page.pilot, lambda: dialog._seen)
        monkeypatch.setattr(PlanDialog, "GUARD", 3600.0)
        page.said.gate.set()
        await until(page.pilot, lambda: dialog._prepared)
        await page.press("y")
        assert page.app.screen is dialog
        assert not dialog.ready
        assert page.said.ran == []


async def test_enter_cancels_unless_the_focus_was_moved() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("enter")
        await page.back_on_deck()
        assert page.said.ran == []
        await page.press("r")
        await page.plan()
        await page.press("tab", "enter")
        await page.back_on_deck()
        await page.shows("done and verified")


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_no(key: str) -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press(key)
        await page.back_on_deck()
        assert page.said.ran == []


async def test_the_commands_are_copied_as_a_script() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("c")
        assert page.app.clipboard.startswith("#!/bin/sh\n# restart of hn01/102 web-shop\nset -e\n")
        assert "vzctl restart 102" in page.app.clipboard


async def test_an_option_makes_the_plan_anew() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("v")
        await page.plan()
        await page.press("f")
        await page.plan()
        await page.shows("--fast")
        requests = [request for _, request in page.said.prepared]
        assert requests[-1] == Power("restart", fast=True, evidence=True)


async def test_a_destructive_plan_wants_the_name_typed() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("D")
        dialog = await page.plan()
        await page.shows("type hn01/102 to go on:", "everything in it: 10 GiB", "there is none: its data are gone")
        await page.press("y", "enter")
        await page.shows("nothing was done: that is not hn01/102")
        await page.type("hn01/103")
        await page.press("enter")
        assert page.app.screen is dialog
        assert page.said.ran == []
        await page.type("hn01/102")
        await page.press("enter")
        await page.back_on_deck()
        await page.shows("destroy of hn01/102")
        assert [consent.confirmed for consent in page.said.consents] == ["hn01/102"]


async def test_y_alone_never_does_what_has_to_be_typed() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("D")
        dialog = await page.plan()
        await page.press("tab", "y")  # the focus has left the entry
        assert page.app.screen is dialog
        await page.shows("not by y: type hn01/102")
        assert page.said.ran == []


async def test_production_is_locked_then_armed_then_typed() -> None:
    async with changes(size=(120, 36)) as page:
        await page.on(PROD)
        await page.press("r")
        dialog = await page.plan()
        await page.shows("restart of hn03/302 web-shop · PRODUCTION", "hn03 is PRODUCTION and locked: a arms it")
        await page.press("y")
        assert page.app.screen is dialog
        assert not page.said.ran
        await page.press("a")
        await page.plan()
        await page.shows("type hn03/302 to go on:")
        await page.type("hn03/302")
        await page.press("enter")
        await page.back_on_deck()
        await page.shows("done and verified", "hn03 PROD armed 10m")
        assert page.said.consents[0].armed


async def test_a_node_is_armed_and_locked_from_its_page_and_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with changes(size=(120, 36)) as page:
        await page.on(PROD)
        await page.press("at")
        await page.shows("locked: a arms it")
        await page.press("a")
        await page.shows("armed 10m")
        await page.press("a")
        await page.shows("hn03 is locked again")
        await page.press("a", "escape", "escape")
        await page.back_on_deck()
        await page.press("r")
        dialog = await page.plan()
        await page.shows("type hn03/302 to go on:")
        page.app.changing.disarm("hn03")  # as after ten minutes
        page.app.tick()
        await page.shows("hn03 is PRODUCTION and locked")
        await page.type("hn03/302")
        await page.press("enter")
        assert not page.said.ran
        assert dialog.locked == ["hn03"]


async def test_a_refused_plan_cannot_be_applied() -> None:
    async with changes() as page:
        page.said.checks[WEB] = (Check("lock", Verdict.REFUSE, "locked by vzdump for 31 m"),)
        await page.on(WEB)
        await page.press("r")
        dialog = await page.plan()
        await page.shows("refused: locked by vzdump for 31 m")
        assert "apply" not in page.text
        await page.press("y")
        assert page.app.screen is dialog
        await page.press("tab", "tab", "tab")
        assert "apply" not in page.text
        assert page.said.ran == []


async def test_what_cannot_even_be_planned_says_why() -> None:
    async with changes() as page:
        page.said.errors[WEB] = Refused("It has no snapshot support", "Convert it to ploop")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.shows("It has no snapshot support", "Convert it to ploop")
        await page.press("y")
        assert page.said.ran == []


async def test_warnings_are_shown_and_can_be_applied() -> None:
    async with changes() as page:
        page.said.checks[WEB] = (Check("use", Verdict.WARN, "below its present use (390 %): it will be slowed"),)
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.shows("! below its present use (390 %)")
        await page.press("y")
        await page.shows("done and verified")


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Ended.FAILED, "restart of hn01/102 failed: stop it; everything was put back"),
        (Ended.UNKNOWN, "restart of hn01/102: UNKNOWN, hn01 does not answer; `ctdeck jobs 7` tells"),
    ],
)
async def test_what_went_wrong_stays_until_it_is_read(ended: Ended, message: str) -> None:
    async with changes(size=(120, 30)) as page:
        page.said.outcomes[WEB] = (ended, message)
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows(f"! {message}", f"1 {ended.name.lower()}")
        await page.press("j", "k")
        await page.shows(message)
        await page.press("escape")
        await until(page.pilot, lambda: message not in page.text)


async def test_a_connection_that_breaks_is_unknown_and_never_done() -> None:
    async with changes(size=(120, 30)) as page:
        page.said.faults[WEB] = lost("hn01")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows("restart of hn01/102: UNKNOWN. The connection to hn01 broke", "1 unknown")


async def test_what_is_unknown_is_asked_for_until_the_node_says_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.changing.ASK_AGAIN", 0.0)
    fleet = small()
    async with changes(fleet, size=(120, 30)) as page:
        page.said.outcomes[WEB] = (Ended.UNKNOWN, "restart of hn01/102: UNKNOWN, hn01 does not answer")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        fleet.store.nodes["hn01"].state = NodeState.STALE
        await page.press("y")
        await page.shows("1 unknown")
        page.app.tick()
        assert page.said.resumed == []  # its node does not answer yet
        fleet.store.nodes["hn01"].state = NodeState.UP
        await until(page.pilot, lambda: (page.app.tick(), len(page.said.resumed) > 1)[1])
        await page.shows("1 unknown")
        page.said.outcomes.clear()
        await until(page.pilot, lambda: (page.app.tick(), "1 done" in page.text)[1])
        assert len(page.said.ran) == 1  # and it was never done again
        await page.press("escape")
        await page.shows("no longer unknown: restart of hn01/102: done and verified")


async def test_progress_is_seen_while_the_deck_goes_on() -> None:
    async with changes(size=(120, 30)) as page:
        page.said.work = asyncio.Event()
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows("jobs  hn01/102 restart", "1/1 step 1")
        row = page.app.deck_screen.row
        await page.press("j")
        assert page.app.deck_screen.row is not row
        await page.press("q")
        await page.shows("1 job of yours will go on there")
        await page.press("n")
        page.said.work.set()
        await page.shows("done and verified")


async def test_names_of_tenants_are_text() -> None:
    fleet = small()
    async with changes(fleet) as page:
        await page.on(WEB)
        for name in HOSTILE:
            fleet.store.containers[WEB].name = name
            page.said.checks[WEB] = (Check("x", Verdict.WARN, name), Check("y", Verdict.OK, name))
            await page.press("r")
            dialog = await page.plan()
            await page.shows("restart of hn01/102", "vzctl restart 102")
            assert dialog.applicable
            page.only_text()
            await page.press("escape")
            await page.back_on_deck()


async def test_read_only_says_why_and_opens_nothing() -> None:
    async with changes(options=Options(ascii=False, read_only=True)) as page:
        await page.on(WEB)
        for key in "rSDeU":
            await page.press(key)
            await page.shows("ctdeck was started read-only")
            assert page.app.screen is page.app.deck_screen
        await page.press("full_stop")
        assert "ctdeck was started read-only" in page.line(" restart       r ")


async def test_a_read_only_node_is_read_only() -> None:
    fleet = small()
    fleet.store.nodes["hn01"].read_only = True
    async with changes(fleet) as page:
        await page.on(WEB)
        await page.press("r")
        await page.shows("hn01 is read-only here")


async def test_a_node_that_does_not_answer_is_not_changed() -> None:
    async with changes() as page:
        await page.on(WEB._replace(node="hn02", id="202"))
        await page.press("r")
        await page.shows("it does not answer")
        assert page.app.screen is page.app.deck_screen


async def test_the_menu_of_states_greys_out_what_makes_no_sense() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("S")
        await page.at(Picker)
        assert "it is running" in page.line(" start ")
        assert "kill everything" in page.line("fast stop")
        await page.type("fast")
        await page.press("enter")
        await page.plan()
        await page.shows("stop of hn01/102", "--fast")
        assert page.said.prepared[-1][1] == Power("stop", fast=True)


async def test_undo_shows_the_inverse_plan() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("U")
        await page.plan()
        await page.shows("No change of hn01/102 is known")
        await page.press("escape", "r")
        await page.plan()
        await page.press("y")
        await page.shows("done and verified")
        await page.press("U")
        await page.plan()
        await page.shows("undo of hn01/102 web-shop", "vzctl start 102")
        await page.press("y")
        await until(page.pilot, lambda: len(page.said.ran) == 2)


@pytest.mark.parametrize(
    ("size", "ascii_only"), [((80, 24), False), ((120, 36), False), ((80, 24), True)], ids=["80x24", "120x36", "ascii"]
)
async def test_frames(size: tuple[int, int], ascii_only: bool) -> None:
    name = f"{size[0]}x{size[1]}" + ("-ascii" if ascii_only else "")
    async with changes(size=size, options=Options(ascii=ascii_only)) as page:
        page.said.checks[PROD] = (Check("use", Verdict.WARN, "below its present use (390 %): it will be slowed"),)
        page.said.checks[WEB] = (Check("lock", Verdict.REFUSE, "locked by vzdump for 31 m"),)
        await page.on(PROD)
        await page.press("r")
        await page.plan()
        await page.press("a")
        await page.plan()
        page.same(f"plan-production-{name}")
        if ascii_only:
            assert page.text.isascii()
        await page.press("escape")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        page.same(f"plan-refused-{name}")
