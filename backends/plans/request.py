"""What a person may ask for, before it is known whether a backend can do it. Values are checked here, once, for all."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from .plan import Misused

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

#: A limit that is lifted. Every other value is a positive number in the unit of the field.
UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Power:
    """start, stop, restart, suspend, resume, destroy."""

    verb: str
    fast: bool = False  # stop: kill at once, instead of asking its init to shut down
    timeout: int = 60  # seconds that a graceful stop may take
    evidence: bool = False  # restart: first collect processes, logs, counters and sockets into one file


@dataclass(frozen=True, slots=True)
class Addresses:
    """`ip add`, `ip del`, `ip set`: with or without a prefix length."""

    verb: str
    ips: tuple[str, ...]
    allow_unasked: bool = False


@dataclass(frozen=True, slots=True)
class SetLimits:
    """New limits by the names of `LIMITS`; UNLIMITED lifts one. `beancounters`: name -> (barrier, limit)."""

    values: dict[str, float]
    beancounters: dict[str, tuple[int, int]] = field(default_factory=dict)
    live_only: bool = False
    for_seconds: int = 0  # a leash: the node puts the old values back after this time


@dataclass(frozen=True, slots=True)
class CreateSnapshot:
    name: str
    memory: bool = False


@dataclass(frozen=True, slots=True)
class RevertSnapshot:
    snapshot: str  # its id or unique name
    keep_config: bool = False


@dataclass(frozen=True, slots=True)
class DeleteSnapshot:
    snapshot: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command inside a running container, as root, without input. Its output is the job's log, its exit code the step's."""

    argv: tuple[str, ...]


Request = Power | Addresses | SetLimits | CreateSnapshot | RevertSnapshot | DeleteSnapshot | Run

#: Limits that can be asked for: name -> kind of value (see `limit_value`).
LIMITS = {
    "cpus": "count",  # virtual CPUs, or CPUs of its set
    "cpu_limit": "percent",  # 100 = one core
    "cpu_weight": "count",
    "memory": "size",
    "swap": "size",
    "processes": "count",
    "io_limit": "size",  # bytes per second
    "iops_limit": "count",
    "io_priority": "small",  # 0..7
    "disk": "size",
    "inodes": "count",
    "quota_time": "time",  # seconds
    "on_boot": "switch",
}


def size(text: str) -> int:
    """`2G`, `512M`, `1.5g`, `67108864`: bytes. Raises `Misused`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:I?B)?", text.strip().upper())
    if not found:
        raise Misused(f"{text!r} is no size", "Write it like 512M, 2G or 1.5G")
    return int(float(found[1]) * _SIZES[found[2]])


def duration(text: str) -> int:
    """`90s`, `15m`, `1h`: seconds. Raises `Misused`."""
    found = re.fullmatch(r"([0-9]+)\s*([smhd])", text.strip().lower())
    if not found or int(found[1]) == 0:
        raise Misused(f"{text!r} is no time span", "Write it like 90s, 15m or 1h")
    return int(found[1]) * _UNITS[found[2]]


def limit_value(name: str, text: str) -> float:
    """The value of one limit as a person writes it. Raises `Misused`."""
    kind = LIMITS[name]
    word = text.strip().lower()
    if kind == "switch":
        if word not in ("yes", "no", "on", "off"):
            raise Misused(f"{name}: {text!r} is neither yes nor no")
        return 1 if word in ("yes", "on") else 0
    if word in ("unlimited", "none", "max"):
        return UNLIMITED
    if kind == "size":
        value: float = size(text)
    elif kind == "time":
        value = duration(text)
    else:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(%|cores?)?", word)
        if not found:
            raise Misused(f"{name}: {text!r} is no number", "Write it like 2, 50% or 1.5 cores")
        value = float(found[1])
        if found[2] and found[2] != "%":
            value *= 100
        if found[2] and kind != "percent":
            raise Misused(f"{name}: {text!r} has a unit, and a plain number is meant")
        if kind != "percent" and value != int(value):
            raise Misused(f"{name}: {text!r} is no whole number")
    if kind == "small" and not 0 <= value <= 7:
        raise Misused(f"{name}: {text!r} is not from 0 to 7")
    if kind != "small" and value <= 0:
        raise Misused(f"{name}: {text!r} is not above zero", "Write `unlimited` to lift a limit")
    return value


def address(text: str) -> str:
    """An address with or without a prefix length, as it is written shortest. Raises `Misused`."""
    try:
        if "/" in text:
            interface = ipaddress.ip_interface(text.strip())
            return f"{interface.ip}/{interface.network.prefixlen}"
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise Misused(f"{text!r} is no address", "Write it like 10.0.0.5, 10.0.0.5/24 or 2001:db8::5/64") from None


def bare(text: str) -> str:
    """The address without its prefix length."""
    return text.partition("/")[0]
