"""Try a command in a container: snapshot, run it inside, see what came of it; then a person keeps that or reverts."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from .change import Changer, Consent, Outcome
from .errors import CtdeckError, Fault
from .jobs.job import Job
from .model import Key
from .plans.plan import Danger, Misused, Plan, Refused
from .plans.request import CreateSnapshot, Run

#: What a job writes into its log by itself, beside the output of its commands.
_OURS = re.compile(r"\[\d\d:\d\d:\d\d\] (step \d+: |done$|failed \d|cancelled \d|putting back step \d)")
#: Lines of the command's output that are fetched.
LINES = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the command. `exit` None: it was killed, or never ran. `wrong`: why the state is not known."""

    exit: int | None
    output: tuple[str, ...]
    state: str | None
    wrong: CtdeckError | None = None

    @property
    def sentence(self) -> str:
        """`exited with 3; the container is running`."""
        code = "was ended" if self.exit is None else f"exited with {self.exit}"
        return f"{code}; the container is {self.state or 'not known'}"


@dataclass(slots=True)
class Attempt:
    """One command and the snapshot before it. Methods raise `Fault`, `Refused` or `Misused`."""

    changer: Changer
    key: Key
    argv: tuple[str, ...]
    name: str = field(default_factory=lambda: time.strftime("try-%Y%m%d-%H%M%S"))

    async def plans(self) -> tuple[Plan, Plan]:
        """Of the snapshot and of the command, as things are now."""
        return (
            await self.changer.prepare(self.key, CreateSnapshot(self.name)),
            await self.changer.prepare(self.key, Run(self.argv)),
        )

    async def run(
        self, do: Callable[[Plan], Awaitable[Outcome]], consent: Consent, *, read_only: bool = False
    ) -> Outcome:
        """The command, planned anew: the snapshot has changed the container's fingerprint. `do` runs a plan."""
        plan = await self.changer.prepare(self.key, Run(self.argv))
        self.changer.consent(plan, consent, read_only=read_only)
        return await do(plan)

    async def found(self, job: Job) -> Found:
        """What came of the command whose job is over."""
        whole = await self.changer.jobs.ask(self.key.node, job.id, lines=LINES)
        state, wrong = None, None
        try:
            state = str((await self.changer.look(self.key)).values.get("state"))
        except (Fault, Refused) as error:
            wrong = error
        return Found(_exit(job.detail), output(whole or job), state, wrong)


def whole(plans: tuple[Plan, Plan], name: str) -> Plan:
    """Both as one plan, to be shown and agreed to; never to be run. `name`: that of the snapshot."""
    snapshot, command = plans
    return replace(
        command,
        action="try",
        steps=(*snapshot.steps, *command.steps),
        changes=(*snapshot.changes, *command.changes),
        checks=tuple(dict.fromkeys((*snapshot.checks, *command.checks))),
        freeze=snapshot.freeze,
        lost=(*snapshot.lost, *command.lost),
        danger=Danger.DESTRUCTIVE if Danger.DESTRUCTIVE in (snapshot.danger, command.danger) else Danger.ORDINARY,
        undo=("snapshot", "revert", name),
        no_undo="",
    )


def output(job: Job) -> tuple[str, ...]:
    """The lines of its log that the command has said."""
    return tuple(line for line in job.log if not _OURS.match(line))


def command_line(text: str) -> tuple[str, ...]:
    """A command as a person types it, in words as a shell would split it. Raises `Misused`."""
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise Misused(f"{text!r} is no command line: {error}", "Close the quotation") from None
    if not argv:
        raise Misused("try wants a command", "Write it as in a shell: apt-get -y upgrade")
    return argv


def _exit(detail: tuple[str, ...]) -> int | None:
    """Exit code of the step that a job failed at: `3 as-is 7`. None: it was killed, or never ran."""
    if detail == ():
        return 0
    return int(detail[2]) if len(detail) > 2 and detail[2].isdecimal() else None
