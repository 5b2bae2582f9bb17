"""Snapshots of LXC: copies in the folder that `lxc-snapshot` looks into, so that it lists them too.

Never `lxc-snapshot -r`: it destroys first, and leaves an empty root when its copy then fails.
"""

from __future__ import annotations

import re
from typing import Any

from ...model import State
from ...plans import spell
from ...plans.plan import Change, Check, Danger, Misused, Plan, Refused, Step, Verdict, words
from ...plans.request import CreateSnapshot, DeleteSnapshot, RevertSnapshot
from ...text import clean
from .power import start_step
from .subject import Subject, running, start_again

#: Bytes in a second that a copy of small files makes at least, on a disk that turns.
_RATE = 40 << 20
_UNKNOWN_COPY = 1800  # seconds that a copy of unknown size may freeze
_LONGEST_FREEZE = 3600  # seconds
_STOP = 30  # seconds that an init gets, whose disk is given up anyway
_ROOT_LINE = '/^[ \\t]*lxc\\.rootfs\\.path[ \\t]*=/ { print ENVIRON["ROOT_LINE"]; next }\n'
_COPIED = ("dir", "overlay", "loop")


def create(subject: Subject, request: CreateSnapshot) -> Plan:
    if request.memory:
        raise Refused("LXC cannot snapshot memory: it would need criu", "Leave --memory out: the disk alone is kept")
    name = _name(subject, request.name)
    storage = _storage(subject)
    if storage == "loop" and subject.live:
        raise Refused(
            f"The disk of {subject.id} is a file in use (loop): it cannot be copied while {subject.id} runs",
            "Stop it first; a snapshot of the stopped container works",
        )
    taken = [name for name in [*_ids(subject), *subject.facts.taken] if re.fullmatch(r"snap\d{1,9}", name)]
    number = 1 + max([int(name[4:]) for name in taken], default=-1)
    snap = f"snap{number}"
    seconds, size = _copy_time(subject)
    freeze = subject.state == State.RUNNING
    steps = [_copy_step(subject, snap, name, frozen=freeze)]
    frozen = ""
    if freeze:
        limit = _UNKNOWN_COPY if seconds is None else min(_LONGEST_FREEZE, max(120, 5 * seconds))
        thaw = words("lxc-unfreeze", "-n", subject.id) + "\n"
        first = Step("freeze it", words("lxc-freeze", "-n", subject.id) + "\n", thaw, thaw=thaw, thaw_after=limit)
        steps = [first, *steps, Step("let it go on", thaw, thaw, thaws=1)]
        about = "as long as that takes" if seconds is None else f"some {spell.seconds(seconds)}"
        frozen = f"all of {subject.id} while {size} are copied, {about}; {spell.seconds(limit)} at most"
    checks = [
        subject.state_is(State.RUNNING, State.STOPPED, State.FROZEN),
        subject.tools("lxc-copy", *(() if storage == "btrfs" else ("rsync",))),
        subject.untouched(),
    ]
    if storage != "btrfs":
        checks.append(_room(subject, _used(subject)))
    return subject.plan(
        "snapshot create",
        *steps,
        checks=tuple(checks),
        changes=(Change("snapshots", str(len(_all(subject))), str(len(_all(subject)) + 1), f"{snap}: {name}"),),
        freeze=frozen,
        expect={"state": subject.state, "snapshot.ids": sorted([*_ids(subject), snap])},
        undo=("snapshot", "delete", snap),
        timeout=_LONGEST_FREEZE + 600,
    )


def revert(subject: Subject, request: RevertSnapshot) -> Plan:
    one = _find(subject, request.snapshot)
    storage = _storage(subject)
    disk, source = _disk(subject), _source(subject, one, storage)
    seconds, _ = _copy_time(subject)
    was = subject.state
    steps = [_aside(subject, disk), _restore(subject, storage, source, disk)]
    if not request.keep_config:
        steps.append(_old_config(subject, one["id"]))
    if was == State.RUNNING:
        steps = [_stop(subject), *steps, _start(subject, disk)]
    steps.append(_drop(subject, storage, disk))
    date = one["date"] or "it"
    lost = [f"everything on its disk since {date}"]
    if not request.keep_config:
        lost.append(f"every change of its configuration (addresses, limits) since {date}")
    about = "" if seconds is None else f", some {spell.seconds(seconds + _STOP)} at most"
    checks = [
        subject.state_is(State.RUNNING, State.STOPPED, help_=subject.thawed()),
        subject.tools("btrfs" if storage == "btrfs" else "rsync"),
        subject.unshared(),
        subject.untouched(),
    ]
    if subject.facts.needed:
        checks.append(Check("clones", Verdict.REFUSE, "clones of it stand on its disk, which would change under them"))
    if storage != "btrfs":
        checks.append(_room(subject, one["size"]))
    ours = (
        f"{disk}.ctdeck-drop",
        *(() if request.keep_config else (f"{subject.facts.area}/{subject.id}/config.ctdeck-new",)),
    )
    expect = {
        "state": was,
        "leftovers": [path for path in subject.facts.left if path not in ours],
        "snapshot.ids": _ids(subject),
    }
    if request.keep_config:
        expect["ips.config"] = subject.value("ips.config")
    return subject.plan(
        "snapshot revert",
        *steps,
        checks=tuple(checks),
        changes=(Change("disk", "now", f"{one['id']} {one['name']} of {date}".replace("  ", " ")),),
        freeze=f"{subject.id} is down while it is copied{about}" if was == State.RUNNING else "",
        lost=tuple(lost),
        danger=Danger.DESTRUCTIVE,
        expect=expect,
        no_undo="what was there instead is dropped; a snapshot made before would bring it back",
        timeout=_LONGEST_FREEZE + 600,
    )


def delete(subject: Subject, request: DeleteSnapshot) -> Plan:
    one = _find(subject, request.snapshot)
    snap = words(one["id"])
    if _storage(subject) == "overlay":  # liblxc keeps account of who stands on the lower layer
        script = words("lxc-snapshot", "-n", subject.id, "-d", one["id"]) + "\n"
    else:  # renamed first: a half removed snapshot must not look like a whole one
        gone = f'"$C/snaps/"{snap}.ctdeck-drop'
        script = f'mv -- "$C/snaps/"{snap} {gone}\n{_remove(_storage(subject), gone + "/rootfs")}rm -rf -- {gone}\n'
    script = subject.home + script + f'test ! -e "$C/snaps/"{snap}\n'
    return subject.plan(
        "snapshot delete",
        Step(f"delete {one['id']}", script),
        checks=(subject.state_is(State.RUNNING, State.STOPPED, State.FROZEN), subject.unshared(), subject.untouched()),
        changes=(Change("snapshots", str(len(_all(subject))), str(len(_all(subject)) - 1)),),
        lost=(f"the state of {one['date'] or 'then'} that {one['id']} {one['name']} holds".replace("  ", " "),),
        expect={
            "leftovers": subject.facts.left,
            "snapshot.ids": sorted([id_ for id_ in _ids(subject) if id_ != one["id"]]),
        },
        no_undo="a deleted snapshot is gone",
        timeout=_LONGEST_FREEZE,
    )


# --- what is there


def _all(subject: Subject) -> list[dict[str, Any]]:
    return list(subject.value("snapshots") or ())


def _ids(subject: Subject) -> list[str]:
    return list(subject.value("snapshot.ids") or ())


def _find(subject: Subject, wanted: str) -> dict[str, Any]:
    """A snapshot by its id, or by a name that only one has."""
    named = [one for one in _all(subject) if one["id"] == wanted]
    named = named or [one for one in _all(subject) if one["name"] == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        raise Refused(
            f"{len(named)} snapshots of {subject.id} are called {clean(wanted, 60)}",
            f"Name one by its id: {', '.join(one['id'] for one in named)}",
        )
    there = ", ".join(f"{one['id']} {one['name']}".strip() for one in _all(subject)[-10:]) or "none"
    raise Refused(f"{subject.id} has no snapshot {clean(wanted, 60)!r}", f"There are: {there}")


def _name(subject: Subject, name: str) -> str:
    """The name of a new snapshot: one line, and nothing that a terminal would not show as it is."""
    if not name.strip() or len(name.encode()) > 255 or clean(name) != name or name != name.strip():
        raise Misused(f"{clean(name, 40)!r} is no name for a snapshot", "One line of at most 255 bytes of plain text")
    if re.fullmatch(r"snap\d+", name):
        raise Misused(f"{name!r} is how LXC numbers snapshots itself", "Choose another name")
    if any(one["name"] == name for one in _all(subject)):
        raise Refused(f"{subject.id} has a snapshot that is called {name}", "Delete it first, or choose another name")
    return name


def _storage(subject: Subject) -> str:
    storage = str(subject.value("storage"))
    if storage in (*_COPIED, "btrfs"):
        return storage
    raise Refused(
        f"ctdeck cannot snapshot containers on {storage} storage",
        "Use the tool of that storage on the node (lvcreate -s, zfs snapshot, rbd snap)",
    )


def _path(subject: Subject, root: str) -> str:
    """The directory or file in a value of lxc.rootfs.path; of an overlay the upper layer."""
    path = root.rpartition(":")[2]
    if not path.startswith("/") or "\ufffd" in path or "\n" in path or path != clean(path) or ".." in path.split("/"):
        raise Refused(f"The root of {subject.id} cannot be told from its configuration: {clean(root, 100)!r}")
    return path.rstrip("/")


def _disk(subject: Subject) -> str:
    return _path(subject, subject.facts.setting("lxc.rootfs.path") or "")


def _source(subject: Subject, one: dict[str, Any], storage: str) -> str:
    """Where a snapshot keeps its disk."""
    root = subject.facts.roots.get(one["id"], "")
    kind, colon, _ = root.partition(":")
    if ({"overlayfs": "overlay"}.get(kind, kind) if colon else "dir") != storage:
        raise Refused(f"{one['id']} is on other storage than {subject.id} is now ({storage})")
    path = _path(subject, root)
    if not path.startswith(f"{subject.facts.area}/{subject.id}/snaps/{one['id']}/"):
        raise Refused(f"{one['id']} keeps its disk outside of its folder: {path}")
    lower, now = root.rpartition(":")[0], (subject.facts.setting("lxc.rootfs.path") or "").rpartition(":")[0]
    if storage == "overlay" and lower.partition(":")[2] != now.partition(":")[2]:
        raise Refused(f"{one['id']} stands on another lower layer than {subject.id} does now")
    return path


def _copy_time(subject: Subject) -> tuple[int | None, str]:
    """Seconds that a copy of the disk takes at most, and its size for people."""
    if subject.value("storage") == "btrfs":
        return 1, "references"
    used = _used(subject)
    if used is None:
        return None, "all files (too many to count in a moment)"
    return 1 + int(used) // _RATE, spell.size(used)


def _used(subject: Subject) -> int | None:
    """Bytes of its disk that a copy has to copy."""
    used: int | None = subject.value("use.disk")
    return subject.facts.sizes.get("@", used) if subject.value("storage") == "loop" else used


def _room(subject: Subject, size: int | None) -> Check:
    free = subject.facts.free
    if size is None or free is None:
        return Check("room", Verdict.WARN, "whether there is room for the copy is not known")
    if size * 1.05 + (16 << 20) > free:
        text = f"the copy needs {spell.size(size)}, and {spell.size(free)} are free where it lies"
        return Check("room", Verdict.REFUSE, text)
    return Check("room", Verdict.OK, f"the copy needs {spell.size(size)} of {spell.size(free)} free")


# --- steps. C is the container's directory, D its disk.


def _disk_text(subject: Subject, disk: str) -> str:
    return subject.home + "D=${CTDECK_ROOT-}" + words(disk) + "\n"


def _remove(storage: str, path: str) -> str:
    return f"btrfs subvolume delete {path}\n" if storage == "btrfs" else ""


def _copy_step(subject: Subject, snap: str, name: str, *, frozen: bool) -> Step:
    folder = f'"$C/snaps/"{words(snap)}'
    script = subject.home + 'umask 022\nmkdir -p -- "$C/snaps"\n'
    if subject.value("storage") == "loop":
        script += _copy_image(subject, snap, folder)
    else:
        copy = [
            "lxc-copy",
            "-n",
            subject.id,
            "-N",
            snap,
            "--allowrunning",
            "-K",
            "-M",
            "-l",
            "ERROR",
            "-o",
            "/dev/stderr",
        ]
        if subject.value("storage") in ("overlay", "btrfs"):
            copy.append("-s")
        script += f'{words(*copy)} -p "$C/snaps"\n'
    if frozen:
        script += (
            f'if test "$({words("lxc-info", "-n", subject.id, "-sH")})" != FROZEN\n'
            "then echo 'it was thawed while it was copied' >&2; exit 1\n"
            "fi\n"
        )
    script += f"printf '%s\\n' {words(name)} >{folder}/comment\n"
    script += f"printf %s \"$(date '+%Y:%m:%d %H:%M:%S')\" >{folder}/ts\n"
    undo = subject.home + f'lxc-destroy -P "$C/snaps" -n {words(snap)} >/dev/null 2>&1\nrm -rf -- {folder}\n'
    return Step(f"copy its disk to {snap}", script, undo, cancel=True)


def _stop(subject: Subject) -> Step:
    stop = words("lxc-stop", "-n", subject.id, "-t", str(_STOP)) + "\n"
    return Step(f"stop it: its init has {_STOP} s, then it is killed", stop, start_again(subject))


def _aside(subject: Subject, disk: str) -> Step:
    """The old disk keeps its place under another name until the new one has proved itself."""
    script = _disk_text(subject, disk) + (
        'test ! -e "$D.ctdeck-old"\ncp -p -- "$C/config" "$C/config.ctdeck-old"\nmv -- "$D" "$D.ctdeck-old"\n'
    )
    undo = _disk_text(subject, disk) + (
        'if [ -e "$D.ctdeck-old" ]; then\n'
        f"    if {running(subject)}; then echo 'it still runs' >&2; exit 1; fi\n"
        '    rm -rf -- "$D" && mv -- "$D.ctdeck-old" "$D" || exit 1\n'
        '    [ ! -e "$C/config.ctdeck-old" ] || mv -- "$C/config.ctdeck-old" "$C/config"\n'
        "fi\n"
        '[ ! -e "$D" ] || rm -f -- "$C/config.ctdeck-old" "$C/config.ctdeck-new"\n'
    )
    return Step("set the present disk aside", script, undo)


def _restore(subject: Subject, storage: str, source: str, disk: str) -> Step:
    script = _disk_text(subject, disk) + "S=${CTDECK_ROOT-}" + words(source) + "\n"
    if storage == "btrfs":
        script += 'btrfs subvolume snapshot "$S" "$D"\n'
    elif storage == "loop":
        script += 'rsync -aS -- "$S" "$D"\n'
    else:
        script += 'rsync -aHXS --numeric-ids -- "$S/" "$D/"\n'
    return Step("copy the snapshot's disk", script, ":\n", cancel=True)


def _copy_image(subject: Subject, snap: str, folder: str) -> str:
    """liblxc 5 makes a directory of it, or an image of another size: a copy of the file is the same disk again."""
    disk = _disk(subject)
    place = f"{subject.facts.area}/{subject.id}/snaps/{snap}/{disk.rpartition('/')[2]}"
    return (
        f"mkdir -m 770 -- {folder}\nmkdir -- {folder}/rootfs\n"
        f"rsync -aS -- ${{CTDECK_ROOT-}}{words(disk)} ${{CTDECK_ROOT-}}{words(place)}\n"
        f'cp -p -- "$C/config" {folder}/config\n'
        f"ROOT_LINE={words(f'lxc.rootfs.path = loop:{place}')} awk {words(_ROOT_LINE + '{ print }')} "
        f'<"$C/config" >{folder}/config\n'
    )


def _old_config(subject: Subject, snap: str) -> Step:
    """The snapshot's configuration with the present place of the disk; every other path in its folder is ours again."""
    root = subject.facts.lines_of("lxc.rootfs.path")[-1]
    folder = f"{subject.facts.area}/{subject.id}"
    awk = _ROOT_LINE + (
        '{ while (i = index($0, ENVIRON["SNAP"] "/")) '
        '$0 = substr($0, 1, i - 1) ENVIRON["FOLDER"] substr($0, i + length(ENVIRON["SNAP"])); print }'
    )
    script = subject.home + (
        'cp -p -- "$C/config" "$C/config.ctdeck-new"\n'
        f"ROOT_LINE={words(root)} SNAP={words(f'{folder}/snaps/{snap}')} FOLDER={words(folder)} awk {words(awk)} "
        f'<"$C/snaps/"{words(snap)}/config >"$C/config.ctdeck-new"\n'
        'mv -- "$C/config.ctdeck-new" "$C/config"\n'
    )
    return Step("take the snapshot's configuration", script, ":\n")


def _start(subject: Subject, disk: str) -> Step:
    """Starts it on the new disk, and sees that its init does not end at once. Only before the old disk is dropped is this
    taken back."""
    step = start_step(subject)
    script = step.script + (
        "sleep 1\n"
        f'if test "$({words("lxc-info", "-n", subject.id, "-sH")})" != RUNNING\n'
        "then echo 'its init has ended at once' >&2; exit 1\n"
        "fi\n"
    )
    undo = _disk_text(subject, disk) + f'if [ -e "$D.ctdeck-old" ]; then\n    {step.undo}fi\n'
    return Step("start it, and see that it stays", script, undo)


def _drop(subject: Subject, storage: str, disk: str) -> Step:
    """The renaming decides: from then on nothing puts the old disk back."""
    script = _disk_text(subject, disk) + (
        'test -e "$D"\n'
        'mv -- "$D.ctdeck-old" "$D.ctdeck-drop"\n'
        f'rm -f -- "$C/config.ctdeck-old"\n{_remove(storage, chr(34) + "$D.ctdeck-drop" + chr(34))}'
        'rm -rf -- "$D.ctdeck-drop"\n'
    )
    return Step("drop the old disk", script)
