"""What nodes tell of their jobs when they have become connected: what still runs, of anybody, and what had died."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.change import PUT_BACK
from backends.errors import CtdeckError
from backends.jobs.client import Jobs
from backends.jobs.job import Job, JobState
from backends.model import Node, NodeState

if TYPE_CHECKING:
    from .app import Deck
    from .changing import Changing

#: Nodes that are asked at the same time.
AT_ONCE = 5
#: Seconds between two questions for the jobs that others have under way.
EVERY = 5.0


@dataclass(slots=True, eq=False)
class Foreign:
    """A job under way that this deck did not begin. `began`: our monotonic clock when it was found."""

    job: Job
    began: float

    @property
    def target(self) -> str:
        return f"{self.job.node}/{self.job.about.get('id', '?')}"

    @property
    def action(self) -> str:
        return str(self.job.about.get("action", "job"))

    @property
    def steps(self) -> int:
        return len(self.job.steps)

    @property
    def steps_done(self) -> int:
        return sum(step.ended is not None for step in self.job.steps.values())

    @property
    def step(self) -> str:
        """`2/4 stop it`, and whose it is."""
        number = max(1, self.job.step)
        view = self.job.steps.get(number)
        return f"{number}/{self.steps} {view.title if view else ''} by {self.job.about.get('who', 'somebody')}"


class NodeJobs:
    """Belongs to `Changing`. Each node is asked once for each time that it became connected."""

    def __init__(self, app: Deck, changing: Changing) -> None:
        self.app = app
        self.changing = changing
        self.running: dict[str, Foreign] = {}
        self._met: dict[str, float | None] = {}  # node -> since when it was up, as it was asked
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._asking = False
        self._asked_at = 0.0

    def tick(self) -> None:
        """Begin what is due, and return at once."""
        if self.app.fleet is None:
            return
        for node in self.app.store.nodes.values():
            if node.state is not NodeState.UP:
                continue
            if node.name not in self._met or self._met[node.name] != node.since:
                self._met[node.name] = node.since
                self.app.run_worker(self._meet(node), group="node jobs", description="ask a node for its jobs")
        if self.running and not self._asking and time.monotonic() - self._asked_at >= EVERY:
            self._asking = True
            self.app.run_worker(self._follow(), group="node jobs", description="ask for the jobs of others")

    def may_repair(self, node: Node) -> bool:
        return not self.app.read_only and not node.read_only

    async def ask(self, name: str) -> list[Job]:
        """All jobs of a node; dead ones are put right where anything may be changed. Raises `Fault`."""
        return await self.changing.changer.jobs.listed(name, repair=self.may_repair(self.app.store.nodes[name]))

    async def _meet(self, node: Node) -> None:
        async with self._gate:
            try:
                jobs = await self.ask(node.name)
            except CtdeckError:
                return  # the node's own row says what is wrong; it is asked again when it is back
        for job in jobs:
            if job.state is JobState.RUNNING and job.id not in self.changing.job_ids:
                self.running[job.id] = Foreign(job, time.monotonic())
        await self._seen([job for job in jobs if job.over])
        self._tell_dead(node, [job for job in jobs if job.was_dead or job.state is JobState.DEAD])
        self.app.deck_screen.paint_bars()

    async def _follow(self) -> None:
        try:
            for foreign in list(self.running.values()):
                if self.app.store.nodes[foreign.job.node].state is not NodeState.UP:
                    continue
                async with self._gate:
                    try:
                        said = await self.changing.changer.jobs.ask(foreign.job.node, foreign.job.id, lines=0)
                    except CtdeckError:
                        continue
                if said is not None and said.state is JobState.RUNNING:
                    foreign.job = said
                    continue
                del self.running[foreign.job.id]
                if said is not None:
                    await self._seen([said])
        finally:
            self._asking = False
            self._asked_at = time.monotonic()
            self.app.deck_screen.paint_bars()

    async def _seen(self, jobs: list[Job]) -> None:
        """Ends of what this account began in a deck that is gone; changes of this deck note their own."""
        unfinished = await asyncio.to_thread(Jobs.unfinished)
        for job in jobs:
            if job.over and job.id in unfinished and job.id not in self.changing.job_ids:
                self.changing.changer.seen(job)

    def _tell_dead(self, node: Node, jobs: list[Job]) -> None:
        if not jobs:
            return
        one = len(jobs) == 1
        count = "a job" if one else f"{len(jobs)} jobs"
        if all(job.over for job in jobs):
            ends = [f"{job.what} {job.state.value}{PUT_BACK.get(job.restored, '')}" for job in jobs]
            good = not any(job.restored == "dirty" for job in jobs)
            were = "was" if one else "were"
            self.app.tell_result(f"{node.name}: {count} had died and {were} put right: {', '.join(ends)}", good=good)
        else:
            why = "it could not be put right" if self.may_repair(node) else "read-only here, so nothing was put right"
            left = ", ".join(job.what for job in jobs if not job.over)
            self.app.tell_result(f"{node.name}: {count} died: {left}; {why}", good=False)
