"""One node, kept connected and asked: connect, probe, sample after sample, and again after a fault.

A poller never raises and never waits without a deadline. What it learns goes into the store; what goes wrong becomes the
state of its own node and of no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from . import lone_terminal
from .backend import Backend, Reader, Reading
from .errors import Fault, FaultKind
from .inventory import NodeSpec
from .model import Container, Node, NodeState, State
from .sampler.client import BE_ROOT, Ended, Sample, Sampler
from .sampler.head import NodeReader
from .store import Store
from .text import clean
from .transport import Completed, SessionsUsedUp, Terminal, Transport

log = logging.getLogger("ctdeck")

Connect = Callable[[NodeSpec], Awaitable[Transport]]

#: Seconds. The first start looks up init pids and runs vzlist; a sample is patient, since the keepalive of the
#: connection tells a dead peer from a slow one.
START_TIMEOUT = 30.0
FAST_TIMEOUT = 15.0
SLOW_TIMEOUT = 40.0
#: The second sample follows the first this soon, so that CPU is known early.
FIRST_GAP = 1.0
#: At most this share of one core of the node goes into being sampled.
NODE_BUDGET = 0.01
#: Reached, but of no use: the node is broken, and not down.
_UNREADABLE = frozenset({FaultKind.TOOLS, FaultKind.SHELL, FaultKind.DATA, FaultKind.INTERNAL})
#: Seconds after the first sample of a connection until the second slow one: what began as we came is told soon.
SECOND_SLOW = 4.0
#: A slow sample on demand comes at most this often.
SLOW_GAP = 3.0
#: Seconds before the second strike, and the longest wait between tries.
SECOND_STRIKE = 1.0
LONGEST_WAIT = 60.0
#: A fault that only a person can heal is looked at again this seldom.
PERSON_WAIT = 60.0
#: Seconds that the connection has to tell why the sampler ended.
LAST_WORD = 0.5
#: An empty list from a node that had containers is believed when it was told this many times in a row.
EMPTY_BELIEVED = 3


class Poller:
    """Owns one node's connection. `run` is its life; the other methods ask something of it."""

    def __init__(self, spec: NodeSpec, node: Node, store: Store, backends: Sequence[Backend], connect: Connect) -> None:
        self.spec = spec
        self.node = node
        self._store = store
        self._backends = [backend for backend in backends if not spec.backends or backend.name in spec.backends]
        self._connect = connect
        self._transport: Transport | None = None
        self._sampler: Sampler | None = None
        self._head = NodeReader()
        self._readers: dict[str, Reader] = {}
        self._wake = asyncio.Event()
        self._now = False  # somebody asked for a sample now
        self._turn = asyncio.Lock()  # who may use the only session of a server that allows one
        self._strikes = 0
        self._empty = 0
        self._fast_samples = 0
        self._slow_at = 0.0
        self._second_slow = False  # the slow sample after the first one of a connection is still to come
        self._want_slow = False
        self._limited = ""  # why the login sees less than there is
        self.paused = False
        self.settled = asyncio.Event()  # CPU figures are there, or it failed for good

    # --- asked by others

    def refresh(self) -> None:
        """Sample now, whole; when not connected, try now."""
        self._want_slow = self._now = True
        self._slow_at = 0.0
        self._wake.set()

    def resume(self) -> None:
        self._wake.set()

    async def run_command(self, script: str, *args: str, timeout: float, limit: int) -> Completed:
        """A short command on the node's connection. Raises `Fault`."""
        transport = self._connected()
        try:
            return await transport.run(script, *args, timeout=timeout, limit=limit)
        except SessionsUsedUp:
            pass
        # The server allows one session, and the sampler has it: it steps aside.
        async with self._turn:
            if self._sampler is not None:
                self._sampler.close()
            until = time.monotonic() + timeout
            while time.monotonic() < until:
                with contextlib.suppress(SessionsUsedUp):
                    return await transport.run(script, *args, timeout=timeout, limit=limit)
                await asyncio.sleep(0.1)
            raise Fault(FaultKind.NO_ANSWER, f"{self.node.name} gives no session for a command")

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        """A terminal on the node. Raises `Fault`."""
        with contextlib.suppress(SessionsUsedUp):
            return await self._connected().terminal(argv, term=term, columns=columns, rows=rows)
        # The sampler has the only session, and a terminal may stay for hours: it gets a connection of its own.
        return await lone_terminal.open_on(await self._connect(self.spec), argv, term=term, columns=columns, rows=rows)

    def _connected(self) -> Transport:
        if self._transport is None:
            raise Fault(FaultKind.LOST, f"{self.node.name} is not connected", self.node.error)
        return self._transport

    # --- its life

    async def run(self) -> None:
        while True:
            try:
                await self._session()
            except Fault as fault:
                await self._close()
                await self._failed(fault)
            except asyncio.CancelledError:
                await self._close()
                raise
            except Exception as error:  # a mistake of ours must not leave one node silent, nor stop the others
                log.exception("%s", self.node.name)
                await self._close()
                await self._failed(
                    Fault(
                        FaultKind.INTERNAL, f"ctdeck itself failed on it: {clean(repr(error), 200)}", "Please report it"
                    )
                )

    async def _session(self) -> None:
        """From connecting to the fault that ends it."""
        transport = self._transport = await self._connect(self.spec)
        gone = asyncio.create_task(transport.wait_closed())
        try:
            while True:
                work = asyncio.create_task(self._sample_on(transport))
                try:
                    await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
                    if work.done() and isinstance(work.exception(), Ended):
                        await asyncio.wait({gone}, timeout=LAST_WORD)
                    if gone.done() and (not work.done() or isinstance(work.exception(), Ended)):
                        raise gone.result()
                    await work
                finally:
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)
        finally:
            gone.cancel()

    async def _sample_on(self, transport: Transport) -> None:
        """One sampler channel, until it ends. Returns when it stepped aside for a command."""
        async with self._turn:
            try:
                channel = await transport.open(timeout=START_TIMEOUT)
            except SessionsUsedUp:
                raise Fault(FaultKind.SHELL, "The server allows no session on this connection") from None
            sampler = self._sampler = Sampler(channel)
            try:
                sample = await sampler.start(self._backends, timeout=START_TIMEOUT)
            except BaseException:
                sampler.close()
                raise
        try:
            self._greet(sampler)
            self._take(sample, 0.0)
            while not sampler.closed:
                await self._pause()
                if sampler.closed:
                    return
                async with self._turn:
                    if sampler.closed:
                        return
                    await self._ask(sampler)
        finally:
            self._sampler = None
            sampler.close()

    async def _ask(self, sampler: Sampler) -> None:
        now = time.monotonic()
        age = now - self._slow_at
        slow = (
            age >= self.spec.slow_interval
            or (self._want_slow and age >= SLOW_GAP)
            or (self._second_slow and age >= SECOND_SLOW)
        )
        late = asyncio.get_running_loop().call_later(2 * self.spec.interval, self._late)
        try:
            sample = await sampler.ask(slow=slow, timeout=SLOW_TIMEOUT if slow else FAST_TIMEOUT)
        finally:
            late.cancel()
        self._take(sample, time.monotonic() - now)
        if sample.slow:
            self.node.listed = now

    async def _pause(self) -> None:
        """Until the next sample is due, somebody asks, or a pause ends."""
        gap = min(FIRST_GAP, self.node.interval) if self._fast_samples < 2 else self.node.interval
        if self._want_slow and not self._now:
            gap = min(gap, max(0.0, self._slow_at + SLOW_GAP - time.monotonic()))
        if not self._now:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self.paused else gap):
                    await self._wake.wait()
        self._now = False
        self._wake.clear()

    # --- what it learns

    def _greet(self, sampler: Sampler) -> None:
        hello = sampler.hello
        self._head.greet(hello, self.node.facts)
        self.node.backends = hello.backends
        self._limited = f"{hello.limited}. {BE_ROOT}" if hello.limited else ""
        for backend in self._backends:
            if backend.name in hello.backends and backend.name not in self._readers:
                self._readers[backend.name] = backend.reader(self.node.name)

    def _take(self, sample: Sample, seconds: float) -> None:
        """One sample into the store."""
        node = self.node
        whole = self._head.read(sample.sections.get("node", []), node.facts)
        if not whole:
            raise Fault(FaultKind.DATA, "A sample without the node's own figures", "Is its /proc mounted?")
        if sample.slow:
            self._slow_at = time.monotonic()
            self._second_slow = self._fast_samples == 0
            self._want_slow = False
        notes: list[str] = []
        broken: list[str] = []
        for name, reader in self._readers.items():
            reading = reader.read(sample.sections.get(name, []), node.facts)
            notes.extend(reading.notes)
            if reading.broken:
                broken.append(reading.broken)
                continue
            if reading.disk is not None:
                node.facts.disk_used, node.facts.disk_total = reading.disk
            self._want_slow = self._want_slow or reading.want_slow
            suspect = self._put(name, reading)
            if suspect:
                notes.append(suspect)
        waited = 0.0 if sample.slow else seconds  # a slow sample's time is that of the node's tools
        self._answered(waited, notes if sample.slow else None, broken, every=len(broken) == len(self._readers))

    def _put(self, backend: str, reading: Reading) -> str:
        """The containers of one backend; a sentence when the list is too strange to be believed."""
        known = [key for key in self._store.by_node[self.node.name] if key.backend == backend]
        if reading.whole and known and not reading.containers:
            self._empty += 1
            if self._empty < EMPTY_BELIEVED:
                self._want_slow = True
                return f"It answered with an empty list, and had {len(known)} containers: kept until it says so again"
        elif reading.whole:
            self._empty = 0
        for container in reading.containers:
            self._store.put(container)
            self._record(container)
        if reading.whole:
            listed = {container.key for container in reading.containers}
            for key in known:
                if key not in listed:
                    self._store.drop(key)
        return ""

    def _record(self, container: Container) -> None:
        if container.state is not State.STOPPED:
            self._store.record(container.key, container.usage.cpu_percent, container.usage.memory_used)

    def _answered(self, seconds: float, notes: list[str] | None, broken: list[str], *, every: bool) -> None:
        node, now = self.node, time.monotonic()
        self._fast_samples += 1
        self._strikes = 0
        node.answered = now
        node.rtt = seconds or node.rtt
        cost = (node.facts.sampler_ms or 0.0) / 1000.0
        node.interval = max(self.spec.interval, cost / NODE_BUDGET)
        if notes is not None:
            known = self._transport.notes if self._transport is not None else ()
            limited = (self._limited,) if self._limited else ()
            node.notes = (*known, *limited, *notes, *([] if every else broken))
            self._say(NodeState.BROKEN if broken and every else NodeState.UP, broken[0] if broken and every else "")
        elif node.state is not NodeState.BROKEN:
            self._say(NodeState.UP, "")
        self._store.record_node(node.name, node.facts.cpu_percent, node.facts.memory_used)
        self._store.touch_node(node.name)
        if self._fast_samples >= 2 or node.state is NodeState.BROKEN:
            self.settled.set()

    def _say(self, state: NodeState, error: str, remedy: str = "", fault: FaultKind | None = None) -> None:
        node = self.node
        if node.state is not state:
            node.since = time.monotonic()
        node.state, node.error, node.remedy = state, error, remedy
        node.fault = fault or (FaultKind.KERNEL if state is NodeState.BROKEN else None)
        if state in (NodeState.UP, NodeState.BROKEN):
            node.retry_at = None

    def _late(self) -> None:
        self._say(NodeState.STALE, "It is slow to answer", fault=FaultKind.NO_ANSWER)
        self._store.touch_node(self.node.name)

    # --- what goes wrong

    async def _failed(self, fault: Fault) -> None:
        """Show the fault, wait before the next try."""
        self._strikes += 1
        seen = self.node.answered is not None
        self._fast_samples = 0
        if fault.needs_person:
            state, wait = NodeState.BLOCKED, PERSON_WAIT
        elif fault.kind in _UNREADABLE and self._strikes > 1:
            state, wait = NodeState.BROKEN, self._backoff()
        elif self._strikes > 1:
            state, wait = NodeState.DOWN, self._backoff()
        else:
            state, wait = NodeState.STALE if seen else NodeState.CONNECTING, SECOND_STRIKE
        self._say(state, fault.message, fault.remedy, fault.kind)
        self.node.retry_at = time.monotonic() + wait
        self._store.touch_node(self.node.name)
        if state is not NodeState.STALE and state is not NodeState.CONNECTING:
            self.settled.set()
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()
        self._now = False

    def _backoff(self) -> float:
        """1, 2, 4 ... 60 s, with full jitter so that a hundred nodes behind one switch do not come back at once."""
        longest = min(LONGEST_WAIT, 2.0 ** (self._strikes - 1))
        return random.uniform(longest / 2, longest)

    async def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(Fault):
                await transport.close()
