"""Columns of the fleet table: what each says, how wide, in which tone, how it sorts; and which of them fit a screen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from backends.errors import ConfigError
from backends.model import Container, State
from backends.store import Store
from backends.trouble import Severity

from .format import UNKNOWN, load, number, percent, safe, share_of, span, spark
from .rows import Row, SortKey
from .theme.glyphs import Glyphs
from .theme.tones import Tone

GAP = 2

_WORDS = MappingProxyType(
    {
        State.RUNNING: "run",
        State.STOPPED: "stop",
        State.MOUNTED: "mount",
        State.SUSPENDED: "susp",
        State.FROZEN: "frozen",
        State.UNKNOWN: "unkn",
    }
)


@dataclass(slots=True)
class Paint:
    """What a cell needs besides its row. `now`: our monotonic clock."""

    glyphs: Glyphs
    store: Store
    now: float = 0.0
    production: bool = False  # some node is: then every node's cell has room for the tag


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
    sort: SortKey
    tone: ToneOf = lambda row, container: Tone.NORMAL
    right: bool = True
    grow: int = 0
    live: bool = False  # its value moves with every sample
    descending: bool = True
    optional: bool = False  # only when asked for, or when wide


def _used_tone(used: float | None, limit: float | None) -> Tone:
    if not used:
        return Tone.DIM
    if limit and used >= 0.9 * limit:
        return Tone.CRIT if used >= 0.98 * limit else Tone.WARN
    return Tone.NORMAL


def _share(used: float | None, limit: float | None) -> float | None:
    return None if used is None or not limit else used / limit


def _node(row: Row, container: Container, paint: Paint, width: int) -> str:
    return f"{safe(row.node.name)} P" if row.node.production else safe(row.node.name)


def _state(row: Row, container: Container, paint: Paint, width: int) -> str:
    glyphs = paint.glyphs
    sign = glyphs.stale if row.stale else glyphs.states[container.state]
    text = f"{sign} {_WORDS[container.state]}"
    return text.ljust(width - 1) + glyphs.lock if container.lock is not None else text


def _state_tone(row: Row, container: Container) -> Tone:
    if container.state is State.UNKNOWN or (container.lock is not None and row.severity >= Severity.TROUBLE):
        return Tone.WARN
    return Tone.NORMAL if container.state is State.RUNNING else Tone.DIM


def _cpu(row: Row, container: Container, paint: Paint, width: int) -> str:
    figure = number(container.usage.cpu_percent).rjust(4)
    signs = width - 5
    series = paint.store.series.get(row.key)
    if series is None or signs <= 0 or container.usage.cpu_percent is None:
        return figure
    return f"{figure} {spark(series.cpu.recent.last(signs * 5), signs, paint.glyphs.levels)}"


def _cpu_tone(row: Row, container: Container) -> Tone:
    cpu, limit = container.usage.cpu_percent, container.limits.cpu_percent
    if cpu is None or cpu < 0.5:
        return Tone.DIM
    return Tone.WARN if limit and cpu >= 0.95 * limit else Tone.NORMAL


def _why(row: Row, container: Container, paint: Paint, width: int) -> str:
    words = ", ".join(safe(reason.text) for reason in row.reasons)
    if not row.stale:
        return words
    answered = row.node.answered
    old = "old" if answered is None else f"{span(paint.now - answered)} old"
    return f"{old}, {words}" if words else old


def _why_tone(row: Row, container: Container) -> Tone:
    if row.severity >= Severity.GRAVE:
        return Tone.CRIT
    return Tone.WARN if row.severity >= Severity.TROUBLE else Tone.DIM


def _ip(row: Row, container: Container, paint: Paint, width: int) -> str:
    addresses = container.ips
    if not addresses:
        return UNKNOWN
    first = safe(addresses[0].partition("/")[0])
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    return first + more


def _ip_order(row: Row) -> tuple[int, int, str] | None:
    addresses = row.container.ips if row.container else ()
    if not addresses:
        return None
    address = addresses[0].partition("/")[0]
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        return (0, sum(int(part) << (24 - 8 * place) for place, part in enumerate(parts)), "")
    return (1, 0, address)


def _failcnt(row: Row, container: Container, paint: Paint, width: int) -> str:
    growth = container.usage.failcnt_growth
    return number(container.usage.failcnt) + (f" +{growth}" if growth else "")


def _dim(row: Row, container: Container) -> Tone:
    return Tone.DIM


def _of(get: Callable[[Container], float | str | None]) -> SortKey:
    return lambda row: None if row.container is None else get(row.container)


def _word(get: Callable[[Container], str | None]) -> Text:
    return lambda row, container, paint, width: safe(get(container) or UNKNOWN)


def _words(get: Callable[[Container], str | None]) -> SortKey:
    return lambda row: (get(row.container) or None) if row.container else None


_STATE_ORDER = MappingProxyType({state: place for place, state in enumerate(State)})

COLUMNS: tuple[Column, ...] = (
    Column(
        "node", "NODE", 4, 0, "node; P: production", _node, lambda row: row.order, _dim, False, 16, descending=False
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
        "state; the last sign: somebody holds its lock",
        _state,
        _of(lambda c: _STATE_ORDER[c.state]),
        _state_tone,
        False,
        descending=False,
    ),
    Column(
        "cpu",
        "CPU%",
        9,
        0,
        "percent of one core, and the last 40 seconds or more",
        _cpu,
        _of(lambda c: c.usage.cpu_percent),
        _cpu_tone,
        False,
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
        lambda row, container: _used_tone(container.usage.memory_used, container.limits.memory),
        live=True,
    ),
    Column(
        "mem%",
        "MEM%",
        4,
        4,
        "memory used, percent of its limit",
        lambda row, container, paint, width: percent(container.usage.memory_used, container.limits.memory),
        _of(lambda c: _share(c.usage.memory_used, c.limits.memory)),
        lambda row, container: _used_tone(container.usage.memory_used, container.limits.memory),
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
        lambda row, container: _used_tone(container.usage.processes, container.limits.processes),
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
        lambda row, container: _used_tone(container.usage.disk_used, container.limits.disk),
    ),
    Column(
        "swap",
        "SWAP",
        8,
        12,
        "swap used / limit",
        lambda row, container, paint, width: share_of(container.usage.swap_used, container.limits.swap),
        _of(lambda c: c.usage.swap_used),
        lambda row, container: _used_tone(container.usage.swap_used, container.limits.swap),
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
        _dim,
    ),
    Column(
        "failcnt",
        "FAILCNT",
        8,
        11,
        "beancounter failures since the node was started, and growth since ctdeck was",
        _failcnt,
        _of(
            lambda c: c.usage.failcnt_growth or (c.usage.failcnt or 0) * 1e-12 if c.usage.failcnt is not None else None
        ),
        lambda row, container: Tone.CRIT if container.usage.failcnt_growth else Tone.DIM,
    ),
    Column("ip", "IP", 15, 3, "first address, +n more", _ip, _ip_order, right=False, grow=19, descending=False),
    Column(
        "hostname",
        "HOSTNAME",
        12,
        9,
        "host name",
        _word(lambda c: c.hostname),
        _words(lambda c: c.hostname),
        _dim,
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
        _dim,
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
        _dim,
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
        _dim,
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
        _dim,
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
        _dim,
        optional=True,
    ),
    Column(
        "inodes",
        "INODES",
        6,
        17,
        "inodes used, percent of its limit",
        lambda row, container, paint, width: percent(container.usage.inodes_used, container.limits.inodes),
        _of(lambda c: _share(c.usage.inodes_used, c.limits.inodes)),
        lambda row, container: _used_tone(container.usage.inodes_used, container.limits.inodes),
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
        _dim,
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
        _dim,
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
        _dim,
        False,
        20,
        optional=True,
        descending=False,
    ),
    Column(
        "why",
        "WHY",
        14,
        2,
        "what is wrong with it",
        _why,
        lambda row: row.score,
        _why_tone,
        False,
        999,
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


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on a screen: `x` from the left edge, in cells."""

    column: Column
    x: int
    width: int


def arrange(
    width: int,
    allowed: frozenset[str],
    needed: dict[str, int],
    *,
    left: int = 2,
    one_node: bool = False,
    wide: bool = False,
    skip: int = 0,
) -> tuple[tuple[Placed, ...], int]:
    """Columns that fit into `width` cells after `left` cells of signs, and how many more there are to the right.

    `needed`: how wide the longest value of a growing column is. `wide`: every column in order, `skip` of the dropping
    ones scrolled away to the left. Otherwise they come by priority while they fit.
    """
    core = [column for column in COLUMNS if column.priority == 0 and not (one_node and column.id == "node")]
    others = [column for column in COLUMNS if column.priority and (wide or column.id in allowed)]
    widths = {
        column.id: min(max(column.width, needed.get(column.id, 0)), column.grow or column.width) for column in core
    }
    tight = sum(w + GAP for w in widths.values()) + left - GAP
    if (over := tight - width) > 0:
        squeezed = max(4, widths["name"] - over)
        tight -= widths["name"] - squeezed
        widths["name"] = squeezed
    room = width - tight
    picked: list[Column] = []
    for column in others[skip:] if wide else sorted(others, key=lambda column: column.priority):
        if room < column.width + GAP:
            if wide or not picked:
                break
            continue
        picked.append(column)
        widths[column.id] = column.width
        room -= column.width + GAP
    for column in sorted(picked, key=lambda column: column.priority):
        want = column.grow if column.id == "why" else min(needed.get(column.id, 0), column.grow)
        extra = max(0, min(room, want - widths[column.id]))
        widths[column.id] += extra
        room -= extra
    placed = []
    x = left
    for column in [*core, *(column for column in COLUMNS if column in picked)]:
        placed.append(Placed(column, x, widths[column.id]))
        x += widths[column.id] + GAP
    return tuple(placed), len(others) - len(picked) - (skip if wide else 0)
