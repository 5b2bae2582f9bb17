"""Servers for the tests: OpenSSH's sshd, asyncssh with a real shell behind it, and raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import psutil

from backends.inventory import NodeSpec, SshSettings
from backends.prompts import UnknownHostKey
from tests import need
from tests.wait import until_blocking

USER = getpass.getuser()

#: Words that a shell would like to do something with.
NAUGHTY = (
    "a b", "$(touch /tmp/ctdeck-canary)", "`touch /tmp/ctdeck-canary`", "; touch /tmp/ctdeck-canary", "x\ny\n",
    "\\n\\\\", "'", '"', "!x", "!!", "-n", "-rf", "--", "é\u200b\U0001f600", "\x1b[31m", "%s%b", "*", "~", "#c", "a\\",
    "\t", "{a,b}", "^a^b", "&", "|", ">x", "$HOME", "\\0101",
)  # fmt: skip


@dataclass
class Answers:
    """A person who has made up her mind, and remembers what she was asked."""

    trusts: bool = False
    passphrases: list[str | None] = field(default_factory=list)
    passwords: list[str | None] = field(default_factory=list)
    keys: list[UnknownHostKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def trust(self, key: UnknownHostKey) -> bool:
        self.keys.append(key)
        return self.trusts

    async def passphrase(self, what: str) -> str | None:
        self.asked.append(what)
        return self.passphrases.pop(0) if self.passphrases else None

    async def password(self, what: str) -> str | None:
        self.asked.append(what)
        return self.passwords.pop(0) if self.passwords else None


@dataclass
class Keys:
    """Keys that all tests of one process share: making them takes time."""

    directory: Path

    def path(self, name: str, kind: str = "ed25519", passphrase: str = "") -> Path:
        """The private key `name`, made when it is first asked for."""
        path = self.directory / name
        if not path.exists():
            bits = ["-b", "2048"] if kind == "rsa" else []
            keygen("-q", "-t", kind, *bits, "-N", passphrase, "-C", name, "-f", str(path))
        return path

    def public(self, name: str, kind: str = "ed25519") -> str:
        self.path(name, kind)
        return (self.directory / f"{name}.pub").read_text().strip()


def keygen(*args: str) -> str:
    return subprocess.run(["ssh-keygen", *args], check=True, capture_output=True, text=True).stdout


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Sshd:
    """OpenSSH on 127.0.0.1, as the user who runs the tests."""

    def __init__(self, directory: Path, keys: Keys, host_keys: tuple[str, ...], extra: str = "") -> None:
        need.tools("sshd", "ssh-keygen")
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.keys = keys
        self.authorized = directory / "authorized"
        self.authorized.write_text(keys.public("client") + "\n")
        self.log = directory / "log"
        self.host_keys = host_keys
        config = directory / "sshd_config"
        config.write_text(
            "\n".join(
                [
                    extra,
                    f"Port {self.port}",
                    "ListenAddress 127.0.0.1",
                    *(f"HostKey {keys.path(name, name.split('-')[1])}" for name in host_keys),
                    f"AuthorizedKeysFile {self.authorized}",
                    "PidFile none",
                    "StrictModes no",
                    "UsePAM no",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "PermitRootLogin yes",
                    "PrintMotd no",
                    "",
                ]
            )
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        self.process = subprocess.Popen(
            [program, "-D", "-f", str(config), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        until_blocking(self._listens, what=f"sshd on port {self.port}")

    def known_hosts_line(self, name: str, port: int | None = None) -> str:
        kind, text = self.keys.public(name, name.split("-")[1]).split()[:2]
        return f"[127.0.0.1]:{port or self.port} {kind} {text}"

    def known_hosts(self, path: Path, port: int | None = None) -> Path:
        path.write_text("".join(self.known_hosts_line(name, port) + "\n" for name in self.host_keys))
        return path

    def children(self) -> list[int]:
        """Processes that serve connections."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def logins(self) -> int:
        return self.log.read_text(errors="replace").count("Accepted ")

    def stop(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGCONT)
                    child.kill()
        self.process.kill()
        self.process.wait()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"sshd ended: {self.log.read_text(errors='replace')}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextmanager
def sshd(
    directory: Path, keys: Keys, *, host_keys: tuple[str, ...] = ("host-ed25519",), extra: str = ""
) -> Iterator[Sshd]:
    server = Sshd(directory, keys, host_keys, extra)
    try:
        yield server
    finally:
        server.stop()


def settings(known_hosts: Path, config: Path | None = None) -> SshSettings:
    """Settings that touch nothing of the person who runs the tests."""
    return SshSettings(config=config, use_config=config is not None, known_hosts=(known_hosts,))


def node(server: Sshd, name: str = "hn1", **more: object) -> NodeSpec:
    values: dict[str, object] = {
        "name": name,
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "identity_file": server.keys.path("client"),
    }
    return NodeSpec(**(values | more))  # type: ignore[arg-type]


@dataclass
class FakeNode:
    """An asyncssh server that hands each command to a real shell, as sshd hands it to the login shell."""

    port: int
    public: str  # its host key
    commands: list[str] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    def known_hosts(self, path: Path) -> Path:
        path.write_text(f"[127.0.0.1]:{self.port} {self.public}\n")
        return path

    def node(self, keys: Keys, name: str = "hn1", **more: object) -> NodeSpec:
        values: dict[str, object] = {
            "name": name,
            "host": "127.0.0.1",
            "port": self.port,
            "user": "root",
            "identity_file": keys.path("client"),
        }
        return NodeSpec(**(values | more))  # type: ignore[arg-type]


async def pump(source: Any, target: Any, *, end: bool = False) -> None:
    """Copy until the end; then, or when the channel has gone, close `target` where `end` says so."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    if end:
        target.close()


@asynccontextmanager
async def fake_node(
    keys: Keys,
    *,
    login_shell: tuple[str, ...] = ("/bin/sh",),
    environment: dict[str, str] | None = None,
    password: str | None = None,
    keyboard: str | None = None,
    public_key: bool = True,
    host_key: str = "host-ed25519",
    authorized: str = "client",
    **options: object,
) -> AsyncIterator[FakeNode]:
    """`password`: the only one that it takes; `keyboard`: its question in keyboard-interactive, to the same answer."""
    found = FakeNode(0, " ".join(keys.public(host_key, host_key.split("-")[1]).split()[:2]))

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            found.connections.append(conn)

        def password_auth_supported(self) -> bool:
            return password is not None and keyboard is None

        def validate_password(self, username: str, given: str) -> bool:
            return given == password

        def kbdint_auth_supported(self) -> bool:
            return keyboard is not None

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> tuple[str, str, str, object]:
            return "", "", "", [(keyboard, False)]

        def validate_kbdint_response(self, username: str, responses: object) -> bool:
            return list(responses) == [password]  # type: ignore[call-overload]

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        found.commands.append(command)
        child = await asyncio.create_subprocess_exec(
            *login_shell, "-c", command,
            stdin=-1, stdout=-1, stderr=-1, start_new_session=True, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        found.processes.append(child)
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        feeding = asyncio.create_task(pump(process.stdin, child.stdin, end=True))
        await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
        process.exit(await child.wait())
        feeding.cancel()

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(keys.path(host_key, host_key.split("-")[1]))],
        authorized_client_keys=asyncssh.import_authorized_keys(keys.public(authorized)) if public_key else None,
        server_factory=Server,
        process_factory=handle,
        encoding=None,
        **options,  # type: ignore[arg-type]
    )
    found.port = server.get_port()
    try:
        yield found
    finally:
        server.close()
        for connection in found.connections:
            connection.abort()
        for child in found.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A TCP server on 127.0.0.1 that does what it likes; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
