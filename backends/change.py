"""The way of a change, the same for the screen and the command line: look, plan, consent, job, verify, audit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from . import audit
from .backend import Planner
from .errors import Fault, FaultKind
from .jobs.client import Jobs, unknown
from .jobs.job import Job, JobState
from .jobs.start import new_id
from .model import Container, Key, Node, NodeState
from .plans.plan import Check, Danger, Inspection, Plan, Refused, Verdict
from .plans.request import Addresses, Request, bare
from .plans.spoken import request_of
from .text import decode

if TYPE_CHECKING:
    from .fleet import Fleet

LOOK_TIMEOUT = 20.0
#: A reading older than this many intervals is refused as too old to plan on.
OLD_READING = 5
#: Seconds that a container gets to become what was planned, after the job is done.
SETTLE = 15.0
#: Seconds without an answer after which a running job is called UNKNOWN.
SILENCE = 60.0
FOLLOW_GAP = 0.3
#: Exit status of an inspection that found no such container.
_ABSENT = 3


class Absent(Refused):
    """The node says that there is no such container."""


class Ended(IntEnum):
    """How a change ended: the exit codes of the command line."""

    DONE = 0  # done and verified, or accepted with `detach`
    FAILED = 1
    REFUSED = 4
    UNKNOWN = 5


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person has said to a plan."""

    confirmed: str = ""  # node/id, typed
    armed: bool = False  # production, for this change


@dataclass(slots=True)
class Outcome:
    """How it went: the sentence for people, and what a script wants to know."""

    ended: Ended
    message: str
    plan: Plan
    job: Job | None = None
    differences: tuple[str, ...] = ()
    seconds: float | None = None  # measured: how long it was down or frozen
    log: tuple[str, ...] = ()

    def published(self) -> dict[str, Any]:
        """As `--json` prints it. Keys may be added, never renamed."""
        over = self.job is not None and self.job.over
        accepted = self.ended is Ended.DONE and not over
        return {
            "ended": "accepted" if accepted else self.ended.name.lower(),
            "message": self.message,
            "job": self.job.id if self.job else None,
            "node": self.plan.key.node,
            "id": self.plan.key.id,
            "action": self.plan.action,
            "verified": self.ended is Ended.DONE and over and not self.differences,
            "differences": list(self.differences),
            "seconds": self.seconds,
        }


@dataclass(slots=True)
class Changer:
    """Changes containers of one fleet. All methods raise `Fault`, `Refused` or `Misused`, and nothing else on purpose."""

    fleet: Fleet
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.fleet)

    # --- before

    async def prepare(self, key: Key, request: Request) -> Plan:
        """Look at the container now, and plan. Refusals that are checks stand in the plan (`Plan.refused`)."""
        container, node = self._find(key)
        planner = self._planner(key)
        found = await self.look(key)
        plan = planner.plan(request, container, found, node)
        return plan.with_checks(*self._checks(node, plan), *await self._clashes(key, request))

    async def look(self, key: Key) -> Inspection:
        """One container, inspected on its node. Raises `Absent` when it is not there."""
        planner = self._planner(key)
        script = planner.inspect(key.id)
        done = await self.fleet.run(key.node, script.text, *script.args, timeout=LOOK_TIMEOUT)
        if done.status is None:
            raise Fault(FaultKind.LOST, f"The connection to {key.node} broke while {key.id} was inspected")
        if done.status != 0:
            said = decode(done.stderr.strip()[-300:], 300) or "it said nothing"
            if done.status == _ABSENT:
                raise Absent(f"There is no container {key.id} on {key.node}: {said}")
            raise Refused(f"{key.node}/{key.id} cannot be inspected: {said}")
        return planner.inspection(key.id, done.stdout)

    async def undo_plan(self, key: Key) -> Plan:
        """The inverse of the last change that was done to this container, whoever did it."""
        last: Job | None = None
        for job in await self.jobs.changes(key):
            if job.state is JobState.DEAD:
                raise Refused(f"{job.what} died, and was not put right yet", f"`ctdeck jobs {job.id}` does that")
            if job.state is JobState.DONE:
                last = job
        if last is None:
            raise Refused(f"No change of {key.node}/{key.id} is known that could be undone")
        words = last.about.get("undo") or []
        if not words:
            why = str(last.about.get("no_undo") or "it has no inverse")
            raise Refused(
                f"The last change of {key.node}/{key.id}, {last.about.get('action')}, cannot be undone: {why}"
            )
        return await self.prepare(key, request_of([str(word) for word in words]))

    def _find(self, key: Key) -> tuple[Container, Node]:
        container = self.fleet.store.containers.get(key)
        if container is None:
            raise Refused(f"There is no container {key.id} on {key.node}")
        return container, self.fleet.store.nodes[key.node]

    def _planner(self, key: Key) -> Planner:
        backend = self.fleet.backend(key.backend)
        if not isinstance(backend, Planner):
            raise Refused(f"ctdeck cannot change {backend.label} containers yet")
        return backend

    def _checks(self, node: Node, plan: Plan) -> tuple[Check, ...]:
        age = None if node.answered is None else time.monotonic() - node.answered
        if node.state is not NodeState.UP or age is None or age > OLD_READING * node.interval + 5:
            read = Check("fresh", Verdict.REFUSE, f"{node.name} does not answer: what is shown is old")
        else:
            read = Check("fresh", Verdict.OK, "read just now")
        if not node.read_only:
            return (read,)
        return (read, Check("read-only", Verdict.REFUSE, f"{node.name} is read-only here"))

    async def _clashes(self, key: Key, request: Request) -> tuple[Check, ...]:
        """New addresses against every container of the fleet, running or stopped."""
        if not isinstance(request, Addresses) or request.verb == "del":
            return ()
        unasked = await self._read_anew()
        wanted = {_plain(ip) for ip in request.ips}
        checks = []
        for other, container in self.fleet.store.containers.items():
            taken = wanted & {_plain(ip) for ip in (*container.ips, *container.ips_configured)}
            if other != key and taken:
                text = f"{', '.join(sorted(taken))} is that of {other.node}/{other.id} {container.name or ''}".rstrip()
                checks.append(Check("address-clash", Verdict.REFUSE, text))
        if unasked:
            verdict = Verdict.WARN if request.allow_unasked else Verdict.REFUSE
            checks.append(Check("unasked", verdict, f"could not be asked for the address: {', '.join(unasked)}"))
        return tuple(checks) or (Check("address-clash", Verdict.OK, "the address is free on all nodes"),)

    async def _read_anew(self) -> list[str]:
        """A whole sample of every node, asked for from now on, within some seconds. Returns the nodes that gave none."""
        now = time.monotonic()
        self.fleet.refresh()

        def late(node: Node) -> bool:
            if node.state is NodeState.UP:
                return node.listed is None or node.listed < now
            return node.state is NodeState.CONNECTING

        nodes = self.fleet.store.nodes.values()
        while any(map(late, nodes)):
            if time.monotonic() > now + LOOK_TIMEOUT:
                break
            await asyncio.sleep(0.05)
        return [node.name for node in nodes if node.state is not NodeState.UP or late(node)]

    # --- the change itself

    def consent(self, plan: Plan, consent: Consent, *, read_only: bool = False) -> None:
        """Whether what a person has said is enough for this plan. Raises `Refused`."""
        if read_only:
            raise Refused("ctdeck was started read-only", "Start it without --read-only")
        if plan.refused:
            raise Refused(f"{plan.action} of {plan.target}: {'; '.join(check.text for check in plan.refused)}")
        if plan.production and not consent.armed:
            raise Refused(f"{plan.key.node} is a production node", "Arm it: --arm, or the key for it on the deck")
        typed = plan.danger is Danger.DESTRUCTIVE or plan.production
        if typed and consent.confirmed != plan.target:
            raise Refused(f"{plan.action} of {plan.target} wants its name typed", f"--confirm {plan.target}")

    async def run(
        self, plan: Plan, *, watch: Callable[[Job], None] | None = None, detach: bool = False, job_id: str = ""
    ) -> Outcome:
        """Do it. Consent is the caller's to have checked (`consent`)."""
        job_id = job_id or new_id()
        about = self._about(plan)
        try:
            audit.write("begins", job=job_id, **about)
        except OSError as error:
            raise Refused(f"The audit cannot be written ({error})", "Nothing was done") from None
        try:
            outcome = await self._run(plan, job_id, about, watch, detach)
        except Refused as refused:
            self._ends(job_id, about, "refused", refused.message)
            raise
        ended = str(outcome.published()["ended"])
        if not self._ends(job_id, about, ended, outcome.message, open_end=ended in ("accepted", "unknown")):
            outcome.message += "; AND the audit of it could not be written"
        self.fleet.refresh(plan.key.node)
        return outcome

    async def resume(self, plan: Plan, job_id: str, *, watch: Callable[[Job], None] | None = None) -> Outcome:
        """What became of a job that had ended UNKNOWN: it is asked for, followed and verified. Nothing is sent again."""
        job = await self.follow(plan.key.node, job_id, self._about(plan), watch, plan.timeout)
        try:
            outcome = await self._judge(plan, job)
        except Refused as refused:
            self._ends(job_id, job.about, "refused", refused.message)
            raise
        if outcome.ended is not Ended.UNKNOWN:
            self._ends(job_id, job.about, str(outcome.published()["ended"]), outcome.message)
            self.fleet.refresh(plan.key.node)
        return outcome

    def seen(self, job: Job) -> None:
        """Note the end of a job of ours that nobody has watched until then: it was detached, or we were killed."""
        if job.over and job.id in self.jobs.unfinished():
            self._ends(job.id, job.about, str(job.state), f"{job.what}: {job.state}, seen later")

    def _ends(self, job_id: str, about: dict[str, Any], ended: str, message: str, *, open_end: bool = False) -> bool:
        """What was done is done, also where it cannot be written down: False then."""
        try:
            if not open_end:
                self.jobs.note("ended", job_id, str(about.get("node", "")), {"ended": ended})
            audit.write("ends", **{**about, "job": job_id, "ended": ended, "message": message})
        except OSError:
            return False
        return True

    async def _run(
        self, plan: Plan, job_id: str, about: dict[str, Any], watch: Callable[[Job], None] | None, detach: bool
    ) -> Outcome:
        node = plan.key.node
        try:
            await self.jobs.send(job_id, plan, about)
        except Fault:
            job = await self._ask_again(node, job_id, about)
            if job is None:
                return Outcome(Ended.FAILED, f"The job never reached {node}: nothing was done", plan)
            if job.state is JobState.UNKNOWN:
                return self._unknown(plan, job)
        if detach:
            return Outcome(Ended.DONE, f"accepted as {job_id}", plan, Job(node, job_id, JobState.RUNNING, about))
        job = await self.follow(node, job_id, about, watch, plan.timeout)
        return await self._judge(plan, job)

    async def follow(
        self, node: str, job_id: str, about: dict[str, Any], watch: Callable[[Job], None] | None, timeout: float
    ) -> Job:
        """Watch a job until it is over, or its node has been silent for a minute, or `timeout` seconds are over."""
        until, heard = time.monotonic() + timeout, time.monotonic()
        job = unknown(node, job_id, about)
        while time.monotonic() < until and time.monotonic() - heard < SILENCE:
            try:
                said = await self.jobs.ask(node, job_id)
                if said is not None and said.state is JobState.DEAD:
                    said = await self.jobs.recover(node, job_id)
                if said is None:
                    return job
                job, heard = said, time.monotonic()
            except Fault:
                job.state = JobState.UNKNOWN
            if watch is not None:
                watch(job)
            if job.over:
                return job
            await asyncio.sleep(FOLLOW_GAP)
        return job

    async def _ask_again(self, node: str, job_id: str, about: dict[str, Any]) -> Job | None:
        """After a lost answer: what the node says of the id, as soon as it can be asked. None: it has no such job."""
        until = time.monotonic() + SILENCE
        self.fleet.refresh(node)
        while time.monotonic() < until:
            try:
                return await self.jobs.ask(node, job_id)
            except Fault:
                await asyncio.sleep(FOLLOW_GAP)
        return unknown(node, job_id, about)

    async def _judge(self, plan: Plan, job: Job) -> Outcome:
        what = f"{plan.action} of {plan.target}"
        if job.state is JobState.DONE:
            seconds = measured(plan, job)
            try:
                differences = await self.differences(plan)
            except Fault as fault:
                message = f"{what}: the commands succeeded, but it is UNKNOWN whether it is so now. {fault.message}"
                return Outcome(Ended.UNKNOWN, message, plan, job, (), seconds, job.log)
            took = "" if seconds is None else f", {'down' if plan.action == 'restart' else 'frozen'} {seconds:.1f} s"
            if differences:
                message = f"{what}: the commands succeeded, and yet {'; '.join(differences)}"
                return Outcome(Ended.FAILED, message, plan, job, differences, seconds, job.log)
            evidence = next((f"; {line}" for line in job.log if line.startswith("evidence is in ")), "")
            return Outcome(Ended.DONE, f"{what}: done and verified{took}{evidence}", plan, job, (), seconds, job.log)
        if job.state is JobState.STALE:
            raise Refused(f"{what}: the container has changed since the plan was made", "Look again, and plan anew")
        if job.state is JobState.BUSY:
            raise Refused(
                f"{what}: {await self._holder(plan.key.node, job)} is at work on it", "Wait for it: `ctdeck jobs`"
            )
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            message = f"{what} {job.state} at: {job.failed_step}{PUT_BACK.get(job.restored, '')}"
            return Outcome(Ended.FAILED, message, plan, job, log=job.log)
        if job.state is JobState.RUNNING:
            message = f"{what}: still at work after {plan.timeout} s; `ctdeck jobs {job.id}` tells"
            return Outcome(Ended.UNKNOWN, message, plan, job, log=job.log)
        return self._unknown(plan, job)

    async def _holder(self, node: str, job: Job) -> str:
        other = None
        if job.detail:
            try:
                other = await self.jobs.ask(node, job.detail[0], lines=0)
            except Fault:
                other = None
        if other is None:
            return "another job"
        about = other.about
        whom = f"{about.get('who', 'somebody')}@{about.get('host', '?')}"
        return f"{whom} ({about.get('action')}, since {about.get('time', '?')})"

    def _unknown(self, plan: Plan, job: Job) -> Outcome:
        message = (
            f"{plan.action} of {plan.target}: UNKNOWN, {plan.key.node} does not answer; `ctdeck jobs {job.id}` tells"
        )
        return Outcome(Ended.UNKNOWN, message, plan, job)

    # --- after

    async def differences(self, plan: Plan) -> tuple[str, ...]:
        """What is not as planned, after the container has had its time to settle. Raises `Fault` when nobody can tell."""
        until = time.monotonic() + SETTLE
        while True:
            try:
                found = compare(plan.expect, (await self.look(plan.key)).values)
            except Absent as absent:
                found = () if plan.expect.get("state") == "absent" else (absent.message,)
            except Refused as refused:
                found = (refused.message,)
            except Fault:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(FOLLOW_GAP)
                continue
            if not found or time.monotonic() > until:
                return found
            await asyncio.sleep(FOLLOW_GAP)

    def _about(self, plan: Plan) -> dict[str, Any]:
        return {
            **audit.me(),
            "time": time.strftime("%Y-%m-%d %H:%M:%S"),
            "action": plan.action,
            "node": plan.key.node,
            "backend": plan.key.backend,
            "id": plan.key.id,
            "name": plan.name,
            "commands": [step.script.strip() for step in plan.steps],
            "undo": list(plan.undo),
            "no_undo": plan.no_undo,
            "expect": plan.expect,
        }


#: What a job says of its putting back (`Job.restored`), as the end of a sentence.
PUT_BACK = {
    "restored": "; everything was put back",
    "as-is": "; what could be put back was, look at it",
    "dirty": "; AND PUTTING BACK FAILED TOO: look at it now",
}


def _plain(ip: str) -> str:
    """An address without its prefix, as it is written shortest: configurations have it as somebody typed it."""
    try:
        return str(ip_address(bare(ip)))
    except ValueError:
        return bare(ip)


def compare(expect: dict[str, Any], values: dict[str, Any]) -> tuple[str, ...]:
    """Where `values` are not as expected, as sentences."""
    return tuple(
        f"{name} is {values.get(name, 'not known')!r} and not {wanted!r}"
        for name, wanted in expect.items()
        if values.get(name) != wanted
    )


def measured(plan: Plan, job: Job) -> float | None:
    """Seconds that the container stood still: frozen, or between its stop and its start."""
    for number, step in enumerate(plan.steps, 1):
        if step.thaws:
            return job.span(step.thaws, number)
    # a restart stops and starts last of all; before that it may have collected evidence
    return job.span(len(plan.steps) - 1, len(plan.steps)) if plan.action == "restart" else None
