"""Whole screens, compared as text: sizes, ASCII, panes, hostile names, and screens too small for anything."""

from __future__ import annotations

import unicodedata

import pytest

from backends.model import Container, Key, Lock, State
from tests.tui.deck.page import Fleet, deck
from tui.app import Options

HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J",
    "\x9b31mred",
    "[b]bold[/b]",
    "ct[/b]oops",
    "[@click=app.quit]x[/]",
    "a\r\nb\tc\x08\x7f",
    "\u202egnp.exe\u2066",
    "名前" * 20,
    "e\u0301" * 9,
    "",
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (60, 20)], ids=lambda size: "x".join(map(str, size)))
async def test_the_deck_at(size: tuple[int, int]) -> None:
    async with deck(size=size) as page:
        await page.press("j", "j", "space")
        page.same("deck-" + "x".join(map(str, size)))


async def test_the_deck_in_ascii_has_only_ascii() -> None:
    async with deck(options=Options(ascii=True)) as page:
        await page.press("j", "j", "space")
        page.same("deck-ascii")
        assert page.text.isascii()
        for key in ("o", "comma", "full_stop", "Y", "vertical_line", "slash"):
            await page.press(key)
            assert page.text.isascii(), f"after {key}:\n{page.text}"
            await page.press("escape")


@pytest.mark.parametrize("size", [(120, 30), (80, 24), (50, 20)], ids=["side-by-side", "stacked", "one-at-a-time"])
async def test_panes(size: tuple[int, int]) -> None:
    async with deck(size=size) as page:
        await page.press("j", "j", "vertical_line")
        page.same("panes-" + "x".join(map(str, size)))


async def test_before_the_first_node_has_answered() -> None:
    async with deck(Fleet("hn01", "hn02")) as page:
        page.same("connecting")


def hostile() -> Fleet:
    fleet = Fleet("hn01")
    fleet.up("hn01")
    for number, name in enumerate(HOSTILE):
        fleet.put(
            "hn01",
            str(number),
            name,
            hostname=name,
            template=name,
            ips=(name,),
            layout=name,
            note=name,
            lock=Lock(name, 1, None) if number % 2 else None,
        )
    odd = HOSTILE[0]
    fleet.store.put(Container(Key("hn01", "openvz", odd + "/"), State.UNKNOWN, odd))
    fleet.store.nodes["hn01"].notes = (odd,)
    return fleet


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80", "200"])
async def test_names_of_tenants_stay_in_their_cells(size: tuple[int, int]) -> None:
    async with deck(hostile(), size=size) as page:
        page.same(f"hostile-{size[0]}")
        for key in ("w", "Y", "escape", "full_stop", "escape", "vertical_line", "o"):
            await page.press(key)
            for strip in page.app.screen._compositor.render_strips():
                for text in (segment.text for segment in strip if not segment.control):
                    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Zl", "Zp"} for char in text), repr(text)
                assert strip.cell_length == size[0]


async def test_no_copied_text_has_a_control_character() -> None:
    async with deck(hostile()) as page:
        await page.press("j")
        for _ in range(4):
            await page.press("Y", "down", "down", "enter", "j", "j")
            assert page.app.clipboard
            assert page.app.clipboard.isprintable(), repr(page.app.clipboard)


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (20, 5), (3, 40), (400, 2)])
async def test_no_size_is_too_small(size: tuple[int, int]) -> None:
    async with deck(size=size) as page:
        for key in (
            "j",
            "vertical_line",
            "tab",
            "plus",
            "w",
            "right",
            "slash",
            "x",
            "enter",
            "o",
            "escape",
            "question_mark",
        ):
            await page.press(key)


async def test_resizing_while_it_runs() -> None:
    async with deck(size=(80, 24)) as page:
        before = page.text
        await page.press("vertical_line")
        for size in ((200, 50), (10, 3), (120, 40), (59, 20), (80, 24)):
            await page.pilot.resize_terminal(*size)
            await page.pilot.pause()
            assert [len(page.lines)] == [size[1]]
        await page.press("0", "g")
        assert page.text == before


async def test_the_signs_can_be_switched_while_it_runs() -> None:
    async with deck() as page:
        unicode = page.text
        await page.press("A")
        assert page.text.isascii()
        await page.press("A")
        assert page.text == unicode
