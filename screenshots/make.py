"""Draw the pictures of the README from the demo fleet: SVG, and PNG where `rsvg-convert` is. `make screenshots`."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from backends.inventory import load
from tui.app import Deck, Options, Source

HERE = Path(__file__).parent
#: Seconds of history that the graphs shall show.
HISTORY = 45.0
DEADLINE = 120.0

Drive = Callable[[Pilot[None]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: what is done before it is taken. `scenario` None: there is no fleet."""

    name: str
    drive: Drive
    size: tuple[int, int] = (120, 36)
    scenario: str | None = "tour"
    history: float = 6.0  # seconds of figures before it begins
    known: bool = True  # False: one node's host key is not known yet
    before: tuple[str, ...] = ()  # command lines of ctdeck, run on the fleet before the deck is opened


async def nothing(pilot: Pilot[None]) -> None:
    """The deck as it is."""


def keys(*names: str) -> Drive:
    async def press(pilot: Pilot[None]) -> None:
        for name in names:
            await pilot.press(name)
            await pilot.pause()

    return press


def culprit_then(*names: str) -> Drive:
    """Keys with the cursor on the container that eats the CPU, below the two nodes in trouble."""
    return keys("/", *"cpu>300", "enter", "g", "j", "j", *names)


def row_then(filter_words: str, *names: str) -> Drive:
    """Keys with the cursor on the one container that the filter finds."""
    typed = ["space" if char == " " else "colon" if char == ":" else char for char in filter_words]
    return keys("/", *typed, "enter", "g", *names)


SNAPSHOTS = (
    "snapshot create hn02/2001 --name clean-install",
    "snapshot create hn02/2001 --name before-php8",
    "snapshot create hn02/2001 --name tried-php8",
    "snapshot revert hn02/2001 before-php8 --confirm hn02/2001",
)


SHOTS = (
    Shot("fleet", nothing, history=30.0),
    Shot("fleet-80x24", nothing, size=(80, 24), history=30.0),
    Shot("side-by-side", keys("|"), size=(160, 36), history=20.0),
    Shot("details", culprit_then("enter"), history=HISTORY),
    Shot("trouble", keys("f"), history=20.0),
    Shot("limits", culprit_then("e"), history=12.0),
    Shot("plan", culprit_then("r"), history=12.0),
    Shot("snapshots", row_then("mail-oakfield node:hn02", "p"), scenario="healthy", before=SNAPSHOTS),
    Shot("jobs", keys("J"), scenario="healthy", before=(*SNAPSHOTS, "restart hn03/3001")),
    Shot("help", keys("?")),
    Shot("host-key", nothing, scenario="healthy", known=False, history=0.0),
    Shot("first-steps", nothing, scenario=None),
)


@contextmanager
def demo(scenario: str) -> Iterator[Path]:
    """A served demo; its fleet file."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "backends.demo", "--scenario", scenario, "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Path(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait(10)


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("a screen did not become what it should")
        await pilot.pause(0.1)


async def take(shot: Shot, source: Source | None) -> None:
    app = Deck(source, Options(ascii=False))
    async with app.run_test(size=shot.size) as pilot:
        if shot.known and source is not None:
            await until(pilot, lambda: len(app.store.containers) > 40)
            start = time.monotonic()
            await until(pilot, lambda: time.monotonic() - start > shot.history)
        elif source is not None:
            await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.pause(1.0)
        await shot.drive(pilot)
        await pilot.pause(3.0)  # what is asked of a node has come
        svg = app.export_screenshot(title="ctdeck", simplify=True)
    (HERE / f"{shot.name}.svg").write_text(svg, encoding="utf-8")
    if converter := shutil.which("rsvg-convert"):
        png = await asyncio.create_subprocess_exec(converter, "-o", HERE / f"{shot.name}.png", stdin=subprocess.PIPE)
        await png.communicate(without_leading_blanks(svg).encode())
    print(f"{shot.name}: {shot.size[0]}x{shot.size[1]}", flush=True)


def without_leading_blanks(svg: str) -> str:
    """The same picture for rsvg, which drops blanks at the begin and the end of a text and then moves it."""
    cell = 12.2  # width of a character in Textual's pictures

    def shifted(found: re.Match[str]) -> str:
        x, y, length, rest, text = float(found[1]), found[2], float(found[3]), found[4], found[5]
        kept = re.sub("^(?:&#160;)+", "", text)
        left = (len(text) - len(kept)) / 6 * cell
        core = re.sub("(?:&#160;)+$", "", kept)
        right = (len(kept) - len(core)) / 6 * cell
        return f'x="{x + left:g}" y="{y}" textLength="{length - left - right:g}"{rest}>{core}<' if core else "><"

    return re.sub(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>([^<]*)<', shifted, svg)


def forget_one_key(fleet: Path) -> None:
    """The fleet as somebody has it who has never been on its third node."""
    known = fleet.parent / "known_hosts"
    lines = known.read_text().splitlines(keepends=True)
    known.write_text("".join(line for place, line in enumerate(lines) if place != 2))


async def main() -> None:
    chosen = [shot for shot in SHOTS if not sys.argv[1:] or shot.name in sys.argv[1:]]
    for shot in chosen:
        if shot.scenario is None:
            await take(shot, None)
            continue
        with demo(shot.scenario) as fleet:
            if not shot.known:
                forget_one_key(fleet)
            for words in shot.before:
                command = [sys.executable, "-m", "tui", "--fleet", str(fleet), *words.split(), "--yes"]
                ended = await asyncio.create_subprocess_exec(*command, stdin=subprocess.DEVNULL, cwd=HERE.parent)
                await ended.wait()
            await take(shot, load(fleet))


if __name__ == "__main__":
    asyncio.run(main())
