"""A change before it happens: one object for the dialog, `--dry-run`, `--json` and the job on the node."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import CtdeckError
from ..model import Key


class Verdict(StrEnum):
    """Of a check. Published in JSON."""

    OK = "ok"
    WARN = "warn"
    REFUSE = "refuse"


class Danger(StrEnum):
    """What a person has to say to a plan, on a node that is no production node. Published in JSON."""

    ORDINARY = "ordinary"  # yes
    DESTRUCTIVE = "destructive"  # type node/id


class Refused(CtdeckError):
    """A change that ctdeck will not even plan: exit code 4. The message says why, the remedy what would help."""


class Misused(CtdeckError):
    """A value that no container can have: exit code 2."""


@dataclass(frozen=True, slots=True)
class Check:
    """One look before the leap."""

    id: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One line of before -> after, as people read it."""

    what: str
    before: str
    after: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a job: shell text in which every datum is a quoted word.

    `script` runs as a file of its own under /bin/sh, `undo` when a later step (or this one) fails: it must do no harm when
    there is nothing to put back. A step that freezes names `thaw`, which an independent process runs after `thaw_after`
    seconds, or at once when nobody is left; the step that thaws names the freezing one in `thaws` (1 is the first).
    """

    title: str
    script: str
    undo: str = ""
    thaw: str = ""
    thaw_after: int = 0  # seconds
    thaws: int = 0
    cancel: bool = False  # may be ended within, not only between steps


@dataclass(frozen=True, slots=True)
class Inspection:
    """One container, looked at closely just now.

    `fingerprint` is the node's own checksum of what must not move between plan and job (configuration, state, lock,
    snapshots; never counters), `check` the shell text that printed it. `values` has what plans read and what verification
    compares, under the same names in every backend:

        state            "running", "stopped", ... (a `State`)
        ips.live         addresses inside, sorted, without prefix; [] when it does not run
        ips.config       configured addresses, sorted, with their prefix where it is written
        limits.NAME.live, limits.NAME.config   by the names of `request.LIMITS`; None: not limited; absent: no such notion
        use.memory, use.disk, use.processes, use.swap     bytes or items in use now; absent where not known
        hostname, storage (dir, overlay, btrfs, loop, ploop, simfs ...), lock (holder, "" for none)
        snapshots        [{"id", "name", "parent", "current", "date", "size", "memory"}], oldest first
    """

    fingerprint: str
    check: str
    values: dict[str, Any]


def words(*parts: str) -> str:
    """One command of quoted words."""
    return " ".join(shlex.quote(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to one container.

    `expect` maps what an inspection of the container says (see `Backend.inspect`) to what it must say afterwards.
    `undo` is the plan that takes it back, None where there is none; `no_undo` then says why.
    """

    action: str  # "stop", "ip add", ... as on the command line
    key: Key
    name: str | None
    production: bool
    steps: tuple[Step, ...]
    fingerprint: str = ""
    check: str = ""  # shell text that prints what the fingerprint is of
    changes: tuple[Change, ...] = ()
    checks: tuple[Check, ...] = ()
    freeze: str = ""  # what stands still and for how long, for people
    lost: tuple[str, ...] = ()  # what cannot be brought back
    danger: Danger = Danger.ORDINARY
    expect: dict[str, Any] = field(default_factory=dict)
    undo: tuple[str, ...] = ()  # the command line words of the inverse change, without NODE/ID
    no_undo: str = ""
    timeout: int = 600  # seconds until a follower gives up watching; the job goes on

    @property
    def target(self) -> str:
        return f"{self.key.node}/{self.key.id}"

    @property
    def refused(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict is Verdict.REFUSE)

    @property
    def undo_words(self) -> tuple[str, ...]:
        """The inverse change as words of the command line behind `ctdeck`, with NODE/ID; empty where there is none."""
        verb = 2 if self.undo[:1] in (("ip",), ("limit",), ("snapshot",)) else 1
        return (*self.undo[:verb], self.target, *self.undo[verb:]) if self.undo else ()

    def with_checks(self, *checks: Check) -> Plan:
        return replace(self, checks=(*self.checks, *checks))

    @property
    def commands(self) -> tuple[str, ...]:
        """Each step's own text, as a person could type it."""
        return tuple(line for step in self.steps for line in step.script.strip().splitlines())

    def as_script(self) -> str:
        """The whole as a script that a person could run by hand on the node."""
        lines = ["#!/bin/sh", f"# {self.action} of {self.target} {self.name or ''}".rstrip(), "set -e"]
        for step in self.steps:
            lines += [f"# {step.title}", step.script.strip()]
        return "\n".join(lines) + "\n"

    def published(self) -> dict[str, Any]:
        """As `--json` prints it. Keys may be added, never renamed."""
        return {
            "action": self.action,
            "node": self.key.node,
            "backend": self.key.backend,
            "id": self.key.id,
            "name": self.name,
            "production": self.production,
            "danger": str(self.danger),
            "changes": [{"what": c.what, "before": c.before, "after": c.after, "note": c.note} for c in self.changes],
            "checks": [{"id": c.id, "verdict": str(c.verdict), "text": c.text} for c in self.checks],
            "steps": [
                {"node": self.key.node, "title": step.title, "script": step.script.strip(), "undo": step.undo.strip()}
                for step in self.steps
            ],
            "freeze": self.freeze or None,
            "lost": list(self.lost),
            "undo": list(self.undo_words) or None,
            "no_undo": self.no_undo or None,
            "fingerprint": self.fingerprint,
        }
