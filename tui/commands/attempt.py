"""`ctdeck try`: snapshot, run a command inside, look at what came of it, keep it or revert."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shlex
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError, CtdeckError, Fault
from backends.model import Key
from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import CreateSnapshot, DeleteSnapshot, Request, RevertSnapshot, Run
from tui.format import safe

from . import plan_text
from .change import code_of, worst, writable
from .progress import Progress
from .session import opened
from .targets import Target, parse, resolve

if TYPE_CHECKING:
    from backends.change import Changer, Outcome
    from backends.inventory import Inventory
    from backends.jobs.job import Job

    from .questions import Silent, Terminal

#: What a job writes into its log by itself, beside the output of its commands.
_OURS = re.compile(r"\[\d\d:\d\d:\d\d\] (step \d+: |done$|failed \d|cancelled \d|putting back step \d)")
#: Lines of the command's output that are fetched.
_LINES = 2000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "ctdeck try NODE/ID [options] -- COMMAND [ARGUMENT...]"
    parser.add_argument("target", metavar="NODE/ID", help="the container")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--keep", action="store_true", help="keep what came of it, whatever that is")
    after.add_argument("--revert-on-failure", action="store_true", help="revert when the command fails; keep it else")


def run(options: argparse.Namespace) -> int:
    command = tuple(getattr(options, "command", ()))
    if not command:
        raise Misused("try wants a command", "ctdeck try NODE/ID -- COMMAND ARGUMENT...")
    if options.detach:
        raise ConfigError("try cannot be detached", "It asks what is to be kept")
    inventory = writable(options)
    (target,) = parse(inventory, [options.target])
    return asyncio.run(_Try(options, inventory, target, command).done())


@dataclass(slots=True)
class _Told:
    """What `--json` prints."""

    plans: tuple[Plan, ...] = ()
    snapshot: Outcome | None = None
    command: Outcome | None = None
    exit: int | None = None
    output: tuple[str, ...] = ()
    state: str | None = None
    kept: bool | None = None
    revert: Outcome | None = None
    error: str | None = None

    def published(self) -> dict[str, Any]:
        def of(outcome: Outcome | None) -> dict[str, Any] | None:
            return outcome.published() if outcome else None

        return {
            "plans": [plan.published() for plan in self.plans],
            "snapshot": of(self.snapshot),
            "command": of(self.command),
            "exit": self.exit,
            "output": list(self.output),
            "state": self.state,
            "kept": self.kept,
            "revert": of(self.revert),
            "error": self.error,
        }


class _Try:
    """One snapshot, one command, one decision."""

    def __init__(
        self, options: argparse.Namespace, inventory: Inventory, target: Target, command: tuple[str, ...]
    ) -> None:
        self._options = options
        self._inventory = inventory
        self._target = target
        self._command = Run(command)
        self._name = time.strftime("try-%Y%m%d-%H%M%S")
        self._progress = Progress(wanted=not options.json)
        self._told = _Told()

    async def done(self) -> int:
        from backends.change import Changer

        from .questions import questions

        prompts = questions(allowed=not self._options.json)
        try:
            async with opened(self._inventory, {self._target.node}, prompts) as fleet:
                changer = Changer(fleet)
                key = resolve(fleet.store, self._target).key
                code = await self._all(changer, key, prompts)
        except (ConfigError, Misused):
            raise
        except CtdeckError as error:
            self._say(f"ctdeck: {error}", bad=True)
            self._told.error, code = str(error), code_of(error)
        finally:
            self._progress.clear()
        if self._options.json:
            print(json.dumps(self._told.published(), indent=1))
        return code

    async def _all(self, changer: Changer, key: Key, prompts: Terminal | Silent) -> int:
        plans = [await changer.prepare(key, request) for request in (CreateSnapshot(self._name), self._command)]
        self._told.plans = tuple(plans)
        if self._options.dry_run:
            for plan in plans:
                self._say("\n".join([*plan_text.lines(plan), ""]))
            return 4 if any(plan.refused for plan in plans) else 0
        await self._agreed(changer, plans, prompts)
        self._told.snapshot = snapshot = await self._run(changer, plans[0])
        if snapshot.ended != 0:
            return self._ended(snapshot)
        self._say(snapshot.message)
        # planned anew: the snapshot has changed the container's fingerprint
        self._told.command = ran = await self._run(changer, await changer.prepare(key, self._command))
        if ran.job is None or not ran.job.over:
            return self._ended(ran)
        await self._look(changer, key, ran.job)
        if await self._keeps(key, prompts):
            self._told.kept = True
            self._say(f"kept; `ctdeck snapshot revert {key.node}/{key.id} {self._name}` would revert it")
            return 0 if self._told.exit == 0 else 1
        self._told.kept = False
        self._told.revert = reverted = await self._reverted(changer, key)
        return worst((0 if self._told.exit == 0 else 1, self._ended(reverted)))

    async def _agreed(self, changer: Changer, plans: list[Plan], prompts: Terminal | Silent) -> None:
        """Raises `Refused` when the answer is not yes."""
        from backends.change import Consent

        target = plans[0].target
        typed = any(plan.production for plan in plans) or self._options.revert_on_failure
        confirmed = target if target in self._options.confirm else ""
        refused = any(plan.refused for plan in plans) or (plans[0].production and not self._options.arm)
        if not refused and not (confirmed or (self._options.yes and not typed)):
            for plan in plans if prompts.somebody else ():
                self._progress.tell("\n".join([*plan_text.lines(plan), ""]), sys.stderr)
            said = await prompts.line(f"type {target} to go on: " if typed else "go on? [y/N] ")
            if said is None:
                need = f"--confirm {target}" if typed else "--yes"
                raise Refused(f"try on {target} was not agreed to: nobody can be asked", f"Say {need}")
            if said not in ((target,) if typed else ("y", "Y", "yes", "Yes", "YES")):
                raise Refused("not done: the answer was no")
            confirmed = target
        for plan in plans:
            changer.consent(plan, Consent(confirmed, self._options.arm))

    async def _run(self, changer: Changer, plan: Plan) -> Outcome:
        def watch(job: Job) -> None:
            last = f" · {job.log[-1]}" if job.log else ""
            self._progress.show(f"{plan.action} of {plan.target} {job.state}{last}")

        return await changer.run(plan, watch=watch)

    async def _look(self, changer: Changer, key: Key, job: Job) -> None:
        """What came of the command."""
        whole = await changer.jobs.ask(key.node, job.id, lines=_LINES)
        self._told.output = tuple(line for line in (whole or job).log if not _OURS.match(line))
        self._told.exit = 0 if job.detail == () else _exit(job.detail)
        for line in self._told.output:
            self._say(f"  | {line}")
        try:
            self._told.state = str((await changer.look(key)).values.get("state"))
        except (Fault, Refused) as error:
            self._say(f"ctdeck: {error}", bad=True)
        code = "was ended" if self._told.exit is None else f"exited with {self._told.exit}"
        self._say(f"{shlex.join(self._command.argv)}: {code}; the container is {self._told.state or 'not known'}")

    async def _keeps(self, key: Key, prompts: Terminal | Silent) -> bool:
        if self._options.keep:
            return True
        if self._options.revert_on_failure:
            return self._told.exit == 0
        target = f"{key.node}/{key.id}"
        said = await prompts.line(f"Enter keeps it; type {target} to revert to the state before: ")
        return said != target

    async def _reverted(self, changer: Changer, key: Key) -> Outcome:
        from backends.change import Consent

        outcome: Outcome | None = None
        requests: tuple[Request, ...] = (RevertSnapshot(self._name), DeleteSnapshot(self._name))
        for request in requests:
            plan = await changer.prepare(key, request)
            changer.consent(plan, Consent(plan.target, self._options.arm))
            latest = await self._run(changer, plan)
            outcome = outcome or latest
            if latest.ended != 0:
                return latest
            self._say(latest.message)
        assert outcome is not None
        return outcome

    def _ended(self, outcome: Outcome) -> int:
        if outcome.ended != 0:
            self._say(f"ctdeck: {outcome.message}", bad=True)
        return int(outcome.ended)

    def _say(self, text: str, *, bad: bool = False) -> None:
        if not self._options.json or bad:
            lines = "\n".join(safe(line) for line in text.split("\n"))
            self._progress.tell(lines, sys.stderr if bad else sys.stdout)


def _exit(detail: tuple[str, ...]) -> int | None:
    """Exit code of the step that a job failed at: `3 as-is 7`. None: it was killed, or never ran."""
    return int(detail[2]) if len(detail) > 2 and detail[2].isdecimal() else None
