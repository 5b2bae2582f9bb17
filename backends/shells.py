"""Shells and short commands on a node, whatever carries them: the part of a transport that SSH and this machine share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from . import shell
from .errors import Fault, FaultKind
from .process import Process
from .sudo import PasswordWanted, SudoPassword
from .transport import Channel, Completed

_SHORT_AT_ONCE = 3  # short commands of one node at a time: sshd's MaxSessions is 10, and the sampler needs one
_ENDLESS = 8 << 20  # bytes past the limit after which a command is cut off

Result = TypeVar("Result")


class Shells:
    """Fulfils `open` and `run` of `transport.Transport`; a subclass starts the processes."""

    def __init__(self, node: str, user: str, sudo: SudoPassword | None) -> None:
        """`sudo`: how to become root; None where that is not wanted, or not needed."""
        self.node, self.user = node, user
        self.sudo = sudo
        self._short = asyncio.Semaphore(_SHORT_AT_ONCE)

    async def start(self, command: str) -> Process:
        """Give `command` to the login shell. Raises Fault, SessionsUsedUp."""
        raise NotImplementedError

    async def open(self, *, timeout: float) -> Channel:
        return await self._asking(lambda: self.within(timeout, self._start(shell.INTERACTIVE)))

    async def run(self, script: str, *args: str, timeout: float, stdin: bytes = b"", limit: int = 1 << 20) -> Completed:
        mark = shell.new_mark()
        text = shell.feed(mark, script, args)

        async def in_turn() -> Completed:
            async with self._short:
                return await self._run(mark, text, stdin, limit)

        return await self._asking(lambda: self.within(timeout, in_turn()))

    async def within(self, seconds: float, work: Awaitable[Result]) -> Result:
        """`work`, or Fault(NO_ANSWER) after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise Fault(
                FaultKind.NO_ANSWER,
                f"{self.node} did not answer within {seconds:g} s",
                "The node is overloaded or frozen; it is asked again",
            ) from None

    async def _asking(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """`work`, and once more when sudo wanted a password first. The person is not hurried by its deadline."""
        try:
            return await work()
        except PasswordWanted:
            assert self.sudo is not None
            await self.sudo.ask(self.node, self.user)
            return await work()

    async def _start(self, inner: str) -> Process:
        """`inner` on the node, as root where that is wanted."""
        if self.sudo is None:
            return await self.start(shell.command(inner))
        return await self.sudo.start(inner, self.start, node=self.node, user=self.user)

    async def _run(self, mark: str, text: bytes, stdin: bytes, limit: int) -> Completed:
        process = await self._start(shell.once(with_input=bool(stdin)))
        try:
            process.stderr_limit = _ENDLESS
            process.write(text + stdin)
            if stdin:
                process.write_eof()
            output, thrown_away = bytearray(), 0
            room = limit + len(mark) + 1 + shell.NOISE
            while data := await process.read():
                kept = data[: max(0, room - len(output))]
                output += kept
                thrown_away += len(data) - len(kept)
                if thrown_away > _ENDLESS:
                    break
            if thrown_away > _ENDLESS or process.stderr_length > _ENDLESS:
                raise Fault(FaultKind.DATA, f"A command on {self.node} prints without end", "Look at it there")
            status = await process.wait()
            return self._completed(process, status, bytes(output), mark.encode(), limit)
        finally:
            process.close()

    def _completed(self, process: Process, status: int | None, output: bytes, mark: bytes, limit: int) -> Completed:
        own = shell.cut_noise(output, mark)
        if own is None:
            if status is None:
                return Completed(None, b"", b"")
            raise shell.shell_fault(self.node, output, process.stderr)
        said = shell.cut_noise(process.stderr, mark)
        said = process.stderr if said is None else said
        cut = len(own) > limit or len(said) > limit or process.stderr_length > len(process.stderr)
        return Completed(status, own[:limit], said[:limit], cut)
