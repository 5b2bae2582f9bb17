"""A terminal on a connection of its own, which ends with it: for servers that allow one session on each connection."""

from __future__ import annotations

import asyncio
import contextlib

from .errors import Fault, FaultKind
from .transport import SessionsUsedUp, Terminal, Transport


class LoneTerminal(Terminal):
    """`terminal`, the only session of `transport`. Closing it closes both."""

    def __init__(self, terminal: Terminal, transport: Transport) -> None:
        self._terminal, self._transport = terminal, transport
        self._closing: asyncio.Task[None] | None = None

    async def read(self) -> bytes:
        return await self._terminal.read()

    def write(self, data: bytes) -> None:
        self._terminal.write(data)

    def resize(self, columns: int, rows: int) -> None:
        self._terminal.resize(columns, rows)

    async def wait(self) -> int | None:
        return await self._terminal.wait()

    def close(self) -> None:
        self._terminal.close()
        if self._closing is None:
            self._closing = asyncio.create_task(_close(self._transport))


async def open_on(transport: Transport, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> LoneTerminal:
    """`argv` in a terminal on a connection that nobody else uses. Raises `Fault`; the connection is closed then."""
    try:
        return LoneTerminal(await transport.terminal(argv, term=term, columns=columns, rows=rows), transport)
    except SessionsUsedUp:
        await _close(transport)
        raise Fault(FaultKind.SHELL, "The server allows no session for a terminal") from None
    except BaseException:
        await _close(transport)
        raise


async def _close(transport: Transport) -> None:
    with contextlib.suppress(Fault):
        await transport.close()
