"""The seam between ctdeck and one node: SSH, or the machine that we sit on. Bytes only; what they mean is decided above.

Every await in here has a deadline of its own or is bounded by the caller's; cancelling a call never leaves a remote
process behind that reads its standard input (an end of input ends it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .errors import Fault


@dataclass(frozen=True, slots=True)
class Completed:
    """A short command that has ended.

    `status` is None when the node never told (connection lost): that is UNKNOWN, never success. `truncated` is True
    when more than the limit was printed; the rest was thrown away.
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool = False

    @property
    def ok(self) -> bool:
        return self.status == 0


class Channel(Protocol):
    """A running process on the node, without a pty. `write` never blocks; `read` returns b"" at the end of output."""

    async def read(self, limit: int = 65536) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    async def wait(self) -> int | None:
        """Exit status; None when the connection broke before the node told."""
        ...

    def close(self) -> None:
        """End of input to the process, then forget it. Idempotent, never raises."""
        ...


class Terminal(Protocol):
    """An interactive process with a pty (the `s` key only)."""

    async def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int | None: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """One node's connection. All methods raise `Fault` when the node cannot do it."""

    notes: tuple[str, ...]  # what a person should know of it: an old cipher, a bad line in known_hosts

    async def open(self, *, timeout: float) -> Channel:
        """A `/bin/sh -s` on the node (through sudo where the node's settings say so) that reads a script from its input.

        Right below every login shell (csh, fish), since nothing has to be quoted. A server that has no session left
        (MaxSessions) raises `SessionsUsedUp`.
        """
        ...

    async def run(self, script: str, *args: str, timeout: float, stdin: bytes = b"", limit: int = 1 << 20) -> Completed:
        """Run a POSIX sh script with `args` as `$1`...; never a person's text inside `script`.

        At most `limit` bytes of each output are kept. On time-out a `Fault(NO_ANSWER)` is raised and the remote process
        gets an end of input.
        """
        ...

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        """Run `argv` (each word quoted by us) with a pty. No agent, no X11, no environment of ours but TERM."""
        ...

    async def wait_closed(self) -> Fault:
        """Return why the connection ended, when it has."""
        ...

    async def close(self) -> None: ...


class SessionsUsedUp(Exception):
    """The server refuses a further session on this connection (MaxSessions). The connection itself is good."""
