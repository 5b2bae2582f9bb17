"""The transport of one node over SSH: everything on one authenticated connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

from .. import shell
from ..errors import Fault, FaultKind
from ..process import Process
from ..shells import Shells
from ..sudo import SudoPassword
from ..text import clean
from ..transport import SessionsUsedUp, Terminal, Transport
from .channels import SshProcess, SshTerminal
from .faults import lost
from .host import Host
from .login import Client

_CLOSE = 2.0  # seconds

_Session = TypeVar("_Session", bound=SshProcess)


class SshTransport(Shells, Transport):
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
        """`release` gives back what only this connection needed, when it has ended in whichever way."""
        super().__init__(node, host.user, sudo)
        self.host, self.notes = host, notes
        self._connection, self._client = connection, client
        self._sessions = 0  # opened, or being opened, ever: a refusal of the first is no shortage
        self._release = release
        self._released: asyncio.Future[None] | None = None
        client.ended.add_done_callback(lambda _: self._let_go())

    async def start(self, command: str) -> Process:
        return await self._session(SshProcess, command)

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        command = shell.terminal_command(argv, sudo=self.sudo is not None)
        opening = self._session(SshTerminal, command, term=term, size=(columns, rows))
        return await self.within(self.host.connect_timeout * 2, opening)

    async def wait_closed(self) -> Fault:
        return lost(await asyncio.shield(self._client.ended), self.host)

    async def close(self) -> None:
        """End the connection: politely within 2 s, then at once."""
        self._connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await self._connection.wait_closed()
        self._connection.abort()
        await asyncio.shield(self._let_go())

    def _let_go(self) -> asyncio.Future[None]:
        if self._released is None:
            self._released = asyncio.ensure_future(self._release())
        return self._released

    async def _session(
        self, factory: type[_Session], command: str, *, term: str = "", size: tuple[int, int] = (80, 24)
    ) -> _Session:
        """A new channel. Cancelled while the server thinks about it, it is closed as soon as it is there."""
        session = factory()
        opening = asyncio.create_task(self._create(session, command, term, size))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        except asyncssh.ChannelOpenError as error:
            raise self._refused(error) from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise lost(error, self.host) from None

    async def _create(self, session: _Session, command: str, term: str, size: tuple[int, int]) -> _Session:
        self._sessions += 1
        try:
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
        except BaseException:
            self._sessions -= 1
            raise
        return session

    def _refused(self, error: asyncssh.ChannelOpenError) -> Exception:
        if self._client.ended.done():
            return lost(self._client.ended.result(), self.host)
        if self._connection.is_closed() or error.reason == "SSH connection closed":
            return lost(None, self.host)
        if error.code != asyncssh.OPEN_REQUEST_SESSION_FAILED and self._sessions:
            return SessionsUsedUp(clean(error.reason, 200))
        said = clean(error.reason, 200)
        return Fault(
            FaultKind.SHELL,
            f"{self.node} allows no command" + (f": {said}" if said else ""),
            "Its sshd forbids sessions to this user (MaxSessions 0, ForceCommand, a restricted key)",
        )


def _close_late(opening: asyncio.Task[_Session]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
