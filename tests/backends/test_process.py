"""The bounded stream of a process, without one."""

from __future__ import annotations

import asyncio

from backends.process import Process


class Fake(Process):
    def __init__(self) -> None:
        super().__init__()
        self.held_up = 0

    def hold_up(self) -> None:
        self.held_up += 1

    def let_go_on(self) -> None:
        self.held_up -= 1


async def test_unread_output_holds_the_process_up() -> None:
    process = Fake()
    for _ in range(3):
        process.put(b"x" * (512 << 10))
    assert process.held_up == 1
    assert len(await process.read(1 << 20)) == 1 << 20
    assert process.held_up == 1, "not at once again"
    assert len(await process.read(1)) == 1
    assert process.held_up == 0


async def test_error_output_is_kept_to_its_end() -> None:
    process = Fake()
    for index in range(100):
        process.put_error(b"%04d" % index * 1000)
    assert process.stderr.endswith(b"0099")
    assert len(process.stderr) == 64 << 10
    assert process.stderr_length == 400_000


async def test_read_waits_for_output_or_an_end() -> None:
    process = Fake()
    reading = asyncio.create_task(process.read())
    await asyncio.sleep(0)
    process.put_error(b"nothing to read")
    process.put(b"data")
    assert await asyncio.wait_for(reading, 5) == b"data"
    process.end(7)
    process.end(None)
    assert await asyncio.wait_for(process.read(), 5) == b"", "nobody says that the output has ended"
    assert await process.wait() == 7
    assert process.ended
