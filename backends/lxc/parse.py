"""Lines of the LXC sampler fragment as raw values. Pure; the line kinds are described in sampler.awk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from ..leashes import take
from ..model import Leash, Limits, State
from ..text import number

#: cgroup v1 writes "no limit" as a number just below 2^63.
_UNLIMITED = 1 << 60


def limit(word: str) -> int | None:
    value = number(word)
    return None if value is None or value >= _UNLIMITED else value


@dataclass(slots=True)
class Counters:
    """One `c` line. `cpu_ns` since start of its cgroup; sizes in bytes. None: the file is not there."""

    cpu_ns: int | None
    memory: int | None
    inactive_file: int | None
    file: int | None
    shmem: int | None
    swap: int | None
    processes: int | None
    throttled: int | None
    periods: int | None
    oom_kills: int | None = None  # only told where its memory is limited

    @property
    def memory_used(self) -> int | None:
        """Memory that could not be dropped at once: without inactive file cache, as `docker stats` counts it."""
        return None if self.memory is None else max(0, self.memory - (self.inactive_file or 0))


@dataclass(slots=True, frozen=True)
class Disk:
    """A `d` line: statfs of a container's root, or of the container area."""

    fsid: str
    blocks: int
    free: int
    size: int  # bytes of a block
    inodes: int
    free_inodes: int

    @property
    def used(self) -> int:
        return (self.blocks - self.free) * self.size

    @property
    def total(self) -> int:
        return self.blocks * self.size


@dataclass(slots=True)
class Fast:
    """The fast part. `gone`: names whose cgroup is no longer there."""

    counters: dict[str, Counters] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    odd: int = 0


@dataclass(slots=True)
class Slow:
    """The slow part of one container."""

    name: str
    state: State
    cgroup: str = "v1"
    start_ticks: int | None = None  # start of its init, ticks after boot of the node
    ips: tuple[str, ...] = ()
    ips_configured: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    hostname: str | None = None
    on_boot: bool = False
    layout: str | None = None
    leashes: tuple[Leash, ...] = ()
    disk_used: int | None = None
    inodes_used: int | None = None
    note: str = ""


@dataclass(slots=True)
class SlowPart:
    containers: dict[str, Slow] = field(default_factory=dict)
    disk: tuple[int, int] | None = None  # used and total bytes of the container area
    bad_names: list[str] = field(default_factory=list)
    odd: int = 0


def parse_fast(lines: Iterable[str]) -> Fast:
    """`c` and `x` lines; all others are passed over. A line that cannot be read is counted in `odd`."""
    fast = Fast()
    for line in lines:
        kind = line[:2]
        if kind == "c ":
            word = line.split(" ")
            if len(word) not in (12, 13):
                fast.odd += 1
                continue
            value = [number(text) for text in word[3:]]
            if value[0] is not None and word[2] == "2":
                value[0] *= 1000
            fast.counters[word[1]] = Counters(*value)
        elif kind == "x ":
            fast.gone.append(line[2:])
    return fast


def _unquote(text: str) -> str:
    # liblxc takes one pair of quotes around a value away (confile_utils.c)
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def has_slow(lines: Iterable[str]) -> bool:
    return any(line.startswith("d @host ") for line in lines)


def cpu_count(cpuset: str) -> int | None:
    """Number of CPUs in a list such as `0;2-3` (the sampler writes `;` for `,`)."""
    count = 0
    for part in cpuset.split(";"):
        low, dash, high = part.partition("-")
        first, last = number(low), number(high if dash else low)
        if first is None or last is None:
            return None
        count += last - first + 1
    return count


def address(word: str) -> str | None:
    """An address of an `i` line: dotted, or the 32 hex digits of /proc/net/if_inet6."""
    if len(word) == 32 and ":" not in word:
        try:
            return str(IPv6Address(int(word, 16)))
        except ValueError:
            return None
    return word


def parse_slow(lines: Sequence[str]) -> SlowPart:
    """All lines but those of the fast part."""
    part = SlowPart()
    containers = part.containers
    config: dict[str, list[tuple[str, str]]] = {}
    disks: dict[str, Disk] = {}
    roots: dict[str, str] = {}
    leashes: dict[str, tuple[Leash, ...]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        word = value.split()
        if kind == "R" and len(word) == 3:
            containers[name] = Slow(name, State.RUNNING, cgroup=word[2], start_ticks=number(word[1]))
        elif kind == "T":
            containers[name] = Slow(name, State.STOPPED)
        elif kind == "k":
            key, _, setting = value.partition("=")
            config.setdefault(name, []).append((key.strip(), _unquote(setting.strip())))
        elif kind == "i" and name in containers:
            containers[name].ips = tuple(ip for ip in map(address, word) if ip)
        elif kind == "l" and name in containers and len(word) == 8:
            _limits(containers[name], word)
        elif kind == "d":
            sizes = [number(text) for text in word[1:]]
            if len(sizes) == 5 and None not in sizes:
                disks[name] = Disk(word[0], *(size or 0 for size in sizes))
            else:
                part.odd += 1
        elif kind == "r":
            roots[name] = value
        elif kind == "h":
            take(rest, leashes)
        elif kind == "!" and name == "name":
            part.bad_names.append(value)
        elif kind == "!" and name == "noinit" and value:
            containers[value] = Slow(value, State.UNKNOWN, note="its monitor is there, but does not answer")
    host = disks.get("@host")
    if host is not None:
        part.disk = (host.used, host.total)
    for name, container in containers.items():
        _configure(container, config.get(name, []))
        if container.state is not State.STOPPED:  # its limits went with its cgroup
            container.leashes = leashes.get(name, ())
        disk = disks.get(name)
        shared = host is not None and disk is not None and disk.fsid == host.fsid
        if disk is not None and not shared and roots.get(name) != "overlay":
            container.disk_used, container.limits.disk = disk.used, disk.total
            if disk.inodes:
                container.inodes_used, container.limits.inodes = disk.inodes - disk.free_inodes, disk.inodes
    return part


def _limits(container: Slow, word: list[str]) -> None:
    memory, swap, quota, period, pids, cpuset, freezer, weight = word
    limits = container.limits
    limits.memory = limit(memory)
    limits.swap = limit(swap)
    if container.cgroup == "v1" and limits.swap is not None and limits.memory is not None:
        limits.swap -= limits.memory  # v1 limits the sum of both
    limits.cpu_weight = number(weight)
    quota_us, period_us = number(quota), number(period)
    if quota_us is not None and period_us:
        limits.cpu_percent = 100.0 * quota_us / period_us
    limits.processes = limit(pids)
    limits.cpus = cpu_count(cpuset)
    if freezer == "FROZEN":
        container.state = State.FROZEN


def _configure(container: Slow, config: list[tuple[str, str]]) -> None:
    configured: list[str] = []
    for key, value in config:
        if key == "lxc.uts.name":
            container.hostname = value or None
        elif key == "lxc.start.auto":
            container.on_boot = value == "1"
        elif key == "lxc.rootfs.path":
            kind, colon, _ = value.partition(":")
            container.layout = kind if colon else "dir"
        elif key.startswith("lxc.net.") and key.endswith((".ipv4.address", ".ipv6.address")) and value:
            configured.append(value.split()[0])
    container.ips_configured = tuple(configured)
    if container.state is State.STOPPED:
        container.ips = container.ips_configured
