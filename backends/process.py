"""What a process on a node has printed, while it runs: a bounded stream, the same over SSH and on this machine."""

from __future__ import annotations

import asyncio
import contextlib

_HIGH = 1 << 20  # unread bytes from which the process has to wait
_STDERR_KEPT = 64 << 10  # bytes
_AFTER_EXIT = 1.0  # seconds for the last output of a process that has ended: a child of it may keep it open for ever


class Process:
    """Base of the channels. Fulfils `transport.Channel` where a subclass writes, closes and holds the output up.

    Standard output is read; of standard error the last 64 KiB are kept in `stderr`.
    """

    def __init__(self) -> None:
        self.stderr = b""
        self.stderr_length = 0  # bytes, all told
        self.stderr_limit: int | None = None  # after so many there is nothing more to read
        self._buffer = bytearray()
        self._held_up = self._eof = False
        self._status: int | None = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    # --- told by the subclass

    def put(self, data: bytes) -> None:
        """Standard output has arrived."""
        self._buffer += data
        if len(self._buffer) > _HIGH and not self._held_up:
            self._held_up = True
            self.hold_up()
        self._news.set()

    def put_error(self, data: bytes) -> None:
        """Standard error has arrived."""
        self.stderr_length += len(data)
        self.stderr = (self.stderr + data)[-_STDERR_KEPT:]
        if self.stderr_limit is not None and self.stderr_length > self.stderr_limit:
            self._eof = True
        self._news.set()

    def put_eof(self) -> None:
        """No more standard output."""
        self._eof = True
        self._news.set()

    def end(self, status: int | None) -> None:
        """The process has ended; None: nobody told how."""
        if not self._ended.is_set():
            self._status = status
        self._ended.set()
        self._news.set()

    # --- done by the subclass

    def hold_up(self) -> None:
        """Take no further output for now."""
        raise NotImplementedError

    def let_go_on(self) -> None:
        """Take output again."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def write_eof(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    # --- transport.Channel

    async def read(self, limit: int = 65536) -> bytes:
        while not self._buffer and not self._eof:
            self._news.clear()
            if not self._ended.is_set():
                await self._news.wait()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AFTER_EXIT):
                    await self._news.wait()
                continue
            self._eof = True
        return self.take(limit)

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self._status

    # --- for those who talk to sudo or a login shell first

    @property
    def ended(self) -> bool:
        """True when nothing more can come."""
        return self._ended.is_set() and self._eof

    async def news(self) -> None:
        """Wait until there is more output, more error output, or an end."""
        if not self.ended:
            await self._news.wait()
            self._news.clear()

    def take(self, limit: int | None = None) -> bytes:
        """What has arrived and was not taken yet."""
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        if self._held_up and len(self._buffer) < _HIGH // 2:
            self._held_up = False
            self.let_go_on()
        return data

    def put_back(self, data: bytes) -> None:
        """Undo a `take`."""
        self._buffer[:0] = data
