"""A program for a real terminal: the deck on a stage fleet, whose shell we play, while the figures never rest.

`python -m tests.tui.screens.shell_stage TICKS` opens the shell of lab1/mail on the key `s`. The shell echoes what is
typed, and ends at Ctrl-D. The file TICKS holds how often the deck has ticked.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.tui.screens.stage import LXC, fleet
from tui.app import Deck, Options


class Echo:
    """A shell that says what it hears."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.status: int | None = 0
        self.said.put_nowait(b"SHELL-PROMPT$ ")

    async def read(self) -> bytes:
        return await self.said.get()

    def write(self, data: bytes) -> None:
        for byte in data:
            if byte == 0x18:  # Ctrl-X: the connection breaks
                self.status = None
            self.said.put_nowait(b"" if byte in (4, 0x18) else bytes([byte]) if byte != 13 else b"\r\n")

    def resize(self, columns: int, rows: int) -> None:
        self.said.put_nowait(b"<%dx%d>" % (columns, rows))

    async def wait(self) -> int | None:
        return self.status

    def close(self) -> None: ...


def main() -> None:
    ticks = Path(sys.argv[1])
    made = fleet()
    for node in made.store.nodes.values():
        node.production = False
    app = Deck(made.inventory, Options(ascii=False))
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        ticks.write_text(str(count))
        made.store.containers[LXC].usage.cpu_percent = float(count)
        made.store.touch(LXC)
        app.deck_screen.rearrange()

    def load() -> None:
        app.use(made)  # type: ignore[arg-type]
        app.set_interval(0.01, tick)
        app.deck_screen.panes.active.go_to_key(LXC)

    async def terminal(*_: object, **__: object) -> Echo:
        return Echo()

    made.terminal = terminal  # type: ignore[method-assign,assignment]
    app._load = load  # type: ignore[method-assign]
    app.run(mouse=False)


if __name__ == "__main__":
    main()
