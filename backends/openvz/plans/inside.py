"""A command inside a running container."""

from __future__ import annotations

import shlex

from ...model import State
from ...plans.plan import Change, Misused, Plan, Step, words
from ...plans.request import Run
from .common import Target

#: Seconds until nobody watches any more; an upgrade of a whole system is long.
_TIMEOUT = 4 * 3600


def plan(request: Run, target: Target) -> Plan:
    if not request.argv:
        raise Misused("there is no command to run")
    # exec2 and not exec, which hides the exit code behind its own. It joins its words and gives them to a shell inside.
    script = words("vzctl", "exec2", target.id, shlex.join(request.argv)) + "\n"
    return target.plan(
        "run",
        Step("run the command inside", script, cancel=True),
        checks=(target.in_state(State.RUNNING, otherwise="and a command needs a running one"),),
        changes=(Change("files", "as they are", "whatever the command makes of them"),),
        no_undo="nobody knows what a command has changed inside; a snapshot taken before brings it back",
        timeout=_TIMEOUT,
    )
