"""User beancounters: their names, order and units, and how their limits are written (facts of vzctl 4.11 and its kernel)."""

from __future__ import annotations

#: "unlimited", as the kernel and vzlist print it (LONG_MAX of a 64-bit kernel).
UNLIMITED = 9223372036854775807
PAGE = 4096

#: In the order of /proc/user_beancounters; `dummy` lines are the kernel's own.
KERNEL_ORDER = (
    *("kmemsize", "lockedpages", "privvmpages", "shmpages", "dummy", "numproc", "physpages", "vmguarpages"),
    *("oomguarpages", "numtcpsock", "numflock", "numpty", "numsiginfo", "tcpsndbuf", "tcprcvbuf", "othersockbuf"),
    *("dgramrcvbuf", "numothersock", "dcachesize", "numfile", "dummy", "dummy", "dummy", "numiptent"),
)
#: Only /proc/bc/resources has this one.
SWAPPAGES = "swappages"
#: In the order of `vzlist -L`.
COUNTERS = tuple(name for name in KERNEL_ORDER if name != "dummy")
COUNTERS = (*COUNTERS, SWAPPAGES)

BYTES = frozenset({"kmemsize", "tcpsndbuf", "tcprcvbuf", "othersockbuf", "dgramrcvbuf", "dcachesize"})
PAGES = frozenset(
    {"lockedpages", "privvmpages", "shmpages", "physpages", "vmguarpages", "oomguarpages", "swappages"},
)
_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def scaled(text: str, divisor: int = 1) -> int | None:
    """`512M` as a number of units of `divisor` bytes; a plain number is taken as it is. None if it is no number.

    Suffixes: K M G T (fractions allowed), P pages of 4 KiB, B bytes; `unlimited` is LONG_MAX.
    """
    if text == "unlimited":
        return UNLIMITED
    if text.isdigit():
        return min(int(text), UNLIMITED)
    number, suffix = text[:-1], text[-1:].upper()
    try:
        value = float(number)
    except ValueError:
        return None
    if value < 0 or value != value or not number[-1:].isdigit():
        return None
    factor = PAGE if suffix == "P" else 1 if suffix == "B" else _SUFFIXES.get(suffix)
    return None if factor is None else min(int(value * factor) // divisor, UNLIMITED)


def pair(name: str, text: str) -> tuple[int, int] | None:
    """`barrier[:limit]` of a beancounter in the kernel's unit; None if it is malformed. Items take no suffix."""
    first, colon, second = text.partition(":")
    values: list[int] = []
    for part in (first, second) if colon else (first,):
        if name not in BYTES and name not in PAGES and not (part.isdigit() or part == "unlimited"):
            return None
        value = scaled(part, PAGE if name in PAGES else 1)
        if value is None:
            return None
        values.append(value)
    return values[0], values[-1]


def written(barrier: int, limit: int) -> str:
    """A pair as vzctl stores it."""
    return ":".join("unlimited" if value >= UNLIMITED else str(value) for value in (barrier, limit))


def kibibytes(text: str) -> tuple[int, int] | None:
    """`soft[:hard]` of DISKSPACE in KiB; None if it is malformed."""
    first, colon, second = text.partition(":")
    values = [scaled(part, 1024) for part in ((first, second) if colon else (first,))]
    if values[0] is None or values[-1] is None:
        return None
    return values[0], values[-1]
