"""`ctdeck try`: snapshot, run a command inside, look at what came of it, keep it or revert."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError, CtdeckError
from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import DeleteSnapshot, Request, RevertSnapshot
from tui.format import safe

from . import plan_text
from .change import code_of, worst, writable
from .progress import Progress
from .session import opened
from .targets import Target, parse, resolve

if TYPE_CHECKING:
    from backends.attempt import Attempt
    from backends.change import Changer, Consent, Outcome
    from backends.inventory import Inventory
    from backends.jobs.job import Job

    from .questions import Silent, Terminal


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
        self._argv = command
        self._progress = Progress(wanted=not options.json)
        self._told = _Told()

    async def done(self) -> int:
        from backends.attempt import Attempt
        from backends.change import Changer

        from .questions import questions

        prompts = questions(allowed=not self._options.json)
        try:
            async with opened(self._inventory, {self._target.node}, prompts) as fleet:
                changer = Changer(fleet)
                key = resolve(fleet.store, self._target).key
                code = await self._all(Attempt(changer, key, self._argv), prompts)
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

    async def _all(self, attempt: Attempt, prompts: Terminal | Silent) -> int:
        changer, key = attempt.changer, attempt.key
        plans = self._told.plans = await attempt.plans()
        if self._options.dry_run:
            for plan in plans:
                self._say("\n".join([*plan_text.lines(plan), ""]))
            return 4 if any(plan.refused for plan in plans) else 0
        consent = await self._agreed(changer, plans, prompts)

        async def do(plan: Plan) -> Outcome:
            return await self._run(changer, plan)

        self._told.snapshot = snapshot = await do(plans[0])
        if snapshot.ended != 0:
            return self._ended(snapshot)
        self._say(snapshot.message)
        self._told.command = ran = await attempt.run(do, consent)
        if ran.job is None or not ran.job.over:
            return self._ended(ran)
        await self._look(attempt, ran.job)
        if await self._keeps(attempt, prompts):
            self._told.kept = True
            self._say(f"kept; `ctdeck snapshot revert {key.node}/{key.id} {attempt.name}` would revert it")
            return 0 if self._told.exit == 0 else 1
        self._told.kept = False
        self._told.revert = reverted = await self._reverted(attempt)
        return worst((0 if self._told.exit == 0 else 1, self._ended(reverted)))

    async def _agreed(self, changer: Changer, plans: tuple[Plan, ...], prompts: Terminal | Silent) -> Consent:
        """What was said. Raises `Refused` when it was not yes."""
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
        consent = Consent(confirmed, self._options.arm)
        for plan in plans:
            changer.consent(plan, consent)
        return consent

    async def _run(self, changer: Changer, plan: Plan) -> Outcome:
        def watch(job: Job) -> None:
            last = f" · {job.log[-1]}" if job.log else ""
            self._progress.show(f"{plan.action} of {plan.target} {job.state}{last}")

        return await changer.run(plan, watch=watch)

    async def _look(self, attempt: Attempt, job: Job) -> None:
        """What came of the command."""
        found = await attempt.found(job)
        self._told.exit, self._told.output, self._told.state = found.exit, found.output, found.state
        for line in found.output:
            self._say(f"  | {line}")
        if found.wrong is not None:
            self._say(f"ctdeck: {found.wrong}", bad=True)
        self._say(f"{shlex.join(attempt.argv)}: {found.sentence}")

    async def _keeps(self, attempt: Attempt, prompts: Terminal | Silent) -> bool:
        if self._options.keep:
            return True
        if self._options.revert_on_failure:
            return self._told.exit == 0
        target = f"{attempt.key.node}/{attempt.key.id}"
        said = await prompts.line(f"Enter keeps it; type {target} to revert to the state before: ")
        return said != target

    async def _reverted(self, attempt: Attempt) -> Outcome:
        from backends.change import Consent

        outcome: Outcome | None = None
        changer, key = attempt.changer, attempt.key
        requests: tuple[Request, ...] = (RevertSnapshot(attempt.name), DeleteSnapshot(attempt.name))
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
