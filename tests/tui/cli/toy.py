"""A kind of containers for tests: each is a folder below `$CTDECK_ROOT/toys`, with files `state`, `memory`, `ips`, `snapshots`.

It is found through the entry-point group, as any backend, by the processes that tests start. Files in `$CTDECK_ROOT`
tell its tools how to misbehave: `hold` (they wait until it is gone), `fail` (exit code 7), `lie` (exit code 0, nothing done).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from backends.backend import Capability, Reading, Script
from backends.model import Container, Key, Node, NodeFacts, State
from backends.plans.plan import Change, Check, Danger, Inspection, Plan, Refused, Step, Verdict
from backends.plans.request import (
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    Run,
    SetLimits,
)

_CHECK = """cd "$CTDECK_ROOT/toys/"{id} && cat state memory ips snapshots 2>/dev/null"""
_INSPECT = """
cd "$CTDECK_ROOT/toys/$1" 2>/dev/null || { echo "no such toy" >&2; exit 3; }
sh -c "$2" | cksum
echo "state $(cat state)"
echo "memory $(cat memory)"
echo "ips $(cat ips 2>/dev/null)"
echo "snapshots $(cat snapshots 2>/dev/null | tr '\\n' ' ')"
"""
_TOOL = """
while [ -e "$CTDECK_ROOT/hold" ]; do sleep 0.02; done
echo {what} >>"$CTDECK_ROOT/done"
[ ! -e "$CTDECK_ROOT/fail" ] || {{ echo "the toy is broken"; exit 7; }}
[ -e "$CTDECK_ROOT/lie" ] || {{ cd "$CTDECK_ROOT/toys/"{id}; {script}; }}
"""


class Toy:
    name: ClassVar[str] = "toy"
    label: ClassVar[str] = "Toy"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.SNAPSHOT})
    absent: ClassVar[dict[Capability, str]] = {}
    probe: ClassVar[str] = "echo backend toy\n"
    sampler: ClassVar[str] = """
function toy_begin() { }
function toy_fast() { return "" }
function toy_slow(   command, line, out) {
    RS = "\\n"; out = ""
    command = "cd " ROOT "/toys && for n in *; do echo T $n $(cat $n/state) $(cat $n/ips 2>/dev/null); done"
    while ((command | getline line) > 0) out = out line "\\n"
    close(command); return out "E\\n"
}
"""

    def reader(self, node: str) -> ToyReader:
        return ToyReader(node)

    def shell(self, container_id: str) -> tuple[str, ...]:
        return ("true",)

    def inspect(self, container_id: str) -> Script:
        return Script(_INSPECT, (container_id, _check(container_id)))

    def inspection(self, container_id: str, output: bytes) -> Inspection:
        fingerprint, *lines = output.decode().splitlines()
        said = {word: value.split() for word, _, value in (line.partition(" ") for line in lines)}
        names = said["snapshots"]
        values = {
            "state": said["state"][0],
            "limits.memory.live": int(said["memory"][0]),
            "limits.memory.config": int(said["memory"][0]),
            "use.memory": 1 << 20,
            "ips.live": said["ips"],
            "ips.config": said["ips"],
            "storage": "dir",
            "snapshots": [
                {"id": name, "name": name, "parent": above, "current": name == names[-1], "date": "2026-01-01"}
                for name, above in zip(names, [None, *names], strict=False)
            ],
        }
        return Inspection(fingerprint, _check(container_id), values)

    def plan(self, request: Request, container: Container, found: Inspection, node: Node) -> Plan:
        draft = _drafts(request, found)
        action, steps, expect, undo, changes = draft
        destructive = isinstance(request, RevertSnapshot) or action == "destroy"
        return Plan(
            action,
            container.key,
            container.name,
            node.production,
            tuple(
                Step(what, _TOOL.format(what=what, id=shlex.quote(container.id), script=script))
                for what, script in steps
            ),
            fingerprint=found.fingerprint,
            check=found.check,
            changes=changes,
            checks=_checks(request, found),
            danger=Danger.DESTRUCTIVE if destructive else Danger.ORDINARY,
            expect=expect,
            undo=undo,
            no_undo="" if undo else "it is gone",
            timeout=60,
        )


_Draft = tuple[str, tuple[tuple[str, str], ...], dict[str, object], tuple[str, ...], tuple[Change, ...]]


def _drafts(request: Request, found: Inspection) -> _Draft:
    state = found.values["state"]
    ips = found.values["ips.live"]
    match request:
        case Power("stop"):
            return (
                "stop",
                (("stop", "echo stopped >state"),),
                {"state": "stopped"},
                ("start",),
                (_state(state, "stopped"),),
            )
        case Power("start"):
            return (
                "start",
                (("start", "echo running >state"),),
                {"state": "running"},
                ("stop",),
                (_state(state, "running"),),
            )
        case Power("restart", evidence=evidence):
            stop = "echo evidence is in /a/file\n" * evidence + "echo stopped >state"
            steps = (("stop", stop), ("start", "echo running >state"))
            return ("restart", steps, {"state": "running"}, (), ())
        case Power("destroy"):
            return ("destroy", (("destroy", 'rm -rf "$PWD"'),), {"state": "absent"}, (), (_state(state, "absent"),))
        case Addresses(verb, wanted):
            after = {"add": [*ips, *wanted], "del": [ip for ip in ips if ip not in wanted], "set": list(wanted)}[verb]
            script = f"echo {shlex.join(after)} >ips"
            return (
                f"ip {verb}",
                ((verb, script),),
                {"ips.live": after},
                ("ip", "set", *ips),
                (Change("addresses", " ".join(ips), " ".join(after)),),
            )
        case SetLimits(values):
            memory, before = int(values["memory"]), found.values["limits.memory.live"]
            script = f"echo {memory} >memory"
            undo = ("limit", "set", "--memory", str(before))
            return (
                "limit set",
                (("set", script),),
                {"limits.memory.live": memory},
                undo,
                (Change("memory", str(before), str(memory)),),
            )
        case CreateSnapshot(name):
            script = f"cp state kept-state && echo {shlex.quote(name)} >>snapshots"
            return ("snapshot create", (("create", script),), {}, ("snapshot", "delete", name), ())
        case RevertSnapshot(_):
            return ("snapshot revert", (("revert", "cp kept-state state"),), {}, (), ())
        case DeleteSnapshot(name):
            script = f"grep -vx {shlex.quote(name)} snapshots >new || :; mv new snapshots"
            return ("snapshot delete", (("delete", script),), {}, (), ())
        case Run(argv):
            return ("run", (("run", shlex.join(argv)),), {}, (), ())
    raise Refused("a toy cannot do that", "Use another backend")


def _state(before: str, after: str) -> Change:
    return Change("state", before, after)


def _checks(request: Request, found: Inspection) -> tuple[Check, ...]:
    if isinstance(request, Power) and request.verb == "start" and found.values["state"] == "running":
        return (Check("state", Verdict.REFUSE, "it runs already"),)
    if isinstance(request, SetLimits) and request.values["memory"] < found.values["use.memory"]:
        return (Check("use", Verdict.REFUSE, "less than it uses"),)
    return (Check("state", Verdict.OK, f"it is {found.values['state']}"),)


def _check(container_id: str) -> str:
    return _CHECK.format(id=shlex.quote(container_id))


class ToyReader:
    def __init__(self, node: str) -> None:
        self._node = node

    def read(self, lines: Sequence[str], facts: NodeFacts) -> Reading:
        reading = Reading(whole="E" in lines)
        for line in lines:
            if line.startswith("T "):
                _, name, state, *ips = line.split()
                key = Key(self._node, "toy", name)
                reading.containers.append(Container(key, State(state), name=f"toy-{name}", ips=tuple(ips)))
        return reading
