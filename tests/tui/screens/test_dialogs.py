"""Dialogs: no answer by accident, none by typed-ahead keys, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from backends.errors import FaultKind
from backends.model import NodeState
from backends.prompts import UnknownHostKey
from tests.tui.screens.stage import fleet, frame, stage, until
from tui.app import Deck, Options
from tui.look import look_at_node
from tui.prompts import ScreenPrompts
from tui.screens.dialog import Dialog
from tui.screens.host_key import ChangedKey, UnknownKey
from tui.screens.prompt import Question, Secret
from tui.screens.quit import Quit

FINGERPRINT = "SHA256:4bY2k0SqJ8cF0dX1eW3rT5yU7iO9pA2sD4fG6hJ8kL0"
REAL_GUARD = Dialog.GUARD
KEY = UnknownHostKey("hn13", "hn13.example.net", 22, "ssh-ed25519", FINGERPRINT, "/root/.ssh/known_hosts")


@pytest.fixture(autouse=True)
def short_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialog, "GUARD", 0.02)


def test_people_have_time_to_see_it() -> None:
    assert REAL_GUARD >= 0.4


async def shown(pilot: Pilot[None], kind: type[Dialog[Any]]) -> Dialog[Any]:
    """The dialog, when keys count in it."""

    def ready() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, kind) and screen.ready

    await until(pilot, ready)
    screen = pilot.app.screen
    assert isinstance(screen, Dialog)
    return screen


@asynccontextmanager
async def asked(question: str, *args: Any) -> AsyncIterator[tuple[Deck, Pilot[None], asyncio.Task[Any]]]:
    """The deck while somebody asks through `ScreenPrompts`, as a poller does: from a task of its own."""
    async with stage() as (app, pilot):
        task = asyncio.create_task(getattr(ScreenPrompts(app), question)(*args))
        yield app, pilot, task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# First contact


async def test_the_whole_fingerprint_is_there() -> None:
    async with asked("trust", KEY) as (_, pilot, _task):
        await shown(pilot, UnknownKey)
        text = frame(pilot)
        for part in ("hn13 is unknown", "hn13.example.net:22", FINGERPRINT, "ssh_host_ed25519_key.pub", "known_hosts"):
            assert part in text


async def test_yes_in_full_trusts() -> None:
    async with asked("trust", KEY) as (app, pilot, task):
        await shown(pilot, UnknownKey)
        await pilot.press(*"yes", "enter")
        assert await asyncio.wait_for(task, 5) is True
        await until(pilot, lambda: app.screen is app.deck_screen)


async def test_nothing_else_trusts() -> None:
    async with asked("trust", KEY) as (app, pilot, task):
        await shown(pilot, UnknownKey)
        for typed in ("y", "YES", "yes ", "yess", "", "no"):
            await pilot.press(*["space" if char == " " else char for char in typed], "enter")
            await until(pilot, lambda: "Not trusted" in frame(pilot))
            assert app.screen.query_one(Input).value == ""
            assert not task.done()
        await pilot.press("escape")
        assert await asyncio.wait_for(task, 5) is False


async def test_typed_ahead_keys_answer_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialog, "GUARD", 3600.0)
    async with asked("trust", KEY) as (app, pilot, task):
        await until(pilot, lambda: isinstance(app.screen, UnknownKey))
        await pilot.press("tab", *"yes", "enter", "escape", "q", "y")
        assert not task.done()
        assert isinstance(app.screen, UnknownKey)
        assert app.screen.query_one(Input).value == ""
        app.screen._arm()
        await pilot.press("escape")
        assert await asyncio.wait_for(task, 5) is False


async def test_the_guard_begins_anew_when_it_comes_to_the_top_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as (app, pilot):
        app.push_screen(Question("one", ["first"]))
        first = await shown(pilot, Question)
        app.push_screen(Quit())
        await shown(pilot, Quit)
        monkeypatch.setattr(Dialog, "GUARD", 3600.0)
        await pilot.press("n")
        await until(pilot, lambda: app.screen is first)
        await pilot.press("y")
        assert app.screen is first
        first._arm()
        await pilot.press("y")
        await until(pilot, lambda: app.screen is app.deck_screen)


async def test_an_entry_that_comes_to_the_top_again_takes_no_key_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asked("trust", KEY) as (app, pilot, task):
        dialog = await shown(pilot, UnknownKey)
        app.push_screen(Quit())
        await shown(pilot, Quit)
        monkeypatch.setattr(Dialog, "GUARD", 3600.0)
        await pilot.press("n", *"yes", "enter")
        await until(pilot, lambda: app.screen is dialog)
        assert dialog.query_one(Input).value == ""
        assert not task.done()


async def test_questions_come_one_after_another() -> None:
    async with stage() as (app, pilot):
        prompts = ScreenPrompts(app)
        tasks = [asyncio.create_task(prompts.trust(replace(KEY, node=f"hn{number}"))) for number in (21, 22, 23)]
        await shown(pilot, UnknownKey)
        assert "hn21 is unknown" in frame(pilot)
        assert len(app.screen_stack) == 2
        await pilot.press("escape")
        await until(pilot, lambda: "hn22 is unknown" in frame(pilot))
        assert "1 more question after this one" in frame(pilot)
        await shown(pilot, UnknownKey)
        await pilot.press(*"yes", "enter")
        await until(pilot, lambda: "hn23 is unknown" in frame(pilot))
        await shown(pilot, UnknownKey)
        await pilot.press("escape")
        assert await asyncio.gather(*tasks) == [False, True, False]


async def test_a_question_whose_asker_gave_up_goes_away() -> None:
    async with asked("trust", KEY) as (app, pilot, task):
        await shown(pilot, UnknownKey)
        app.push_screen(Quit())
        await shown(pilot, Quit)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pilot.press("n")
        await until(pilot, lambda: app.screen is app.deck_screen)


async def test_a_question_that_waits_can_be_given_up_too() -> None:
    async with stage() as (app, pilot):
        prompts = ScreenPrompts(app)
        first = asyncio.create_task(prompts.trust(KEY))
        await shown(pilot, UnknownKey)
        second = asyncio.create_task(prompts.password("root@hn14"))
        third = asyncio.create_task(prompts.password("root@hn15"))
        await pilot.pause()
        second.cancel()
        await pilot.press("escape")
        assert await first is False
        await until(pilot, lambda: "root@hn15" in frame(pilot))
        await shown(pilot, Secret)
        await pilot.press("escape")
        assert await third is None


# Changed key


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_changed_key_has_no_way_to_be_accepted(size: tuple[int, int]) -> None:
    made = fleet()
    node = made.store.nodes["hn12"]
    node.state, node.fault = NodeState.BLOCKED, FaultKind.HOST_KEY_CHANGED
    node.error = "hn12.example.net shows another host key (SHA256:9Qp) than /root/.ssh/known_hosts:41 has (SHA256:vZ1)"
    node.remedy = "If it was reinstalled: ssh-keygen -R hn12.example.net -f /root/.ssh/known_hosts"
    async with stage(made, size) as (app, pilot):
        look_at_node(app.deck_screen, "hn12")
        dialog = await shown(pilot, ChangedKey)
        assert "hn12 has ANOTHER KEY" in frame(pilot)
        assert "ssh-keygen -R hn12.example.net -f /root/.ssh/known_hosts" in frame(pilot)
        assert not dialog.query(Input)
        await pilot.press("y", "e", "s")
        assert app.screen is dialog
        await pilot.press("c")
        assert app.clipboard == "ssh-keygen -R hn12.example.net -f /root/.ssh/known_hosts"
        await until(pilot, lambda: "copied" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "remedy" in frame(pilot))
        assert made.refreshed == []


async def test_a_revoked_key_has_no_command_at_all() -> None:
    made = fleet()
    node = made.store.nodes["hn12"]
    node.state, node.fault = NodeState.BLOCKED, FaultKind.HOST_KEY_REVOKED
    node.error, node.remedy = "The host key of hn12 is revoked (known_hosts:3)", "Give the node a new host key"
    async with stage(made) as (app, pilot):
        look_at_node(app.deck_screen, "hn12")
        await shown(pilot, ChangedKey)
        assert "hn12 has a REVOKED KEY" in frame(pilot)
        assert "Give the node a new host key" in frame(pilot)
        assert "ssh-keygen" not in frame(pilot)
        await pilot.press("c")
        assert app.clipboard == ""


# Secrets


@pytest.mark.parametrize("question", ["passphrase", "password"])
async def test_a_secret_is_never_shown(question: str) -> None:
    async with asked(question, "root@hn13, key /root/.ssh/id_rsa") as (_, pilot, task):
        await shown(pilot, Secret)
        await pilot.press(*"s3cret")
        await until(pilot, lambda: "••••••" in frame(pilot))
        assert "s3cret" not in frame(pilot)
        assert "root@hn13" in frame(pilot)
        await pilot.press("enter")
        assert await asyncio.wait_for(task, 5) == "s3cret"
        await pilot.pause()
        assert "s3cret" not in frame(pilot)


async def test_a_secret_can_be_given_up() -> None:
    async with asked("password", "sudo on hn13") as (_, pilot, task):
        await shown(pilot, Secret)
        await pilot.press("a", "escape")
        assert await asyncio.wait_for(task, 5) is None


async def test_dialogs_in_ascii() -> None:
    async with stage(options=Options(ascii=True)) as (app, pilot):
        app.push_screen(Secret("password", "root@hn13"))
        await shown(pilot, Secret)
        await pilot.press("a", "b")
        await until(pilot, lambda: "**" in frame(pilot))
        assert frame(pilot).isascii()


# Yes and no


async def test_only_y_is_yes() -> None:
    async with stage() as (app, pilot):
        answers: list[object] = []
        app.push_screen(Quit(), answers.append)
        await shown(pilot, Quit)
        await pilot.press("enter", "space", "Y")
        assert answers == []
        await pilot.press("y")
        await until(pilot, lambda: answers == [True])


async def test_the_prompts_of_an_app_that_has_ended() -> None:
    async with stage() as (app, _):
        prompts = ScreenPrompts(app)
    assert await asyncio.wait_for(prompts.trust(KEY), 5) is False
    assert await asyncio.wait_for(prompts.password("x"), 5) is None
