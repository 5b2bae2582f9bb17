"""start, stop, restart, suspend, resume, destroy."""

from __future__ import annotations

from ...model import State
from ...plans.plan import Change, Check, Danger, Misused, Plan, Refused, Step, words
from ...plans.request import Power
from ..inspect import text_of
from .common import Target, refuse, size, warn

#: Bytes per second at which memory is written to a dump and read back, a careful guess for a disk.
_DUMP_RATE = 80 << 20
_GRACE = 240  # seconds that a plan waits beyond what vzctl itself may take


def plan(request: Power, target: Target) -> Plan:
    verbs = {
        "start": _start,
        "stop": _stop,
        "restart": _restart,
        "suspend": _suspend,
        "resume": _resume,
        "destroy": _destroy,
    }
    if request.verb not in verbs:
        raise Misused(f"{request.verb!r} is no verb of power", f"There are: {', '.join(verbs)}")
    return verbs[request.verb](request, target)


def _state(target: Target, after: str, note: str = "") -> tuple[Change, ...]:
    return (Change("state", target.state, after, note),)


def _running(target: Target) -> dict[str, object]:
    """What is certain of a container that has just been started from its configuration."""
    bare = sorted(ip.partition("/")[0] for ip in target.values["ips.config"])
    return {"state": "running", "ips.live": bare}


def _enabled(target: Target) -> tuple[Check, ...]:
    if target.values["disabled"]:
        return (refuse("disabled", "its configuration forbids to start it (DISABLED=yes)"),)
    return ()


def _start_step(target: Target) -> Step:
    stop = target.vzctl("stop", "--fast").strip()
    umount = f"{words('vzctl', 'umount', target.id)} || [ $? -eq 40 ]\n"  # 40: it is not mounted
    return Step(
        "start it", target.vzctl("start"), undo=f"{stop}\n{umount}" if target.state != State.MOUNTED else stop + "\n"
    )


def _start(request: Power, target: Target) -> Plan:
    resumed = target.state == State.SUSPENDED
    fits = target.in_state(State.STOPPED, State.MOUNTED, State.SUSPENDED)
    return target.plan(
        "start",
        _start_step(target),
        checks=(fits, *_enabled(target)),
        changes=_state(target, "running", "from its checkpoint" if resumed else ""),
        expect={"state": "running"} if resumed else _running(target),
        undo=("suspend",) if resumed else ("stop",),
    )


def _stop_step(request: Power, target: Target) -> Step:
    return Step(
        "stop it at once" if request.fast else "shut it down",
        target.vzctl("stop", *(["--fast"] if request.fast else [])),
        undo=target.unless_running(target.vzctl("start")),
    )


def _patience(request: Power, target: Target) -> tuple[tuple[Check, ...], str]:
    """What a graceful stop waits for: vzctl has a setting for it, and no option."""
    if request.fast:
        return (), "its processes are killed at once"
    wait = target.values["stop_timeout"]
    note = f"its init gets {wait} s to shut down, then it is killed"
    if request.timeout in (60, wait):  # 60: nobody has asked for another one
        return (), note
    text = f"vzctl waits {wait} s (STOP_TIMEOUT of its configuration), and not {request.timeout} s"
    return (warn("timeout", text),), note


def _stop(request: Power, target: Target) -> Plan:
    checks, note = _patience(request, target)
    return target.plan(
        "stop",
        _stop_step(request, target),
        checks=(target.in_state(State.RUNNING), *checks),
        changes=_state(target, "stopped", note),
        expect={"state": "stopped", "ips.live": []},
        undo=("start",),
        timeout=target.values["stop_timeout"] + _GRACE,
    )


def _restart(request: Power, target: Target) -> Plan:
    checks, note = _patience(request, target)
    steps: tuple[Step, ...] = (_stop_step(request, target), _start_step(target))
    if request.evidence:
        begin = f"set -- {words(target.id)}\n"
        steps = (Step("collect evidence", begin + text_of("evidence.sh"), cancel=True), *steps)
    return target.plan(
        "restart",
        *steps,
        checks=(target.in_state(State.RUNNING), *_enabled(target), *checks),
        changes=_state(target, "running", note),
        freeze="it is down from its stop until it has started",
        lost=("what its processes have in memory", *_unsaved(target)),
        expect=_running(target),
        no_undo="a restart has no inverse",
        timeout=2 * target.values["stop_timeout"] + _GRACE,
    )


def _unsaved(target: Target) -> tuple[str, ...]:
    """Live values that are not in the configuration end with the container."""
    values = target.values
    names = (key[: -len(".live")] for key in values if key.startswith("limits.") and key.endswith(".live"))
    return tuple(
        f"the live value of {name.removeprefix('limits.')}, which is not in its configuration"
        for name in sorted(names)
        if f"leash.{name.removeprefix('limits.')}" in values
    )


def _can_checkpoint(target: Target) -> None:
    if "cpt" not in target.values["kernel"] and not target.seven:
        raise Refused(
            f"{target.node.name} cannot checkpoint containers: there is no /proc/cpt",
            "`modprobe vzcpt vzrst` on an OpenVZ kernel; stop and start need no checkpoint",
        )


def _suspend(request: Power, target: Target) -> Plan:
    _can_checkpoint(target)
    memory = target.values.get("use.memory") or 0
    return target.plan(
        "suspend",
        Step(
            "write it to disk",
            target.vzctl("suspend"),
            undo=target.unless_running(target.vzctl("resume")),
        ),
        checks=(target.in_state(State.RUNNING), target.room(memory, "its memory", key="room.dumps")),
        changes=_state(target, "suspended", f"{size(memory)} of memory are written to disk"),
        freeze="it stands still until it is resumed",
        expect={"state": "suspended", "ips.live": []},
        undo=("resume",),
        timeout=_GRACE + 4 * memory // _DUMP_RATE,
    )


def _resume(request: Power, target: Target) -> Plan:
    _can_checkpoint(target)
    return target.plan(
        "resume",
        Step("bring it back from disk", target.vzctl("resume")),
        checks=(target.in_state(State.SUSPENDED),),
        changes=_state(target, "running", "its processes go on where they stood"),
        expect={"state": "running"},
        undo=("suspend",),
        timeout=_GRACE * 4,
    )


def _destroy(request: Power, target: Target) -> Plan:
    snapshots = len(target.values["snapshots"])
    lost = [f"all its files (/vz/private/{target.id} or where its configuration says)"]
    if snapshots:
        lost.append(f"its {snapshots} snapshot{'s' if snapshots > 1 else ''}")
    if target.state == State.SUSPENDED:
        lost.append("the checkpoint of its processes")
    otherwise = "umount it first" if target.state == State.MOUNTED else "stop it first"
    return target.plan(
        "destroy",
        Step("destroy it", target.vzctl("destroy")),
        checks=(target.in_state(State.STOPPED, State.SUSPENDED, otherwise=otherwise),),
        changes=(
            Change("container", target.container.name or target.id, "gone"),
            Change("configuration", f"{target.id}.conf", f"{target.id}.conf.destroyed", "kept, and ignored"),
        ),
        lost=tuple(lost),
        danger=Danger.DESTRUCTIVE,
        expect={"state": "absent"},
        no_undo="its files are gone; only a backup or a clone brings them back",
    )
