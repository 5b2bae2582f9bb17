"""The whole way on a simulated node behind a real SSH server: stop a container, see it stopped, undo."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.inventory import load
from backends.model import NodeState, State
from tests.tui.screens.stage import frame, until
from tui.app import Deck, Options
from tui.screens.jobs import JobList, JobLog
from tui.screens.picker import Picker
from tui.screens.plan import PlanDialog

ROOT = Path(__file__).parents[3]


@pytest.fixture
def served() -> Iterator[Path]:
    """The fleet file of one simulated node."""
    command = [sys.executable, "-m", "backends.demo", "--nodes", "1", "--containers", "3", "--until-eof"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Path(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait(20)


async def test_stop_see_it_stopped_undo(served: Path) -> None:
    app = Deck(load(served), Options(ascii=False))
    async with app.run_test(size=(110, 30)) as pilot:
        store = app.store

        def running() -> bool:
            nonlocal store
            store = app.store
            up = all(node.state is NodeState.UP for node in store.nodes.values())
            return up and any(c.state is State.RUNNING and c.lock is None for c in store.containers.values())

        await until(pilot, running, 60)
        key = next(c.key for c in store.containers.values() if c.state is State.RUNNING and c.lock is None)
        node = store.nodes[key.node]
        target = f"{key.node}/{key.id}"

        async def approve() -> None:
            dialog = app.screen
            assert isinstance(dialog, PlanDialog)
            await until(pilot, lambda: dialog.ready, 30)
            if node.production and dialog.locked:
                await pilot.press("a")
                await until(pilot, lambda: dialog.ready and dialog.to_type, 30)
            if dialog.to_type:
                await pilot.press(*("slash" if char == "/" else char for char in dialog.to_type), "enter")
            else:
                await pilot.press("y")

        table = app.deck_screen.panes.active
        await until(pilot, lambda: table.listing.place(key) is not None)
        table.go_to_key(key)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, Picker))
        await pilot.press("s", "t", "o", "p", "enter")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        await until(pilot, lambda: "vzctl stop" in frame(pilot), 30)
        await approve()
        await until(pilot, lambda: f"stop of {target}: done and verified" in frame(pilot), 60)
        await until(pilot, lambda: store.containers[key].state is State.STOPPED, 30)

        await pilot.press("U")
        await until(pilot, lambda: isinstance(app.screen, PlanDialog))
        await until(pilot, lambda: "vzctl start" in frame(pilot), 30)
        await approve()
        await until(pilot, lambda: store.containers[key].state is State.RUNNING, 60)
        await until(pilot, lambda: len(app.changing.ended) == 2, 60)

        await pilot.press("J")
        await until(pilot, lambda: isinstance(app.screen, JobList) and frame(pilot).count(target) == 2, 30)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JobLog) and "vzctl start" in frame(pilot), 30)
