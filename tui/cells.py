"""What the cells of the fleet table say, and in which tone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from backends.model import Container, State
from backends.store import Store
from backends.trouble import Severity

from .format import UNKNOWN, number, safe, span, spark
from .rows import Row
from .theme.glyphs import Glyphs
from .theme.tones import Tone

#: Samples that one sign of a trend stands for.
PER_SIGN = 5

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


def used_tone(used: float | None, limit: float | None) -> Tone:
    if not used:
        return Tone.DIM
    if limit and used >= 0.9 * limit:
        return Tone.CRIT if used >= 0.98 * limit else Tone.WARN
    return Tone.NORMAL


def share(used: float | None, limit: float | None) -> float | None:
    return None if used is None or not limit else used / limit


def node(row: Row, container: Container, paint: Paint, width: int) -> str:
    return f"{safe(row.node.name)} P" if row.node.production else safe(row.node.name)


def state(row: Row, container: Container, paint: Paint, width: int) -> str:
    glyphs = paint.glyphs
    sign = glyphs.stale if row.stale else glyphs.states[container.state]
    text = f"{sign} {_WORDS[container.state]}"
    flags = (glyphs.leash if container.leashes else "") + (glyphs.lock if container.lock is not None else "")
    return text.ljust(width - len(flags))[: width - len(flags)] + flags if flags else text


def state_tone(row: Row, container: Container) -> Tone:
    if container.state is State.UNKNOWN or (container.lock is not None and row.severity >= Severity.TROUBLE):
        return Tone.WARN
    return Tone.NORMAL if container.state is State.RUNNING else Tone.DIM


def trend(row: Row, container: Container, paint: Paint, width: int) -> str:
    series = paint.store.series.get(row.key)
    if series is None or container.usage.cpu_percent is None:
        return ""
    return spark(series.cpu.recent.last(width * PER_SIGN), width, paint.glyphs.levels)


def cpu_tone(row: Row, container: Container) -> Tone:
    cpu, limit = container.usage.cpu_percent, container.limits.cpu_percent
    if cpu is None or cpu < 0.5:
        return Tone.DIM
    return Tone.WARN if limit and cpu >= 0.95 * limit else Tone.NORMAL


def why(row: Row, container: Container, paint: Paint, width: int) -> str:
    words = ", ".join(safe(reason.brief) for reason in row.reasons)
    if not row.stale:
        return words
    answered = row.node.answered
    old = "old" if answered is None else f"{span(paint.now - answered)} old"
    return f"{old}, {words}" if words else old


def why_tone(row: Row, container: Container) -> Tone:
    if row.severity >= Severity.GRAVE:
        return Tone.CRIT
    return Tone.WARN if row.severity >= Severity.TROUBLE else Tone.DIM


def ip(row: Row, container: Container, paint: Paint, width: int) -> str:
    addresses = container.ips
    if not addresses:
        return UNKNOWN
    first = safe(addresses[0].partition("/")[0])
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    return first + more


def ip_order(row: Row) -> tuple[int, int, str] | None:
    addresses = row.container.ips if row.container else ()
    if not addresses:
        return None
    address = addresses[0].partition("/")[0]
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        return (0, sum(int(part) << (24 - 8 * place) for place, part in enumerate(parts)), "")
    return (1, 0, address)


def failcnt(row: Row, container: Container, paint: Paint, width: int) -> str:
    growth = container.usage.failcnt_growth
    return number(container.usage.failcnt) + (f" +{growth}" if growth else "")


def dim(row: Row, container: Container) -> Tone:
    return Tone.DIM
