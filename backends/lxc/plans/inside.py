"""A command inside a running container."""

from __future__ import annotations

from ...model import State
from ...plans.plan import Misused, Plan, Step, words
from ...plans.request import Run
from .subject import Subject


def plan(subject: Subject, request: Run) -> Plan:
    if not request.argv or not request.argv[0]:
        raise Misused("Which command?", "Write it behind --")
    if any("\0" in word for word in request.argv):
        raise Misused("A command cannot hold a NUL character")
    script = words("lxc-attach", "--clear-env", "-n", subject.id, "--", *request.argv) + "\n"
    return subject.plan(
        "run",
        Step("run it inside", script, cancel=True),
        checks=(subject.state_is(State.RUNNING, help_=subject.thawed()), subject.tools("lxc-attach")),
        expect={"state": "running"},
        no_undo="what a command did inside is not known",
        timeout=4 * 3600,
    )
