"""The transport of one node over SSH: shells, short commands and terminals on one authenticated connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

from .. import shell
from ..errors import Fault, FaultKind
from ..text import clean
from ..transport import Channel, Completed, SessionsUsedUp, Terminal, Transport
from .channels import PtyChannel, ShellChannel
from .faults import lost
from .host import Host
from .login import Client
from .sudo import PasswordWanted, SudoPassword

_SHORT_AT_ONCE = 3  # short commands of one node at a time: sshd's MaxSessions is 10, and the sampler needs one
_CLOSE = 2.0  # seconds
_ENDLESS = 8 << 20  # bytes past the limit after which a command is cut off

_Result = TypeVar("_Result")
_Session = TypeVar("_Session", bound=ShellChannel)


class SshTransport(Transport):
    """One node. `notes` are for people: what is unusual about this connection, for example old algorithms."""

    def __init__(
        self,
        node: str,
        host: Host,
        connection: asyncssh.SSHClientConnection,
        client: Client,
        *,
        sudo: SudoPassword | None,
        notes: tuple[str, ...],
        release: Callable[[], Awaitable[None]],
    ) -> None:
        self.node, self.host, self.notes = node, host, notes
        self._connection, self._client = connection, client
        self._sudo = sudo
        self._short = asyncio.Semaphore(_SHORT_AT_ONCE)
        self._channels: set[ShellChannel] = set()
        self._release = release
        self._released: asyncio.Task[None] | None = None
        client.ended.add_done_callback(lambda _: self._let_go())

    async def open(self, *, timeout: float) -> Channel:
        return await self._asking(lambda: self._within(timeout, self._start(shell.INTERACTIVE)))

    async def run(self, script: str, *args: str, timeout: float, stdin: bytes = b"", limit: int = 1 << 20) -> Completed:
        mark = shell.new_mark()
        text = shell.feed(mark, script, args)

        async def in_turn() -> Completed:
            async with self._short:
                return await self._run(mark, text, stdin, limit)

        return await self._asking(lambda: self._within(timeout, in_turn()))

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        command = shell.terminal_command(argv, sudo=self._sudo is not None)
        opening = self._session(PtyChannel, command, term=term, size=(columns, rows))
        return await self._within(self.host.connect_timeout * 2, opening)

    async def wait_closed(self) -> Fault:
        return lost(await asyncio.shield(self._client.ended), self.host)

    async def close(self) -> None:
        """End the connection: politely within 2 s, then at once."""
        self._connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await self._connection.wait_closed()
        self._connection.abort()
        self._let_go()
        if self._released is not None:
            await asyncio.shield(self._released)

    def _let_go(self) -> None:
        if self._released is None:
            self._released = asyncio.ensure_future(self._release())

    async def _run(self, mark: str, text: bytes, stdin: bytes, limit: int) -> Completed:
        channel = await self._start(shell.once(with_input=bool(stdin)))
        try:
            channel.write(text + stdin)
            if stdin:
                channel.write_eof()
            output, thrown_away = bytearray(), 0
            room = limit + len(mark) + shell.NOISE
            while data := await channel.read():
                kept = data[: max(0, room - len(output))]
                output += kept
                thrown_away += len(data) - len(kept)
                if thrown_away > _ENDLESS:
                    raise Fault(FaultKind.DATA, f"A command on {self.node} prints without end", "")
            status = await channel.wait()
            return self._completed(status, bytes(output), channel.stderr, mark.encode(), limit, thrown_away > 0)
        finally:
            channel.close()

    def _completed(
        self, status: int | None, output: bytes, errors: bytes, mark: bytes, limit: int, cut: bool
    ) -> Completed:
        own = shell.cut_noise(output, mark)
        if own is None:
            if status is None or self._client.ended.done():
                return Completed(None, b"", b"")
            raise shell.shell_fault(self.node, output, errors)
        said = shell.cut_noise(errors, mark)
        return Completed(status, own[:limit], errors if said is None else said, cut or len(own) > limit)

    async def _start(self, inner: str) -> ShellChannel:
        """`inner` on the node, as root where the node's settings say so."""
        if self._sudo is None:
            return await self._session(ShellChannel, shell.command(inner))
        return await self._sudo.start(
            inner, lambda command: self._session(ShellChannel, command), node=self.node, user=self.host.user
        )

    async def _session(
        self, factory: type[_Session], command: str, *, term: str = "", size: tuple[int, int] = (80, 24)
    ) -> _Session:
        """A new channel. Cancelled while the server thinks about it, it is closed as soon as it is there."""
        session = factory(self._channels.discard)
        opening = asyncio.create_task(self._create(session, command, term, size))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        except asyncssh.ChannelOpenError as error:
            raise self._refused(error) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise lost(error, self.host) from None
        return session

    async def _create(self, session: _Session, command: str, term: str, size: tuple[int, int]) -> _Session:
        await self._connection.create_session(
            lambda: session,
            command,
            env={},
            send_env=[],
            request_pty="force" if term else False,
            term_type=term or None,
            term_size=size if term else None,
            x11_forwarding=False,
            encoding=None,
        )
        self._channels.add(session)
        return session

    def _refused(self, error: asyncssh.ChannelOpenError) -> Exception:
        if self._client.ended.done() or self._connection.is_closed() or error.reason == "SSH connection closed":
            ended = self._client.ended.result() if self._client.ended.done() else None
            return lost(ended, self.host)
        if error.code != asyncssh.OPEN_REQUEST_SESSION_FAILED and self._channels:
            return SessionsUsedUp(clean(error.reason, 200))
        said = clean(error.reason, 200)
        return Fault(
            FaultKind.SHELL,
            f"{self.node} allows no command" + (f": {said}" if said else ""),
            "Its sshd forbids sessions to this user (MaxSessions 0, ForceCommand, a restricted key)",
        )

    async def _asking(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """`work`, and once more when sudo wanted a password first. The person is not hurried by its deadline."""
        try:
            return await work()
        except PasswordWanted:
            assert self._sudo is not None
            await self._sudo.ask(self.node, self.host.user)
            return await work()

    async def _within(self, seconds: float, work: Awaitable[_Result]) -> _Result:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise self._no_answer(seconds) from None

    def _no_answer(self, seconds: float) -> Fault:
        return Fault(
            FaultKind.NO_ANSWER,
            f"{self.node} did not answer within {seconds:g} s",
            "The node is overloaded or frozen; it is asked again",
        )


def _close_late(opening: asyncio.Task[_Session]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
