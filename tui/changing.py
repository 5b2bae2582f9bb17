"""The changes that this deck has under way, how the last ones ended, and which production nodes are armed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.change import Changer, Ended, Outcome
from backends.errors import CtdeckError, Fault
from backends.jobs.job import Job
from backends.model import Key, NodeState
from backends.plans.plan import Plan

from .node_jobs import Foreign, NodeJobs

if TYPE_CHECKING:
    from .app import Deck

#: Seconds for which a production node stays armed.
ARMED_FOR = 600.0
#: Nodes that are changed or planned for at the same time; on one node it is one after the other.
AT_ONCE = 5
#: Seconds between two questions for a job that is UNKNOWN, while its node answers.
ASK_AGAIN = 20.0
#: So many ends are kept for the jobs line and the list of jobs.
KEPT = 200


@dataclass(slots=True, eq=False)
class Running:
    """One change under way, as last heard of. `began`: our monotonic clock."""

    plan: Plan
    began: float
    job: Job | None = None

    @property
    def target(self) -> str:
        return self.plan.target

    @property
    def action(self) -> str:
        return self.plan.action

    @property
    def steps(self) -> int:
        return len(self.plan.steps)

    @property
    def steps_done(self) -> int:
        return sum(step.ended is not None for step in self.job.steps.values()) if self.job else 0

    @property
    def step(self) -> str:
        """What it does now: `2/4 stop it`; `sending` before the node has told of it."""
        if self.job is None:
            return "sending"
        if self.job.over:
            return "verifying"
        number = max(1, self.job.step)
        view = self.job.steps.get(number)
        return f"{number}/{len(self.plan.steps)} {view.title if view else ''}".rstrip()


class Changing:
    """Belongs to the app. Everything here is of this session; the nodes know the rest (the list of jobs)."""

    def __init__(self, app: Deck) -> None:
        self.app = app
        self.running: list[Running] = []
        self.waiting = 0
        self.ended: list[Outcome] = []
        self.unread: list[Outcome] = []  # ended since the jobs were last looked at
        self._unknown: dict[str, float] = {}  # job -> when it may be asked for again, by our monotonic clock
        self._armed: dict[str, float] = {}
        self._changer: Changer | None = None
        self.nodes = NodeJobs(app, self)

    @property
    def changer(self) -> Changer:
        """Raises CtdeckError while there is no fleet."""
        if self.app.fleet is None:
            raise CtdeckError("The fleet is not connected yet")
        if self._changer is None:
            self._changer = Changer(self.app.fleet)
        return self._changer

    @changer.setter
    def changer(self, changer: Changer) -> None:
        self._changer = changer

    # -- arming

    def arm(self, node: str) -> None:
        self._armed[node] = time.monotonic() + ARMED_FOR

    def disarm(self, node: str) -> None:
        self._armed.pop(node, None)

    def armed_left(self, node: str) -> float:
        """Seconds for which changes of a production node are still allowed; 0: it is locked."""
        return max(0.0, self._armed.get(node, 0.0) - time.monotonic())

    @property
    def armed(self) -> dict[str, float]:
        """Armed nodes, and the seconds that they have left."""
        return {node: left for node in self._armed if (left := self.armed_left(node))}

    # -- changes

    def apply(self, plans: Sequence[Plan], *, stop: bool = False) -> None:
        """Begin, and return at once. What was said to the plans has been checked (`Changer.consent`).

        Parallel between nodes, in order within a node. `stop`: after a failure nothing more is begun.
        """
        self.waiting += len(plans)
        self.app.run_worker(self._apply(list(plans), stop), group="changes", description="change containers")

    async def _apply(self, plans: list[Plan], stop: bool) -> None:
        by_node: dict[str, list[Plan]] = {}
        for plan in plans:
            by_node.setdefault(plan.key.node, []).append(plan)
        gate = asyncio.Semaphore(AT_ONCE)
        outcomes: list[Outcome] = []

        async def one_node(its_plans: list[Plan]) -> None:
            async with gate:
                for plan in its_plans:
                    self.waiting -= 1
                    failed = next((outcome for outcome in outcomes if outcome.ended is not Ended.DONE), None)
                    if stop and failed is not None:
                        message = f"{plan.action} of {plan.target}: not begun, because of {failed.plan.target}"
                        outcome = Outcome(Ended.REFUSED, message, plan)
                    else:
                        outcome = await self._run(plan)
                    outcomes.append(outcome)
                    self._keep(outcome)

        await asyncio.gather(*map(one_node, by_node.values()))
        self._tell(outcomes)

    async def perform(self, plan: Plan) -> Outcome:
        """One change, as part of something larger, from its begin to its end."""
        outcome = await self._run(plan)
        self._keep(outcome)
        return outcome

    async def _run(self, plan: Plan) -> Outcome:
        running = Running(plan, time.monotonic())
        self.running.append(running)

        def watch(job: Job) -> None:
            running.job = job

        try:
            return await self.changer.run(plan, watch=watch)
        except Fault as fault:
            message = f"{plan.action} of {plan.target}: UNKNOWN. {fault}"
            return Outcome(Ended.UNKNOWN, message, plan, running.job)
        except (CtdeckError, OSError) as error:
            return Outcome(Ended.REFUSED, str(error), plan, running.job)
        finally:
            self.running.remove(running)

    def ask_again(self) -> None:
        """Once a tick: what is UNKNOWN is asked for as soon as its node answers again."""
        now = time.monotonic()
        for outcome in self.ended:
            job = outcome.job
            if outcome.ended is not Ended.UNKNOWN or job is None or now < self._unknown.get(job.id, 0.0):
                continue
            if self.app.store.nodes[job.node].state is NodeState.UP:
                self._unknown[job.id] = float("inf")
                self.app.run_worker(self._resume(outcome, job), group="changes", description="ask for a job again")

    async def _resume(self, before: Outcome, job: Job) -> None:
        running = Running(before.plan, time.monotonic(), job)
        self.running.append(running)

        def watch(said: Job) -> None:
            running.job = said

        try:
            outcome = await self.changer.resume(before.plan, job.id, watch=watch)
        except Fault:
            outcome = before
        except CtdeckError as error:
            outcome = Outcome(Ended.REFUSED, str(error), before.plan, job)
        finally:
            self.running.remove(running)
        if outcome.ended is Ended.UNKNOWN:
            self._unknown[job.id] = time.monotonic() + ASK_AGAIN
            return
        for kept in (self.ended, self.unread):
            if before in kept:
                kept.remove(before)
        self._keep(outcome)
        self.app.tell_result(f"no longer unknown: {outcome.message}", good=outcome.ended is Ended.DONE)

    def _keep(self, outcome: Outcome) -> None:
        for kept in (self.ended, self.unread):
            kept.append(outcome)
            del kept[:-KEPT]
        self.app.deck_screen.paint_bars()

    def _tell(self, outcomes: list[Outcome]) -> None:
        """The result, to be read: of one in full, of many as counts and the first that went wrong."""
        bad = [outcome for outcome in outcomes if outcome.ended is not Ended.DONE]
        if len(outcomes) == 1:
            text = outcomes[0].message
        else:
            text = f"{outcomes[0].plan.action} of {len(outcomes)}: {len(outcomes) - len(bad)} done and verified"
            for ended in (Ended.FAILED, Ended.REFUSED, Ended.UNKNOWN):
                count = sum(outcome.ended is ended for outcome in bad)
                text += f", {count} {'UNKNOWN' if ended is Ended.UNKNOWN else ended.name.lower()}" if count else ""
            text += f"; first: {bad[0].message}" if bad else ""
        self.app.tell_result(text, good=not bad)

    def read(self) -> None:
        """A person has looked at the list of jobs."""
        self.unread.clear()

    @property
    def at_work(self) -> list[Running | Foreign]:
        """Ours, then what nodes have told of others."""
        ours = self.job_ids
        return [*self.running, *(foreign for job_id, foreign in self.nodes.running.items() if job_id not in ours)]

    @property
    def job_ids(self) -> set[str]:
        """Jobs that this deck has sent."""
        live = (running.job for running in self.running)
        return {job.id for job in (*live, *(outcome.job for outcome in self.ended)) if job is not None}

    def last_of(self, key: Key) -> Outcome | None:
        """How the last change of a container ended in this session."""
        return next((outcome for outcome in reversed(self.ended) if outcome.plan.key == key), None)
