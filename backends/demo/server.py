"""The SSH servers of the simulated nodes, and the one event loop that runs everything.

A command goes to a real `/bin/sh -c`, with pipes, or with a pty where the client asks for one. As with OpenSSH, the
end of the connection closes the pipes (a process that reads sees an end of input) and hangs up the pty.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncssh

from .processes import Warden, environment


class Weather:
    """What the network between client and node is like. Changed while the node runs."""

    def __init__(self) -> None:
        self.delay = 0.0  # seconds that each answer takes longer
        self.held_until = 0.0  # loop time before which nothing is answered

    async def pass_through(self) -> None:
        loop = asyncio.get_running_loop()
        wait = max(self.delay, self.held_until - loop.time())
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self.held_until - loop.time()


class Login(asyncssh.SSHServer):
    """Lets in whoever has the demo's key, as any user."""

    def __init__(self, node: NodeServer) -> None:
        self._node = node
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._node.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._node.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True


class NodeServer:
    """One node on the network. Its port stays its own while it is dead, so that connections are refused."""

    def __init__(self, directory: Path, root: Path, warden: Warden) -> None:
        self.root = root
        self.weather = Weather()
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._directory = directory
        self._warden = warden
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._key: asyncssh.SSHKey | None = None
        self._clients: asyncssh.SSHAuthorizedKeys | None = None
        self._sessions: dict[asyncssh.SSHServerProcess[bytes], asyncio.subprocess.Process] = {}
        self._reserved: socket.socket | None = _bound()
        self.port: int = self._reserved.getsockname()[1]

    async def listen(self, key: asyncssh.SSHKey, clients: asyncssh.SSHAuthorizedKeys) -> None:
        """Come to life: accept connections from `clients`."""
        self._key, self._clients = key, clients
        sock, self._reserved = self._reserved or _bound(self.port), None
        sock.listen(64)
        sock.setblocking(False)
        self._acceptor = await asyncssh.listen(
            sock=sock,
            server_factory=lambda: Login(self),
            server_host_keys=[key],
            authorized_client_keys=clients,
            process_factory=self._serve,
            encoding=None,
            line_editor=False,
            password_auth=False,
            kbdint_auth=False,
            gss_host=None,
            login_timeout=30,
            keepalive_interval=0,
        )

    async def die(self) -> None:
        """Close every connection and listen no more."""
        if self._acceptor is not None:
            acceptor, self._acceptor = self._acceptor, None
            acceptor.close()
            self.drop_connections()
            await acceptor.wait_closed()
        with suppress(OSError):
            self._reserved = _bound(self.port)

    async def end(self) -> None:
        """Die for good, with every process that somebody is logged in for."""
        await self.die()
        children = list(self._sessions.values())
        for child in children:
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        if children:
            await asyncio.wait([asyncio.create_task(child.wait()) for child in children], timeout=2)

    async def revive(self) -> None:
        if self._acceptor is None and self._key is not None and self._clients is not None:
            await self.listen(self._key, self._clients)

    def drop_connections(self) -> None:
        for connection in list(self.connections):
            connection.abort()

    def say(self, data: bytes) -> None:
        """Put bytes into the output of everything that runs, as a noisy kernel or a broken proxy would."""
        for process in list(self._sessions):
            with suppress(OSError, BrokenPipeError):
                process.stdout.write(data)

    # Sessions

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        words = ["/bin/sh", "-c", process.command] if process.command is not None else ["/bin/sh", "-i"]
        env = environment(self._directory, self.root)
        try:
            if process.term_type is not None:
                env["TERM"] = process.term_type
                status = await self._with_pty(process, words, env)
            else:
                status = await self._with_pipes(process, words, env)
        except (OSError, asyncssh.Error):
            process.close()
            return
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)

    async def _with_pipes(
        self, process: asyncssh.SSHServerProcess[bytes], words: list[str], env: dict[str, str]
    ) -> int:
        outputs = [os.pipe(), os.pipe()]
        try:
            child = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=outputs[0][1],
                stderr=outputs[1][1],
                env=env,
                cwd=env["HOME"],
                start_new_session=True,
            )
        finally:
            for _, writing in outputs:
                os.close(writing)
        self._warden.add(child.pid)
        self._sessions[process] = child
        stdin = child.stdin
        assert stdin is not None
        feed = asyncio.create_task(_feed(process, child.pid, stdin.write, stdin.close, stdin.drain))
        try:
            await asyncio.gather(
                self._copy(outputs[0][0], process.stdout),
                self._copy(outputs[1][0], process.stderr),
            )
            return await child.wait()
        finally:
            feed.cancel()
            stdin.close()
            self._ended(process, child)

    async def _with_pty(self, process: asyncssh.SSHServerProcess[bytes], words: list[str], env: dict[str, str]) -> int:
        master, slave = pty.openpty()
        resize(master, *process.term_size)
        try:
            child = await asyncio.create_subprocess_exec(
                *words,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=env,
                cwd=env["HOME"],
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        finally:
            os.close(slave)
        self._warden.add(child.pid)
        self._sessions[process] = child
        typing = os.dup(master)
        hung_up = asyncio.Event()
        feed = asyncio.create_task(
            _feed(process, child.pid, lambda data: os.write(typing, data), hung_up.set, None, typing)
        )
        showing = asyncio.create_task(self._copy(master, process.stdout))
        gone = asyncio.create_task(hung_up.wait())
        try:
            await asyncio.wait({showing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (feed, showing, gone):
                task.cancel()
            await asyncio.gather(feed, showing, gone, return_exceptions=True)
            os.close(typing)
        try:
            return await child.wait()
        finally:
            self._ended(process, child)

    def _ended(self, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
        self._sessions.pop(process, None)
        if child.returncode is not None:
            self._warden.remove(child.pid)

    async def _copy(self, source: int, target: asyncssh.SSHWriter[bytes]) -> None:
        """Output of a process to the client, up to its end. Where the client is gone, the process gets SIGPIPE or SIGHUP."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb", 0)
        )
        try:
            while data := await reader.read(65536):
                await self.weather.pass_through()
                target.write(data)
                await target.drain()
        except (OSError, asyncssh.Error):  # the client is gone; or a pty has ended, which is an EIO
            pass
        finally:
            transport.close()


async def _feed(
    process: asyncssh.SSHServerProcess[bytes],
    group: int,
    write: Callable[[bytes], object],
    close: Callable[[], object],
    drain: Callable[[], Awaitable[None]] | None = None,
    terminal: int | None = None,
) -> None:
    """Input from the client to a process, with its signals and window sizes, up to the end of input or connection."""
    with suppress(OSError, asyncssh.Error):
        while True:
            try:
                data = await process.stdin.read(65536)
                if not data:
                    break
                write(data)
                if drain is not None:
                    await drain()
            except asyncssh.TerminalSizeChanged as change:
                if terminal is not None:
                    resize(terminal, *change.term_size)
            except asyncssh.SignalReceived as received:
                number = getattr(signal, f"SIG{received.signal}", None)
                if number is not None:
                    os.killpg(group, number)
            except asyncssh.BreakReceived:
                pass
    close()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def resize(terminal: int, columns: int, rows: int, width: int = 0, height: int = 0) -> None:
    """Set the size of a pty; 80x24 where the client did not say."""
    with suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows or 24, columns or 80, width, height))


def _bound(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
