"""A full-screen program in a terminal, measured from outside: CPU, bytes, and the time from a key to its frame."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

ASK_SYNC = b"\x1b[?2026$p"  # "can you show whole frames?"
END_OF_FRAME = b"\x1b[?2026l"
DOWN = b"\x1b[B"


@dataclass(frozen=True, slots=True)
class Measured:
    cpu_percent: float  # of one core
    bytes_per_second: float
    key_p50: float  # milliseconds
    key_p95: float
    rss_mb: float


def _pump(master: int, seconds: float, until: bytes = b"") -> int:
    """Read what the program draws; stop early at `until`. Number of bytes."""
    deadline, seen, tail = time.monotonic() + seconds, 0, b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([master], [], [], left)[0]:
            break
        data = os.read(master, 65536)
        seen += len(data)
        tail = (tail + data)[-4096:]
        if ASK_SYNC in data:
            os.write(master, b"\x1b[?2026;2$y")
        if until and until in tail:
            break
    return seen


def measure(
    module: str,
    args: Sequence[str],
    *,
    size: tuple[int, int] = (200, 50),
    settle: float = 20.0,
    seconds: float = 12.0,
    keys: int = 60,
) -> Measured:
    """Run `python -m MODULE ARGS` at `size` columns and rows."""
    pid, master = pty.fork()
    if pid == 0:
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        os.execve(sys.executable, [sys.executable, "-m", module, *args], environment)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = psutil.Process(pid)
    try:
        _pump(master, settle)
        times, begin = process.cpu_times(), time.monotonic()
        seen = _pump(master, seconds)
        spent, took = process.cpu_times(), time.monotonic() - begin
        cpu = 100 * (spent.user + spent.system - times.user - times.system) / took
        waits = []
        for _ in range(keys):
            _pump(master, 0.11)
            pressed = time.monotonic()
            os.write(master, DOWN)
            if _pump(master, 1.0, END_OF_FRAME):
                waits.append(1000 * (time.monotonic() - pressed))
        waits.sort()
        return Measured(
            cpu,
            seen / took,
            statistics.median(waits),
            waits[int(len(waits) * 0.95) - 1],
            process.memory_info().rss / 2**20,
        )
    finally:
        process.kill()
        os.close(master)
        os.waitpid(pid, 0)
