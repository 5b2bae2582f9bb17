"""Words of the command line, without NODE/ID, as a request: how undo is kept, and said again."""

from __future__ import annotations

from collections.abc import Sequence

from .plan import Misused
from .request import (
    LIMITS,
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    SetLimits,
    address,
    limit_value,
)

POWER = ("start", "stop", "restart", "suspend", "resume", "destroy")


def request_of(words: Sequence[str]) -> Request:
    """`start`, `ip add ADDRESS...`, `limit set --memory 512M --bc NAME=B:L --live-only`, `snapshot delete ID` ... as a request.

    Raises `Misused`.
    """
    verb, *rest = words or [""]
    if verb in POWER:
        return Power(verb, fast="--fast" in rest)
    if verb == "ip" and rest and rest[0] in ("add", "del", "set"):
        return Addresses(rest[0], tuple(map(address, rest[1:])))
    if verb == "limit" and rest[:1] == ["set"]:
        return _limits(rest[1:])
    if verb == "snapshot" and len(rest) >= 2:
        if rest[0] == "create":
            return CreateSnapshot(rest[1], memory="--memory" in rest)
        if rest[0] == "delete":
            return DeleteSnapshot(rest[1])
        if rest[0] == "revert":
            return RevertSnapshot(rest[1], keep_config="--keep-config" in rest)
    raise Misused(f"{' '.join(words)!r} is no change that ctdeck knows")


def _limits(words: Sequence[str]) -> SetLimits:
    values: dict[str, float] = {}
    beancounters: dict[str, tuple[int, int]] = {}
    live_only = False
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word.removeprefix("--").replace("-", "_")
        if word == "--live-only":
            live_only = True
        elif word == "--bc" and rest:
            counter, pair = beancounter(rest.pop(0))
            beancounters[counter] = pair
        elif word.startswith("--") and name in LIMITS and rest:
            values[name] = limit_value(name, rest.pop(0))
        else:
            raise Misused(f"{word!r} is no limit that ctdeck knows")
    return SetLimits(values, beancounters, live_only=live_only)


def beancounter(text: str) -> tuple[str, tuple[int, int]]:
    """`privvmpages=65536:69632` or `numproc=240`: name, barrier and limit; `unlimited` is LONG_MAX. Raises `Misused`."""
    name, equals, value = text.partition("=")
    barrier, colon, limit = value.partition(":")
    pair = [
        2**63 - 1 if part == "unlimited" else int(part) if part.isdecimal() else None
        for part in (barrier, limit if colon else barrier)
    ]
    if not equals or not name.isalpha() or None in pair:
        raise Misused(f"{text!r} is no beancounter", "Write it like privvmpages=65536:69632 or numproc=240")
    return name, (pair[0] or 0, pair[1] or 0)
