"""A process on the node, seen through one channel of its connection."""

from __future__ import annotations

import asyncio
import contextlib
import signal as signals
from collections.abc import Callable
from typing import Any

import asyncssh

_STDERR_KEPT = 8192  # bytes
_HIGH = 1 << 20  # unread bytes from which the server has to wait
_AFTER_EXIT = 1.0  # seconds for the last output of a process that has ended: a child of it may keep it open for ever


class ShellChannel(asyncssh.SSHClientSession[bytes]):
    """Standard output as a bounded stream; of standard error the last 8 KiB. Fulfils `transport.Channel`."""

    def __init__(self, on_end: Callable[[ShellChannel], None]) -> None:
        """`on_end` is called when the server has let the channel go."""
        self.stderr = b""
        self._on_end = on_end
        self._channel: Any = None
        self._buffer = bytearray()
        self._paused = self._eof = self._closed = False
        self._status: int | None = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    # --- asyncssh's callbacks

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is not None:
            self.stderr = (self.stderr + data)[-_STDERR_KEPT:]
        else:
            self._buffer += data
            if len(self._buffer) > _HIGH and not self._paused:
                self._paused = True
                self._channel.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        self._eof = True
        self._news.set()
        return True  # our half stays open: it ends when we say so

    def exit_status_received(self, status: int) -> None:
        self._finish(status)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._finish(128 + getattr(signals, f"SIG{signal}", 0))  # as a shell reports it

    def connection_lost(self, exc: Exception | None) -> None:
        self._eof = self._closed = True
        self._news.set()
        self._ended.set()
        self._on_end(self)

    def _finish(self, status: int) -> None:
        self._status = status
        self._ended.set()
        self._news.set()

    # --- transport.Channel

    async def read(self, limit: int = 65536) -> bytes:
        while not self._buffer and not self._eof:
            self._news.clear()
            if self._ended.is_set():
                try:
                    async with asyncio.timeout(_AFTER_EXIT):
                        await self._news.wait()
                except TimeoutError:
                    self._eof = True
            else:
                await self._news.wait()
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        if self._paused and len(self._buffer) < _HIGH // 2:
            self._paused = False
            with contextlib.suppress(OSError):
                self._channel.resume_reading()
        return data

    async def news(self) -> None:
        """Wait until there is more output, more error output, or an end."""
        if not self._closed:
            await self._news.wait()
            self._news.clear()

    def take(self) -> bytes:
        """What has been read so far and not been taken."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def put_back(self, data: bytes) -> None:
        self._buffer[:0] = data

    @property
    def ended(self) -> bool:
        return self._closed or (self._ended.is_set() and self._eof)

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._channel.write(data)

    def write_eof(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.write_eof()

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self._status

    def close(self) -> None:
        if self._channel is None or self._closed:
            return
        self.write_eof()
        with contextlib.suppress(OSError):
            if self._channel.get_write_buffer_size():
                self._channel.abort()  # the process does not read: a polite end would wait for it for ever
            else:
                self._channel.close()


class PtyChannel(ShellChannel):
    """An interactive process. Fulfils `transport.Terminal`."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        super().data_received(data, None)

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            self._channel.change_terminal_size(columns, rows)
