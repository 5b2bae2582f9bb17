"""The deck on a fleet that lies in memory: what a node would say is written down here."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from backends.backend import Backend, load
from backends.errors import CtdeckError, Fault, FaultKind
from backends.inventory import Inventory, NodeSpec
from backends.model import (
    Beancounter,
    Container,
    Key,
    Limits,
    Lock,
    Node,
    NodeFacts,
    NodeState,
    State,
    Usage,
)
from backends.store import Series, Store
from backends.transport import Completed, Terminal
from tui.app import Deck, Options

FRAMES = Path(__file__).parent / "frames"

G, M = 1 << 30, 1 << 20
WEB = Key("hn07", "openvz", "1042")
DB = Key("hn07", "openvz", "1051")
OLD = Key("hn07", "openvz", "230")
LXC = Key("lab1", "lxc", "mail")

#: What a tenant would name a container.
HOSTILE = (
    "[b]bold[/b]",
    "ct[/b]oops",
    "[@click=app.quit]x[/]",
    "$(reboot)`id`",
    "\x1b]0;owned\x07\x1b[2J",
    "名前" * 20,
    "",
)


class StageFleet:
    """A `Fleet` as the screens see it. `answers` holds what the next commands print, `ran` what was run."""

    def __init__(self) -> None:
        specs = (NodeSpec("hn07", tags=("production",)), NodeSpec("lab1"), NodeSpec("hn12"))
        self.inventory = Inventory(None, specs)
        self.store = Store()
        self.started = True
        self.paused = False
        self.refreshed: list[str | None] = []
        self.ran: list[tuple[str, tuple[str, ...]]] = []
        self.answer: Completed | CtdeckError = Completed(0, b"", b"")
        self.shell: Terminal | CtdeckError | None = None
        self.hold: asyncio.Event | None = None
        self._backends = load()
        for spec in specs:
            self.store.add_node(Node(spec.name, production=spec.production))

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def refresh(self, node: str | None = None) -> None:
        self.refreshed.append(node)

    def backend(self, name: str) -> Backend:
        return self._backends[name]

    async def run(self, node: str, script: str, *args: str, timeout: float, limit: int = 1 << 20) -> Completed:
        self.ran.append((script, args))
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.answer, CtdeckError):
            raise self.answer
        return self.answer

    async def terminal(self, node: str, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        if isinstance(self.shell, CtdeckError):
            raise self.shell
        assert self.shell is not None
        return self.shell


def fleet() -> StageFleet:
    """An overloaded production node, an LXC node, and one that is down."""
    made = StageFleet()
    store = made.store
    now = time.monotonic()
    hn07, lab1, hn12 = (store.nodes[name] for name in ("hn07", "lab1", "hn12"))
    for node in (hn07, lab1):
        node.state, node.answered, node.since, node.rtt = NodeState.UP, now - 1, now - 900, 0.0021
    hn07.backends, lab1.backends = ("openvz",), ("lxc",)
    hn07.facts = NodeFacts(
        hostname="hn07.example.net",
        kernel="2.6.32-042stab145.3",
        system="CentOS release 6.10 (Final)",
        tools={"vzctl": "4.11.1", "vzlist": "4.11.1", "ploop": "1.15", "awk": "GNU Awk 3.1.7"},
        cpus=8,
        cpu_percent=97.0,
        load=(38.2, 30.1, 12.0),
        memory_total=64 * G,
        memory_used=58 * G,
        swap_total=8 * G,
        swap_used=3 * G,
        disk_total=1800 * G,
        disk_used=950 * G,
        uptime=12 * 86400 + 4 * 3600,
        sampler_ms=1.24,
    )
    lab1.facts = NodeFacts(hostname="lab1", cpus=2, cpu_percent=3.0, memory_total=4 * G, memory_used=1 * G)
    hn12.state, hn12.since, hn12.retry_at = NodeState.DOWN, now - 360, now + 8
    hn12.fault, hn12.error = FaultKind.TIMEOUT, "hn12 (10.0.0.12:22) does not answer"
    hn12.remedy = "Is it switched on? Try: ssh hn12.example.net"
    store.put(_web())
    store.put(
        Container(
            DB,
            State.RUNNING,
            name="db-shop",
            hostname="db.example.net",
            ips=("10.0.4.51",),
            usage=Usage(cpu_percent=12.0, memory_used=2 * G, uptime=3600.0),
            limits=Limits(memory=16 * G, cpus=4),
        )
    )
    store.put(Container(OLD, State.STOPPED, name="web-old", limits=Limits(memory=2 * G)))
    store.put(Container(LXC, State.RUNNING, name="mail", usage=Usage(cpu_percent=1.0, memory_used=90 * M, uptime=77.0)))
    history(store, WEB)
    return made


def _web() -> Container:
    counters = {
        "kmemsize": Beancounter(14372700, 20 * M, 64 * M, 70 * M, 0),
        "privvmpages": Beancounter(65536, 65536, 65536, 69632, 120),
        "numproc": Beancounter(71, 90, 500, 500, 0),
        "physpages": Beancounter(90000, 91000, 0, None, 0),
        "tcpsndbuf": Beancounter(0, 3 * M, 4 * M, 6 * M, 3),
        "dcachesize": Beancounter(0, 0, None, None, 0),
    }
    return Container(
        WEB,
        State.RUNNING,
        name="web-shop",
        hostname="shop.example.net",
        ips=("10.0.4.42", "2001:db8::42"),
        lock=Lock("vzdump", 4711, time.time() - 1860),
        on_boot=True,
        layout="ploop",
        template="centos-7-x86_64",
        usage=Usage(
            cpu_percent=390.0,
            memory_used=int(7.6 * G),
            swap_used=0,
            disk_used=10 * G,
            inodes_used=210_000,
            processes=71,
            load=(4.2, 3.9, 3.1),
            uptime=12 * 86400 + 4 * 3600.0,
            rx_bytes=3 * G,
            tx_bytes=80 * G,
            failcnt=123,
            failcnt_growth=12,
        ),
        limits=Limits(
            cpus=4, cpu_percent=400.0, cpu_weight=1000, memory=8 * G, swap=G, disk=20 * G, inodes=1_300_000, processes=500,
            io_priority=4,
        ),
        beancounters=counters,
    )  # fmt: skip


def history(store: Store, key: Key) -> None:
    """An hour that begins quietly, has a hole in the middle and ends at the limit."""
    store.started = time.monotonic() - 4000.0
    series = store.series[key] = Series()
    for step in range(120):
        at = 400.0 + 30.0 * step
        hole = 50 <= step < 58
        series.cpu.coarse.append(at, math.nan if hole else 95 + 20 * math.sin(step / 5) if step < 100 else 390.0)
        series.memory.coarse.append(at, math.nan if hole else (3.5 + step / 30) * G)
    for step in range(150):
        at = 3700.0 + 2.0 * step
        series.cpu.recent.append(at, 95 + 20 * math.sin(step / 9) if step < 90 else 390.0)
        series.memory.recent.append(at, (6 + step / 95) * G)


@asynccontextmanager
async def stage(
    made: StageFleet | None = None, size: tuple[int, int] = (80, 24), options: Options | None = None
) -> AsyncIterator[tuple[Deck, Pilot[None]]]:
    """The deck on a stage fleet, and the keys to it."""
    cast = made or fleet()
    app = Deck(cast.inventory, options or Options(ascii=False))
    app._load = lambda: app.use(cast)  # type: ignore[method-assign,assignment,arg-type]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.fleet is not None)
        yield app, pilot


async def until(pilot: Pilot[None], condition: Callable[[], object], deadline: float = 20.0) -> None:
    """Wait until it holds; fails with the screen when it never does."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain; the screen:\n" + frame(pilot))
        await pilot.pause(0.01)


def frame(pilot: Pilot[None]) -> str:
    """What the screen shows, as text."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


def same(pilot: Pilot[None], name: str) -> None:
    """The frame is the one that is kept in `frames/`."""
    same_as(pilot, FRAMES / f"{name}.txt")


def same_as(pilot: Pilot[None], path: Path) -> None:
    """The frame is the one in that file; CTDECK_FRAMES=1 writes it anew, to be looked at."""
    seen = frame(pilot) + "\n"
    if os.environ.get("CTDECK_FRAMES") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen, encoding="utf-8")
    assert seen.splitlines() == path.read_text(encoding="utf-8").splitlines()


def lost(message: str) -> Fault:
    return Fault(FaultKind.LOST, message)
