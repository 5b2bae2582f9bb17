"""limit set: checked against use, the node and the range; live and in the configuration, or live only; for a while."""

from __future__ import annotations

from typing import Any

from ...plans.plan import Change, Check, Misused, Plan, Refused, Step
from ...plans.request import UNLIMITED as LIFTED
from ...plans.request import SetLimits
from .. import settings
from ..counters import COUNTERS, UNLIMITED
from ..settings import SETTINGS
from . import leash
from .common import Target, passed, refuse, size, span, warn

#: What `limit set` calls a beancounter that is a limit by another name; both at once would be a contest.
_SAME = {"physpages": "memory", "privvmpages": "memory", "swappages": "swap", "numproc": "processes"}
#: Counters of which a limit below the present use makes processes fail or die at once.
_HARD = frozenset({"kmemsize", "privvmpages", "physpages", "swappages", "oomguarpages", "shmpages", "lockedpages"})

_SIZES = frozenset({"memory", "swap", "disk", "io_limit"})


def plan(request: SetLimits, target: Target) -> Plan:
    wanted = {name: _value(name, value, request, target) for name, value in request.values.items()}
    counters = {name: _counter(name, pair, request) for name, pair in request.beancounters.items()}
    if not wanted and not counters:
        raise Misused("limit set wants a limit")
    live_only = request.live_only or request.for_seconds > 0
    if request.for_seconds:
        leash.possible(request, target)
    also = _swap_too(wanted, target)
    words = [word for name, value in wanted.items() for word in _words(name, value, target, new=True)]
    words += [word for name, pair in counters.items() for word in settings.counter_words(name, pair)]
    words += [word for name, value in also.items() for word in settings.words(name, value, target.values)]
    names = [*wanted, *(f"bc.{name}" for name in counters)]
    step = Step(
        "set " + ", ".join([*(SETTINGS[name].label for name in wanted), *counters]),
        target.vzctl("set", *words, *([] if live_only else ["--save"])),
        undo=_back(target, [*wanted, *also], list(counters), live_only),
    )
    steps = [step]
    if request.for_seconds:
        steps += leash.steps(target, _leashed(wanted, counters), request.for_seconds)
    else:
        steps += leash.lifting(target, names)
    undo, no_undo = _undo(target, [*wanted, *also], list(counters), live_only)
    return target.plan(
        "limit set",
        *steps,
        checks=(
            *_ground(target, live_only),
            *_seen(wanted, target, live_only),
            *_fits(wanted, target),
            *_fits_counters(counters, target),
        ),
        changes=tuple(_changes(target, {**wanted, **also}, counters, live_only, request.for_seconds)),
        expect=_expected(target, {**wanted, **also}, counters, live_only),
        undo=undo,
        no_undo=no_undo,
    )


# --- what is wanted, and whether it can be


def _value(name: str, value: float, request: SetLimits, target: Target) -> int | None:
    """A limit as it will be kept. Raises `Misused` for what no container can have, `Refused` for what this one cannot."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise Misused(f"{name!r} is no limit", f"There are: {', '.join(SETTINGS)}")
    _possible(name, request, target)
    if value == LIFTED:
        if not setting.liftable:
            raise Misused(f"{setting.label} cannot be unlimited", f"It is from {setting.least} to {setting.most}")
        return None
    if value != value or value in (float("inf"), float("-inf")):
        raise Misused(f"{setting.label}: {value} is no number")
    if name not in _SIZES and value != int(value):
        raise Misused(f"{setting.label}: OpenVZ takes whole numbers, and not {value:g}")
    if not setting.least <= value <= setting.most:
        said = (
            f"{size(setting.least)} to {size(setting.most)}" if name in _SIZES else f"{setting.least} to {setting.most}"
        )
        raise Misused(f"{setting.label}: {value:g} is out of range", f"It is from {said}")
    return settings.kept(name, value)


def _possible(name: str, request: SetLimits, target: Target) -> None:
    """That kernel, storage and vzctl have this limit. Raises `Refused`."""
    setting = SETTINGS[name]
    live_only = request.live_only or request.for_seconds > 0
    if name == "swap" and not target.vswap:
        raise Refused(
            "The kernel of the node has no vswap: swap of a container cannot be limited",
            "Memory can: it is privvmpages there",
        )
    if setting.layout and target.values["storage"] != setting.layout:
        raise Refused(
            f"{setting.label} belongs to the disk quota of simfs, and this container's disk is an image (ploop)",
            "Its disk space can be limited",
        )
    if live_only and not setting.live:
        raise Refused(f"{setting.label} stands in the configuration only", "Leave --live-only and --for away")
    if live_only and name == "disk" and target.ploop:
        raise Refused("The size of an image (ploop) is always saved", "Leave --live-only and --for away")


def _counter(name: str, pair: tuple[int, int], request: SetLimits) -> tuple[int, int]:
    if name not in COUNTERS:
        raise Misused(f"{name!r} is no beancounter", f"There are: {', '.join(COUNTERS)}")
    if _SAME.get(name) in request.values:
        raise Misused(f"{name} and {_SAME[name]} are one limit by two names", "Give one of them")
    barrier, limit = pair
    if not 0 <= barrier <= UNLIMITED or not 0 <= limit <= UNLIMITED:
        raise Misused(f"{name}: {barrier}:{limit} is out of range")
    if barrier > limit:
        raise Misused(
            f"{name}: the barrier {barrier} is above the limit {limit}", "Write barrier:limit, the lower first"
        )
    return pair


def _swap_too(wanted: dict[str, int | None], target: Target) -> dict[str, int | None]:
    """vzctl refuses memory while swap was never set (28), so it is set as it is."""
    if "memory" not in wanted or "swap" in wanted or not target.vswap or "bc.swappages.config" in target.values:
        return {}
    return {"swap": target.values.get("limits.swap.live")}


def _ground(target: Target, live_only: bool) -> tuple[Check, ...]:
    if target.running:
        return (passed("state", "it is running"),)
    if live_only:
        return (refuse("state", f"it is {target.state}: there is no live value to set"),)
    return (passed("state", f"it is {target.state}: its configuration is changed"),)


def _seen(wanted: dict[str, int | None], target: Target, live_only: bool) -> tuple[Check, ...]:
    """Live values that the kernel does not show, and that nobody can verify therefore."""
    if not target.running:
        return ()
    hidden = [name for name in wanted if SETTINGS[name].live and f"limits.{name}.live" not in target.values]
    labels = ", ".join(SETTINGS[name].label for name in hidden)
    rest = "nothing of it" if live_only else "only the configuration"
    return (warn("seen", f"the kernel does not show {labels}: {rest} can be verified"),) if hidden else ()


def _fits(wanted: dict[str, int | None], target: Target) -> list[Check]:
    """Limits against the present use and what the node has."""
    values, facts, usage = target.values, target.node.facts, target.container.usage
    checks: list[Check] = []
    hard = {"memory": facts.memory_total, "disk": facts.disk_total}
    for name, limit in wanted.items():
        if limit is None:
            continue
        label, used, has = SETTINGS[name].label, values.get(f"use.{name}"), hard.get(name)
        if used is not None and limit < used:
            text = f"{label}: {_say(name, limit)} is below the {_say(name, used)} in use"
            harmful = name in ("memory", "swap", "disk", "inodes")
            checks.append(refuse(f"use.{name}", text) if harmful else warn(f"use.{name}", text))
        elif used is not None:
            checks.append(passed(f"use.{name}", f"{label}: {_say(name, used)} in use"))
        elif name == "disk":
            checks.append(warn("use.disk", "its present use of the disk is not known while it does not run"))
        if has is not None and limit > has:
            text = f"{label}: {_say(name, limit)} is more than the {size(has)} that the node has"
            checks.append(refuse(f"node.{name}", text))
        if name == "swap" and facts.swap_total is not None and limit > facts.swap_total:
            checks.append(warn("node.swap", f"swap: more than the {size(facts.swap_total)} that the node has"))
    cores = {"cpus": 100, "cpu_limit": 1}
    for name in cores.keys() & wanted.keys():
        limit = wanted[name]
        if limit is None:
            continue
        if facts.cpus is not None and limit * cores[name] > facts.cpus * 100:
            checks.append(refuse(f"node.{name}", f"{SETTINGS[name].label}: the node has {facts.cpus} CPUs"))
        if usage.cpu_percent is not None and limit * cores[name] < usage.cpu_percent:
            text = f"{SETTINGS[name].label}: {_say(name, limit)} is below the {usage.cpu_percent:.0f}% in use: it will be slower"
            checks.append(warn(f"use.{name}", text))
    return checks


def _fits_counters(counters: dict[str, tuple[int, int]], target: Target) -> list[Check]:
    checks = []
    for name, (_, limit) in counters.items():
        held = target.container.beancounters.get(name)
        if held is None or limit >= held.held:
            continue
        text = f"{name}: {limit} is below the {held.held} held"
        checks.append(refuse(f"use.{name}", text) if name in _HARD else warn(f"use.{name}", text))
    return checks


# --- commands, and what they leave


def _words(name: str, value: int | None, target: Target, *, new: bool, live: bool = False) -> tuple[str, ...]:
    """`new`: the wanted value; else the one before, of which disk and inodes may have a lower soft limit."""
    soft = None
    if not new and not live and name in ("disk", "inodes") and not target.ploop:
        soft = target.values.get(f"pair.{name}", [None])[0]
    return settings.words(name, value, target.values, soft=soft)


def before(target: Target, name: str, where: str) -> tuple[bool, int | None]:
    """Whether the value before is known, and the value (None: not limited); `where` is live or config."""
    key = f"limits.{name}.{where}"
    if key not in target.values:
        return False, None
    value = target.values[key]
    setting = SETTINGS[name]
    if value is None and not setting.liftable:
        return setting.default is not None, setting.default
    return True, value


def _drifted(target: Target, name: str) -> bool:
    """Whether the live value is another one than its configuration says."""
    config, live = target.values.get(f"limits.{name}.config"), target.values.get(f"limits.{name}.live")
    if config is None and not SETTINGS[name].liftable:
        config = SETTINGS[name].default
    return bool(live != settings.kept_live(name, config, target.seven))


def _back(target: Target, names: list[str], counters: list[str], live_only: bool) -> str:
    """Commands that put the values before back: the configured ones, then live ones that differ from them."""
    config: list[str] = []
    live: list[str] = []
    for name in names:
        known, value = before(target, name, "config")
        live_known, live_value = before(target, name, "live")
        if known and not live_only:
            config += _words(name, value, target, new=False)
        if live_known and target.running and (live_only or _drifted(target, name)):
            live += _words(name, live_value, target, new=False, live=True)
    for name in counters:
        pair, now = target.values.get(f"bc.{name}.config"), target.values.get(f"bc.{name}.live")
        if pair and not live_only:
            config += settings.counter_words(name, (pair[0], pair[1]))
        if now and target.running and (live_only or now != pair):
            live += settings.counter_words(name, (now[0], now[1]))
    script = target.vzctl("set", *config, "--save") if config else ""
    return script + (target.vzctl("set", *live) if live else "")


def _expected(
    target: Target, wanted: dict[str, int | None], counters: dict[str, tuple[int, int]], live_only: bool
) -> dict[str, Any]:
    """What is certain afterwards. The size of an image and throttles cannot be read live, exactly or at all."""
    expect: dict[str, Any] = {"state": target.state}
    for name, value in wanted.items():
        if not live_only:
            expect[f"limits.{name}.config"] = value
        if target.running and f"limits.{name}.live" in target.values:
            expect[f"limits.{name}.live"] = settings.kept_live(name, value, target.seven)
    for name, pair in counters.items():
        if not live_only:
            expect[f"bc.{name}.config"] = list(pair)
        if target.running and f"bc.{name}.live" in target.values:
            expect[f"bc.{name}.live"] = list(pair)
    return expect


def _leashed(
    wanted: dict[str, int | None], counters: dict[str, tuple[int, int]]
) -> dict[str, int | tuple[int, int] | None]:
    return {**wanted, **{f"bc.{name}": pair for name, pair in counters.items()}}


# --- as people read it


def _say(name: str, value: float | None) -> str:
    if value is None:
        return "unlimited"
    if name in _SIZES:
        return size(value) + ("/s" if name == "io_limit" else "")
    if name == "on_boot":
        return "yes" if value else "no"
    return f"{value:g}" + {"cpu_limit": "%", "quota_time": " s"}.get(name, "")


def _say_pair(pair: tuple[int, int] | list[int] | None) -> str:
    if pair is None:
        return "not set"
    return ":".join("unlimited" if value >= UNLIMITED else str(value) for value in pair)


def _changes(
    target: Target, wanted: dict[str, int | None], counters: dict[str, tuple[int, int]], live_only: bool, seconds: int
) -> list[Change]:
    values = target.values
    changes = []
    for name, value in wanted.items():
        config, live = values.get(f"limits.{name}.config"), values.get(f"limits.{name}.live")
        shown = f"limits.{name}.live" in values
        drifted = shown and target.running and _drifted(target, name)
        old = _say(name, live if drifted else config)
        notes = [_when(target, live_only, seconds)]
        if drifted and not live_only:
            notes.append(f"its configuration says {_say(name, config)}")
        rounded = settings.kept_live(name, value, target.seven)
        if target.running and rounded != value:
            notes.append(f"the kernel keeps it as {_say(name, rounded)}")
        if name == "swap" and "bc.swappages.config" not in values:
            old = "not set"
            notes.append("vzctl wants memory and swap")
        changes.append(Change(SETTINGS[name].label, old, _say(name, value), "; ".join(filter(None, notes))))
    for name, pair in counters.items():
        old_pair = values.get(f"bc.{name}.live" if target.running else f"bc.{name}.config")
        changes.append(Change(name, _say_pair(old_pair), _say_pair(pair), _when(target, live_only, seconds)))
    return changes


def _when(target: Target, live_only: bool, seconds: int) -> str:
    if seconds:
        return f"for {span(seconds)}, then the node puts the old value back"
    if live_only:
        return "live only: gone after a restart"
    return "" if target.running else "from its next start on"


def _undo(target: Target, names: list[str], counters: list[str], live_only: bool) -> tuple[tuple[str, ...], str]:
    """Words of the inverse `limit set`, or why there is none."""
    where = "live" if live_only else "config"
    words: list[str] = ["limit", "set"]
    for name in names:
        known, value = before(target, name, where)
        if not known:
            return (), f"what {SETTINGS[name].label} was before is not known"
        zero = value == 0 and name not in ("io_priority", "on_boot")  # `limit set` takes none
        if zero or (value is not None and not 0 <= value <= SETTINGS[name].most):
            return (), f"{SETTINGS[name].label} was {value}, which cannot be asked for"
        words += [f"--{name.replace('_', '-')}", _spoken(name, value)]
    for name in counters:
        pair = target.values.get(f"bc.{name}.{where}")
        if pair is None:
            return (), f"{name} was not set before"
        words += ["--bc", f"{name}={_say_pair(pair)}"]
    return (*words, *(["--live-only"] if live_only else [])), ""


def _spoken(name: str, value: int | None) -> str:
    """A value as `limit set` takes it."""
    if value is None:
        return "unlimited"
    if name == "on_boot":
        return "yes" if value else "no"
    return f"{value}s" if name == "quota_time" else str(value)
