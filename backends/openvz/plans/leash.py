"""A limit for a while: the steps that tie it, and those that take it off. What waits on the node is leash.sh."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...plans.plan import Refused, Step
from ...plans.plan import words as quoted
from ...plans.request import SetLimits
from .. import settings
from ..inspect import text_of
from .common import Target, span

Value = int | tuple[int, int] | None

#: Beside the jobs, wherever on the node those are; where they usually are when a person runs the step by hand.
_PLACE = """base=${CTDECK_ROOT-}/var/lib/ctdeck
case $PWD in */jobs/*) base=${PWD%/jobs/*} ;; esac
mkdir -p "$base/leashes"
"""


def possible(request: SetLimits, target: Target) -> None:
    """That each live value can be seen: what is not seen cannot be put back only if it is still the leash's. Raises `Refused`."""
    for name in (*request.values, *(f"bc.{name}" for name in request.beancounters)):
        if target.running and settings.source(name, target.values["marks"], target.vswap) == ("", ""):
            label = settings.SETTINGS[name].label if name in settings.SETTINGS else name
            raise Refused(
                f"{label} cannot be set for a while: the kernel does not show its live value",
                "Set it without --for, and set it back",
            )


def steps(target: Target, wanted: Mapping[str, Value], seconds: int) -> list[Step]:
    """One step for each limit. A leash on a leash keeps the oldest value."""
    found = []
    for name, value in wanted.items():
        kind, where = settings.source(name, target.values["marks"], target.vswap)
        old = _old(target, name)
        begin = quoted(
            *(target.id, str(seconds), _word(old), _word(value), kind or "counter", where or name),
            *_options(target, name, old),
        )
        file = f'"$base"/leashes/{quoted(f"openvz-{target.id}.{name}")}'
        script = (
            f"{_PLACE}file={file}\n"
            f'rm -f "$file.sh"\ncat >"$file.sh" <<\'END_OF_LEASH\'\n{text_of("leash.sh")}END_OF_LEASH\n'
            f'sh "$file.sh" begin "$file" {begin}\n'
        )
        found.append(Step(f"let it end after {span(seconds)}", script, undo=f"{_PLACE}rm -f {file} {file}.sh\n"))
    return found


def lifting(target: Target, names: Iterable[str]) -> list[Step]:
    """What takes the leashes of these limits off: their waiters then end by themselves."""
    held = [name for name in names if f"leash.{name}" in target.values]
    if not held:
        return []
    files = "".join(
        f' "$base"/leashes/{quoted(f"openvz-{target.id}.{name}{suffix}")}' for name in held for suffix in ("", ".sh")
    )
    return [Step("end the leash", f"{_PLACE}rm -f{files}\n")]


def _old(target: Target, name: str) -> Value:
    held = target.values.get(f"leash.{name}")
    value: Any = (
        held["old"] if held else target.values.get(f"{name}.live" if name[:3] == "bc." else f"limits.{name}.live")
    )
    return (value[0], value[1]) if isinstance(value, list) else value


def _options(target: Target, name: str, old: Value) -> tuple[str, ...]:
    """How vzctl is told the old value."""
    if isinstance(old, tuple):
        return settings.counter_words(name.removeprefix("bc."), old)
    words = settings.words(name, old, target.values)
    if name == "memory" and target.vswap and "bc.swappages.config" not in target.values:  # vzctl wants both (28)
        words += settings.words("swap", target.values.get("limits.swap.live"), target.values)
    return words


def _word(value: Value) -> str:
    if isinstance(value, tuple):
        return ":".join(map(str, value))
    return "unlimited" if value is None else str(value)
