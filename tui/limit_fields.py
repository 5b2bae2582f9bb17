"""The limits that the form offers: name, present use, limit, and how each is written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backends.model import Container, Node
from backends.plans.plan import Misused
from backends.plans.request import limit_value
from backends.plans.spoken import beancounter

from .describe import cpu_whole
from .format import UNKNOWN, number, size

Figure = Callable[[float | None], str]
Get = Callable[[Container], float | None]


def percents(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} %"


def _plain(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"


def _rate(value: float | None) -> str:
    return UNKNOWN if value is None else f"{size(value)}/s"


def _yes(value: float | None) -> str:
    return UNKNOWN if value is None else "yes" if value else "no"


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form. `id` as in `request.LIMITS`; `hint` is an example of how a value is written."""

    id: str
    label: str
    figure: Figure
    limit: Get
    use: Get
    hint: str


def _none(container: Container) -> float | None:
    return None


FIELDS: tuple[Field, ...] = (
    Field("cpus", "cpus", _plain, lambda c: c.limits.cpus, _none, "2"),
    Field("cpu_limit", "cpu limit", percents, lambda c: c.limits.cpu_percent, lambda c: c.usage.cpu_percent, "150%, 1.5 cores"),
    Field("cpu_weight", "cpu weight", number, lambda c: c.limits.cpu_weight, _none, "1000"),
    Field("memory", "memory", size, lambda c: c.limits.memory, lambda c: c.usage.memory_used, "2G, 512M"),
    Field("swap", "swap", size, lambda c: c.limits.swap, lambda c: c.usage.swap_used, "512M"),
    Field("processes", "processes", number, lambda c: c.limits.processes, lambda c: c.usage.processes, "500"),
    Field("io_limit", "io rate", _rate, lambda c: c.limits.io_bytes, _none, "20M"),
    Field("iops_limit", "io operations", number, lambda c: c.limits.iops, _none, "200"),
    Field("io_priority", "io priority", number, lambda c: c.limits.io_priority, _none, "0 to 7"),
    Field("disk", "disk", size, lambda c: c.limits.disk, lambda c: c.usage.disk_used, "20G"),
    Field("inodes", "disk inodes", number, lambda c: c.limits.inodes, lambda c: c.usage.inodes_used, "200000"),
    Field("quota_time", "quota time", number, _none, _none, "15m"),
    Field(
        "on_boot", "on boot", _yes, lambda c: None if c.on_boot is None else float(c.on_boot), _none, "yes, no"
    ),
)  # fmt: skip


def bound(field: Field, container: Container, node: Node) -> float | None:
    """What its use is measured against: the limit, for the CPU also what the node has."""
    return cpu_whole(container, node) if field.id == "cpu_limit" else field.limit(container)


def values(typed: Mapping[str, str]) -> dict[str, float]:
    """What was typed, without the empty ones, by the ids of `FIELDS`. Raises `Misused`."""
    return {name: limit_value(name, text) for name, text in typed.items() if text.strip()}


def wrong(name: str, text: str) -> str:
    """What is wrong with the text of one limit; empty where nothing is."""
    if not text.strip():
        return ""
    try:
        limit_value(name, text)
    except Misused as error:
        return said(error, name)
    return ""


def counter_wrong(name: str, text: str) -> str:
    """The same for a beancounter's `barrier:limit`."""
    if not text.strip():
        return ""
    try:
        barrier, limit = beancounter(f"{name}={text.strip()}")[1]
    except Misused as error:
        return said(error, name)
    return "the barrier is above the limit" if barrier > limit else ""


def said(error: Misused, name: str) -> str:
    """The sentence without the name, which stands beside it."""
    message = error.message.removeprefix(f"{name}: ")
    return f"{message}. {error.remedy}" if error.remedy else message


def counter_text(barrier: int | None, limit: int | None) -> str:
    """`65536:69632`, as the form takes it; LONG_MAX is `unlimited`."""
    return ":".join("unlimited" if value is None else str(value) for value in (barrier, limit))
