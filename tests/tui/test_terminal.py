"""The shell's relay on a real pty, with a node's terminal that we play."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from backends.errors import Fault, FaultKind
from tui.terminal import Visit, relay

DEADLINE = 20.0


class Far:
    """A node's end of a shell: what we typed, what it prints."""

    def __init__(self) -> None:
        self.typed = bytearray()
        self.sizes: list[tuple[int, int]] = []
        self.closed = False
        self.status: int | None = 0
        self.output: asyncio.Queue[bytes | Fault] = asyncio.Queue()
        self.moved = asyncio.Event()

    async def read(self) -> bytes:
        said = await self.output.get()
        if isinstance(said, Fault):
            raise said
        return said

    def write(self, data: bytes) -> None:
        self.typed += data
        self.moved.set()

    def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))
        self.moved.set()

    async def wait(self) -> int | None:
        return self.status

    def close(self) -> None:
        self.closed = True

    def says(self, *chunks: bytes | Fault) -> None:
        for chunk in chunks:
            self.output.put_nowait(chunk)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.moved.clear()
                await self.moved.wait()


class Near:
    """Our tty: a real pty whose other side is the person."""

    def __init__(self) -> None:
        self.person, self.tty = pty.openpty()
        self.resize(100, 30)
        self.before = termios.tcgetattr(self.tty)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, data: bytes) -> None:
        os.write(self.person, data)

    async def shows(self, expected: bytes) -> bytes:
        """What the person has got by the time that `expected` is in it: a pty hands over in pieces."""
        os.set_blocking(self.person, False)
        got = b""
        async with asyncio.timeout(DEADLINE):
            while expected not in got:
                if (await asyncio.to_thread(select.select, [self.person], [], [], 0.05))[0]:
                    got += os.read(self.person, 65536)
        return got

    @property
    def restored(self) -> bool:
        return termios.tcgetattr(self.tty) == self.before

    @property
    def raw(self) -> bool:
        return not termios.tcgetattr(self.tty)[3] & (termios.ECHO | termios.ICANON | termios.ISIG)


@pytest.fixture
def near() -> Iterator[Near]:
    tty = Near()
    yield tty
    for descriptor in (tty.person, tty.tty):
        with suppress(OSError):
            os.close(descriptor)


async def start(far: Far, near: Near) -> asyncio.Task[Visit]:
    task: asyncio.Task[Visit] = asyncio.create_task(relay(far, near.tty, near.tty))
    await far.until(lambda: bool(far.sizes))
    return task


async def test_bytes_go_both_ways_and_the_tty_is_restored(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    assert near.raw
    near.types(b"ls -l\r\x03\x04\x1b[A")
    await far.until(lambda: len(far.typed) >= 11)
    assert bytes(far.typed) == b"ls -l\r\x03\x04\x1b[A"
    far.says(b"caf\xc3\xa9\r\n", b"\xff\x00")
    far.status = 3
    far.says(b"")
    visit = await asyncio.wait_for(task, DEADLINE)
    assert (visit.status, visit.left, visit.error) == (3, False, "")
    assert (await near.shows(b"\xff\x00")).startswith(b"caf\xc3\xa9\r\n\xff\x00")
    assert near.restored
    assert far.closed


async def test_window_size_at_start_and_on_change(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    assert far.sizes == [(100, 30)]
    near.resize(132, 50)
    os.kill(os.getpid(), signal.SIGWINCH)
    await far.until(lambda: len(far.sizes) > 1)
    assert far.sizes[-1] == (132, 50)
    far.says(b"")
    await asyncio.wait_for(task, DEADLINE)


async def test_lost_connection_is_no_success(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    far.status = None
    far.says(b"")
    visit = await asyncio.wait_for(task, DEADLINE)
    assert visit.status is None
    assert "broke" in visit.error
    assert near.restored


async def test_a_fault_is_told_in_its_sentence(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    far.says(Fault(FaultKind.LOST, "hn01: the connection broke", "It is tried again"))
    visit = await asyncio.wait_for(task, DEADLINE)
    assert visit.error == "hn01: the connection broke. It is tried again"
    assert near.restored


async def test_a_silent_shell_is_left_by_three_presses(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    near.types(b"\x1d\x1d")
    await far.until(lambda: len(far.typed) >= 2)
    near.types(b"x")
    await far.until(lambda: len(far.typed) >= 3)
    assert not task.done()
    near.types(b"\x1d\x1d\x1d")
    visit = await asyncio.wait_for(task, DEADLINE)
    assert visit.left
    assert far.closed
    assert near.restored


async def test_cancelling_restores_the_tty_and_closes_the_shell(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert near.restored
    assert far.closed


async def test_a_bug_in_the_far_end_restores_the_tty(near: Near) -> None:
    far = Far()

    task = await start(far, near)
    reading = far.read

    async def read() -> bytes:
        await reading()
        raise RuntimeError("bug")

    far.read = read  # type: ignore[method-assign]
    far.says(b"first", b"second")
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(task, DEADLINE)
    assert near.restored
    assert far.closed


async def test_typed_ahead_is_thrown_away_at_the_end(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    far.says(Fault(FaultKind.LOST, "gone"))
    near.types(b"rm -rf x\r")
    await asyncio.wait_for(task, DEADLINE)
    os.set_blocking(near.tty, False)
    with pytest.raises(BlockingIOError):
        os.read(near.tty, 100)


async def test_much_output_arrives_whole(near: Near) -> None:
    far = Far()
    task = await start(far, near)
    far.says(*[bytes([65 + index % 26]) * 4000 for index in range(50)], b"")
    got = await near.shows(b"\x1b[?25h")
    await asyncio.wait_for(task, DEADLINE)
    assert got.count(b"\x1b[0m") == 1
    assert len(got.split(b"\x1b")[0]) == 200_000
