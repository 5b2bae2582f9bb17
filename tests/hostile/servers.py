"""Servers that do what a node must not do: each on a port of its own on loopback, in one event loop of its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncssh

from tests.backends.sampler import roots

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Login(asyncssh.SSHServer):
    """Takes the one key that the test made, or nobody."""

    def __init__(self, *, welcome: bool) -> None:
        self._welcome = welcome

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._welcome


class Servers:
    """Starts servers from any thread; `close` ends them all with their children."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.known_hosts = directory / "known_hosts"
        self.identity = directory / "id"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.identity)
        self.identity.chmod(0o600)
        self.known_hosts.write_text("")
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._children: list[asyncio.subprocess.Process] = []
        self._servers: list[asyncio.Server | asyncssh.SSHAcceptor] = []
        self.nodes: dict[str, int] = {}

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        """Nothing that belongs to the loop may outlive it: its finalizers would fail, in the middle of anything."""
        for server in self._servers:
            server.close()
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child._transport.close()  # type: ignore[attr-defined]  # else `wait` would first want all of an endless output read
        await asyncio.gather(*(child.wait() for child in self._children))
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- below SSH

    def raw(self, name: str, handler: Handler) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except OSError:
                pass
            finally:
                writer.close()

        server = self._do(asyncio.start_server(serve, "127.0.0.1", 0))
        self._servers.append(server)
        self.nodes[name] = server.sockets[0].getsockname()[1]

    def refused(self, name: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.nodes[name] = probe.getsockname()[1]

    # --- in SSH

    def ssh(
        self,
        name: str,
        *,
        shell: str = 'exec /bin/sh -c "$1"',
        tools: Path | None = None,
        root: Path | None = None,
        welcome: bool = True,
        known: str = "this",
    ) -> None:
        """A server that hands the command to `shell` as $1. `known`: what known_hosts says of it: this, other, nothing."""
        path = f"{tools}:{os.environ['PATH']}" if tools else os.environ["PATH"]
        environment = {"PATH": path, "CTDECK_ROOT": str(root or ""), "HOME": str(self.directory)}

        async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
            child = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", shell, "login", process.command or "",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment,
                start_new_session=True,
            )  # fmt: skip
            self._children.append(child)
            feeding = asyncio.create_task(_feed(process, child))
            assert child.stdout is not None
            while data := await child.stdout.read(65536):
                process.stdout.write(data)
                await process.stdout.drain()
            process.exit(await child.wait())
            feeding.cancel()

        async def listen() -> asyncssh.SSHAcceptor:
            return await asyncssh.listen(
                "127.0.0.1", 0, server_factory=lambda: Login(welcome=welcome), server_host_keys=[self._host_key],
                process_factory=handle, encoding=None,
            )  # fmt: skip

        server = self._do(listen())
        self._servers.append(server)
        port = self.nodes[name] = server.get_port()
        key = self._host_key if known == "this" else asyncssh.generate_private_key("ssh-ed25519")
        if known != "nothing":
            with self.known_hosts.open("a") as file:
                file.write(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")

    def fleet_file(self) -> Path:
        path = self.directory / "fleet.yaml"
        lines = ["ssh_config: none", f"known_hosts: [{self.known_hosts}]"]
        lines += [f"defaults: {{user: root, identity_file: {self.identity}, backends: [openvz]}}", "nodes:"]
        lines += [f"  {name}: {{host: 127.0.0.1, port: {port}}}" for name, port in self.nodes.items()]
        path.write_text("\n".join(lines) + "\n")
        return path


async def _feed(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError, asyncssh.Error):  # a shell that has gone reads nothing more: no matter
        while data := await process.stdin.read(65536):
            child.stdin.write(data)
            await child.stdin.drain()
    with contextlib.suppress(OSError):
        child.stdin.close()


def openvz_tools(bin_dir: Path, vzlist: str | None = None) -> Path:
    roots.openvz_tools(bin_dir)
    if vzlist is not None:
        roots.tool(bin_dir, "vzlist", vzlist)
    return bin_dir


def awk_that(bin_dir: Path, does: str) -> Path:
    """Tools in which awk is somebody else; `$N` is the sampler's mark."""
    openvz_tools(bin_dir)
    roots.tool(bin_dir, "awk", f'[ "$1" = -W ] && exit 1; N=$CTDECK_NONCE; {does}\n')
    return bin_dir
