"""Limits for a while, as a sample tells them and as people read them. The same for every backend."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from .model import Leash
from .plans.request import LIMITS
from .text import number

_BEANCOUNTER = re.compile(r"bc\.[a-z]{1,20}")
_LATEST = 1 << 40  # seconds since the epoch: what is beyond has no calendar date
_DAY = 86400.0


def take(line: str, found: dict[str, tuple[Leash, ...]]) -> None:
    """`ID LIMIT UNTIL`, the rest of an `h` line, into `found` by id. What is no limit (a file half written) is passed over."""
    word = line.split(" ")
    if len(word) != 3 or not (word[1] in LIMITS or _BEANCOUNTER.fullmatch(word[1])):
        return
    until = number(word[2])
    leash = Leash(word[1], None if until is None or until > _LATEST else until)
    others = (each for each in found.get(word[0], ()) if each.limit != leash.limit)
    found[word[0]] = tuple(sorted((*others, leash), key=lambda each: each.limit))


def words(leashes: Iterable[Leash], wall: float) -> str:
    """`cpu limit, memory until 14:05`, with the day where that is another one. `wall`: seconds since the epoch."""
    ends: dict[str, list[str]] = {}
    for leash in leashes:
        ends.setdefault(_end(leash.until, wall), []).append(leash.limit.removeprefix("bc.").replace("_", " "))
    return ", ".join(f"{', '.join(limits)} {end}" for end, limits in ends.items())


def _end(until: int | None, wall: float) -> str:
    if until is None:
        return "for a while"
    far = abs(until - wall) >= _DAY / 2
    return time.strftime("until %d %b %H:%M" if far else "until %H:%M", time.localtime(until))
