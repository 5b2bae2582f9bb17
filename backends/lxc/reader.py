"""From the lines of a sample to LXC containers: rates from two counters, everything else as it stands."""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import Reading
from ..model import Container, Key, NodeFacts, State, Usage
from .parse import Counters, Slow, has_slow, parse_fast, parse_slow


class LxcReader:
    """One node's LXC containers between samples."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._containers: dict[str, Container] = {}
        self._start: dict[str, int | None] = {}
        self._last: dict[str, tuple[float, Counters]] = {}

    def read(self, lines: Sequence[str], facts: NodeFacts) -> Reading:
        reading = Reading(whole=has_slow(lines))
        if reading.whole:
            self._read_slow(lines, facts, reading)
        fast = parse_fast(lines)
        for name, counters in fast.counters.items():
            container = self._containers.get(name)
            if container is None:
                reading.want_slow = True
                continue
            self._count(container, counters, facts, reading)
            if not reading.whole:
                reading.containers.append(container)
        for name in fast.gone:
            self._gone(name, reading)
        if fast.odd:
            reading.notes += (f"LXC: {fast.odd} lines of the sample could not be read",)
        return reading

    def _read_slow(self, lines: Sequence[str], facts: NodeFacts, reading: Reading) -> None:
        part = parse_slow(lines)
        reading.disk = part.disk
        if part.bad_names:
            shown = ", ".join(repr(name) for name in part.bad_names[:3])
            reading.notes += (f"LXC: passed over what no container can be called: {shown}",)
        if part.odd:
            reading.notes += (f"LXC: {part.odd} lines of the sample could not be read",)
        for name in self._containers.keys() - part.containers.keys():
            self._forget(name)
        for name, slow in part.containers.items():
            container = self._containers.get(name)
            if container is None:
                container = self._containers[name] = Container(Key(self._node, "lxc", name), name=name)
            self._describe(container, slow, facts)
            reading.containers.append(container)

    def _describe(self, container: Container, slow: Slow, facts: NodeFacts) -> None:
        if self._start.get(container.id) != slow.start_ticks:
            self._last.pop(container.id, None)  # another life: its counters began anew
        self._start[container.id] = slow.start_ticks
        container.state = slow.state
        container.hostname = slow.hostname
        container.ips = slow.ips
        container.ips_configured = slow.ips_configured
        container.on_boot = slow.on_boot
        container.layout = slow.layout
        container.leashes = slow.leashes
        container.note = slow.note
        container.limits = slow.limits
        if slow.limits.cpus is not None and slow.limits.cpus == facts.cpus:
            container.limits.cpus = None  # all of them: not limited
        if slow.state in (State.STOPPED, State.UNKNOWN):
            container.usage = Usage()
            self._last.pop(container.id, None)
        else:
            container.usage.disk_used = slow.disk_used
            container.usage.inodes_used = slow.inodes_used

    def _count(self, container: Container, counters: Counters, facts: NodeFacts, reading: Reading) -> None:
        usage, now = container.usage, facts.uptime
        usage.memory_used = counters.memory_used
        usage.swap_used = counters.swap
        usage.processes = counters.processes
        usage.oom_kills = counters.oom_kills
        start = self._start.get(container.id)
        if now is not None and start is not None:
            usage.uptime = max(0.0, now - start / facts.ticks)
        if counters.processes == 0:
            reading.want_slow = True  # an unclean death leaves the old cgroup behind, empty
        before = self._last.get(container.id)
        if now is None or counters.cpu_ns is None:
            return
        self._last[container.id] = (now, counters)
        if usage.uptime:
            usage.cpu_lifetime = counters.cpu_ns / usage.uptime / 1e7
        if before is None or before[1].cpu_ns is None:
            return
        seconds, spent = now - before[0], counters.cpu_ns - before[1].cpu_ns
        if spent < 0 or seconds < 0:
            usage.cpu_percent = None
            reading.want_slow = True  # a counter that went back: restarted
        elif seconds > 0:
            usage.cpu_percent = spent / seconds / 1e7
            usage.throttled_percent = _share(counters, before[1])

    def _gone(self, name: str, reading: Reading) -> None:
        container = self._containers.get(name)
        if container is None:
            return
        reading.want_slow = True
        self._last.pop(name, None)
        container.state = State.STOPPED
        container.usage = Usage()
        if not reading.whole:
            reading.containers.append(container)

    def _forget(self, name: str) -> None:
        del self._containers[name]
        self._start.pop(name, None)
        self._last.pop(name, None)


def _share(now: Counters, before: Counters) -> float | None:
    """Percent of the periods since `before` in which the CPU limit held the container back."""
    if None in (now.throttled, now.periods, before.throttled, before.periods):
        return None
    periods = (now.periods or 0) - (before.periods or 0)
    throttled = (now.throttled or 0) - (before.throttled or 0)
    return 100.0 * throttled / periods if periods > 0 and throttled >= 0 else None
