"""Limits as people read them in a plan, and as the command line takes them back."""

from __future__ import annotations

from .request import LIMITS, UNLIMITED

_UNITS = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


def size(value: float) -> str:
    """Bytes as `64M`, `1.5G`, `700 bytes`."""
    for unit, letter in _UNITS:
        if value >= unit:
            return f"{value / unit:.1f}".removesuffix(".0") + letter
    return f"{value:.0f} bytes" if value else "0"


def seconds(value: float) -> str:
    """`90 s`, `15 min`, `2 h`."""
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h".replace(".0 h", " h")


def limit(name: str, value: float | None) -> str:
    """One limit for people. None and UNLIMITED: `unlimited`."""
    kind = LIMITS[name]
    if value is None or value == UNLIMITED:
        return "unlimited"
    if kind == "switch":
        return "yes" if value else "no"
    if kind == "size":
        return size(value)
    if kind == "time":
        return seconds(value)
    return f"{value:g}%" if kind == "percent" else f"{value:.0f}"


def option(name: str, value: float | None) -> tuple[str, str]:
    """One limit as two words behind `limit set`, so that reading them gives the very same value."""
    kind = LIMITS[name]
    if kind == "switch":
        word = "yes" if value else "no"
    elif value is None or value == UNLIMITED:
        word = "unlimited"
    elif kind == "time":
        word = f"{value:.0f}s"
    else:
        word = repr(round(value, 4)) if kind == "percent" else f"{value:.0f}"
    return "--" + name.replace("_", "-"), word.removesuffix(".0")
