"""From the lines of a sample to OpenVZ containers: rates from two counters, everything else as it stands."""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import Reading
from ..model import Container, Key, Lock, NodeFacts, State, Usage
from .conf import PAGE, bounded, pages
from .describe import describe, disk_in_use, listed_from_conf
from .parse import Counters, Fast, SlowPart, has_slow, parse_fast, parse_slow

_NO_KERNEL = (
    "vzctl is installed on it, but its kernel has no OpenVZ (no /proc/vz): was it booted into the wrong kernel?"
)
_NO_RIGHTS = "It does not let this login read /proc/vz: log in as root, or set `sudo: true` for it"


class OpenVzReader:
    """One node's OpenVZ containers between samples."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._containers: dict[str, Container] = {}
        self._cpu: dict[str, tuple[int, int]] = {}
        self._first_failcnt: dict[str, int] = {}
        self._vswap = True

    def read(self, lines: Sequence[str], facts: NodeFacts) -> Reading:
        reading = Reading()
        if has_slow(lines):
            part = parse_slow(lines)
            if part.trouble & {"kernel", "root"}:
                reading.broken = _NO_KERNEL if "kernel" in part.trouble else _NO_RIGHTS
                return reading
            self._read_slow(part, reading)
        fast = parse_fast(lines)
        if fast.odd:
            reading.notes += (f"OpenVZ: {fast.odd} lines of the sample could not be read",)
        changed = self._read_fast(fast, facts, reading)
        if not reading.whole:
            reading.containers = changed
        return reading

    def _read_slow(self, part: SlowPart, reading: Reading) -> None:
        reading.whole = True
        reading.disk = part.disk
        self._vswap = part.vswap
        listed = part.listed
        if not part.vzlist_ok:
            listed = listed_from_conf(part.conf)
            reading.notes += ("OpenVZ: vzlist told nothing; names and states are from the .conf files and the kernel",)
        else:
            orphans = sorted(part.conf.keys() - listed.keys())
            if orphans:
                shown = ", ".join(orphans[:5]) + (" …" if len(orphans) > 5 else "")
                reading.notes += (f"OpenVZ: .conf files without a private area, which vzlist hides: {shown}",)
        if part.odd:
            reading.notes += (f"OpenVZ: {part.odd} lines of the sample could not be read",)
        for ctid in self._containers.keys() - listed.keys():
            del self._containers[ctid]
            self._cpu.pop(ctid, None)
            self._first_failcnt.pop(ctid, None)
        for ctid, entry in listed.items():
            container = self._containers.get(ctid)
            if container is None:
                container = self._containers[ctid] = Container(Key(self._node, "openvz", ctid))
            describe(container, entry, part.conf.get(ctid, {}), vswap=part.vswap)
            container.beancounters = part.beancounters.get(ctid, {})
            container.lock = part.locks.get(ctid)
            running = container.state is State.RUNNING
            container.leashes = part.leashes.get(ctid, ()) if running else ()  # a live limit
            if running:
                disk_in_use(container, part.disks.get(ctid), part.quota.get(ctid))
            else:
                container.usage = Usage()
            reading.containers.append(container)

    def _read_fast(self, fast: Fast, facts: NodeFacts, reading: Reading) -> list[Container]:
        changed: list[Container] = []
        for ctid, container in self._containers.items():
            moved = self._lock(container, fast, reading)
            if ctid in fast.cpu:
                self._run(container, fast.cpu[ctid], fast.counters.get(ctid), facts, reading)
                moved = True
            elif container.state is State.RUNNING:
                container.state = State.STOPPED  # until vzlist says more
                container.usage = Usage()
                self._cpu.pop(ctid, None)
                reading.want_slow = moved = True
            if moved:
                changed.append(container)
        if fast.cpu.keys() - self._containers.keys():
            reading.want_slow = True
        return changed

    def _run(
        self,
        container: Container,
        cpu: tuple[int, int],
        counters: Counters | None,
        facts: NodeFacts,
        reading: Reading,
    ) -> None:
        if container.state is not State.RUNNING:
            container.state = State.RUNNING
            reading.want_slow = True
        usage = container.usage
        cycles = (facts.kernel or "").startswith("Linux 2.6.18")  # there both columns count CPU cycles
        usage.uptime = None if cycles else cpu[1] / 1e9
        usage.cpu_lifetime = 100.0 * cpu[0] / cpu[1] if cpu[1] > 0 else None
        before = self._cpu.get(container.id)
        self._cpu[container.id] = cpu
        if before is not None:
            used, lived = cpu[0] - before[0], cpu[1] - before[1]
            if used < 0 or lived < 0:
                usage.cpu_percent = None
                reading.want_slow = True  # a counter that went back: restarted
            elif lived > 0:
                usage.cpu_percent = 100.0 * used / lived
        if counters is not None:
            self._count(container, counters, reading)

    def _count(self, container: Container, counters: Counters, reading: Reading) -> None:
        usage, limits = container.usage, container.limits
        held = counters.physpages[0]
        usage.memory_used = None if held is None else held * PAGE
        limits.memory = pages(counters.physpages[1])
        if limits.memory is None and not self._vswap:
            limits.memory = pages(counters.privvmpages[1])
        swap = counters.swappages[0]
        usage.swap_used = None if swap is None else swap * PAGE
        limits.swap = pages(counters.swappages[1])
        usage.processes = counters.numproc[0]
        limits.processes = bounded(counters.numproc[1])
        if usage.failcnt is not None and counters.failcnt != usage.failcnt:
            reading.want_slow = True
        usage.failcnt = counters.failcnt
        first = self._first_failcnt.setdefault(container.id, counters.failcnt)
        if counters.failcnt < first:
            first = self._first_failcnt[container.id] = counters.failcnt
        usage.failcnt_growth = counters.failcnt - first

    @staticmethod
    def _lock(container: Container, fast: Fast, reading: Reading) -> bool:
        locked = container.id in fast.locked
        if locked and (container.lock is None or container.lock.pid != fast.locked[container.id]):
            if not reading.whole:  # a whole one knows who and since when
                container.lock = Lock(by="", pid=fast.locked[container.id])
                reading.want_slow = True
            return True
        if not locked and container.lock is not None and not reading.whole:
            container.lock = None
            return True
        return False
