"""`transport: local`: the machine that we sit on, with the same shells and commands as over SSH."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import getpass
import os
import signal
import struct
import termios
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import shell
from .errors import Fault, FaultKind
from .inventory import NodeSpec
from .process import Process
from .prompts import Prompts
from .shells import Shells
from .sudo import SudoPassword
from .transport import Terminal, Transport

_AFTER_EOF = 1.0  # seconds that a process has to end by itself when its input has ended


class LocalTransport(Shells, Transport):
    """This machine. Nothing to connect to: it is there until `close`."""

    def __init__(self, spec: NodeSpec, prompts: Prompts) -> None:
        super().__init__(
            spec.name, getpass.getuser(), SudoPassword(prompts) if spec.sudo and os.geteuid() != 0 else None
        )
        self.notes: tuple[str, ...] = ()
        self._processes: set[LocalProcess] = set()
        self._closed = asyncio.Event()

    async def start(self, command: str) -> Process:
        return await self._spawn(LocalProcess(self._processes.discard), command)

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        command = shell.terminal_command(argv, sudo=self.sudo is not None)
        terminal = LocalTerminal(self._processes.discard, columns, rows)
        # The leader of a new session gets the first terminal that it opens as its controlling one.
        opened = f"exec <{terminal.name} >{terminal.name} 2>&1; {command}"
        try:
            return await self._spawn(terminal, opened, terminal.theirs, {"TERM": term})
        finally:
            os.close(terminal.theirs)

    async def wait_closed(self) -> Fault:
        await self._closed.wait()
        return Fault(FaultKind.LOST, f"{self.node} is closed", "")

    async def close(self) -> None:
        self._closed.set()
        processes = list(self._processes)
        for process in processes:
            process.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AFTER_EOF * 2):
                await asyncio.gather(*(process.wait() for process in processes))

    async def _spawn(
        self, process: _Started, command: str, stdio: int = PIPE, environment: Mapping[str, str] | None = None
    ) -> _Started:
        loop = asyncio.get_running_loop()
        try:
            await loop.subprocess_exec(
                lambda: process,
                "/bin/sh",
                "-c",
                command,
                stdin=stdio,
                stdout=stdio,
                stderr=stdio,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        except OSError as error:
            raise Fault(
                FaultKind.SHELL, f"/bin/sh cannot be started on {self.node}: {error.strerror}", "See its free memory"
            ) from None
        self._processes.add(process)
        return process


class LocalProcess(Process, asyncio.SubprocessProtocol):
    """A process of this machine, in a session of its own."""

    def __init__(self, on_end: Callable[[Any], None]) -> None:
        """`on_end` is called when the process has ended."""
        super().__init__()
        self._on_end = on_end
        self._transport: Any = None

    # --- asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.put(data)
        else:
            self.put_error(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.put_eof()

    def process_exited(self) -> None:
        status = self._transport.get_returncode()
        self.end(status if status >= 0 else 128 - status)  # as a shell reports it
        self._on_end(self)

    # --- Process

    def hold_up(self) -> None:
        self._transport.get_pipe_transport(1).pause_reading()

    def let_go_on(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._transport.get_pipe_transport(1).resume_reading()

    def write(self, data: bytes) -> None:
        pipe = self._transport.get_pipe_transport(0)
        if not pipe.is_closing():
            pipe.write(data)

    def write_eof(self) -> None:
        self._transport.get_pipe_transport(0).close()

    def close(self) -> None:
        if self._transport is None or self._ended.is_set():
            return
        pipe = self._transport.get_pipe_transport(0)
        pipe.abort() if pipe.get_write_buffer_size() else pipe.close()
        asyncio.get_running_loop().call_later(_AFTER_EOF, self._kill)

    def _kill(self) -> None:
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._transport.get_pid(), signal.SIGKILL)


class LocalTerminal(LocalProcess):
    """An interactive process. Fulfils `transport.Terminal`."""

    def __init__(self, on_end: Callable[[Any], None], columns: int, rows: int) -> None:
        super().__init__(on_end)
        self._ours, self.theirs = os.openpty()
        self.name = os.ttyname(self.theirs)
        self._unsent = b""
        os.set_blocking(self._ours, False)
        self.resize(columns, rows)
        self.let_go_on()

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hold_up(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)

    def let_go_on(self) -> None:
        if not self._eof:
            asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def write(self, data: bytes) -> None:
        if self._eof:
            return
        if not self._unsent and data:
            asyncio.get_running_loop().add_writer(self._ours, self._writable)
        self._unsent += data

    def write_eof(self) -> None:
        """Nothing: a terminal has no end of input but the key for it."""

    def close(self) -> None:
        self._hang_up()
        if self._transport is not None and not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._transport.get_pid(), signal.SIGHUP)
            asyncio.get_running_loop().call_later(_AFTER_EOF, self._kill)

    def _readable(self) -> None:
        try:
            data = os.read(self._ours, 65536)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody holds the other end any more
            data = b""
        if data:
            self.put(data)
        else:
            self._hang_up()

    def _writable(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            sent = os.write(self._ours, self._unsent)
            self._unsent = self._unsent[sent:]
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self._ours)

    def _hang_up(self) -> None:
        if not self._eof:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._ours)
            loop.remove_writer(self._ours)
            os.close(self._ours)
            self.put_eof()


_Started = TypeVar("_Started", bound=LocalProcess)
