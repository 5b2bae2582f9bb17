"""Columns of the fleet table: what each says, how wide, in which tone, how it sorts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from backends.errors import ConfigError
from backends.model import Container, State

from . import cells
from .cells import Paint
from .format import UNKNOWN, load, number, percent, safe, share_of, span
from .rows import Row, SortKey
from .theme.tones import Tone

Text = Callable[[Row, Container, Paint, int], str]
ToneOf = Callable[[Row, Container], Tone]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `priority` 0 never drops; the others come onto a screen in that order. `grow`: how wide it may become
    when there is room (0: never wider than `width`)."""

    id: str
    title: str
    width: int
    priority: int
    help: str
    text: Text
    sort: SortKey | None
    tone: ToneOf = lambda row, container: Tone.NORMAL
    right: bool = True
    grow: int = 0
    live: bool = False  # its value moves with every sample
    descending: bool = True
    optional: bool = False  # only when asked for, or when wide
    wish: int = 0  # no column of lesser priority comes before it is so wide

    @property
    def label(self) -> str:
        """Its title in lists."""
        return self.title or self.id.upper()


def _of(get: Callable[[Container], float | str | None]) -> SortKey:
    return lambda row: None if row.container is None else get(row.container)


def _word(get: Callable[[Container], str | None]) -> Text:
    return lambda row, container, paint, width: safe(get(container) or UNKNOWN)


def _words(get: Callable[[Container], str | None]) -> SortKey:
    return lambda row: (get(row.container) or None) if row.container else None


_STATE_ORDER = MappingProxyType({state: place for place, state in enumerate(State)})

COLUMNS: tuple[Column, ...] = (
    Column(
        "node",
        "NODE",
        4,
        0,
        "node; P: production",
        cells.node,
        lambda row: row.order,
        cells.dim,
        False,
        16,
        descending=False,
    ),
    Column(
        "id",
        "ID",
        4,
        0,
        "id on its node",
        lambda row, container, paint, width: safe(container.key.id),
        lambda row: (row.order[1] >> 61, row.order[1], row.order[2]),
        right=False,
        grow=14,
        descending=False,
    ),
    Column(
        "name",
        "NAME",
        10,
        0,
        "name",
        _word(lambda c: c.name),
        _words(lambda c: c.name),
        right=False,
        grow=28,
        descending=False,
    ),
    Column(
        "state",
        "STATE",
        8,
        0,
        "state; the last signs: it has a limit for a while, somebody holds its lock",
        cells.state,
        _of(lambda c: _STATE_ORDER[c.state]),
        cells.state_tone,
        False,
        descending=False,
    ),
    Column(
        "cpu",
        "CPU%",
        4,
        0,
        "percent of one core",
        lambda row, container, paint, width: number(container.usage.cpu_percent),
        _of(lambda c: c.usage.cpu_percent),
        cells.cpu_tone,
        live=True,
    ),
    Column(
        "trend",
        "",
        4,
        0,
        "CPU of the last samples; the tallest sign is one core, or the highest shown",
        cells.trend,
        None,
        cells.dim,
        False,
        8,
        live=True,
    ),
    Column(
        "mem",
        "MEM",
        8,
        1,
        "memory used / limit",
        lambda row, container, paint, width: share_of(container.usage.memory_used, container.limits.memory),
        _of(lambda c: c.usage.memory_used),
        lambda row, container: cells.used_tone(container.usage.memory_used, container.limits.memory),
        live=True,
    ),
    Column(
        "mem%",
        "MEM%",
        4,
        4,
        "memory used, percent of its limit",
        lambda row, container, paint, width: percent(container.usage.memory_used, container.limits.memory),
        _of(lambda c: cells.share(c.usage.memory_used, c.limits.memory)),
        lambda row, container: cells.used_tone(container.usage.memory_used, container.limits.memory),
        live=True,
    ),
    Column(
        "load",
        "LOAD",
        5,
        7,
        "load of the last minute",
        lambda row, container, paint, width: load(container.usage.load),
        _of(lambda c: c.usage.load[0] if c.usage.load else None),
        live=True,
    ),
    Column(
        "procs",
        "PROCS",
        5,
        8,
        "processes",
        lambda row, container, paint, width: number(container.usage.processes),
        _of(lambda c: c.usage.processes),
        lambda row, container: cells.used_tone(container.usage.processes, container.limits.processes),
        live=True,
    ),
    Column(
        "disk",
        "DISK",
        8,
        5,
        "disk used / limit",
        lambda row, container, paint, width: share_of(container.usage.disk_used, container.limits.disk),
        _of(lambda c: c.usage.disk_used),
        lambda row, container: cells.used_tone(container.usage.disk_used, container.limits.disk),
    ),
    Column(
        "swap",
        "SWAP",
        8,
        12,
        "swap used / limit",
        lambda row, container, paint, width: share_of(container.usage.swap_used, container.limits.swap),
        _of(lambda c: c.usage.swap_used),
        lambda row, container: cells.used_tone(container.usage.swap_used, container.limits.swap),
        live=True,
        optional=True,
    ),
    Column(
        "uptime",
        "UP",
        4,
        6,
        "time since it was started",
        lambda row, container, paint, width: span(container.usage.uptime),
        _of(lambda c: c.usage.uptime),
        cells.dim,
    ),
    Column(
        "failcnt",
        "FAILCNT",
        8,
        11,
        "beancounter failures since the node was started, and growth since ctdeck was",
        cells.failcnt,
        _of(
            lambda c: c.usage.failcnt_growth or (c.usage.failcnt or 0) * 1e-12 if c.usage.failcnt is not None else None
        ),
        lambda row, container: Tone.CRIT if container.usage.failcnt_growth else Tone.DIM,
    ),
    Column(
        "ip", "IP", 15, 3, "first address, +n more", cells.ip, cells.ip_order, right=False, grow=19, descending=False
    ),
    Column(
        "hostname",
        "HOSTNAME",
        12,
        9,
        "host name",
        _word(lambda c: c.hostname),
        _words(lambda c: c.hostname),
        cells.dim,
        False,
        28,
        descending=False,
    ),
    Column(
        "os",
        "OS",
        10,
        10,
        "OS template",
        _word(lambda c: c.template),
        _words(lambda c: c.template),
        cells.dim,
        False,
        18,
        descending=False,
    ),
    Column(
        "layout",
        "LAYOUT",
        7,
        13,
        "kind of its disk",
        _word(lambda c: c.layout),
        _words(lambda c: c.layout),
        cells.dim,
        False,
        optional=True,
        descending=False,
    ),
    Column(
        "cpus",
        "CPUS",
        4,
        14,
        "number of its CPUs",
        lambda row, container, paint, width: UNKNOWN if container.limits.cpus is None else f"{container.limits.cpus:g}",
        _of(lambda c: c.limits.cpus),
        cells.dim,
        optional=True,
    ),
    Column(
        "cpulimit",
        "CPULIM",
        6,
        15,
        "CPU limit, percent of one core",
        lambda row, container, paint, width: number(container.limits.cpu_percent),
        _of(lambda c: c.limits.cpu_percent),
        cells.dim,
        optional=True,
    ),
    Column(
        "weight",
        "WEIGHT",
        7,
        16,
        "CPU weight (cpuunits)",
        lambda row, container, paint, width: number(container.limits.cpu_weight),
        _of(lambda c: c.limits.cpu_weight),
        cells.dim,
        optional=True,
    ),
    Column(
        "inodes",
        "INODES",
        6,
        17,
        "inodes used, percent of its limit",
        lambda row, container, paint, width: percent(container.usage.inodes_used, container.limits.inodes),
        _of(lambda c: cells.share(c.usage.inodes_used, c.limits.inodes)),
        lambda row, container: cells.used_tone(container.usage.inodes_used, container.limits.inodes),
        optional=True,
    ),
    Column(
        "boot",
        "BOOT",
        4,
        18,
        "started with its node",
        lambda row, container, paint, width: (
            UNKNOWN if container.on_boot is None else "yes" if container.on_boot else "no"
        ),
        _of(lambda c: None if c.on_boot is None else int(c.on_boot)),
        cells.dim,
        False,
        optional=True,
    ),
    Column(
        "backend",
        "KIND",
        7,
        19,
        "backend",
        lambda row, container, paint, width: safe(container.key.backend),
        lambda row: row.key.backend,
        cells.dim,
        False,
        optional=True,
        descending=False,
    ),
    Column(
        "lock",
        "LOCK",
        8,
        20,
        "who holds its lock",
        lambda row, container, paint, width: UNKNOWN if container.lock is None else safe(container.lock.by or "yes"),
        _of(lambda c: None if c.lock is None else c.lock.by),
        cells.dim,
        False,
        20,
        optional=True,
        descending=False,
    ),
    Column(
        "why",
        "WHY",
        10,
        2,
        "what is wrong with it",
        cells.why,
        lambda row: row.score,
        cells.why_tone,
        False,
        wish=20,
    ),
)

BY_ID = MappingProxyType({column.id: column for column in COLUMNS})


def chosen(words: Sequence[str]) -> frozenset[str]:
    """Ids of the columns that may be shown, after `columns` of the fleet file: `[+load, -ip]`, or a whole list of ids.

    Raises ConfigError for a word that names no column. NODE, ID, NAME, STATE and CPU% are always there.
    """
    core = {column.id for column in COLUMNS if column.priority == 0}
    found = {column.id for column in COLUMNS if not column.optional}
    if words and not any(word[:1] in "+-" for word in words):
        found = set()
    for word in words:
        name = word.lstrip("+-").lower()
        if name not in BY_ID:
            near = difflib.get_close_matches(name, BY_ID, 1, 0.4)
            raise ConfigError(
                f"columns: there is no column {name!r}",
                f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(BY_ID)}",
            )
        if word.startswith("-"):
            found.discard(name)
        else:
            found.add(name)
    return frozenset(found | core)
