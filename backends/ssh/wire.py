"""The bytes below one SSH connection: TCP, a ProxyCommand, or a channel through a jump host; and what the far end says
before it speaks SSH.

asyncssh reports a server that closes, talks HTTP or says nothing with one and the same empty exception. `Wire` stands
between it and the transport until the version line is there, so that each of them can be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ..errors import Fault, FaultKind
from ..text import clean, decode, decode_lines
from . import dial
from .host import Host

if TYPE_CHECKING:
    import asyncssh

BANNER_TIMEOUT = 5.0  # seconds from TCP to the server's version line
LOGIN_TIMEOUT = 15.0  # seconds from there to the end of the login
_LEASE = 0.5  # seconds after which a handshake that waits for its peer no longer counts
_END_LAST = 0.05  # seconds by which the end of a connection waits for what came before it
_HEARD = 2048  # bytes kept of what is no SSH
_NEVER_CONNECTED = {
    errno.ECONNREFUSED: (
        FaultKind.REFUSED,
        "refuses the connection",
        "Is sshd running there, and is it the right port?",
    ),
    errno.EHOSTUNREACH: (
        FaultKind.UNREACHABLE,
        "cannot be reached: no route",
        "Is the node up, and the network to it?",
    ),
    errno.ENETUNREACH: (FaultKind.UNREACHABLE, "cannot be reached: no network", "Is this machine's network up?"),
}


class Gate:
    """At most `limit` handshakes at a time, so that many logins do not stall the screen.

    What costs is our own arithmetic. So a place is only taken when the server has spoken, and given back after 0.5 s:
    a hundred dead or frozen servers hold up nobody.
    """

    def __init__(self, limit: int = 8) -> None:
        self._places = asyncio.Semaphore(limit)

    async def enter(self) -> Callable[[], None]:
        """Wait for a place; the answer gives it back (once, however often it is called)."""
        await self._places.acquire()
        given_back = False

        def leave() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                timer.cancel()
                self._places.release()

        timer = asyncio.get_running_loop().call_later(_LEASE, leave)
        return leave


class Wire:
    """One attempt to reach `host`. Given to asyncssh as its `tunnel`; `fault` says what went wrong below it."""

    def __init__(self, host: Host, jump: asyncssh.SSHClientConnection | None, jump_name: str, gate: Gate) -> None:
        self.host = host
        self.fault: Fault | None = None
        self.heard = b""  # what came before the version line, at most 2 KiB
        self.spoke_ssh = False
        self.leave: Callable[[], None] = lambda: None  # gives the place of the handshake back
        self._jump, self._jump_name, self._gate = jump, jump_name, gate
        self._proxy: dial.Proxy | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self._tap: _Tap | None = None

    async def create_connection(self, factory: Callable[[], Any], _host: str, _port: int) -> tuple[Any, Any]:
        """asyncssh's way in: connect, hand it the protocol. Raises `Fault` when there is no connection."""
        connection = factory()
        tap = self._tap = _Tap(self, connection)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.host.connect_timeout):
                if self._jump is not None:
                    await self._through_jump(tap)
                else:
                    await loop.create_connection(lambda: tap, sock=await self._dial())
        except TimeoutError:
            raise Fault(
                FaultKind.TIMEOUT,
                f"{self.host.address} does not answer{self._by}: no connection within {self.host.connect_timeout:g} s",
                "Is the node up, and does a firewall drop the packets?",
            ) from None
        except OSError as error:
            raise self._refusal(error) from None
        return tap, connection

    @property
    def _by(self) -> str:
        return f" (through {self._jump_name})" if self._jump_name else ""

    async def _dial(self) -> socket.socket:
        if self.host.proxy_command:
            self._proxy = await dial.Proxy.start(self.host.proxy_command)
            return self._proxy.socket
        return await dial.connect(self.host)

    async def _through_jump(self, tap: _Tap) -> None:
        import asyncssh

        assert self._jump is not None
        try:
            await self._jump.create_connection(
                cast("Callable[[], asyncssh.SSHTCPSession[bytes]]", lambda: tap), self.host.hostname, self.host.port
            )
        except asyncssh.ChannelOpenError as error:
            raise self._jump_refusal(error.code, clean(error.reason, 200)) from None

    def _jump_refusal(self, code: int, reason: str) -> Fault:
        from asyncssh import OPEN_ADMINISTRATIVELY_PROHIBITED

        assert self._jump is not None
        if self._jump.is_closed():
            return Fault(FaultKind.JUMP, f"Jump host {self._jump_name} is gone", "See the jump host")
        if code == OPEN_ADMINISTRATIVELY_PROHIBITED:
            return Fault(
                FaultKind.JUMP,
                f"Jump host {self._jump_name} forbids the way to {self.host.address}: {reason}",
                "Set `AllowTcpForwarding yes` on the jump host, or allow this address in its PermitOpen",
            )
        words = reason.lower()
        kind = FaultKind.UNREACHABLE
        for text, meaning in (
            ("refused", FaultKind.REFUSED), ("not known", FaultKind.RESOLVE), ("resolution", FaultKind.RESOLVE),
            ("timed out", FaultKind.TIMEOUT),
        ):  # fmt: skip
            kind = meaning if text in words else kind
        return Fault(
            kind,
            f"Jump host {self._jump_name} cannot reach {self.host.address}: {reason or 'no reason given'}",
            "Try it there: the jump host resolves the name and makes the connection",
        )

    def _refusal(self, error: OSError) -> Fault:
        if isinstance(error, socket.gaierror):
            return Fault(
                FaultKind.RESOLVE,
                f"{self.host.hostname} cannot be resolved: {clean(error.strerror or str(error), 200)}",
                "Correct the name, or give the node an address with `host:`",
            )
        if error.errno in _NEVER_CONNECTED:
            kind, what, remedy = _NEVER_CONNECTED[error.errno]
            return Fault(kind, f"{self.host.address} {what}", remedy)
        if error.errno == errno.ETIMEDOUT:
            return Fault(FaultKind.TIMEOUT, f"{self.host.address} does not answer", "Is the node up?")
        said = clean(error.strerror or str(error) or type(error).__name__, 200)
        return Fault(FaultKind.UNREACHABLE, f"{self.host.address} cannot be reached: {said}", "Is the network up?")

    # --- watched by the tap

    def made(self, transport: Any) -> None:
        self._transport = transport
        self._expire_in(BANNER_TIMEOUT, self._no_banner)

    def banner_seen(self) -> None:
        self.spoke_ssh = True
        self._expire_in(None)

    async def enter(self) -> None:
        self.leave = await self._gate.enter()
        self._expire_in(LOGIN_TIMEOUT, self._no_login)

    def logged_in(self) -> None:
        """The login is over, in whichever way: no more deadline, and no place among the handshakes."""
        self._expire_in(None)
        self.leave()
        if self._tap is not None:
            self._tap.step_aside()

    def _expire_in(self, seconds: float | None, what: Callable[[], None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None and what is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, what)

    def _no_banner(self) -> None:
        self.fault = self.not_ssh() or Fault(
            FaultKind.SILENT,
            f"{self.host.address} accepts the connection and says nothing for {BANNER_TIMEOUT:g} s",
            "Its sshd hangs or the node is overloaded: look at its console",
        )
        self._transport.abort()

    def _no_login(self) -> None:
        self.fault = Fault(
            FaultKind.SILENT,
            f"{self.host.address} stopped answering during the login (waited {LOGIN_TIMEOUT:g} s)",
            "The node is overloaded, or its name service (DNS, LDAP) hangs: look at its console",
        )
        self._transport.abort()

    def not_ssh(self) -> Fault | None:
        """What the far end said, if that was no SSH."""
        if self.spoke_ssh or b"SSH-".startswith(self.heard.strip()):
            return None
        if b"MaxStartups" in self.heard:
            return Fault(
                FaultKind.CLOSED,
                f"{self.host.address} takes no further login now (MaxStartups)",
                "It is tried again; raise MaxStartups in its sshd_config if that stays",
            )
        lines = decode_lines(self.heard, 100)
        return Fault(
            FaultKind.NOT_SSH,
            f"{self.host.address} does not speak SSH; it says: {next(filter(str.strip, lines), '')}",
            "Correct the port of this node",
        )

    def proxy_fault(self) -> Fault | None:
        """Why the ProxyCommand ended, if it has."""
        if self._proxy is None or self.spoke_ssh:
            return None
        said = decode(self._proxy.said.strip()[-300:], 300)
        return Fault(
            FaultKind.CLOSED,
            f"The ProxyCommand of {self.host.alias} gives no connection" + (f": {said}" if said else ""),
            f"Try it by hand: ssh {self.host.alias}",
        )

    async def close(self) -> None:
        """End what belongs to this attempt alone. Never raises."""
        self.logged_in()
        if self._proxy is not None:
            await self._proxy.stop()


class _Tap(asyncio.Protocol):
    """Protocol (of a socket) and session (of a jump's channel) that reads the version line along with asyncssh."""

    def __init__(self, wire: Wire, connection: Any) -> None:
        self._wire, self._connection = wire, connection
        self._transport: Any = None
        self._held = b""
        self._holding = False
        self._ended = False
        self._entering: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._wire.made(transport)
        self._connection.connection_made(transport)

    def session_started(self) -> None:
        self._connection.session_started()

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        if self._holding:
            self._held += data
        elif self._wire.spoke_ssh:
            self._connection.data_received(data)
        else:
            self._read_banner(data)

    def _read_banner(self, data: bytes) -> None:
        wire = self._wire
        line = wire.heard.rpartition(b"\n")[2] + data
        if not line.startswith(b"SSH-") and b"\nSSH-" not in line:
            wire.heard = (wire.heard + data)[-_HEARD:]
            self._connection.data_received(data)
            return
        wire.banner_seen()
        self._held, self._holding = data, True
        self._transport.pause_reading()
        self._entering = asyncio.get_running_loop().create_task(self._enter())

    async def _enter(self) -> None:
        await self._wire.enter()
        self._holding = False
        if self._ended:
            self._wire.logged_in()
            return
        data, self._held = self._held, b""
        self._connection.data_received(data)
        with contextlib.suppress(RuntimeError):  # closed by that very data
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        self._later(self._connection.eof_received)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._later(self._connection.connection_lost, error)

    def _later(self, tell: Callable[..., object], *what: object) -> None:
        """asyncssh works on a packet in a task of its own: an end that came along with the packet must not overtake it,
        or a server that has no algorithm in common would seem to have closed for no reason."""
        asyncio.get_running_loop().call_later(_END_LAST, tell, *what)

    def step_aside(self) -> None:
        """The login is through: bytes go straight to asyncssh."""
        if not self._ended and hasattr(self._transport, "set_protocol"):
            self._transport.set_protocol(self._connection)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()
