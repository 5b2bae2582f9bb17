"""Jump hosts: one connection for all nodes behind it, held as long as one of them needs it.

A connection of its own per node, as `ssh -J` makes it, loses a third of fifty logins to sshd's MaxStartups; and a jump
host's own trouble is asked about and told once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncssh

from ..errors import Fault, FaultKind
from .host import Host

_MAX_HOPS = 8
_REMEMBER_FAULT = 2.0  # seconds: nodes that come one after another share the answer

Hops = tuple[str, ...]
Connect = Callable[[Hops, "Jump"], Awaitable["Connected"]]
Connected = tuple[asyncssh.SSHClientConnection, str, "Lease"]


class Lease:
    """The right to use a jump connection (or none), and what else to end with the connection that came through it."""

    def __init__(self, connection: asyncssh.SSHClientConnection | None, name: str, jump: Jump | None) -> None:
        self.connection, self.name = connection, name
        self._jump = jump
        self._cleanup: list[Callable[[], Awaitable[None]]] = []

    def add_cleanup(self, work: Callable[[], Awaitable[None]]) -> None:
        self._cleanup.append(work)

    async def release(self) -> None:
        """Idempotent."""
        cleanup, self._cleanup = self._cleanup, []
        for work in cleanup:
            await work()
        jump, self._jump = self._jump, None
        if jump is not None:
            await jump.leave()


class Jumps:
    """Jump connections by their hops, as the configuration writes them."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._jumps: dict[Hops, Jump] = {}

    async def lease(self, host: Host, hops: Hops = (), by: Jump | None = None) -> Lease:
        """The way to `host`: through `hops`, through what its configuration says where there are none, or direct.

        `by` is the jump connection that needs this one. Raises Fault(JUMP).
        """
        way = hops or host.proxy_jump
        if not way:
            return Lease(None, "", None)
        if len(way) > _MAX_HOPS:
            raise Fault(FaultKind.JUMP, f"The way to {host.address} has more than {_MAX_HOPS} jump hosts", "")
        jump = self._jumps.get(way)
        if jump is None or jump.over:
            jump = self._jumps[way] = Jump(way, self._connect)
        if by is not None:
            by.wait_for(jump)
        return await jump.enter()

    async def close(self) -> None:
        await asyncio.gather(*(jump.close() for jump in self._jumps.values()), return_exceptions=True)
        self._jumps.clear()


class Jump:
    """One jump connection, under way or up."""

    def __init__(self, hops: Hops, connect: Connect) -> None:
        self._hops = hops
        self._users = 0
        self._behind: Jump | None = None
        self._failed_at: float | None = None
        self._connecting = asyncio.ensure_future(connect(hops, self))
        self._connecting.add_done_callback(self._done)

    @property
    def over(self) -> bool:
        """True when it can serve nobody any more."""
        if not self._connecting.done():
            return False
        if self._connecting.cancelled() or self._connecting.exception() is not None:
            now = asyncio.get_running_loop().time()
            return self._failed_at is None or now - self._failed_at > _REMEMBER_FAULT
        return self._connecting.result()[0].is_closed()

    def wait_for(self, other: Jump) -> None:
        """This one is reached through `other`. Raises Fault(JUMP) where that would go round in a circle."""
        step: Jump | None = other
        while step is not None:
            if step is self:
                raise Fault(
                    FaultKind.JUMP,
                    f"Jump host {self._hops[-1]} is to be reached through itself",
                    "Exempt the jump host from ProxyJump in the SSH configuration (`Host * !jump`)",
                )
            step = step._behind
        self._behind = other

    async def enter(self) -> Lease:
        self._users += 1
        try:
            connection, name, _ = await asyncio.shield(self._connecting)
        except BaseException as error:
            await self.leave()
            if isinstance(error, Fault):
                raise self._fault(error) from None
            raise
        return Lease(connection, name, self)

    async def leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            await self.close()

    async def close(self) -> None:
        if not self._connecting.done():
            self._connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Fault):
            connection, _, lease = await self._connecting
            connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await connection.wait_closed()
            connection.abort()
            await lease.release()

    def _done(self, connecting: asyncio.Future[Connected]) -> None:
        if not connecting.cancelled() and connecting.exception() is not None:
            self._failed_at = asyncio.get_running_loop().time()

    def _fault(self, error: Fault) -> Fault:
        name = self._hops[-1]
        if error.kind is FaultKind.JUMP:
            return error
        return Fault(FaultKind.JUMP, f"Jump host {name}: {error.message}", error.remedy)
