"""Numbers and text as the screen writes them. Pure. `-` is "not known", and is never 0."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from backends.text import clean

UNKNOWN = "-"
UNASKED = "?"

_UNITS = "BKMGTPE"


def safe(text: str) -> str:
    """Text that may have come from a node, fit for a terminal. The model is clean already; this is the second lock."""
    return text if text.isascii() and text.isprintable() else clean(text)


def _scaled(value: float, unit: int) -> str:
    scaled = value / 1024**unit
    return f"{scaled:.0f}" if unit == 0 or scaled >= 9.95 else f"{scaled:.1f}"


def _unit(value: float) -> int:
    unit = 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return unit


def size(value: float | None) -> str:
    """Bytes: `0`, `512M`, `7.6G`. Powers of 1024, three digits at most."""
    if value is None:
        return UNKNOWN
    if not value:
        return "0"
    unit = _unit(value)
    return _scaled(value, unit) + _UNITS[unit]


def share_of(used: float | None, limit: float | None) -> str:
    """Used and limit in bytes, in the unit of the limit: `7.6/8.0G`; `512M` without a limit; `-/2.0G` when not known."""
    if limit is None:
        return size(used)
    unit = _unit(limit)
    return f"{UNKNOWN if used is None else _scaled(used, unit)}/{_scaled(limit, unit)}{_UNITS[unit]}"


def number(value: float | None) -> str:
    """A whole number."""
    return UNKNOWN if value is None else f"{value:.0f}"


def percent(part: float | None, whole: float | None) -> str:
    """`part` of `whole` as `95%`."""
    return UNKNOWN if part is None or not whole else f"{100 * part / whole:.0f}%"


def span(seconds: float | None) -> str:
    """A length of time with its largest unit: `42s`, `6m`, `4h`, `12d`."""
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 99.5:
        return f"{seconds:.0f}s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f}m"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f}h"
    return f"{seconds / 86400:.0f}d"


def long_span(seconds: float | None) -> str:
    """A length of time with two units: `12d 4h`, `3h 05m`, `4m 12s`."""
    if seconds is None:
        return UNKNOWN
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole // 60 % 60:02d}m"
    return f"{whole // 86400}d {whole // 3600 % 24}h"


def load(value: tuple[float, float, float] | None) -> str:
    """The load of the last minute."""
    return UNKNOWN if value is None else f"{value[0]:.1f}"


def clock() -> str:
    """The time of day, to the minute: seconds would send bytes for no news."""
    return time.strftime("%H:%M")


def cells(text: str) -> int:
    """Width on the screen."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells; what is too long ends in the ellipsis. Wide characters count for two."""
    if text.isascii():
        if len(text) <= width:
            return text.rjust(width) if right else text.ljust(width)
        return text[: width - 1] + ellipsis if width > 0 else ""
    return _fit_wide(text, width, right, ellipsis)


@lru_cache(2048)
def _fit_wide(text: str, width: int, right: bool, ellipsis: str) -> str:
    cells = cell_len(text)
    if cells <= width:
        return " " * (width - cells) + text if right else text + " " * (width - cells)
    return set_cell_size(text, width - 1) + ellipsis if width > 0 else ""


def spark(values: Sequence[float], width: int, levels: str, *, full: float = 100.0) -> str:
    """A line of `width` signs over the newest values; NaN is a blank. The tallest sign is `full` or the highest shown."""
    per = max(1, len(values) // width) if width else 1
    per = min(per, 5)
    shown = values[-per * width :]
    means: list[float | None] = []
    for start in range(0, len(shown), per):
        known = [value for value in shown[start : start + per] if value == value]
        means.append(sum(known) / len(known) if known else None)
    top = max([full, *(mean for mean in means if mean is not None)])
    last = len(levels) - 1
    signs = "".join(" " if mean is None else levels[min(last, int(mean / top * (last + 0.999)))] for mean in means)
    return signs[-width:].rjust(width)


def meter(part: float | None, whole: float | None, width: int, full: str, empty: str) -> str:
    """A bar of `width` cells."""
    if part is None or not whole:
        return empty * width
    filled = max(0, min(width, round(part / whole * width)))
    return full * filled + empty * (width - filled)
