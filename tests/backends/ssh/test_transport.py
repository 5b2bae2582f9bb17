"""Shells, commands and terminals over a real sshd."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.prompts import NoPrompts
from backends.ssh.pool import Pool

from .servers import Sshd, node, settings


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
