"""Everything that can be wrong with a host: told in one sentence with its remedy, in time, and never twice the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec, SshSettings
from backends.prompts import NoPrompts
from backends.ssh import wire
from backends.ssh.pool import Pool
from tests.wait import until

from .servers import Keys, Sshd, free_port, node, raw_server, settings, sshd

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same deadlines, sooner: what happens at them does not depend on how long they are."""
    monkeypatch.setattr(wire, "BANNER_TIMEOUT", 0.5)
    monkeypatch.setattr(wire, "LOGIN_TIMEOUT", 1.0)


async def fault_of(spec: NodeSpec, known: Path, config: Path | None = None) -> Fault:
    pool = Pool(settings(known, config), NoPrompts())
    try:
        async with asyncio.timeout(20):
            with pytest.raises(Fault) as caught:
                await pool.connect(spec)
    finally:
        await pool.close()
    fault = caught.value
    assert fault.message.isprintable()
    assert "127.0.0.1" in fault.message or spec.name in fault.message or str(spec.host) in fault.message
    assert not fault.message.endswith((":", ": "))
    return fault


def at(port: int, host: str = "127.0.0.1") -> NodeSpec:
    return NodeSpec("hn1", host=host, port=port, user="root", identity_file=Path("/nonexistent"))


async def test_name_that_does_not_resolve(tmp_path: Path) -> None:
    fault = await fault_of(at(22, "no-such-host.invalid"), tmp_path / "known")
    assert fault.kind is FaultKind.RESOLVE


@pytest.mark.parametrize(
    "name", ["-oProxyCommand=touch x", "a b", "$(id)", "a;b", "a\nb", "a\x1b[2J", "a,b", "*", "", "a|b", "x" * 300]
)
@pytest.mark.parametrize("use_config", [True, False])
async def test_name_that_may_not_reach_a_command_line(name: str, use_config: bool) -> None:
    pool = Pool(SshSettings(use_config=use_config, known_hosts=(Path("/nonexistent"),)), NoPrompts())
    for spec in (NodeSpec(name or "-"), NodeSpec("hn1", host=name or "-"), NodeSpec("hn1", user=f"{name};")):
        with pytest.raises(Fault) as caught:
            await pool.connect(spec)
        assert caught.value.kind is FaultKind.CONFIG
        assert caught.value.message.isprintable()


async def test_nothing_listens(tmp_path: Path) -> None:
    assert (await fault_of(at(free_port()), tmp_path / "known")).kind is FaultKind.REFUSED


async def test_blackhole(tmp_path: Path) -> None:
    """A full backlog drops further connections, as a firewall does."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        config = tmp_path / "config"
        config.write_text("ConnectTimeout 1\n")
        fault = await fault_of(at(port), tmp_path / "known", config)
        assert fault.kind is FaultKind.TIMEOUT
        assert "within 1 s" in fault.message


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def says(data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()


async def says_for_ever(data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.001)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.1 400 Bad \x1b[31mRequest\r\nServer: x\r\n\r\n")
    await writer.drain()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


async def freezes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await asyncio.sleep(60)


def saying(data: bytes, *, for_ever: bool = False) -> Talk:
    talk = says_for_ever if for_ever else says
    return lambda reader, writer: talk(data, reader, writer)


@pytest.mark.parametrize(
    ("talk", "kind", "words"),
    [
        (silent, FaultKind.SILENT, "says nothing"),
        (freezes, FaultKind.SILENT, "during the login"),
        (saying(b""), FaultKind.CLOSED, "closes the connection at once"),
        (resets, FaultKind.CLOSED, "closes the connection at once"),
        (http, FaultKind.NOT_SSH, r"HTTP/1.1 400 Bad \\x1b\[31mRequest"),
        (saying(b"220 mail.example ESMTP\r\n"), FaultKind.NOT_SSH, "220 mail.example ESMTP"),
        (saying(b"Exceeded MaxStartups\r\n"), FaultKind.CLOSED, "MaxStartups"),
        (saying(b"Not allowed at this time\r\n"), FaultKind.NOT_SSH, "Not allowed at this time"),
        (saying(b"line\r\n", for_ever=True), FaultKind.NOT_SSH, "line"),
        (saying(b"x" * 1000, for_ever=True), FaultKind.NOT_SSH, "xxx"),
        (saying(bytes(range(128, 256)) * 40, for_ever=True), FaultKind.NOT_SSH, "does not speak SSH"),
        (saying(b"SSH-1.5-OpenSSH_1.2\r\n"), FaultKind.PROTOCOL, "version"),
        (saying(b"SSH-2.0-x\r\n"), FaultKind.CLOSED, "in the middle of the handshake"),
        (saying(b"banner\r\nSSH-2.0-x\r\n" + b"\xff" * 4000), FaultKind.PROTOCOL, "handshake"),
        (saying(b"SSH-2.0-x\r\n" + b"\0" * 4000, for_ever=True), FaultKind.PROTOCOL, "handshake"),
    ],
)
async def test_what_is_no_ssh_server(talk: Talk, kind: FaultKind, words: str, tmp_path: Path) -> None:
    async with raw_server(talk) as port:
        fault = await fault_of(at(port), tmp_path / "known")
    assert fault.kind is kind, fault
    with pytest.raises(Fault, match=words):
        raise fault


async def test_sshd_frozen_before_it_speaks(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys) as server:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            fault = await fault_of(node(server), tmp_path / "known")
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
    assert fault.kind is FaultKind.SILENT


def take_the_only_place(port: int) -> socket.socket | None:
    """A connection that sshd talks to; None while the place is still taken by whoever asked whether it listens."""
    first = socket.create_connection(("127.0.0.1", port))
    if first.recv(100).startswith(b"SSH-"):
        return first
    first.close()
    return None


async def test_max_startups(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys, extra="MaxStartups 1:100:1") as server:
        places: list[socket.socket | None] = []
        await until(lambda: places.append(take_the_only_place(server.port)) or places[-1])
        fault = await fault_of(node(server), server.known_hosts(tmp_path / "known"))
        for place in filter(None, places):
            place.close()
    assert fault.kind is FaultKind.CLOSED
    assert "MaxStartups" in str(fault)


async def test_no_common_algorithm(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys, extra="KexAlgorithms sntrup761x25519-sha512@openssh.com") as server:
        config = tmp_path / "config"
        config.write_text("KexAlgorithms curve25519-sha256\n")
        fault = await fault_of(node(server), server.known_hosts(tmp_path / "known"), config)
    assert fault.kind is FaultKind.PROTOCOL
    assert "key exchange algorithm; it has sntrup761x25519-sha512@openssh.com" in fault.message


class Proxy:
    """Between us and a real sshd; cuts, or flips one bit, after so many bytes of the server's."""

    def __init__(self, port: int, cut: int | None = None, flip: int | None = None) -> None:
        self.port, self.cut, self.flip = port, cut, flip

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, upstream_writer = await asyncio.open_connection("127.0.0.1", self.port)
        forward = asyncio.create_task(self._copy(reader, upstream_writer))
        try:
            done = 0
            while data := bytearray(await upstream.read(65536)):
                if self.flip is not None and done <= self.flip < done + len(data):
                    data[self.flip - done] ^= 0x10
                if self.cut is not None and done + len(data) >= self.cut:
                    writer.write(data[: self.cut - done])
                    return
                done += len(data)
                writer.write(data)
                await writer.drain()
        finally:
            forward.cancel()
            upstream_writer.close()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)


@asynccontextmanager
async def between(server: Sshd, known: Path, **how: int) -> AsyncIterator[NodeSpec]:
    """A node behind a `Proxy`, whose key is known."""
    async with raw_server(Proxy(server.port, **how)) as port:
        server.known_hosts(known, port)
        yield node(server, port=port)


@pytest.mark.parametrize("how", ["cut", "flip"])
async def test_every_place_of_the_handshake(how: str, server: Sshd, tmp_path: Path) -> None:
    """2.6 kB come from the server until the login is through: each 60th byte, four at a time."""
    faults: list[Fault] = []
    connected: list[int] = []

    async def attempt(place: int) -> None:
        known = tmp_path / f"known-{place}"
        async with between(server, known, **{how: place}) as spec:
            pool = Pool(settings(known), NoPrompts())
            try:
                async with asyncio.timeout(30):
                    await pool.connect(spec)
                connected.append(place)
            except Fault as fault:
                faults.append(fault)
            finally:
                await pool.close()

    places = list(range(1, 2400, 60))
    for start in range(0, len(places), 4):
        await asyncio.gather(*map(attempt, places[start : start + 4]))
    kinds = [fault.kind for fault in faults]
    assert all(fault.message.isprintable() and fault.remedy for fault in faults)
    if how == "cut":
        assert set(kinds) == {FaultKind.CLOSED}
        assert min(connected, default=2400) > 1500  # later than that the login is through
    else:
        # in the host key a flipped bit makes it another one; in a packet's length it makes us wait for the rest
        assert set(kinds) <= {
            FaultKind.PROTOCOL, FaultKind.CLOSED, FaultKind.SILENT, FaultKind.NOT_SSH, FaultKind.HOST_KEY_CHANGED,
        }  # fmt: skip
        assert kinds.count(FaultKind.PROTOCOL) > 20


async def test_dead_hosts_hold_up_no_good_one(server: Sshd, known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty that accept and say nothing, twenty that freeze in the handshake, in front of a good one."""
    monkeypatch.setattr(wire, "BANNER_TIMEOUT", 30)
    monkeypatch.setattr(wire, "LOGIN_TIMEOUT", 30)
    async with raw_server(silent) as quiet, raw_server(freezes) as frozen:
        pool = Pool(settings(known), NoPrompts())
        dead = [asyncio.create_task(pool.connect(at(port))) for port in [quiet] * 60 + [frozen] * 20]
        await asyncio.sleep(0)
        begin = time.monotonic()
        transport = await asyncio.wait_for(pool.connect(node(server)), 10)
        assert time.monotonic() - begin < 10
        assert not any(task.done() for task in dead)
        await transport.close()
        for task in dead:
            task.cancel()
        await asyncio.gather(*dead, return_exceptions=True)
        await pool.close()


async def test_gate_gives_places_back() -> None:
    gate = wire.Gate(2)
    first, second = await gate.enter(), await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    first()
    first()
    await asyncio.wait_for(waiting, 5)
    # whoever waits for its peer for long does not count: these three never leave
    del second
    for _ in range(3):
        await asyncio.wait_for(gate.enter(), 5)


def open_files() -> int:
    return psutil.Process().num_fds()


async def test_nothing_is_left_behind(server: Sshd, known: Path, tmp_path: Path) -> None:
    """Neither tasks nor open files after good and bad connections."""
    async with raw_server(http) as port:
        pool = Pool(settings(known), NoPrompts())
        await (await pool.connect(node(server))).close()
        files, tasks = open_files(), len(asyncio.all_tasks())
        for _ in range(3):
            with contextlib.suppress(Fault):
                await pool.connect(at(port))
            with contextlib.suppress(Fault):
                await pool.connect(at(free_port()))
            transport = await pool.connect(node(server))
            await transport.run("true", timeout=10)
            await transport.close()
        await until(lambda: open_files() <= files and len(asyncio.all_tasks()) <= tasks)
        await pool.close()
