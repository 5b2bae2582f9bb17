"""Beancounters: their names and units, and how a configuration writes their barrier and limit (src/lib/ub.c of vzctl)."""

from __future__ import annotations

from ..text import number
from .conf import PAGE

#: LONG_MAX of a 64-bit kernel.
UNLIMITED = 2**63 - 1

_PAGES = "lockedpages privvmpages shmpages physpages vmguarpages oomguarpages swappages"
_BYTES = "kmemsize tcpsndbuf tcprcvbuf othersockbuf dgramrcvbuf dcachesize"
_ITEMS = "numproc numtcpsock numflock numpty numsiginfo numothersock numfile numiptent"

#: Name -> bytes in the kernel's unit; 0 for items, which take no suffix.
COUNTERS: dict[str, int] = {
    **dict.fromkeys(_PAGES.split(), PAGE),
    **dict.fromkeys(_BYTES.split(), 1),
    **dict.fromkeys(_ITEMS.split(), 0),
}

_SUFFIX = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": PAGE, "B": 1}


def pair(name: str, text: str) -> tuple[int, int] | None:
    """`65536:69632`, `0:512M`, `0:unlimited`, `240` in the kernel's unit; None for what is none of it."""
    first, colon, second = text.strip().partition(":")
    values = [_one(COUNTERS[name], word) for word in (first, second if colon else first)]
    return None if values[0] is None or values[1] is None else (values[0], values[1])


def _one(unit: int, word: str) -> int | None:
    if word == "unlimited":
        return UNLIMITED
    plain = number(word)
    if plain is not None:
        return min(plain, UNLIMITED)
    factor = _SUFFIX.get(word[-1:].upper())
    try:
        value = float(word[:-1])
    except ValueError:
        return None
    if not unit or factor is None or not 0 <= value < UNLIMITED:
        return None
    return min(int(value * factor) // unit, UNLIMITED)


def written(values: tuple[int, int]) -> str:
    """A pair as vzctl takes it."""
    return ":".join("unlimited" if value >= UNLIMITED else str(value) for value in values)
