"""A socket to a host: TCP to the first of its addresses that answers, or the input and output of a ProxyCommand."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from .host import Host

_STAGGER = 0.25  # seconds before the next address of the same name is tried too


class Proxy:
    """A running ProxyCommand: its input and output are one socket, the end of what it complains about is kept."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self.socket = ours
        self.said = b""
        self._process = process
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    @classmethod
    async def start(cls, command: str) -> Proxy:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", f"exec {command}",
                stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self.said = (self.said + data)[-1024:]

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._process.wait()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._listening.cancel()


async def connect(host: Host) -> socket.socket:
    """TCP to the first address that answers; the next one is tried after 0.25 s or at once after a refusal."""
    addresses = await lookup(host)
    running: set[asyncio.Task[socket.socket]] = set()
    failure: OSError | None = None
    winner: socket.socket | None = None
    try:
        while winner is None and (addresses or running):
            if addresses:
                running.add(asyncio.ensure_future(_connect_one(addresses.pop(0), host.bind_address)))
            done, running = await asyncio.wait(
                running, timeout=_STAGGER if addresses else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None and winner is None:
                    winner = task.result()
                elif error is None:
                    task.result().close()
                elif not isinstance(error, OSError):
                    raise error
                else:
                    failure = failure or error
    finally:
        for task in running:
            task.add_done_callback(_drop)
            task.cancel()
    if winner is None:
        raise failure or OSError(errno.EHOSTUNREACH, "no address")
    return winner


def _drop(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect_one(address: tuple[int, Any], bind: str) -> socket.socket:
    family, target = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind:
            sock.bind((bind, 0))
        await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


async def lookup(host: Host) -> list[tuple[int, Any]]:
    """Addresses of a host, families alternating. Each question has a daemon thread of its own: a dead name server must
    hold up neither the others (a pool's threads are few) nor the end of the program (a pool's threads are joined)."""
    families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
    family = families.get(host.family, socket.AF_UNSPEC)
    ask = (host.hostname, host.port, family, socket.SOCK_STREAM)
    try:
        found = socket.getaddrinfo(*ask, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await _in_thread(lambda: socket.getaddrinfo(*ask))
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a valid name") from None
    first = [(entry[0], entry[4]) for entry in found if entry[0] == found[0][0]]
    second = [(entry[0], entry[4]) for entry in found if entry[0] != found[0][0]]
    mixed: list[tuple[int, Any]] = []
    for index in range(max(len(first), len(second))):
        mixed += first[index : index + 1] + second[index : index + 1]
    return mixed


async def _in_thread(work: Callable[[], Any]) -> Any:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def put(result: Any, error: Exception | None) -> None:
        if answer.cancelled():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def run() -> None:
        result: Any = None
        error: OSError | None = None
        try:
            result = work()
        except UnicodeError:
            error = socket.gaierror(socket.EAI_NONAME, "not a valid name")
        except OSError as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(put, result, error)

    threading.Thread(target=run, daemon=True, name="resolve").start()
    return await answer
