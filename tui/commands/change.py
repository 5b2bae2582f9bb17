"""From targets to results, the same for every verb that changes containers: plan all, show, ask, run, tell.

All plans are made before anything is done, so that wrong use and most refusals stop the command while nothing has changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError, CtdeckError, Fault
from backends.inventory import Inventory
from backends.model import Key
from backends.plans.plan import Danger, Misused, Plan, Refused, Verdict
from tui.format import safe

from . import plan_text
from .fleet_file import needed
from .progress import Progress
from .session import opened
from .targets import Target, parse, resolve

if TYPE_CHECKING:
    from backends.change import Changer, Outcome
    from backends.jobs.job import Job

    from .questions import Silent, Terminal

#: Nodes on which there is work at the same time.
NODES_AT_ONCE = 5
#: Lines of its log that are shown of a job that failed.
_LOG_LINES = 8
#: Exit codes from good to bad.
_WORSE = (0, 4, 3, 1, 5)

MakePlan = Callable[["Changer", Key], Awaitable[Plan]]


@dataclass(slots=True)
class Work:
    """One target on its way: its plan, then its outcome, or why there is none."""

    target: Target
    plan: Plan | None = None
    outcome: Outcome | None = None
    error: CtdeckError | None = None
    job_id: str = ""  # while its job runs
    told: bool = False

    @property
    def name(self) -> str:
        return self.plan.target if self.plan else str(self.target)

    @property
    def code(self) -> int:
        """The exit code that it is worth."""
        if self.outcome is not None:
            return int(self.outcome.ended)
        return 0 if self.error is None or isinstance(self.error, NotBegun) else code_of(self.error)

    def published(self) -> dict[str, Any]:
        """As `--json` prints it. Keys may be added, never renamed."""
        plan = self.plan.published() if self.plan else None
        if self.outcome is not None:
            return {"plan": plan, "outcome": self.outcome.published()}
        if self.error is None:
            return {"plan": plan, "outcome": None}
        return {
            "plan": plan,
            "outcome": {
                "ended": _ended(self.error),
                "message": str(self.error),
                "job": None,
                "node": self.target.node,
                "id": self.plan.key.id if self.plan else None,
                "action": self.plan.action if self.plan else None,
                "verified": False,
                "differences": [],
                "seconds": None,
            },
        }


class NotBegun(CtdeckError):
    """Another container failed before it was this one's turn."""


def _ended(error: CtdeckError) -> str:
    if isinstance(error, NotBegun):
        return "not-begun"
    return "unreachable" if isinstance(error, Fault) else "refused" if isinstance(error, Refused) else "failed"


def code_of(error: CtdeckError) -> int:
    return 3 if isinstance(error, Fault) else 4 if isinstance(error, Refused) else 1


def worst(codes: Iterable[int]) -> int:
    return max(codes, key=_WORSE.index, default=0)


class Others(Enum):
    """Nodes that hold no target."""

    IDLE = "not connected"
    CONNECTED = "may be asked"
    AWAITED = "are asked"


def run(options: argparse.Namespace, targets: Sequence[str], make: MakePlan, *, others: Others = Others.IDLE) -> int:
    """Do one change to every target; returns the exit code."""
    inventory = writable(options)
    wanted = parse(inventory, targets)
    works = asyncio.run(_Command(options, inventory, make, others).changed(wanted))
    if options.json:
        found = [work.published() for work in works]
        print(json.dumps(found[0] if len(found) == 1 else found, indent=1))
    return worst(work.code for work in works)


def writable(options: argparse.Namespace) -> Inventory:
    """The fleet, unless nothing in it may be changed. A plan may always be looked at."""
    inventory = needed(options)
    if inventory.read_only and not options.dry_run:
        raise Refused(
            "ctdeck was started read-only", "Start it without --read-only, and see `read_only` in the fleet file"
        )
    return inventory


class _Command:
    """One command line that changes containers."""

    def __init__(self, options: argparse.Namespace, inventory: Inventory, make: MakePlan, others: Others) -> None:
        self._options = options
        self._inventory = inventory
        self._make = make
        self._others = others
        self._failed = False
        self._works: list[Work] = []
        self._progress = Progress(wanted=not options.json)

    async def changed(self, targets: Sequence[Target]) -> list[Work]:
        from backends.change import Changer

        from .questions import questions

        prompts = questions(allowed=not self._options.json)
        nodes = {each.node for each in targets}
        if self._others is Others.AWAITED:
            nodes = {spec.name for spec in self._inventory.nodes}
        self._works = works = [Work(target) for target in targets]
        self._progress.show(f"connecting to {' '.join(nodes) if len(nodes) < 4 else f'{len(nodes)} nodes'} ...")
        all_connected = self._others is not Others.IDLE
        try:
            async with opened(self._inventory, nodes, prompts, all_connected=all_connected) as fleet:
                changer = Changer(fleet)
                await self._plan(changer)
                if self._options.dry_run:
                    self._show_plans()
                elif self._may_go_on() and await self._agreed(changer, prompts) and self._may_go_on():
                    await by_node(works, lambda work: self._one(changer, work))
                self._tell_rest()
        except asyncio.CancelledError:
            self._tell_going_on()
            raise
        finally:
            self._progress.clear()
        return works

    # --- before

    async def _plan(self, changer: Changer) -> None:
        meant: dict[Key, Work] = {}

        async def plan(work: Work) -> None:
            self._progress.show(f"looking at {work.target} ...")
            try:
                key = resolve(changer.fleet.store, work.target).key
                if (first := meant.setdefault(key, work)) is not work:
                    raise ConfigError(f"{work.target} and {first.target} are the same container", "Name it once")
                if key.id not in work.target.word and not self._options.json:
                    self._progress.tell(f"ctdeck: {safe(f'{work.target} is {key.node}/{key.id}')}", sys.stderr)
                work.plan = await self._make(changer, key)
            except CtdeckError as error:
                work.error = error
                return
            if work.plan.refused:
                why = "; ".join(check.text for check in work.plan.refused)
                work.error = Refused(f"{work.plan.action} of {work.plan.target}: {why}", "Nothing was done")

        await by_node(self._works, plan)
        self._progress.clear()
        for work in self._works:
            if isinstance(work.error, ConfigError | Misused):
                raise work.error

    def _may_go_on(self) -> bool:
        """Whether anything may be begun: with an error only where it was asked for."""
        self._failed = self._failed or any(work.error is not None for work in self._works)
        return any(work.error is None for work in self._works) and (not self._failed or self._options.keep_going)

    async def _agreed(self, changer: Changer, prompts: Terminal | Silent) -> bool:
        """Ask where nothing was said on the command line. False: a person said no, and everything ends."""
        from backends.change import Consent

        ready = [work for work in self._works if work.plan is not None and work.error is None]
        unsaid = [work for work in ready if not _said(self._options, work.plan)]
        typed: set[str] = set()
        for work in unsaid:
            assert work.plan is not None
            if not prompts.somebody or (work.plan.production and not self._options.arm):
                continue  # nothing to ask, or `consent` refuses it
            self._progress.tell("\n".join(plan_text.lines(work.plan)) + "\n", sys.stderr)
        for question, answer, those in _questions(unsaid, armed=self._options.arm):
            said = await prompts.line(question)
            if said is None:
                _refuse_silence(those, said_json=self._options.json)
            elif said not in answer:
                for work in ready:
                    work.error = Refused("not done: the answer was no")
                return False
            typed.update(work.name for work in those)
        for work in ready:
            assert work.plan is not None
            confirmed = work.name if work.name in typed or _confirmed(self._options, work.plan) else ""
            try:
                if work.error is None:
                    changer.consent(work.plan, Consent(confirmed, self._options.arm))
            except Refused as refused:
                work.error = refused
        return True

    # --- the change

    async def _one(self, changer: Changer, work: Work) -> None:
        if work.error is not None or work.plan is None:
            return
        if self._failed and not self._options.keep_going:
            work.error = NotBegun("not begun: another one failed before", "--keep-going goes on")
            return
        from backends.jobs.start import new_id

        work.job_id = new_id()
        for check in work.plan.checks:
            if check.verdict is Verdict.WARN and not self._options.json:
                self._progress.tell(safe(f"ctdeck: {work.name}: {check.text}"), sys.stderr)
        try:
            work.outcome = await changer.run(
                work.plan, watch=lambda job: self._watch(work, job), detach=self._options.detach, job_id=work.job_id
            )
        except CtdeckError as error:
            work.error = error
        work.job_id = ""
        self._failed = self._failed or work.code != 0
        self._tell(work)

    def _watch(self, work: Work, job: Job) -> None:
        over = sum(each.outcome is not None or each.error is not None for each in self._works)
        many = f"{over}/{len(self._works)} done · " if len(self._works) > 1 else ""
        title = job.steps[job.step].title if job.step in job.steps else "waits"
        self._progress.show(f"{many}{work.name} {job.state} · step {job.step}/{len(job.steps)} {title}")

    # --- what is said

    def _show_plans(self) -> None:
        if self._options.json:
            return
        for place, work in enumerate(self._works):
            if work.plan is not None:
                print(("\n" if place else "") + "\n".join(plan_text.lines(work.plan)))

    def _tell(self, work: Work) -> None:
        if self._options.json or work.told:
            return
        work.told = True
        if work.outcome is not None and work.outcome.ended == 0:
            detached = self._options.detach and work.outcome.job is not None
            text = (
                work.outcome.job.id if detached and work.outcome.job and len(self._works) == 1 else work.outcome.message
            )
            self._progress.tell(safe(text), sys.stdout)
        elif work.outcome is not None:
            log = [f"  | {safe(line)}" for line in work.outcome.log[-_LOG_LINES:]]
            self._progress.tell("\n".join([f"ctdeck: {safe(work.outcome.message)}", *log]), sys.stderr)
        elif work.error is not None:
            where = "" if work.name in str(work.error) else f"{work.name}: "
            self._progress.tell(f"ctdeck: {safe(where + str(work.error))}", sys.stderr)

    def _tell_rest(self) -> None:
        """Those that never had their turn."""
        stopped = any(work.error is not None for work in self._works)
        for work in self._works:
            if work.outcome is not None:
                continue
            if work.error is None and stopped and not self._options.dry_run:
                work.error = NotBegun("not begun: another one cannot be done", "--keep-going does the others")
            if work.error is not None and not work.job_id:
                self._tell(work)

    def _tell_going_on(self) -> None:
        for work in self._works:
            if work.job_id:
                text = f"ctdeck: the job on {work.target.node} goes on without us: `ctdeck jobs {work.job_id}` tells"
                self._progress.tell(safe(text), sys.stderr)


def _confirmed(options: argparse.Namespace, plan: Plan) -> bool:
    return plan.target in options.confirm


def _said(options: argparse.Namespace, plan: Plan | None) -> bool:
    """Whether the command line has the answer already. A typed node/id is more than a yes."""
    if plan is None or _confirmed(options, plan):
        return True
    return bool(options.yes) and not plan.production and plan.danger is Danger.ORDINARY


def _questions(works: Sequence[Work], *, armed: bool) -> list[tuple[str, tuple[str, ...], list[Work]]]:
    """Question, right answers, and what it is about: node/id for each of the dangerous, one for all of the ordinary."""
    found: list[tuple[str, tuple[str, ...], list[Work]]] = []
    ordinary: list[Work] = []
    for work in works:
        assert work.plan is not None
        if work.plan.production and not armed:
            continue
        if work.plan.production or work.plan.danger is Danger.DESTRUCTIVE:
            found.append((f"type {work.name} to go on: ", (work.name,), [work]))
        else:
            ordinary.append(work)
    if len(ordinary) == 1:
        found.append(("go on? [y/N] ", ("y", "Y", "yes", "Yes", "YES"), ordinary))
    elif ordinary:
        found.append((f"type {len(ordinary)}, the number of containers, to go on: ", (str(len(ordinary)),), ordinary))
    return found


def _refuse_silence(works: Sequence[Work], *, said_json: bool) -> None:
    why = "--json asks nothing" if said_json else "there is no terminal to ask at"
    for work in works:
        assert work.plan is not None
        work.error = Refused(
            f"{work.plan.action} of {work.name} was not agreed to: {why}", f"Say {plan_text.wants(work.plan)}"
        )


async def by_node(works: Sequence[Work], do: Callable[[Work], Awaitable[None]]) -> None:
    """In order within a node, some nodes at the same time."""
    places = asyncio.Semaphore(NODES_AT_ONCE)

    async def one_node(name: str) -> None:
        async with places:
            for work in works:
                if work.target.node == name:
                    await do(work)

    tasks = [asyncio.create_task(one_node(name)) for name in dict.fromkeys(work.target.node for work in works)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
