"""snapshot create, revert, delete: of images (ploop), by vzctl itself.

`vzctl snapshot` freezes, dumps and thaws in one call, and holds the container's lock meanwhile: a thaw that comes too
early is refused by that lock (9) and does no harm.
"""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

from ...model import State
from ...plans.plan import Change, Check, Danger, Misused, Plan, Refused, Step, words
from ...plans.request import CreateSnapshot, DeleteSnapshot, RevertSnapshot
from ...text import clean
from ..snapshot_tree import guid
from .common import Target, passed, refuse, size, warn

_LONGEST_NAME = 100
#: Bytes per second of a merge, and of a dump: careful guesses for a disk.
_RATE = 80 << 20
#: Room that a snapshot wants at least: what is written from now on is written anew.
_ROOM = 1 << 30
_GRACE = 300  # seconds
_OLD = (3, 1)  # vzctl has snapshots from 3.1 on


def create(request: CreateSnapshot, target: Target) -> Plan:
    _capable(target)
    name = _name(request.name)
    own = str(uuid.uuid4())
    memory = target.values.get("use.memory") or 0
    options = ["--id", own, "--name", name]
    checks = [_state_to_save(request, target), _unused(name, target)]
    freeze = ""
    wait = _GRACE
    if request.memory:
        checks.append(target.room(memory + _ROOM, "its memory and new data"))
        wait += 4 * memory // _RATE
        freeze = f"it stands still while its memory is written, some {max(1, memory // _RATE)} s for {size(memory)}"
    else:
        checks.append(_some_room(target))
        if target.running:
            options.append("--skip-suspend")
            checks.append(
                warn("files", "its files as after a power cut: what its processes have not written is not in it")
            )
    step = Step(
        f"snapshot {name!r}",
        target.vzctl("snapshot", *options),
        undo=_if_there(target, own, target.vzctl("snapshot-delete", "--id", own)),
        thaw=f"{words('vzctl', 'chkpnt', target.id, '--resume')}\n" if freeze else "",
        thaw_after=wait if freeze else 0,
        thaws=1 if freeze else 0,
    )
    present = _called(target.values["snapshot.current"], target) or "none"
    return target.plan(
        "snapshot create",
        step,
        checks=tuple(checks),
        changes=(
            Change("snapshots", _count(target), f"{name!r} more", "with memory" if request.memory else ""),
            Change("goes on from", present, repr(name)),
        ),
        freeze=freeze,
        expect={
            "state": target.state,
            "snapshot.ids": sorted([*target.values["snapshot.ids"], own]),
            "snapshot.current": own,
        },
        undo=("snapshot", "delete", own),
        timeout=wait,
    )


def revert(request: RevertSnapshot, target: Target) -> Plan:
    _capable(target)
    found = _find(request.snapshot, target)
    if request.keep_config and target.seven:
        raise Refused(
            "vzctl of OpenVZ 7 cannot keep the configuration while it reverts", "Note IPs and limits, revert, set them"
        )
    options = ["--id", found["id"]]
    if request.keep_config:
        options.append("--skip-config")
    if found["memory"] and not target.running:
        options.append("--skip-resume")
    start = target.unless_running(target.vzctl("start"))
    steps = [
        Step("switch to the snapshot", target.vzctl("snapshot-switch", *options), undo=start if target.running else "")
    ]
    if target.running:
        steps.append(Step("start it, if it is down", start))
    checks = [target.in_state(State.RUNNING, State.STOPPED, otherwise=_why_not(target))]
    lost = [f"everything that was written since {found['date'] or 'then'}, except what later snapshots hold"]
    expect: dict[str, Any] = {
        "state": target.state,
        "snapshot.ids": list(target.values["snapshot.ids"]),
        "snapshot.current": found["id"],
    }
    changes = [Change("files", "as they are", f"as of {_title(found)}, {found['date']}")]
    if target.running:
        after = "as of the snapshot" if found["memory"] else "started anew"
        changes.append(Change("processes", "running", after))
        if not found["memory"]:
            lost.append("what its processes have in memory")
    if request.keep_config or not found["config"]:
        expect["ips.config"] = list(target.values["ips.config"])
        checks.append(passed("config", "its configuration stays as it is"))
    else:
        lost.append("its configuration: addresses and limits go back too (--keep-config keeps them)")
        changes.append(Change("configuration", "as it is", f"as of {found['date']}"))
        text = "its addresses become those of the snapshot; whether others have them by now is not looked up"
        checks.append(warn("config", text))
    return target.plan(
        "snapshot revert",
        *steps,
        checks=tuple(checks),
        changes=tuple(changes),
        freeze="it is down from the switch until it runs again" if target.running else "",
        lost=tuple(lost),
        danger=Danger.DESTRUCTIVE,
        expect=expect,
        no_undo="what was written since the snapshot is gone; a snapshot taken before would have kept it",
        timeout=_GRACE * 4,
    )


def delete(request: DeleteSnapshot, target: Target) -> Plan:
    _capable(target)
    found = _find(request.snapshot, target)
    held = found["size"] or 0
    current = found["parent"] if found["current"] else target.values["snapshot.current"]
    checks = [target.in_state(State.RUNNING, State.STOPPED, State.MOUNTED, State.SUSPENDED)]
    if found["children"] > 1:
        text = f"{found['children']} branches go on from it: its data stay on the disk until all but one are deleted"
        checks.append(warn("branches", text))
    else:
        checks.append(
            passed("branches", "nothing else goes on from it" if not found["children"] else "one goes on from it")
        )
    left = [own for own in target.values["snapshot.ids"] if own != found["id"]]
    return target.plan(
        "snapshot delete",
        Step("delete the snapshot", target.vzctl("snapshot-delete", "--id", found["id"])),
        checks=tuple(checks),
        changes=(
            Change(
                "snapshots",
                _count(target),
                f"{_title(found)} less",
                f"merging {size(held)}: slow, and busy on the disk",
            ),
        ),
        lost=(f"the state of {found['date'] or 'then'}: nobody can go back to it",),
        expect={"state": target.state, "snapshot.ids": left, "snapshot.current": current},
        no_undo="a deleted snapshot cannot be brought back",
        timeout=_GRACE + 8 * held // _RATE,
    )


# --- whether it can be


def _capable(target: Target) -> None:
    if not target.ploop:
        raise Refused(
            f"{target.id} has no snapshots: its files are in a directory (simfs), and only images (ploop) have them",
            f"Stop it and convert it (`vzctl convert {target.id} --layout ploop`), or clone or back it up instead",
        )
    version = target.node.facts.tools.get("vzctl", "")
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if len(known) == 2 and known < _OLD:
        raise Refused(f"vzctl {version} of the node knows no snapshots", "vzctl 3.1 and later do")
    if broken := target.values.get("snapshots.broken"):
        raise Refused(f"Snapshots of {target.id}: {broken}", "Look at the files in its private area")


def _name(name: str) -> str:
    if not name.strip():
        raise Misused("A snapshot wants a name")
    if len(name) > _LONGEST_NAME:
        raise Misused(f"The name of a snapshot has at most {_LONGEST_NAME} characters")
    if any(unicodedata.category(char)[0] == "C" for char in name):
        raise Misused(f"{clean(name, 120)!r} has characters in it that cannot be seen")
    if guid(f"{{{name}}}"):
        raise Misused("The name of a snapshot cannot look like an id")
    return name


def _unused(name: str, target: Target) -> Check:
    if any(snapshot["name"] == name for snapshot in target.values["snapshots"]):
        return warn("name", f"another snapshot is called {name!r}: it has to be named by its id from now on")
    return passed("name", "no other snapshot has this name")


def _find(wanted: str, target: Target) -> dict[str, Any]:
    """By id, with or without braces, else by its name if only one has it. Raises `Misused`."""
    snapshots: list[dict[str, Any]] = target.values["snapshots"]
    own = wanted.strip().removeprefix("{").removesuffix("}").lower()
    found = [snapshot for snapshot in snapshots if snapshot["id"].lower() == own]
    found = found or [snapshot for snapshot in snapshots if snapshot["name"] == wanted]
    if len(found) == 1:
        return found[0]
    shown = clean(wanted, 80)
    if found:
        raise Misused(f"{len(found)} snapshots of {target.id} are called {shown!r}", "Name it by its id")
    names = ", ".join(snapshot["name"] or snapshot["id"] for snapshot in snapshots[:8])
    raise Misused(f"{target.id} has no snapshot {shown!r}", f"It has: {names}" if names else "It has none")


def _state_to_save(request: CreateSnapshot, target: Target) -> Check:
    if request.memory and not target.running:
        return refuse("state", f"it is {target.state}: there is no memory to save")
    return target.in_state(State.RUNNING, State.STOPPED, otherwise=_why_not(target))


def _why_not(target: Target) -> str:
    """What would be wrong with the other states."""
    if target.state == State.SUSPENDED:  # vzctl start looks for the checkpoint first, whatever the disk has become
        return "its processes would later be resumed over other files; resume it, or start it anew"
    return "umount or start it first" if target.state == State.MOUNTED else ""


def _some_room(target: Target) -> Check:
    free = target.values.get("room")
    if free is None:
        return warn("room", "it is not known how much room there is")
    text = f"{size(free)} free; what is written from now on needs room of its own"
    return passed("room", text) if free > _ROOM else warn("room", text)


def _if_there(target: Target, own: str, script: str) -> str:
    """`script`, if vzctl knows the snapshot."""
    look = words("vzctl", "snapshot-list", target.id, "-H", "-o", "uuid", "--id", own)
    return f"if {look} >/dev/null 2>&1; then\n    {script.strip()}\nfi\n"


def _title(snapshot: dict[str, Any]) -> str:
    return repr(snapshot["name"]) if snapshot["name"] else str(snapshot["id"])


def _called(own: str, target: Target) -> str:
    return next((_title(snapshot) for snapshot in target.values["snapshots"] if snapshot["id"] == own), "")


def _count(target: Target) -> str:
    count = len(target.values["snapshots"])
    return "none" if not count else f"{count}"
