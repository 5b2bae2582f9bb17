"""The deck as a person sees it: rows, header, keys. Nodes and containers are written into the store by hand."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from backends.model import Container, Key, Limits, Lock, NodeFacts, NodeState, State, Usage
from tests.tui.screens.stage import StageFleet, frame, until
from tui.app import Deck, Options
from tui.screens.deck import DeckScreen

FRAMES = Path(__file__).parent / "frames"
G = 1 << 30

NAMES = ("web-front", "web-shop", "db-main", "mail", "cron-1", "redis", "wiki", "proxy")


class Fleet(StageFleet):
    """Nodes `hn01`... with the containers of `fill`, or whatever a test puts there."""

    def __init__(self, *names: str, production: str = "") -> None:
        super().__init__()
        from backends.inventory import Inventory, NodeSpec
        from backends.model import Node
        from backends.store import Store

        self.store = Store()
        specs = [NodeSpec(name, tags=("production",) if name == production else ()) for name in names]
        self.inventory = Inventory(None, tuple(specs))
        for name in names:
            self.store.add_node(Node(name, production=name == production))

    def up(self, name: str, *, cpu: float = 20.0, load: float = 1.0, memory: float = 0.4) -> None:
        node = self.store.nodes[name]
        now = time.monotonic()
        node.state, node.answered, node.since = NodeState.UP, now, now - 900
        node.facts = NodeFacts(
            cpus=8,
            cpu_percent=cpu,
            load=(load, load, load),
            memory_total=64 * G,
            memory_used=int(64 * G * memory),
            uptime=9e5,
        )
        self.store.record_node(name, cpu, memory)
        self.store.touch_node(name)

    def down(self, name: str, seconds: float = 360, error: str = "it does not answer") -> None:
        node = self.store.nodes[name]
        now = time.monotonic()
        node.state, node.answered, node.since = NodeState.DOWN, now - seconds, now - seconds
        node.retry_at, node.error = now + 480.4, error
        self.store.touch_node(name)

    def put(self, node: str, identifier: str, name: str | None = "web", **said: object) -> Container:
        """A running container that is well, but for what is said."""
        place = len(self.store.containers)
        container = Container(
            Key(node, "openvz", identifier),
            State.RUNNING,
            name,
            hostname=f"{name}.example.net",
            ips=(f"10.{4 + place // 62500}.{place // 250 % 250}.{place % 250 + 1}/24",),
            layout="ploop",
            template="centos-7",
            usage=Usage(cpu_percent=12.0, memory_used=G, disk_used=5 * G, processes=30, uptime=86400.0 * 3, failcnt=0),
            limits=Limits(cpus=4, cpu_percent=400, memory=4 * G, disk=20 * G, processes=500),
        )
        for field, value in said.items():
            setattr(container, field, value)
        self.store.put(container)
        self.store.record(container.key, container.usage.cpu_percent, container.usage.memory_used)
        return container

    def change(self, container: Container, cpu: float) -> None:
        container.usage.cpu_percent = cpu
        self.store.touch(container.key)


def small() -> Fleet:
    """Four nodes with eight containers each: one down, one production, one with every kind of trouble."""
    fleet = Fleet("hn01", "hn02", "hn03", "hn04", production="hn03")
    for place, node in enumerate(fleet.store.nodes, 1):
        fleet.up(node, cpu=10.0 * place, load=place)
        for number, name in enumerate(NAMES):
            said: dict[str, object] = {}
            if number == 6:
                said = {"state": State.STOPPED, "usage": Usage(disk_used=3 * G)}
            container = fleet.put(node, str(100 * place + number + 1), name, **said)
            if number != 6:
                container.usage.cpu_percent = float(10 * number + place)
    shop = fleet.store.containers[Key("hn01", "openvz", "102")]
    shop.usage.memory_used, shop.usage.failcnt, shop.usage.failcnt_growth = int(3.9 * G), 120, 12
    shop.usage.cpu_percent = 390.0
    fleet.store.containers[Key("hn03", "openvz", "305")].lock = Lock("vzdump", 4711, time.time() - 1865)
    fleet.down("hn02")
    return fleet


class DeckPage:
    """What is on the deck, and the keys to it."""

    def __init__(self, app: Deck, pilot: Pilot[None], fleet: Fleet) -> None:
        self.app = app
        self.pilot = pilot
        self.fleet = fleet

    @property
    def screen(self) -> DeckScreen:
        return self.app.deck_screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def tick(self) -> None:
        self.app.tick()
        await self.pilot.pause()

    async def resort(self) -> None:
        """A tick after which the rows are sorted anew."""
        self.screen._sorted_at = self.screen._key_at = -1e9
        await self.tick()

    @property
    def text(self) -> str:
        return frame(self.pilot)

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def header(self) -> str:
        return self.lines[0]

    @property
    def rule(self) -> str:
        return next(line for line in self.lines if line.startswith("──"))

    @property
    def titles(self) -> list[str]:
        return next(line for line in self.lines if "STATE" in line and "CPU%" in line).split()

    @property
    def footer(self) -> str:
        return self.lines[-1]

    @property
    def rows(self) -> list[str]:
        """Lines of containers and nodes, from the table of the active pane: `node/id`."""
        return [f"{row.key.node}/{row.key.id}" for row in self.screen.table.listing.order]

    @property
    def cursor(self) -> str:
        """What the line under the cursor says."""
        found = [line for line in self.lines if "▸" in line]
        assert len(found) == 1, self.text
        return found[0]

    def line(self, *words: str) -> str:
        """The line in which all these words stand."""
        found = [line for line in self.lines if all(word in line for word in words)]
        assert len(found) == 1, f"{words} stand in {len(found)} lines of\n{self.text}"
        return found[0]

    def same(self, name: str) -> None:
        """The screen is the one kept in `frames/`. CTDECK_UPDATE_FRAMES=1 writes it anew, to be looked at."""
        path = FRAMES / f"{name}.txt"
        if os.environ.get("CTDECK_UPDATE_FRAMES") == "1":
            path.write_text(self.text + "\n", encoding="utf-8")
        assert self.text + "\n" == path.read_text(encoding="utf-8")


@asynccontextmanager
async def deck(
    fleet: Fleet | None = None, size: tuple[int, int] = (80, 24), options: Options | None = None
) -> AsyncIterator[DeckPage]:
    """The deck on a fleet that lies in memory. Nothing moves but by `DeckPage.tick`."""
    made = fleet or small()
    app = Deck(made.inventory, options or Options(ascii=False))

    def load() -> None:
        app.use(made)  # type: ignore[arg-type]
        assert app._ticking is not None
        app._ticking.stop()
        app.tick()
        assert app._ticking is not None
        app._ticking.stop()

    app._load = load  # type: ignore[method-assign]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.fleet is not None)
        await pilot.pause()
        yield DeckPage(app, pilot, made)
