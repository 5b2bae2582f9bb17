"""What is sent to the terminal: nothing where nothing has changed, and of a line only what differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from backends.model import Key
from tests.tui.deck.page import DeckPage, Fleet, deck
from tui.theme.tones import Tone
from tui.widgets.surface import Line, Surface, _difference, cut, justify, width_of


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Region | None]]:
    """Every region that a surface has had repainted, with its widget's id; None: all of it."""
    found: list[tuple[str | None, Region | None]] = []
    refresh = Surface.refresh

    def watched(self: Surface, *regions: Region, **said: bool) -> Surface:
        found.extend((self.id, region) for region in regions or (None,))
        return refresh(self, *regions, **said)

    monkeypatch.setattr(Surface, "refresh", watched)
    return found


def calm() -> Fleet:
    fleet = Fleet("hn01", "hn02")
    for node in fleet.store.nodes:
        fleet.up(node)
        for number in range(200):
            fleet.put(node, str(100 + number), f"web-{number}").usage.cpu_percent = number
    return fleet


async def settled(page: DeckPage, sent: list[tuple[str | None, Region | None]]) -> None:
    await page.resort()
    await page.resort()
    sent.clear()


async def test_nothing_is_sent_where_nothing_has_changed(sent: list[tuple[str | None, Region | None]]) -> None:
    async with deck(calm()) as page:
        await settled(page, sent)
        await page.tick()
        await page.resort()
        assert sent == []


async def test_a_change_that_nobody_can_see_sends_nothing(sent: list[tuple[str | None, Region | None]]) -> None:
    async with deck(calm()) as page:
        await settled(page, sent)
        hidden = page.fleet.store.containers[Key("hn01", "openvz", "100")]
        assert page.screen.table.listing.place(hidden.key) > 100  # type: ignore[operator]
        page.fleet.change(hidden, 0.3)
        seen = page.screen.table.listing.order[0].container
        assert seen is not None
        page.fleet.change(seen, 199.4)  # still 199
        await page.tick()
        assert sent == []


async def test_of_a_row_only_the_cells_that_differ_are_sent(sent: list[tuple[str | None, Region | None]]) -> None:
    async with deck(calm()) as page:
        await settled(page, sent)
        seen = page.screen.table.listing.order[3].container
        assert seen is not None
        page.fleet.change(seen, 42)
        await page.tick()
        assert len(sent) == 1
        region = sent[0][1]
        assert region is not None
        assert (region.y, region.height) == (4, 1)
        assert region.width <= 6, region
        assert page.lines[3 + 4][region.x : region.right].strip() == "42"


async def test_moving_the_cursor_sends_two_lines(sent: list[tuple[str | None, Region | None]]) -> None:
    async with deck(calm()) as page:
        await settled(page, sent)
        await page.press("j")
        assert [region.y for _, region in sent if region] == [1, 2]


async def test_nothing_is_painted_below_a_page_that_covers_it(sent: list[tuple[str | None, Region | None]]) -> None:
    async with deck(calm()) as page:
        await page.press("question_mark")
        sent.clear()
        page.fleet.down("hn02")
        await page.resort()
        assert not [name for name, _ in sent if name in ("top", "bottom", None)]
        await page.press("escape")
        assert "1/2 nodes" in page.header


lines = st.lists(st.tuples(st.text("abc 名é", max_size=5), st.sampled_from(list(Tone)[:3])), max_size=6).map(tuple)


@given(lines, lines)
def test_the_sent_part_of_a_line_covers_every_different_cell(before: Line, now: Line) -> None:
    width = max(width_of(before), width_of(now), 1) + 3
    region = _difference(before, now, 0, width)
    old, new = _cells(before, width), _cells(now, width)
    different = [x for x in range(width) if old[x] != new[x]]
    assert all(region.x <= x < region.right for x in different)


def _cells(line: Line, width: int) -> list[tuple[str, Tone]]:
    from rich.cells import cell_len

    cells = [(char, tone) for text, tone in line for char in text for _ in range(max(1, cell_len(char)))]
    return cells + [(" ", Tone.NORMAL)] * (width - len(cells))


@given(lines, st.integers(0, 30))
def test_a_cut_line_fits(line: Line, width: int) -> None:
    assert width_of(cut(line, width)) <= width
    if width_of(line) <= width:
        assert cut(line, width) == line


@given(lines, lines, st.integers(1, 40))
def test_a_justified_line_is_as_wide_as_was_asked(left: Line, right: Line, width: int) -> None:
    assert width_of(justify(left, right, width)) <= width
    if width_of(left) + width_of(right) < width:
        assert width_of(justify(left, right, width)) == width
