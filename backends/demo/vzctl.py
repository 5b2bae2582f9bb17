"""`vzctl` of version 4.11: its command line, and which command does what.

The order in which it refuses matters: the command line first, then a missing configuration (14), then the lock (9), then
the command's own reasons.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import snapshots, vzctl_checkpoint, vzctl_create, vzctl_exec, vzctl_life, vzctl_mount, vzctl_set
from .tree import Tree
from .vzctl_call import Call, Failure, Options, Syntax, catch_signals
from .vzctl_usage import USAGE, VERSION


class Command(NamedTuple):
    """One command: its options with an argument, those without, and how it starts."""

    act: Callable[[Call, Options], None]
    valued: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    locks: bool = True
    greets: bool = True
    needs_config: bool = True
    check: Callable[[Options], None] | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _snapshot(command: str) -> Callable[[Options], None]:
    return lambda options: snapshots.check(command, options)


_START_STOP = _names("force wait skip-fsck skip-remount fast skip-umount skip_ve_setup")
_SET_VALUED = frozenset({*vzctl_set.SETTINGS, *vzctl_set.OTHERS})
_CREATE = _names("ostemplate pkgset config layout hostname name description ipadd ip diskspace diskinodes private root")

COMMANDS: dict[str, Command] = {
    "create": Command(
        vzctl_create.create, _CREATE | _names("local_uid local_gid nameserver searchdomain"), needs_config=False
    ),
    "destroy": Command(vzctl_create.destroy),
    "delete": Command(vzctl_create.destroy),
    "start": Command(vzctl_life.start, flags=_START_STOP),
    "stop": Command(vzctl_life.stop, _names("stop-timeout"), _START_STOP),
    "restart": Command(vzctl_life.restart, flags=_START_STOP),
    "mount": Command(vzctl_mount.mount),
    "umount": Command(vzctl_mount.umount),
    "set": Command(vzctl_set.apply, _SET_VALUED, vzctl_set.FLAGS, needs_config=False),
    "status": Command(vzctl_life.status, locks=False, greets=False, needs_config=False),
    **dict.fromkeys(
        ("suspend", "chkpnt"),
        Command(
            vzctl_checkpoint.suspend, _names("dumpfile flags context"), _names("suspend dump kill resume keep_pages")
        ),
    ),
    **dict.fromkeys(
        ("resume", "restore"),
        Command(vzctl_checkpoint.resume, _names("dumpfile flags context"), _names("undump resume kill skip_arpdetect")),
    ),
    "snapshot": Command(
        snapshots.create,
        _names("id uuid name description"),
        _names("skip-suspend skip-config"),
        check=_snapshot("snapshot"),
    ),
    "snapshot-switch": Command(
        snapshots.switch,
        _names("id uuid"),
        _names("skip-resume must-resume skip-config"),
        check=_snapshot("snapshot-switch"),
    ),
    "snapshot-delete": Command(snapshots.delete, _names("id uuid"), check=_snapshot("snapshot-delete")),
    "snapshot-mount": Command(snapshots.mount, _names("id uuid target"), check=_snapshot("snapshot-mount")),
    "snapshot-umount": Command(snapshots.umount, _names("id uuid"), check=_snapshot("snapshot-umount")),
    "snapshot-list": Command(
        snapshots.show, _names("id uuid o"), _names("H L no-header"), greets=False, check=snapshots.check_list
    ),
    "compact": Command(vzctl_life.compact),
    "convert": Command(vzctl_create.convert, _names("layout")),
    **dict.fromkeys(("quotaon", "quotaoff", "quotainit"), Command(vzctl_life.quota)),
}
#: Commands that run something inside; what follows the container's id is theirs.
_INSIDE = ("exec", "exec2", "enter", "console", "runscript")


def parse(command: str, spec: Command, words: Sequence[str]) -> tuple[Options, list[str]]:
    """Options and operands, in any order, in the manner of getopt_long."""
    options: Options = []
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            name = _known(name, spec)
            if name in spec.valued:
                if not equals and not rest:
                    raise Syntax(21, f"vzctl: option '--{name}' requires an argument")
                options.append(("id" if name == "uuid" else name, value if equals else rest.pop(0)))
            else:
                options.append((name, ""))
        elif len(word) == 2 and word[0] == "-" and word[1] in spec.valued | spec.flags:
            if word[1] in spec.flags:
                options.append((word[1], ""))
            elif rest:
                options.append((word[1], rest.pop(0)))
            else:
                raise Syntax(21, f"vzctl: option requires an argument -- '{word[1]}'")
        elif word.startswith("-") and len(word) > 1 and word != "--":
            raise Syntax(21, f"vzctl: invalid option -- '{word[1]}'")
        else:
            operands.append(word)
    for name, _ in options:
        if name in _START_STOP and name not in _APPLICABLE.get(command, _START_STOP) and command in _APPLICABLE:
            raise Syntax(20, f"Option --{name} is not applicable to {command} command")
    return options, operands


_APPLICABLE = {
    "start": _names("force wait skip-fsck skip-remount skip_ve_setup"),
    "stop": _names("fast skip-umount"),
}


def _known(name: str, spec: Command) -> str:
    every = spec.valued | spec.flags
    if name in every:
        return name
    found = [full for full in every if full.startswith(name) and len(full) > 1]
    if len(found) == 1:
        return found[0]
    raise Syntax(21, f"vzctl: unrecognized option '--{name}'")


def run(tree: Tree, words: Sequence[str]) -> int:
    """Do what `vzctl WORDS` does on this node; its exit code."""
    rest = list(words)
    general = {"--quiet": False, "--verbose": False, "--skiplock": False}
    while rest and rest[0].startswith("--"):
        word = rest.pop(0)
        if word == "--version":
            print(VERSION)
            return 0
        if word == "--help":
            print(USAGE, end="")
            return 0
        if word not in general:
            raise Syntax(20, f"Bad option: {word}")
        general[word] = True
    if not rest:
        sys.stderr.write(USAGE)
        return 20
    call = Call(tree, quiet=general["--quiet"], verbose=general["--verbose"], skiplock=general["--skiplock"])
    call.words = words
    command, *rest = rest
    if command not in COMMANDS and command not in _INSIDE:
        raise Syntax(20, f"Bad command: {command}")
    call.aim(_container(tree, command, rest))
    try:
        return _inside(call, command, rest[1:]) if command in _INSIDE else _act(call, command, rest[1:])
    except Syntax:
        raise
    except Failure as failure:
        for line in failure.lines:
            call.err(line)
        return failure.code
    finally:
        call.unlock()


def _container(tree: Tree, command: str, words: Sequence[str]) -> int:
    """The container that is meant: a number first, then a name."""
    if not words:
        raise Syntax(21, "CT ID missing")
    ctid = int(words[0]) if words[0].isdigit() else tree.named(words[0])
    if ctid is None:
        raise Syntax(21, f"Bad CT ID {words[0]}")
    if ctid == 0 and command != "set":
        raise Syntax(21, "Only set actions are allowed for CT0")
    return ctid


def _act(call: Call, command: str, words: Sequence[str]) -> int:
    spec = COMMANDS[command]
    options, operands = parse(command, spec, words)
    if operands:
        raise Syntax(20, f"Invalid extra arguments: {' '.join(operands)} ")
    if command in ("set", "create"):
        vzctl_set.check(call, options)
    if command == "snapshot-list" and ("L", "") in options:
        sys.stdout.write(snapshots.list_fields())
        return 0
    if spec.check is not None:
        spec.check(options)
    if spec.needs_config:
        call.need_config()
    elif command == "set" and not call.tree.conf_path(call.ctid).exists():
        call.err(f"WARNING: /etc/vz/conf/{call.ctid}.conf not found: No such file or directory")
    if spec.greets:
        call.greet()
    if spec.locks:
        catch_signals()
        call.lock()
    if command == "start" and call.state().running:
        raise Failure(32, "Container is already running")
    spec.act(call, options)
    return 0


def _inside(call: Call, command: str, words: Sequence[str]) -> int:
    call.need_config()
    call.greet()
    if command in ("exec", "exec2"):
        return vzctl_exec.execute(call, words, keep_status=command == "exec2")
    if command == "runscript":
        return vzctl_exec.runscript(call, words)
    return vzctl_exec.enter(call, words[1:] if words and words[0] == "--exec" else ())


def main() -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        code = run(Tree.from_environment(), sys.argv[1:])
    except Failure as failure:
        sys.stderr.write("".join(f"{line}\n" for line in failure.lines))
        code = failure.code
    sys.exit(code)
