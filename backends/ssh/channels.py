"""A process on the node, seen through one channel of its connection."""

from __future__ import annotations

import contextlib
import signal as signals
from typing import Any

import asyncssh

from ..process import Process


class SshProcess(Process, asyncssh.SSHClientSession[bytes]):
    """A process without a pty."""

    def __init__(self) -> None:
        super().__init__()
        self._channel: Any = None
        self._closed = False

    # --- asyncssh's callbacks

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            self.put(data)
        else:
            self.put_error(data)

    def eof_received(self) -> bool:
        self.put_eof()
        return True  # our half stays open: it ends when we say so

    def exit_status_received(self, status: int) -> None:
        self.end(status)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self.end(128 + getattr(signals, f"SIG{signal}", 0))  # as a shell reports it

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self.put_eof()
        self.end(None)

    # --- Process

    def hold_up(self) -> None:
        self._channel.pause_reading()

    def let_go_on(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.resume_reading()

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._channel.write(data)

    def write_eof(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.write_eof()

    def close(self) -> None:
        if self._channel is None or self._closed:
            return
        self.write_eof()
        with contextlib.suppress(OSError):
            if self._channel.get_write_buffer_size():
                self._channel.abort()  # the process does not read: a polite end would wait for it for ever
            else:
                self._channel.close()


class SshTerminal(SshProcess):
    """An interactive process. Fulfils `transport.Terminal`."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.put(data)

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            self._channel.change_terminal_size(columns, rows)
