"""The deck with a changer that asks no node, and what a person sees and presses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from textual.pilot import Pilot
from textual.screen import Screen

from backends.model import Key
from tests.tui.changes.fake import Extra, FakeChanger, FakeJobs
from tests.tui.deck.page import Fleet, small
from tests.tui.screens.stage import frame, same_as, until
from tui.app import Deck, Options
from tui.screens.plan import PlanDialog

FRAMES = Path(__file__).parent / "frames"
Kind = TypeVar("Kind", bound=Screen)  # type: ignore[type-arg]

WEB = Key("hn01", "openvz", "102")
PROD = Key("hn03", "openvz", "302")


def nodes(count: int, each: int) -> Fleet:
    """Nodes that are well, with running containers."""
    fleet = Fleet(*(f"hn{number:02d}" for number in range(1, count + 1)))
    for place, node in enumerate(fleet.store.nodes, 1):
        fleet.up(node)
        for number in range(each):
            fleet.put(node, str(100 * place + number), f"web{number}")
    return fleet


class ChangePage:
    """What is on the screen, and the keys to it."""

    def __init__(self, app: Deck, pilot: Pilot[None], changer: FakeChanger) -> None:
        self.app = app
        self.pilot = pilot
        self.changer = changer

    @property
    def said(self) -> Extra:
        return self.changer.extra

    @property
    def jobs(self) -> FakeJobs:
        jobs = self.changer.jobs
        assert isinstance(jobs, FakeJobs)
        return jobs

    @property
    def text(self) -> str:
        return frame(self.pilot)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*("slash" if char == "/" else "full_stop" if char == "." else char for char in text))

    async def on(self, key: Key) -> None:
        """The cursor onto that container."""
        self.app.deck_screen.panes.active.go_to_key(key)
        await self.pilot.pause()

    async def shows(self, *words: str) -> None:
        await until(self.pilot, lambda: all(word in self.text for word in words))

    async def at(self, kind: type[Kind]) -> Kind:
        await until(self.pilot, lambda: isinstance(self.app.screen, kind))
        screen = self.app.screen
        assert isinstance(screen, kind)
        await self.pilot.pause()
        return screen

    async def plan(self) -> PlanDialog:
        """The plan dialog, when its keys count."""
        dialog = await self.at(PlanDialog)
        await until(self.pilot, lambda: dialog.ready)
        words = "Tab other keys" if dialog.to_type else "n cancel"
        await until(self.pilot, lambda: words in self.text)
        await self.pilot.pause()
        return dialog

    async def back_on_deck(self) -> None:
        await until(self.pilot, lambda: self.app.screen is self.app.deck_screen)

    def line(self, *words: str) -> str:
        found = [line for line in self.text.split("\n") if all(word in line for word in words)]
        assert len(found) == 1, f"{words} stand in {len(found)} lines of\n{self.text}"
        return found[0]

    def only_text(self) -> None:
        """Nothing on the screen is a command to the terminal."""
        for strip in self.app.screen._compositor.render_strips():
            assert all(char.isprintable() for part in strip if not part.control for char in part.text)

    def same(self, name: str) -> None:
        same_as(self.pilot, FRAMES / f"{name}.txt")


@asynccontextmanager
async def changes(
    fleet: Fleet | None = None, size: tuple[int, int] = (80, 24), options: Options | None = None
) -> AsyncIterator[ChangePage]:
    made = fleet or small()
    app = Deck(made.inventory, options or Options(ascii=False))
    changer = FakeChanger(made)

    def load() -> None:
        app.use(made)  # type: ignore[arg-type]
        app.changing.changer = changer

    app._load = load  # type: ignore[method-assign]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.fleet is not None)
        await pilot.pause()
        yield ChangePage(app, pilot, changer)
