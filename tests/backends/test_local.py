"""`transport: local`, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec
from backends.local import LocalTransport
from backends.prompts import NoPrompts
from tests.backends.processes import long, running
from tests.wait import until


@pytest.fixture
async def here() -> AsyncIterator[LocalTransport]:
    transport = LocalTransport(NodeSpec("here", transport="local"), NoPrompts())
    yield transport
    await transport.close()


async def test_run(here: LocalTransport) -> None:
    done = await here.run('printf "%s|" "$@"; echo oops >&2; exit 3', "a b", "$(id)", timeout=10)
    assert (done.status, done.stdout, done.stderr) == (3, b"a b|$(id)|", b"oops\n")
    data = bytes(range(256)) * 4000
    assert (await here.run("cat", timeout=10, stdin=data, limit=1 << 21)).stdout == data


async def test_killed_script_is_no_success(here: LocalTransport) -> None:
    assert (await here.run("kill -9 $$", timeout=10)).status == 137


async def test_timeout_ends_the_process(here: LocalTransport) -> None:
    with pytest.raises(Fault) as caught:
        await here.run(f"sleep {long(86399)}", timeout=0.5)
    assert caught.value.kind is FaultKind.NO_ANSWER
    await until(lambda: not running("sleep", long(86399)), what="no sleep left")


async def test_output_is_bounded(here: LocalTransport) -> None:
    done = await here.run("head -c 3000000 /dev/zero", timeout=10, limit=1000)
    assert done.truncated
    assert len(done.stdout) == 1000
    with pytest.raises(Fault) as caught:
        await here.run("yes", timeout=10, limit=1000)
    assert caught.value.kind is FaultKind.DATA
    with pytest.raises(Fault) as caught:
        await here.run("yes >&2", timeout=10, limit=1000)
    assert caught.value.kind is FaultKind.DATA


async def test_open_ends_at_the_end_of_input(here: LocalTransport) -> None:
    channel = await here.open(timeout=5)
    channel.write(b"echo one; exec cat\n")
    assert await asyncio.wait_for(channel.read(), 5) == b"one\n"
    channel.close()
    assert await asyncio.wait_for(channel.wait(), 5) == 0


async def test_process_that_ignores_the_end_of_input_is_killed(here: LocalTransport) -> None:
    channel = await here.open(timeout=5)
    channel.write(f"echo up; exec sleep {long(86398)}\n".encode())
    assert await asyncio.wait_for(channel.read(), 5) == b"up\n"
    channel.close()
    assert await asyncio.wait_for(channel.wait(), 10) == 137


async def test_terminal(here: LocalTransport) -> None:
    terminal = await here.terminal(
        ("/bin/sh", "-c", 'echo "$TERM"; stty size; echo typed >/dev/tty; read x; stty size; exit 4'),
        term="vt220",
        columns=91,
        rows=17,
    )
    seen = b""
    while b"typed" not in seen:
        seen += await asyncio.wait_for(terminal.read(), 10)
    assert b"vt220" in seen
    assert b"17 91" in seen
    terminal.resize(100, 30)
    terminal.write(b"\n")
    while data := await asyncio.wait_for(terminal.read(), 10):
        seen += data
    assert b"30 100" in seen
    assert await terminal.wait() == 4
    terminal.close()


async def test_closing_a_terminal_hangs_up(here: LocalTransport) -> None:
    terminal = await here.terminal(("sleep", long(86397)), term="vt220", columns=80, rows=24)
    await until(lambda: running("sleep", long(86397)))
    terminal.close()
    await asyncio.wait_for(terminal.wait(), 5)
    assert not running("sleep", long(86397))


async def test_sudo_without_password(here: LocalTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root needs none: `sudo: true` of a fleet file is then no obstacle."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "sudo").write_text('#!/bin/sh\nshift\nAS_ROOT=yes exec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    transport = LocalTransport(NodeSpec("here", transport="local", sudo=True), NoPrompts())
    assert (await transport.run('echo "$AS_ROOT"', timeout=10)).stdout == b"yes\n"
    await transport.close()


async def test_wait_closed(here: LocalTransport) -> None:
    waiting = asyncio.create_task(here.wait_closed())
    await here.close()
    assert (await asyncio.wait_for(waiting, 5)).kind is FaultKind.LOST
