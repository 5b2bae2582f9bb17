"""Processes of the machine, as the tests see them."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil


def long(seconds: int) -> str:
    """An argument for `sleep` that no other run of the tests has."""
    return f"{seconds}.{os.getpid()}"


def running(*argv: str) -> bool:
    """Whether a process with exactly this command line is alive."""
    return any(
        process.info["cmdline"] == list(argv) and process.info["status"] != psutil.STATUS_ZOMBIE
        for process in psutil.process_iter(["cmdline", "status"])
    )


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def send_all(number: int, pids: list[int]) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def freeze(pid: int) -> None:
    """Stop a process and all below it, also those that it was just about to start."""
    stopped: set[int] = set()
    while more := set(tree(pid)) - stopped:
        send_all(signal.SIGSTOP, sorted(more))
        stopped |= more
