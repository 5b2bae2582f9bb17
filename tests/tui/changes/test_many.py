"""One change on several marked containers."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from backends.change import Ended
from backends.plans.plan import Check, Refused, Verdict
from backends.plans.request import SetLimits
from tests.tui.changes.page import PROD, WEB, ChangePage, changes, nodes
from tests.tui.screens.stage import until
from tui.screens.jobs import JobList
from tui.screens.limits import LimitsForm

DB = WEB._replace(id="103")
MAIL = WEB._replace(id="104")
FAR = WEB._replace(node="hn04", id="402")


async def marked(page: ChangePage, *keys: object) -> None:
    page.app.deck_screen.view.marks.update(keys)  # type: ignore[arg-type]
    page.app.deck_screen.paint()
    await page.pilot.pause()


async def test_the_count_is_typed_and_each_target_has_its_line() -> None:
    async with changes(size=(120, 30)) as page:
        page.said.checks[DB] = (Check("use", Verdict.WARN, "somebody is logged in"),)
        page.said.errors[MAIL] = Refused("it has a lock")
        await marked(page, WEB, DB, MAIL, FAR)
        await page.press("r")
        dialog = await page.plan()
        await page.shows("restart of 4 containers on 2 nodes", "type 3 (1 is left out) to go on:")
        assert "✓ hn01/102 web-shop" in page.text
        assert "somebody is logged in" in page.line("hn01/103")
        assert "refused: it has a lock" in page.line("hn01/104")
        await page.type("4")
        await page.press("enter")
        await page.shows("nothing was done: that is not 3")
        assert page.app.screen is dialog
        await page.type("3")
        await page.press("enter")
        await page.back_on_deck()
        await page.shows("restart of 3: 3 done and verified", "3 done")
        assert {plan.key for plan in page.said.ran} == {WEB, DB, FAR}


async def test_a_locked_production_node_is_left_out_until_it_is_armed() -> None:
    async with changes(size=(120, 30)) as page:
        await marked(page, WEB, DB, PROD)
        await page.press("r")
        await page.plan()
        await page.shows("refused: a locked production node", "type 2 (1 is left out) to go on:")
        await page.press("tab", "a")
        await page.plan()
        await page.shows("type 3 to go on:", "PRODUCTION")


@pytest.mark.parametrize(("keys", "ran"), [((), 2), (("tab", "s", "tab", "tab", "tab", "tab", "tab"), 3)])
async def test_stop_at_the_first_failure_or_go_on(keys: tuple[str, ...], ran: int) -> None:
    async with changes(size=(120, 30)) as page:
        page.said.outcomes[DB] = (Ended.FAILED, "restart of hn01/103 failed: stop it; everything was put back")
        await marked(page, WEB, DB, MAIL)
        await page.press("r")
        dialog = await page.plan()
        for key in keys:
            if key == "tab" and dialog.stop is False and dialog.focused is not None:
                break
            await page.press(key)
        await page.type("3")
        await page.press("enter")
        await page.back_on_deck()
        await page.shows("restart of 3:", "first: restart of hn01/103 failed")
        assert [plan.key for plan in page.said.ran] == [WEB, DB, MAIL][:ran]
        assert ("refused" in page.text) == (ran == 2)


async def test_parallel_between_nodes_in_order_within_one() -> None:
    fleet = nodes(8, 7)
    async with changes(fleet, size=(120, 36)) as page:
        page.said.work = asyncio.Event()
        await page.press("asterisk", "r")
        await page.plan()
        await page.shows("restart of 56 containers on 8 nodes", "type 56 to go on:")
        await page.type("56")
        await page.press("enter")
        await until(page.pilot, lambda: page.said.at_work == 5)
        assert set(Counter(plan.key.node for plan in page.said.ran).values()) == {1}
        await page.shows("+4 more", "+51 waiting")
        row = page.app.deck_screen.row
        await page.press("j")
        assert page.app.deck_screen.row is not row  # the deck goes on
        page.said.work.set()
        await page.shows("restart of 56: 56 done and verified")
        assert page.said.most_at_work == 5
        for node in fleet.store.nodes:
            ids = [plan.key.id for plan in page.said.ran if plan.key.node == node]
            assert ids == sorted(ids)
        await page.press("J")
        await page.at(JobList)
        await page.shows("56 on 8 nodes", "restart web6")


async def test_limits_of_many() -> None:
    async with changes(size=(120, 36)) as page:
        await marked(page, WEB, DB)
        await page.press("e")
        await page.at(LimitsForm)
        await page.shows("2 marked containers")
        await page.type("2")
        await page.press("enter")
        await page.plan()
        await page.type("2")
        await page.press("enter")
        await page.shows("limit set of 2: 2 done and verified")
        assert [request for _, request in page.said.prepared] == [SetLimits({"cpus": 2.0})] * 2


async def test_a_snapshot_of_many() -> None:
    async with changes(size=(120, 36)) as page:
        await marked(page, WEB, DB)
        await page.press("p")
        await page.shows("new snapshot of 2 containers")
        await until(page.pilot, lambda: getattr(page.app.screen, "ready", False))
        await page.type("before")
        await page.press("enter")
        await page.plan()
        await page.shows("snapshot of 2 containers on 1 node", "type 2 to go on:")


async def test_frame() -> None:
    async with changes(nodes(2, 30)) as page:
        page.said.errors[WEB._replace(id="103")] = Refused("locked by vzdump for 31 m")
        await page.press("asterisk", "r")
        await page.plan()
        page.same("many-80x24")
