"""Help: every action of the table, found by typing."""

from __future__ import annotations

import pytest

from tests.tui.screens.stage import frame, stage, until
from tui.actions import ACTIONS, Group
from tui.app import Options
from tui.screens.help import Help
from tui.widgets.lines import Lines, plain


async def test_every_action_is_in_it_with_its_keys() -> None:
    async with stage(size=(120, 40)) as (app, pilot):
        app.push_screen(Help())
        await until(pilot, lambda: isinstance(app.screen, Help) and "first row" in frame(pilot))
        text = plain(app.screen.query_one(Lines).lines)
        assert [line for line in text if line in set(Group)] == list(Group)
        for action in ACTIONS:
            keys = app.keymap.shown(action, all_keys=True)
            assert any(line.startswith(f"  {keys} ") and f" {action.label} " in line for line in text), action.id


async def test_typing_searches_and_escape_peels() -> None:
    async with stage() as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        await pilot.press(*"beanc")
        await until(pilot, lambda: "/beanc" in frame(pilot))
        assert "every resource" in frame(pilot)
        assert "first row" not in frame(pilot)
        await pilot.press("backspace", *"zzz")
        await until(pilot, lambda: "no key has to do with 'beanzzz'" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "type to search" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.deck_screen)


async def test_q_is_a_letter_here() -> None:
    async with stage() as (app, pilot):
        app.push_screen(Help())
        await until(pilot, lambda: isinstance(app.screen, Help))
        await pilot.press("q")
        await until(pilot, lambda: "/q" in frame(pilot))


async def test_it_scrolls_at_80_by_24() -> None:
    async with stage() as (app, pilot):
        app.push_screen(Help())
        await until(pilot, lambda: "next row" in frame(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "signs" in frame(pilot))
        await pilot.press("home")
        await until(pilot, lambda: "next row" in frame(pilot))


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (200, 50)])
async def test_no_word_is_cut(size: tuple[int, int]) -> None:
    async with stage(size=size, options=Options(ascii=True)) as (app, pilot):
        app.push_screen(Help())
        await until(pilot, lambda: "type to search" in frame(pilot) and "next row" in frame(pilot))
        assert frame(pilot).isascii()
        if size[0] >= 80:
            assert max(map(len, plain(app.screen.query_one(Lines).lines))) <= size[0]
