"""Questions on the terminal of a command: a new host's key, a passphrase, a password. One at a time.

The line is read by the event loop, not by a thread, so that Ctrl-C and the end of the command end a waiting question.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from backends.prompts import NoPrompts, UnknownHostKey
from backends.text import clean


class Silent(NoPrompts):
    """Asks nothing: a script has nobody to answer."""

    asked = 0
    somebody = False

    async def answered(self) -> None:
        pass

    async def line(self, question: str) -> str | None:
        """Nobody answers."""
        return None


class Terminal:
    """Asks on `shown`, reads from `typed`; both are terminals. `asked` counts the questions so far."""

    somebody = True

    def __init__(self, typed: TextIO, shown: TextIO) -> None:
        self.asked = 0
        self._typed, self._shown = typed.fileno(), shown
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._none = asyncio.Event()
        self._none.set()

    async def answered(self) -> None:
        """Returns when no question waits for its answer."""
        await self._none.wait()

    async def trust(self, key: UnknownHostKey) -> bool:
        said = await self._ask(
            f"{clean(key.node)} is unknown: {clean(key.host)}:{key.port} {clean(key.algorithm)}\n"
            f"  {clean(key.fingerprint)}\n"
            f"Compare it with the node's own: ssh-keygen -lf /etc/ssh/ssh_host_{_kind(key.algorithm)}_key.pub\n"
            f"Type yes to trust it and to add it to {clean(key.known_hosts)}: ",
            echo=True,
        )
        return said is not None and said.strip() == "yes"

    async def passphrase(self, what: str) -> str | None:
        return await self._ask(f"Passphrase of {clean(what)} (nothing: do without it): ", echo=False) or None

    async def password(self, what: str) -> str | None:
        return await self._ask(f"{clean(what)} (nothing: give up): ", echo=False) or None

    async def line(self, question: str) -> str | None:
        """What was typed in answer, without blanks around it; None at an end of input."""
        said = await self._ask(question, echo=True)
        return None if said is None else said.strip()

    async def _ask(self, question: str, *, echo: bool) -> str | None:
        """The line that was typed, without its end; None at an end of input."""
        self.asked += 1
        self._waiting += 1
        self._none.clear()
        try:
            async with self._turn:
                with _terminal(self._typed, echo=echo):
                    print(question, end="", file=self._shown, flush=True)
                    data = b""
                    try:
                        data = await _line(self._typed)
                    finally:  # also when the command ends meanwhile
                        if not echo or not data.endswith(b"\n"):
                            print(file=self._shown)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._none.set()
        return data.decode("utf-8", "surrogateescape").rstrip("\r\n") if data else None


def _kind(algorithm: str) -> str:
    """The part of a host key's file name that tells its algorithm."""
    return next((kind for kind in ("ed25519", "ecdsa", "rsa") if kind in algorithm.lower()), "*")


def questions(*, allowed: bool) -> Terminal | Silent:
    """Who answers: the person at the terminal, if `allowed` and there is one."""
    somebody = allowed and sys.stdin.isatty() and sys.stderr.isatty()
    return Terminal(sys.stdin, sys.stderr) if somebody else Silent()


async def _line(descriptor: int) -> bytes:
    """One line of a terminal in its line mode; b"" at an end of input."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()

    def readable() -> None:
        if not done.done():
            done.set_result(os.read(descriptor, 4096))

    loop.add_reader(descriptor, readable)
    try:
        return await done
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _terminal(descriptor: int, *, echo: bool) -> Iterator[None]:
    """Forget what was typed ahead; without `echo` show nothing of what is typed. Put back in every outcome."""
    before = termios.tcgetattr(descriptor)
    during = [*before[:3], before[3] if echo else before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, during)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
