"""ip add, ip del, ip set: on venet, live and in the configuration, without a restart."""

from __future__ import annotations

from collections.abc import Iterable

from ...plans.plan import Change, Check, Misused, Plan, Step
from ...plans.request import Addresses, address, bare
from .common import Target, passed, refuse, warn

#: So many addresses in one change; more would not fit on a command line of every node.
_MOST = 200


def plan(request: Addresses, target: Target) -> Plan:
    wanted = _wanted(request)
    values = target.values
    configured, live = list(values["ips.config"]), list(values["ips.live"])
    present = {bare(ip) for ip in (*configured, *live)}
    if request.verb == "add":
        after = [*(ip for ip in configured if bare(ip) not in _bare(wanted)), *wanted]
        words = _each("--ipadd", wanted)
        missing = [ip for ip in wanted if _lacks(target, ip)]
        checks = _new(missing, wanted)
        back = _each("--ipdel", [bare(ip) for ip in wanted if bare(ip) not in present]) + _each(
            "--ipadd", [ip for ip in _written(target) if bare(ip) in _bare(wanted)]
        )
        undo = ("ip", "del", *(bare(ip) for ip in wanted if bare(ip) not in present))
        new_live = {*live, *_bare(wanted)}
    elif request.verb == "del":
        after = [ip for ip in configured if bare(ip) not in _bare(wanted)]
        stored = [ip for ip in _written(target) if bare(ip) in _bare(wanted)]
        only_live = [ip for ip in live if ip in _bare(wanted) and ip not in _bare(stored)]
        words = _each("--ipdel", [*stored, *only_live])
        checks = _known(wanted, present)
        back = _each("--ipadd", stored)
        undo = ("ip", "add", *stored)
        new_live = {*live} - _bare(wanted)
    else:
        after = wanted
        words = ("--ipdel", "all", *_each("--ipadd", wanted))
        same = sorted(after) == configured and (not target.running or sorted(_bare(after)) == live)
        checks = (refuse("same", "it has exactly these addresses"),) if same else ()
        back = ("--ipdel", "all", *_each("--ipadd", _written(target)))
        undo = ("ip", "set", *_written(target)) if configured else ("ip", "del", *_bare_list(wanted))
        new_live = _bare(wanted)
    expect = {"ips.config": sorted(after), "state": target.state}
    if target.running:
        expect["ips.live"] = sorted(new_live)
    return target.plan(
        f"ip {request.verb}",
        Step(
            f"{_VERBS[request.verb]} {', '.join(wanted)}",
            target.vzctl("set", *words, "--save"),
            undo=target.vzctl("set", *back, "--save") if back else "",
        ),
        checks=(*checks, *_where(target)),
        changes=(
            Change("addresses", " ".join(configured) or "none", " ".join(sorted(after)) or "none", _note(target)),
        ),
        expect=expect,
        undo=undo if len(undo) > 2 else (),
        no_undo="" if len(undo) > 2 else "nothing of it was new",
    )


_VERBS = {"add": "add", "del": "remove", "set": "set exactly"}


def _wanted(request: Addresses) -> list[str]:
    if request.verb not in _VERBS:
        raise Misused(f"{request.verb!r} is no verb of ip", f"There are: {', '.join(_VERBS)}")
    found = list(dict.fromkeys(address(ip) for ip in request.ips))
    if not found:
        raise Misused(f"ip {request.verb} wants an address")
    if len(found) > _MOST:
        raise Misused(f"ip {request.verb} takes at most {_MOST} addresses at a time")
    if len(_bare(found)) != len(found):
        raise Misused("one address is given twice, with two prefix lengths")
    return found


def _bare(ips: Iterable[str]) -> set[str]:
    return {bare(ip) for ip in ips}


def _bare_list(ips: Iterable[str]) -> list[str]:
    return [bare(ip) for ip in ips]


def _written(target: Target) -> list[str]:
    """Configured addresses as they stand in the file, those that are addresses."""
    found = []
    for text in target.values["ips.written"]:
        try:
            found.append(address(text))
        except Misused:
            continue
    return found


def _each(option: str, ips: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for ip in ips for word in (option, ip))


def _lacks(target: Target, ip: str) -> bool:
    return ip not in target.values["ips.config"] or (target.running and bare(ip) not in target.values["ips.live"])


def _new(missing: list[str], wanted: list[str]) -> tuple[Check, ...]:
    if not missing:
        return (refuse("present", f"it has {', '.join(wanted)} already"),)
    return (passed("present", f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} new to it"),)


def _known(wanted: list[str], present: set[str]) -> tuple[Check, ...]:
    """vzctl says nothing, and exits with 0, when it has no such address."""
    unknown = [ip for ip in wanted if bare(ip) not in present]
    if unknown:
        return (refuse("present", f"it does not have {', '.join(unknown)}"),)
    return (passed("present", "it has what is to be removed"),)


def _where(target: Target) -> tuple[Check, ...]:
    if target.state == "suspended":
        return (
            warn("suspended", "when it is resumed it has its old addresses; the new ones come when it is started anew"),
        )
    return ()


def _note(target: Target) -> str:
    return "at once, without a restart" if target.running else "in its configuration; it does not run"
