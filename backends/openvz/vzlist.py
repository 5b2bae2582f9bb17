"""`vzlist -j`: JSON in shape, but its strings are not escaped, so a hostname with a quote or a backslash breaks every
JSON reader (src/vzlist.c of vzctl, print_json_str; OpenVZ 7 the same). It prints one value a line, and that is read here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..text import clean

Value = int | float | bool | str | None | list[str] | list[float] | dict[str, int | None]

_STRINGS = re.compile(r'"([^"]*)"')
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?\Z")


def read_vzlist(lines: Iterable[str]) -> list[dict[str, Value]]:
    """One dict for each container, by vzlist's field names; what is no line of vzlist is passed over."""
    found: list[dict[str, Value]] = []
    nested: dict[str, int | None] | None = None
    for line in lines:
        text = line.strip()
        if text.startswith("{"):
            found.append({})
            continue
        if text in ("}", "},"):
            nested = None
            continue
        if not text.startswith('"') or not found:
            continue
        key, colon, rest = text[1:].partition('":')
        if not colon:
            continue
        rest = rest.strip()
        if rest.endswith(","):
            rest = rest[:-1].rstrip()
        if rest == "{":
            nested = {}
            found[-1][key] = nested
        elif nested is not None:
            value = _value(rest)
            nested[key] = value if isinstance(value, int) else None
        else:
            found[-1][key] = _value(rest)
    return found


def _value(text: str) -> Value:
    if text.startswith('"'):
        return clean(text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:])
    if text.startswith("["):
        strings = _STRINGS.findall(text)
        if strings:
            return [str(part) for part in strings]
        return [float(part) for part in text.strip("[]").split(",") if _NUMBER.match(part.strip())]
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return None
