"""Events, and what is remembered of the screen."""

from __future__ import annotations

import time

import pytest
import yaml

from backends import audit, paths
from backends.events import Events, Kind, actions
from backends.model import Key
from tests.tui.deck.page import DeckPage, Fleet, G, deck, small
from tests.tui.screens.stage import until
from tui.remembered import Remembered, keep, recall


class TestEvents:
    async def test_the_newest_first_and_a_filter(self) -> None:
        fleet = small()
        async with deck(fleet, (120, 30)) as page:
            mail = fleet.store.containers[Key("hn03", "openvz", "304")]
            mail.usage.disk_used = 20 * G
            fleet.store.touch(mail.key)
            await page.tick()
            await page.press("E")
            rows = [line for line in page.lines if "hn0" in line]
            assert "hn03/304" in rows[0]
            assert "disk 100% of its limit" in rows[0]
            assert any("hn02" in row and "it does not answer" in row for row in rows)
            await page.press(*"disk !memory")
            (row,) = [line for line in page.lines if "hn0" in line]
            assert "hn03/304" in row
            await page.press("escape")
            assert len([line for line in page.lines if "hn0" in line]) == len(rows)
            await page.press("escape")
            assert page.titles

    async def test_a_trouble_that_is_over(self) -> None:
        fleet = small()
        async with deck(fleet, (120, 30)) as page:
            shop = fleet.store.containers[Key("hn01", "openvz", "102")]
            shop.usage.memory_used = G
            fleet.store.touch(shop.key)
            await page.tick()
            await page.press("E")
            assert page.line("calm", "hn01/102", "no longer: memory 97% of its limit")

    async def test_our_own_changes_are_in_it(self) -> None:
        async with deck(small(), (120, 30)) as page:
            audit.write("ends", action="restart", node="hn01", id="102", ended="done")
            await page.press("E")
            await until(page.pilot, lambda: "restart ends: done" in page.text)

    def test_it_is_bounded_and_merged_by_time(self) -> None:
        feed = Events(kept=3)
        for at in (1.0, 2.0, 5.0, 6.0):
            feed.add(at, Kind.STARTED, "n1", "1", f"at {at}")
        others = list(Events())
        assert [event.at for event in feed] == [6.0, 5.0, 2.0]
        feed.merge(others)
        audit.write("begins", action="stop", node="n1", id="1")
        feed.merge(actions(0.0))
        feed.merge(actions(0.0))
        assert [event.kind for event in feed] == [Kind.ACTION, Kind.STARTED, Kind.STARTED]
        assert not actions(time.time() + 60)


class TestRemembered:
    async def chosen(self, page: DeckPage) -> None:
        page.screen.sort_by("mem")
        page.screen.sort_by("mem")
        await until(page.pilot, lambda: "inverted: true" in (paths.state() / "ui.yaml").read_text())

    async def test_sort_and_filter(self) -> None:
        paths.state().mkdir(parents=True, exist_ok=True)
        (paths.state() / "ui.yaml").touch()
        async with deck() as page:
            await self.chosen(page)
            await page.press("/", *"mail", "enter")
        async with deck() as page:
            assert (page.screen.view.sort, page.screen.view.inverted) == ("mem", True)
            assert not page.screen.view.filter
            await page.press("t")
            await until(page.pilot, lambda: "sort: trouble" in (paths.state() / "ui.yaml").read_text())
        assert not list(paths.state().glob(".ui.*.tmp"))

    def test_columns_hold_over_the_same_fleet_file_only(self) -> None:
        keep(Remembered("trouble", False, frozenset({"mem", "why"})), ["+load"])
        assert recall(["+load"]).columns == frozenset({"mem", "why"})
        assert recall(["-ip"]).columns is None

    @pytest.mark.parametrize(
        "text", ["", "[1, 2]", "sort: [", "sort: nothing\ninverted: true", "columns: {a: b}", "\x00", "sort: trend"]
    )
    def test_a_file_that_makes_no_sense_is_as_none(self, text: str) -> None:
        paths.state().mkdir(parents=True, exist_ok=True)
        (paths.state() / "ui.yaml").write_text(text)
        assert recall([]) == Remembered()

    def test_it_is_plain_yaml(self) -> None:
        keep(Remembered("cpu", True, None), [])
        assert yaml.safe_load((paths.state() / "ui.yaml").read_text()) == {"sort": "cpu", "inverted": True}
        assert recall([]) == Remembered("cpu", True, None)


async def test_the_culprit_rises_as_soon_as_it_is_judged() -> None:
    fleet = Fleet("hn01")
    fleet.up("hn01")
    for number in range(30):
        fleet.put("hn01", str(100 + number)).usage.cpu_percent = number
    async with deck(fleet) as page:
        await page.tick()
        page.screen._key_at = -1e9
        culprit = fleet.store.containers[Key("hn01", "openvz", "103")]
        culprit.usage.memory_used = 4 * G
        fleet.store.touch(culprit.key)
        await page.tick()
        assert page.rows[0] == "hn01/103"
