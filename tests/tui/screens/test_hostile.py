"""Text of tenants on every screen: literal, on one line, no escape, no markup, no crash."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from rich.cells import cell_len

from backends.model import Beancounter, Container, Key, Limits, Lock, State, Usage
from backends.text import clean
from backends.transport import Completed
from tests.tui.screens.stage import HOSTILE, StageFleet, fleet, frame, stage, until
from tui.look import look, look_at_node


def infested(text: str) -> tuple[StageFleet, Key]:
    """A fleet in which everything that a node tells is `text`, cleaned as the readers do it."""
    told = clean(text)
    made = fleet()
    node = made.store.nodes["lab1"]
    node.error = node.remedy = told
    node.notes = (told, told)
    node.group = told
    node.facts = replace(node.facts, hostname=told, kernel=told, system=told, tools={told: told})
    key = Key("lab1", "openvz", told or "1")
    counters = {told: Beancounter(5, 5, 5, 5, 9), "numproc": Beancounter(2**62, 2**62, 2**62, None, 2**62)}
    made.store.put(
        Container(
            key,
            State.RUNNING,
            name=told,
            hostname=told,
            ips=(told, told),
            lock=Lock(told, 1, None, False),
            layout=told,
            template=told,
            usage=Usage(cpu_percent=1e9, memory_used=2**62, processes=2**40, uptime=1e12),
            limits=Limits(memory=1, processes=1),
            beancounters=counters,
            note=told,
        )
    )
    made.answer = Completed(0, b"\n".join([text.encode()] * 3), text.encode())
    return made, key


def unsafe(text: str) -> set[str]:
    return {
        char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_on_every_page(text: str) -> None:
    made, key = infested(text)
    async with stage(made) as (app, pilot):
        for action in ("details", "beancounters", "raw", "logs", "node-info"):
            look(app.deck_screen, action, key)
            await until(pilot, lambda: app.screen is not app.deck_screen and "lab1" in frame(pilot))
            await pilot.pause()
            seen = frame(pilot)
            assert not unsafe(seen)
            assert all(cell_len(line) <= 80 for line in seen.splitlines())
            if text.isascii() and text.isprintable() and text:
                assert text in seen
            app.pop_screen()
            await until(pilot, lambda: app.screen is app.deck_screen)


async def test_a_node_whose_remedy_is_markup() -> None:
    made, _ = infested("[@click=app.quit]ssh-keygen -R x[/]")
    made.store.nodes["lab1"].fault = "host-key-changed"
    async with stage(made) as (app, pilot):
        look_at_node(app.deck_screen, "lab1")
        await until(pilot, lambda: "ANOTHER KEY" in frame(pilot))
        assert "[@click=app.quit]" in frame(pilot)
