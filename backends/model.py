"""What a node and a container are. Plain, typed, slotted; the unit of every number stands beside it.

None means "not known" or "this backend has no such notion" and is shown as `-`; it is never turned into 0.
Text in here has passed `backends.text.clean`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """State of a container. Published in JSON: values may be added, never renamed."""

    RUNNING = "running"
    STOPPED = "stopped"
    MOUNTED = "mounted"  # OpenVZ: its file system is mounted, no process runs
    SUSPENDED = "suspended"  # checkpointed to disk
    FROZEN = "frozen"  # in memory, but its processes get no CPU
    UNKNOWN = "unknown"  # the node told a word that we do not know


class NodeState(StrEnum):
    """State of a node. Published in JSON: values may be added, never renamed."""

    CONNECTING = "connecting"  # the first try is under way
    UP = "up"
    STALE = "stale"  # connected, but answers late: what is shown is old
    DOWN = "down"  # cannot be reached (two strikes), retried
    BLOCKED = "blocked"  # a person has to act: host key, login, sudo
    BROKEN = "broken"  # reached, but cannot be read: no tools, noise, a kernel without OpenVZ


class Key(NamedTuple):
    """Identity of a container."""

    node: str
    backend: str
    id: str


@dataclass(slots=True, frozen=True)
class Lock:
    """A container on which somebody works. `since` is seconds since the epoch on the node's clock, None if not known."""

    by: str  # command line or name of the holder, "" if not known
    pid: int | None = None
    since: float | None = None
    alive: bool | None = None  # False: the holder is gone, the lock is stale; None: not looked


@dataclass(slots=True, frozen=True)
class Leash:
    """A limit for a while: the node itself puts the old value back."""

    limit: str  # as in `plans.request.LIMITS`; `bc.NAME` is a beancounter
    until: int | None = None  # seconds since the epoch on the node's clock, None if not known


@dataclass(slots=True, frozen=True)
class Beancounter:
    """One resource of /proc/bc/ID/resources, in the kernel's own unit (bytes, pages of 4 KiB, items).

    `barrier` and `limit` are None when unlimited (LONG_MAX).
    """

    held: int
    maxheld: int
    barrier: int | None
    limit: int | None
    failcnt: int


@dataclass(slots=True)
class Usage:
    """What a container uses, from the fast part of a sample. A stopped container has none of it (all None)."""

    cpu_percent: float | None = None  # 100 = one core; None until two samples are there
    cpu_lifetime: float | None = None  # the same, mean since its start
    memory_used: int | None = None  # bytes
    swap_used: int | None = None  # bytes
    disk_used: int | None = None  # bytes
    inodes_used: int | None = None
    processes: int | None = None
    load: tuple[float, float, float] | None = None
    uptime: float | None = None  # seconds
    throttled_percent: float | None = None  # share of the last interval in which the CPU limit held it back
    rx_bytes: int | None = None  # counters since start
    tx_bytes: int | None = None
    oom_kills: int | None = None  # processes that the kernel killed for want of memory, since its start
    failcnt: int | None = None  # sum over all beancounters since start of the node
    failcnt_growth: int | None = None  # since ctdeck first saw the container


@dataclass(slots=True)
class Limits:
    """What a container may use, from the slow part. None: not limited, or not known (see `Container.unknown`)."""

    cpus: float | None = None  # number of virtual CPUs, or of CPUs in its cpuset
    cpu_percent: float | None = None  # 100 = one core
    cpu_weight: int | None = None  # cpuunits, cpu.shares or cpu.weight
    memory: int | None = None  # bytes
    swap: int | None = None  # bytes
    disk: int | None = None  # bytes, soft limit
    disk_hard: int | None = None  # bytes
    inodes: int | None = None
    processes: int | None = None
    io_priority: int | None = None  # 0..7
    io_bytes: int | None = None  # bytes per second
    iops: int | None = None


@dataclass(slots=True)
class Container:
    """One container. `key` never changes; everything else is replaced in place when a sample says so."""

    key: Key
    state: State = State.UNKNOWN
    name: str | None = None  # on classic LXC the id
    hostname: str | None = None
    ips: tuple[str, ...] = ()  # live ones while running, configured ones otherwise; prefix kept where told
    ips_configured: tuple[str, ...] = ()  # what its configuration says, also while it runs
    lock: Lock | None = None
    leashes: tuple[Leash, ...] = ()  # those that hold now, by the name of their limit
    on_boot: bool | None = None
    layout: str | None = None  # ploop, simfs, dir, overlay, btrfs ...
    template: str | None = None  # OS template
    usage: Usage = field(default_factory=Usage)
    limits: Limits = field(default_factory=Limits)
    beancounters: dict[str, Beancounter] = field(default_factory=dict)
    note: str = ""  # trouble with reading this one container, for people
    version: int = 0  # grows with each change that a person could see

    @property
    def id(self) -> str:
        return self.key.id

    @property
    def node(self) -> str:
        return self.key.node


@dataclass(slots=True)
class NodeFacts:
    """What a node says of itself."""

    hostname: str | None = None
    kernel: str | None = None
    system: str | None = None  # PRETTY_NAME of os-release
    tools: dict[str, str] = field(default_factory=dict)  # {"vzctl": "4.11.1", "awk": "mawk 1.3.4"}
    cpus: int | None = None
    ticks: int = 100  # USER_HZ: ticks in a second of /proc/stat and /proc/PID/stat
    cpu_percent: float | None = None  # 100 = all cores busy
    load: tuple[float, float, float] | None = None
    memory_total: int | None = None  # bytes
    memory_used: int | None = None  # bytes; total - available (or - free - buffers - cached on kernels < 3.14)
    swap_total: int | None = None  # bytes
    swap_used: int | None = None  # bytes
    disk_total: int | None = None  # bytes, file system of the container area
    disk_used: int | None = None  # bytes
    uptime: float | None = None  # seconds
    sampler_ms: float | None = None  # CPU that one sample costs the node, milliseconds, mean of the last ones


@dataclass(slots=True)
class Node:
    """One node: its settings' name, how it is, what it says of itself."""

    name: str
    group: str | None = None
    production: bool = False
    read_only: bool = False
    state: NodeState = NodeState.CONNECTING
    backends: tuple[str, ...] = ()
    facts: NodeFacts = field(default_factory=NodeFacts)
    fault: str | None = None  # FaultKind
    error: str = ""  # one sentence, for people
    remedy: str = ""  # one sentence, for people
    notes: tuple[str, ...] = ()  # trouble that leaves the node readable (a suspect empty list, odd lines)
    answered: float | None = None  # our monotonic clock at the last good sample
    listed: float | None = None  # our monotonic clock when the last whole list of its containers was asked for
    since: float | None = None  # our monotonic clock when `state` began
    retry_at: float | None = None  # our monotonic clock of the next try
    interval: float = 2.0  # seconds between fast samples, as it is now
    rtt: float | None = None  # seconds from asking for the last fast sample to having it
    version: int = 0
