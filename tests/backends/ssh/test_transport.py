"""Shells, commands and terminals over a real sshd."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from backends.errors import Fault, FaultKind
from backends.prompts import NoPrompts
from backends.ssh.pool import Pool
from backends.transport import SessionsUsedUp
from tests import need
from tests.backends.processes import freeze, long, running, send_all, tree
from tests.wait import until

from .servers import NAUGHTY, Keys, Sshd, fake_node, node, settings, sshd

_Result = TypeVar("_Result")


async def eventually(work: Callable[[], Awaitable[_Result]], not_yet: type[Exception], timeout: float = 10) -> _Result:
    """`work`, again while it raises `not_yet`: a server lets a closed session go in its own time."""
    async with asyncio.timeout(timeout):
        while True:
            try:
                return await work()
            except not_yet:
                await asyncio.sleep(0.05)


async def test_run(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    done = await transport.run('printf "%s|" "$@"; echo oops >&2; exit 3', "a b", "$(id)", timeout=10)
    assert (done.status, done.stdout, done.stderr) == (3, b"a b|$(id)|", b"oops\n")
    assert not done.ok
    assert not done.truncated
    assert (await transport.run("cat", timeout=10, stdin=b"\0\xff" * 100_000)).stdout == b"\0\xff" * 100_000
    await pool.close()


async def test_open_talks_both_ways_and_ends_at_the_end_of_input(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    channel = await transport.open(timeout=10)
    channel.write(b"echo one\n")
    assert await asyncio.wait_for(channel.read(), 10) == b"one\n"
    channel.write(b"exit 5\n")
    assert await asyncio.wait_for(channel.wait(), 10) == 5
    assert await asyncio.wait_for(channel.read(), 10) == b""
    channel.close()
    channel.close()
    await pool.close()


async def test_terminal(server: Sshd, known: Path) -> None:
    need.root()  # only root's sshd may hand out terminals
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    terminal = await transport.terminal(
        ("/bin/sh", "-c", 'echo "$TERM"; stty size; read x; stty size; exit 4'), term="vt220", columns=91, rows=17
    )
    seen = b""
    while b"17 91" not in seen:
        seen += await asyncio.wait_for(terminal.read(), 10)
    assert b"vt220" in seen
    terminal.resize(100, 30)
    terminal.write(b"\n")
    while data := await asyncio.wait_for(terminal.read(), 10):
        seen += data
    assert b"30 100" in seen
    assert await terminal.wait() == 4
    await pool.close()


async def test_close_ends_the_connection(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    await transport.close()
    assert (await asyncio.wait_for(transport.wait_closed(), 5)).kind is FaultKind.LOST
    with pytest.raises(Fault) as caught:
        await transport.run("true", timeout=5)
    assert caught.value.kind is FaultKind.LOST


async def test_terminal_words_are_not_shell_syntax(server: Sshd, known: Path) -> None:
    need.root()  # only root's sshd may hand out terminals
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    terminal = await transport.terminal(("printf", "<%s>", *NAUGHTY), term="dumb", columns=80, rows=24)
    seen = b""
    while data := await asyncio.wait_for(terminal.read(), 10):
        seen += data
    assert seen.replace(b"\r\n", b"\n") == "".join(f"<{word}>" for word in NAUGHTY).encode()
    await pool.close()


async def test_timed_out_and_cancelled_commands_leave_nothing(server: Sshd, known: Path) -> None:
    """sshd allows 10 sessions: a leaked one each time would show."""
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    for _ in range(4):
        results = await asyncio.gather(
            *(transport.run(f"sleep {long(86401)} & sleep {long(86401)}", timeout=0.4) for _ in range(3)),
            return_exceptions=True,
        )
        assert {result.kind for result in results if isinstance(result, Fault)} == {FaultKind.NO_ANSWER}
    task = asyncio.create_task(transport.run(f"sleep {long(86401)}", timeout=60))
    await until(lambda: running("sleep", long(86401)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not running("sleep", long(86401)), what="no sleep left")
    assert (await transport.run("echo fine", timeout=10)).stdout == b"fine\n"
    await pool.close()


async def test_cancelled_opening_leaves_no_session(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys, extra="MaxSessions 2") as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(node(server))
        for _ in range(5):
            task = asyncio.create_task(transport.open(timeout=10))
            await asyncio.sleep(0)  # the request is on its way
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        channels = [await eventually(lambda: transport.open(timeout=10), SessionsUsedUp) for _ in range(2)]
        for channel in channels:
            channel.close()
        await pool.close()


async def test_closing_a_channel_ends_its_process(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    channel = await transport.open(timeout=10)
    channel.write(b"echo up; cat >/dev/null; exec sleep 0\n")
    assert await asyncio.wait_for(channel.read(), 10) == b"up\n"
    channel.close()
    await asyncio.wait_for(channel.wait(), 10)
    await pool.close()


async def test_server_that_allows_one_session(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys, extra="MaxSessions 1") as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(node(server))
        channel = await transport.open(timeout=10)
        with pytest.raises(SessionsUsedUp):
            await transport.run("true", timeout=10)
        with pytest.raises(SessionsUsedUp):
            await transport.open(timeout=10)
        channel.write(b"echo alive\n")
        assert await asyncio.wait_for(channel.read(), 10) == b"alive\n"
        channel.close()
        assert (await eventually(lambda: transport.run("true", timeout=10), SessionsUsedUp)).ok
        await pool.close()


async def test_server_that_allows_no_session(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys, extra="MaxSessions 0") as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(node(server))
        with pytest.raises(Fault) as caught:
            await transport.open(timeout=10)
        assert caught.value.kind is FaultKind.SHELL
        await pool.close()


async def test_frozen_server_is_noticed(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys) as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(node(server))
        assert (await transport.run("true", timeout=20)).ok  # by now sshd has all its processes
        freeze(server.process.pid)
        with pytest.raises(Fault) as caught:
            await transport.open(timeout=0.3)
        assert caught.value.kind is FaultKind.NO_ANSWER
        with pytest.raises(Fault) as caught:
            await transport.run("true", timeout=0.3)
        assert caught.value.kind is FaultKind.NO_ANSWER
        fault = await asyncio.wait_for(transport.wait_closed(), 7)
        assert fault.kind is FaultKind.NO_ANSWER
        assert "no longer answers" in fault.message
        await pool.close()


async def test_lost_connection_is_unknown_never_success(tmp_path: Path, keys: Keys) -> None:
    with sshd(tmp_path / "sshd", keys) as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(node(server))
        channel = await transport.open(timeout=10)
        work = asyncio.create_task(transport.run(f"echo begun; exec sleep {long(86402)}", timeout=30))
        await until(lambda: running("sleep", long(86402)))
        send_all(signal.SIGKILL, tree(server.process.pid)[1:])
        done = await asyncio.wait_for(work, 10)
        assert done.status is None
        assert not done.ok
        assert await asyncio.wait_for(channel.read(), 10) == b""
        assert await asyncio.wait_for(channel.wait(), 10) is None
        assert (await asyncio.wait_for(transport.wait_closed(), 10)).kind is FaultKind.LOST
        channel.write(b"nobody hears that\n")
        channel.close()
        await pool.close()


async def test_connection_lost_before_the_script_began(keys: Keys, tmp_path: Path) -> None:
    shell = tmp_path / "never"
    shell.write_text(f"#!/bin/sh\nexec sleep {long(86405)}\n")
    shell.chmod(0o755)
    async with fake_node(keys, login_shell=(str(shell),)) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(fake.node(keys))
        work = asyncio.create_task(transport.run("echo begun", timeout=30))
        await until(lambda: fake.processes)
        fake.connections[0].abort()
        assert (await asyncio.wait_for(work, 10)).status is None
        await pool.close()


async def test_output_is_bounded(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    done = await transport.run("head -c 3000000 /dev/zero", timeout=20, limit=1000)
    assert (done.status, len(done.stdout), done.truncated) == (0, 1000, True)
    with pytest.raises(Fault) as caught:
        await transport.run(f"yes {long(1)}", timeout=30, limit=1000)
    assert caught.value.kind is FaultKind.DATA
    await until(lambda: not running("yes", long(1)), what="no yes left")
    channel = await transport.open(timeout=10)
    channel.write(f"exec yes {long(1)}\n".encode())
    await asyncio.wait_for(channel.read(), 10)
    assert (await transport.run("echo other channels go on", timeout=20)).ok
    channel.close()
    await until(lambda: not running("yes", long(1)), what="no yes left")
    await pool.close()


async def test_child_that_keeps_the_output_open(server: Sshd, known: Path) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    try:
        done = await transport.run(f"setsid sleep {long(86403)} & echo started", timeout=20)
        assert (done.status, done.stdout) == (0, b"started\n")
    finally:
        for process in psutil.process_iter(["cmdline"]):
            if process.info["cmdline"] == ["sleep", long(86403)]:
                process.kill()
        await pool.close()


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_text_that_no_process_can_take(server: Sshd, known: Path, text: str) -> None:
    pool = Pool(settings(known), NoPrompts())
    transport = await pool.connect(node(server))
    with pytest.raises(ValueError, match=r"NUL|Unicode"):
        await transport.run("true", text, timeout=10)
    with pytest.raises(ValueError, match=r"NUL|Unicode"):
        await transport.run(f"true {text}", timeout=10)
    with pytest.raises(ValueError, match=r"NUL|Unicode"):
        await transport.terminal(("echo", text), term="dumb", columns=80, rows=24)
    assert (await transport.run("true", timeout=10)).ok  # the connection is none the worse
    await pool.close()
