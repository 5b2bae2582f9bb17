"""Limits of OpenVZ: the option of `vzctl set`, the range, and where the kernel shows the value in force.

vzctl itself accepts nonsense (a negative CPU limit, 99 CPUs, an inverted beancounter); the ranges here are what means
something. Sources: vzctl(8), src/lib/cpu.c and io.c of vzctl 4.11, kernel/bc and kernel/fairsched.c of OpenVZ 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..plans.request import UNLIMITED as LIFTED
from .conf import PAGE
from .counters import COUNTERS, UNLIMITED, written

#: Of all CPU units of `fairsched_chwt`: shares of the scheduler = 512000 / (500000 / cpuunits), in whole numbers.
_MOST_UNITS = 500000
_SHARES_BASE = 512000


@dataclass(frozen=True, slots=True)
class Setting:
    """One limit: `least` and `most` in its unit, `default` in force where the configuration says nothing."""

    label: str
    least: int
    most: int
    default: int | None = None  # None: not limited
    liftable: bool = True
    source: tuple[str, str] = ("", "")  # of the live value: kind and name as leash.sh knows them; empty: cannot be read
    layout: str = ""  # the only storage that has it
    live: bool = True  # can be set without the configuration


SETTINGS: dict[str, Setting] = {
    "cpus": Setting("CPUs", 1, 1024, source=("path", "cpu.nr_cpus")),
    "cpu_limit": Setting("CPU limit", 1, 100 * 1024, source=("path", "cpu.rate")),
    "cpu_weight": Setting("CPU weight", 8, _MOST_UNITS, 1000, False, ("path", "cpu.shares")),
    "memory": Setting("memory", PAGE, 1 << 50, source=("counter", "physpages")),
    "swap": Setting("swap", 0, 1 << 50, source=("counter", "swappages")),
    "processes": Setting("processes", 1, 1 << 31, source=("counter", "numproc")),
    # throttles are 32 bits wide (kernel/ve/vziolimit.c), and can be read through an ioctl only
    "io_limit": Setting("IO limit", 1, (1 << 32) - 1),
    "iops_limit": Setting("IO operations", 1, (1 << 32) - 1),
    "io_priority": Setting("IO priority", 0, 7, 4, False, ("path", "ioprio")),
    "disk": Setting("disk", 1 << 20, 1 << 50, None, False, ("quota", "1k-blocks")),
    "inodes": Setting("inodes", 1, 1 << 40, None, False, ("quota", "inodes"), "simfs"),
    "quota_time": Setting("quota time", 1, 1 << 31, None, False, layout="simfs"),
    "on_boot": Setting("start on boot", 0, 1, 0, False, live=False),
}


def source(name: str, marks: Mapping[str, Mapping[str, str]], vswap: bool) -> tuple[str, str]:
    """Kind and name of what shows a limit (or `bc.NAME`) live on this node; ("", "") where nothing does."""
    if name.startswith("bc."):
        return "counter", name[3:]
    if name == "memory" and not vswap:
        return "counter", "privvmpages"
    setting = SETTINGS.get(name)
    kind, where = setting.source if setting else ("", "")
    if kind == "path":
        where = next((path for path in marks.get("path", ()) if path.endswith(f"/{where}")), "")
    return (kind, where) if where and where in marks.get(kind, ()) else ("", "")


def kept(name: str, value: float) -> int | None:
    """A wanted value as configuration and kernel keep it: whole pages, KiB, numbers. None: lifted."""
    if value == LIFTED:
        return None
    unit = {"memory": PAGE, "swap": PAGE, "disk": 1024}.get(name, 1)
    return math.ceil(value / unit) * unit


def kept_live(name: str, value: int | None, seven: bool) -> int | None:
    """The same as the kernel shows it: OpenVZ 6 rounds CPU units to a whole part of its weights."""
    if name != "cpu_weight" or value is None or seven:
        return value
    return round(_SHARES_BASE // (_MOST_UNITS // value) * 1000 / 1024)


def words(name: str, value: int | None, values: Mapping[str, Any], *, soft: int | None = None) -> tuple[str, ...]:
    """Option and argument that make `vzctl set` set a limit; None lifts it. `soft`: of disk and inodes, where it differs."""
    vswap = "vz/vswap" in values["kernel"]
    if name in ("memory", "swap"):
        pages = UNLIMITED if value is None else value // PAGE
        if not vswap:
            return "--privvmpages", written((pages, pages))
        if value is None:
            return f"--{'physpages' if name == 'memory' else 'swappages'}", "0:unlimited"
        return "--ram" if name == "memory" else "--swap", str(value)
    if name == "processes":
        return counter_words("numproc", (UNLIMITED, UNLIMITED) if value is None else (value, value))
    if name == "io_limit":  # a number without a suffix would count megabytes
        return "--iolimit", "0" if value is None else f"{value}B"
    if name == "on_boot":
        return "--onboot", "yes" if value else "no"
    number = value or 0
    if name == "disk":
        number = number // 1024
        soft = soft // 1024 if soft is not None else None
    both = f"{soft}:{number}" if soft is not None and soft != number else str(number)
    return _OPTIONS[name], both


_OPTIONS = {
    "cpus": "--cpus",
    "cpu_limit": "--cpulimit",
    "cpu_weight": "--cpuunits",
    "iops_limit": "--iopslimit",
    "io_priority": "--ioprio",
    "disk": "--diskspace",
    "inodes": "--diskinodes",
    "quota_time": "--quotatime",
}


def counter_words(name: str, values: tuple[int, int]) -> tuple[str, ...]:
    if name not in COUNTERS:
        raise KeyError(name)
    return f"--{name}", written(values)
