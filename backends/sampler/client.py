"""Our end of the sampler: bytes in, whole frames out. One request at a time; whatever is odd ends the channel.

After a time-out or a cancelled request half an answer may be on its way, so a channel is never resynchronised: it is
closed, and the poller opens a new one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from ..backend import Backend
from ..errors import Fault, FaultKind
from ..text import decode, decode_lines
from ..transport import Channel
from .script import awk_text, probe_text

#: Bytes that a login shell may print before our marker.
MAX_NOISE = 256 << 10
#: Bytes of one frame: some 2000 containers with all their settings.
MAX_FRAME = 4 << 20
MAX_LINE = 256


_ODD = "Something on it meddles with the output of programs: `ctdeck doctor` shows where it goes wrong"


def _odd(message: str) -> Fault:
    return Fault(FaultKind.DATA, message, _ODD)


class Ended(Fault):
    """The sampler's output ended. Where the connection broke, its own fault comes a moment later and says more."""


@dataclass(slots=True)
class Hello:
    """What the probe found on the node."""

    kernel: str = ""
    hostname: str = ""
    system: str = ""
    uid: int | None = None
    tick: int = 100  # USER_HZ
    tools: dict[str, str] = field(default_factory=dict)
    backends: tuple[str, ...] = ()

    @property
    def limited(self) -> str:
        """One sentence where the account sees less than root: an empty list of its containers would mean nothing."""
        return f"The login is not root's (uid {self.uid}), and sees its own containers at most" if self.uid else ""


#: What helps against `Hello.limited`.
BE_ROOT = "Log in as root, or set `sudo: true` for this node"


@dataclass(slots=True, frozen=True)
class Sample:
    """One frame, as clean lines by section (`node`, then the names of backends). `slow`: the slow part is in it."""

    seq: int
    slow: bool
    sections: dict[str, list[str]]
    size: int  # bytes


class Sampler:
    """One sampler channel. Every method raises `Fault`; after that the channel is closed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._nonce = secrets.token_hex(8)
        self._seq = 0
        self._busy = asyncio.Lock()
        self.closed = False
        self.hello = Hello()

    async def start(self, available: Sequence[Backend], *, timeout: float) -> Sample:
        """Probe the node, start the awk, return the first sample (a whole one). `timeout` in seconds, for all of it."""
        return await self._guard(self._start(available), timeout)

    async def ask(self, *, slow: bool = False, timeout: float) -> Sample:
        """The next sample; waits for an outstanding one first. `timeout` in seconds."""
        async with self._busy:
            return await self._guard(self._ask("s" if slow else "f"), timeout)

    def close(self) -> None:
        self.closed = True
        self._channel.close()

    async def _guard(self, work: Coroutine[None, None, Sample], timeout: float) -> Sample:
        done = False
        try:
            async with asyncio.timeout(timeout):
                sample = await work
            done = True
            return sample
        except TimeoutError:
            raise Fault(
                FaultKind.NO_ANSWER,
                f"It has not answered for {timeout:.0f} s",
                "Is it overloaded, or a tool on it hung?",
            ) from None
        finally:
            if not done:
                self.close()

    async def _start(self, available: Sequence[Backend]) -> Sample:
        nonce = self._nonce
        self._channel.write(probe_text(nonce, available).encode())
        await self._skip_noise(f"\n#P {nonce}\n".encode())
        probe = await self._until(f"\n#p {nonce}\n".encode(), MAX_NOISE)
        self.hello = read_hello(decode_lines(probe))
        if "awk" not in self.hello.tools:
            raise Fault(FaultKind.TOOLS, "There is no awk on it", "Install one there (mawk, gawk or busybox)")
        if not self.hello.backends:
            known = ", ".join(backend.label for backend in available)
            raise Fault(
                FaultKind.TOOLS, f"No container tools that ctdeck knows were found ({known})", "Is it the right host?"
            )
        chosen = [backend for backend in available if backend.name in self.hello.backends]
        self._channel.write(awk_text(nonce, chosen).encode())
        return await self._frame("s", 0)

    async def _ask(self, kind: str) -> Sample:
        self._seq += 1
        self._channel.write(b"%s %d\n" % (kind.encode(), self._seq))
        return await self._frame(kind, self._seq)

    async def _frame(self, kind: str, seq: int) -> Sample:
        head = (await self._until(b"\n", MAX_LINE)).split()
        if len(head) != 5 or head[:4] != [b"#B", self._nonce.encode(), b"%d" % seq, kind.encode()]:
            raise _odd(f"Its answer does not begin like one of the sampler: {decode(b' '.join(head), 60)!r}")
        size = int(head[4]) if head[4].isdigit() else MAX_FRAME + 1
        if size > MAX_FRAME:
            raise _odd(f"Its answer would be too long ({decode(head[4], 20)} bytes)")
        body = await self._exactly(size)
        if await self._until(b"\n", MAX_LINE) != b"#E %d %d" % (seq, size):
            raise _odd("Its answer does not end where it should")
        return Sample(seq, kind == "s", split_sections(body), size)

    async def _skip_noise(self, marker: bytes) -> None:
        """Read past whatever login files, banners and the like print before the sampler."""
        self._buffer[:0] = b"\n"
        seen = 0
        while (at := self._buffer.find(marker)) < 0:
            keep = len(marker) + 200
            if len(self._buffer) > keep:
                del self._buffer[:-keep]
            data = await self._channel.read()
            if not data:
                raise self._ended_early()
            seen += len(data)
            if seen > MAX_NOISE:
                raise Fault(
                    FaultKind.SHELL,
                    f"The login shell prints more than {MAX_NOISE >> 10} kB before it does anything",
                    "Quieten its start files (.bashrc, .profile, motd) for logins that are not interactive",
                )
            self._buffer += data
        del self._buffer[: at + len(marker)]

    def _ended_early(self) -> Fault:
        last = [line for line in decode_lines(bytes(self._buffer[-200:])) if line.strip()]
        said = f"; it said: {last[-1][:120]}" if last else ""
        return Ended(
            FaultKind.SHELL,
            f"The login works, but no shell stays{said}",
            "Has the account a shell (not nologin), and do its start files end in exit?",
        )

    async def _until(self, end: bytes, limit: int) -> bytes:
        """Bytes up to `end`, which is consumed."""
        start = 0
        while (at := self._buffer.find(end, start)) < 0:
            if len(self._buffer) > limit:
                raise _odd("It answers with a line that does not end")
            start = max(0, len(self._buffer) - len(end) + 1)
            await self._more()
        data = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return data

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def _more(self) -> None:
        data = await self._channel.read()
        if not data:
            raise Ended(FaultKind.DATA, "The sampler on it ended in the middle of its answer", _ODD)
        self._buffer += data


def read_hello(lines: Sequence[str]) -> Hello:
    """The probe's "WORD VALUE" lines; odd ones are left out."""
    hello = Hello()
    backends: list[str] = []
    for line in lines:
        word, _, value = line.partition(" ")
        value = value.strip()
        if word in ("kernel", "hostname", "system"):
            setattr(hello, word, value[:200])
        elif word == "uid" and value.isdigit():
            hello.uid = int(value)
        elif word == "tick" and value.isdigit():
            hello.tick = int(value) or 100
        elif word == "tool":
            name, _, version = value.partition(" ")
            hello.tools[name[:40]] = version[:100]
        elif word == "backend" and value:
            backends.append(value)
    hello.backends = tuple(backends)
    return hello


def split_sections(body: bytes) -> dict[str, list[str]]:
    """Lines of a frame by their "@NAME" headings. Every other line begins with a kind and a blank, so none is mistaken."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in decode_lines(body, limit=1 << 16):
        if line.startswith("@"):
            current = sections.setdefault(line[1:], [])
        else:
            current.append(line)
    return sections
