"""`ctdeck limit`: what a container may use."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from backends import leashes
from backends.errors import ConfigError
from backends.model import Leash
from backends.plans.plan import Misused, Plan
from backends.plans.request import LIMITS, UNLIMITED, SetLimits, duration, limit_value
from backends.plans.spoken import beancounter
from backends.yamlfile import nearest
from tui import format as text

from . import change, look

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.model import Container, Key

_WORDS = ("show", "set")
#: Limit -> placeholder and help of its option.
_HELP = {
    "cpus": ("N", "CPUs that it sees"),
    "cpu_limit": ("PCT", "100%% is one core: 150%%, or `1.5 cores`"),
    "cpu_weight": ("N", "its share where CPU is short"),
    "memory": ("SIZE", "512M, 2G, unlimited"),
    "swap": ("SIZE", "512M, 2G, unlimited"),
    "processes": ("N", "processes and threads"),
    "disk": ("SIZE", "disk space"),
    "inodes": ("N", "files and folders"),
    "io_limit": ("RATE", "bytes in a second: 10M"),
    "iops_limit": ("N", "operations in a second"),
    "io_priority": ("N", "0 to 7, the highest"),
    "quota_time": ("TIME", "how long its disk may be over the soft limit"),
    "on_boot": ("yes|no", "start it with the node"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", metavar="|".join(_WORDS), help="look at them, or set them")
    parser.add_argument("targets", nargs="+", metavar="NODE/ID", help="the container; `set` takes several")
    for name in LIMITS:
        metavar, what = _HELP[name]
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=what)
    parser.add_argument(
        "--bc", metavar="NAME=B:L", action="append", default=[], help="OpenVZ: barrier and limit of a beancounter"
    )
    parser.add_argument("--for", dest="span", metavar="TIME", help="put the old values back after that time: 1h")
    parser.add_argument(
        "--live-only", action="store_true", help="until it is restarted; the configuration stays as it is"
    )


def run(options: argparse.Namespace) -> int:
    word = options.word
    if word not in _WORDS:
        raise ConfigError(f'there is no "ctdeck limit {word}"', nearest(word, _WORDS))
    asked = [name for name in LIMITS if getattr(options, name) is not None]
    if word == "show":
        if asked or options.bc or options.span or options.live_only:
            raise ConfigError("limit show sets nothing", "`ctdeck limit set` does")
        if len(options.targets) != 1:
            raise ConfigError("limit show takes one container", "`ctdeck ls --wide` shows many")
        return look.run(options, options.targets[0], _show, _lines)
    if not asked and not options.bc:
        raise Misused("limit set wants at least one limit", "`ctdeck limit --help` shows them")
    request = SetLimits(
        {name: limit_value(name, getattr(options, name)) for name in asked},
        dict(map(beancounter, options.bc)),
        live_only=options.live_only,
        for_seconds=duration(options.span) if options.span else 0,
    )

    async def plan(changer: Changer, key: Key) -> Plan:
        return await changer.prepare(key, request)

    return change.run(options, options.targets, plan)


def _show(container: Container, values: dict[str, Any]) -> dict[str, Any]:
    limits = {
        name: {"live": values.get(f"limits.{name}.live"), "config": values.get(f"limits.{name}.config")}
        for name in LIMITS
        if f"limits.{name}.live" in values or f"limits.{name}.config" in values
    }
    use = {name.removeprefix("use."): value for name, value in values.items() if name.startswith("use.")}
    counters = {
        name: {"held": each.held, "barrier": each.barrier, "limit": each.limit, "failcnt": each.failcnt}
        for name, each in container.beancounters.items()
    }
    held = [{"limit": leash.limit, "until": leash.until} for leash in container.leashes]
    return {"state": values.get("state"), "limits": limits, "use": use, "beancounters": counters, "leashes": held}


def _lines(found: dict[str, Any]) -> list[str]:
    rows = [("LIMIT", "USE", "LIVE", "CONFIGURED")]
    for name, limit in found["limits"].items():
        use = found["use"].get(name)
        stopped = found["state"] != "running" and limit["live"] is None
        live = text.UNKNOWN if stopped else value(name, limit["live"])
        rows.append(
            (
                name.replace("_", " "),
                text.UNKNOWN if use is None else value(name, use),
                live,
                value(name, limit["config"]),
            )
        )
    lines = look.table(rows, right=(1, 2, 3))
    if found["leashes"]:
        held = leashes.words((Leash(**each) for each in found["leashes"]), time.time())
        lines += ["", f"leash: {held}, then the old value again"]
    if found["beancounters"]:
        counters = [("BEANCOUNTER", "HELD", "BARRIER", "LIMIT", "FAILCNT")]
        for name, each in found["beancounters"].items():
            barrier, limit = (_counted(each[edge]) for edge in ("barrier", "limit"))
            counters.append((name, str(each["held"]), barrier, limit, str(each["failcnt"])))
        lines += ["", *look.table(counters, right=(1, 2, 3, 4))]
    return lines


def value(name: str, limit: float | None) -> str:
    """A limit as people read it; None and UNLIMITED: there is none."""
    if limit is None or limit == UNLIMITED:
        return "unlimited" if LIMITS.get(name) != "switch" else text.UNKNOWN
    kind = LIMITS.get(name)
    if kind == "switch":
        return "yes" if limit else "no"
    if kind == "size":
        return text.size(limit) + ("/s" if name == "io_limit" else "")
    if kind == "time":
        return text.span(limit)
    return f"{limit:g}{'%' if kind == 'percent' else ''}"


def _counted(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)
