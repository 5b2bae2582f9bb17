"""A `Changer` that asks no node: what it looks at, plans and how a job goes is written down here."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backends.change import Changer, Consent, Ended, Outcome
from backends.errors import CtdeckError, Fault, FaultKind
from backends.jobs.job import Job, JobState, StepView
from backends.model import Key
from backends.plans.plan import Change, Check, Danger, Inspection, Plan, Refused, Step, Verdict
from backends.plans.request import (
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    Run,
    SetLimits,
)

SNAPSHOTS = [
    {
        "id": "a1",
        "name": "clean-install",
        "parent": "",
        "current": False,
        "date": "2026-09-01 10:02:11",
        "size": 4 << 27,
    },
    {"id": "b2", "name": "before-php8", "parent": "a1", "current": True, "date": 1795212600, "size": 11 << 27},
    {
        "id": "c3",
        "name": "tried-php8",
        "parent": "b2",
        "current": False,
        "date": "2026-11-21T01:30:00",
        "size": 4 << 27,
        "memory": True,
    },
]


def done(node: str, job_id: str, about: dict[str, Any]) -> Job:
    steps = {1: StepView("stop it", 10.0, 12.5, None), 2: StepView("start it", 12.5, 13.4, None)}
    return Job(node, job_id, JobState.DONE, about, 2, steps, log=("Stopping container ...", "Container is mounted"))


@dataclass
class FakeJobs:
    """The jobs of nodes by name."""

    of: dict[str, list[Job]] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    fault: Fault | None = None
    asked: list[tuple[str, bool]] = field(default_factory=list)  # nodes, and whether anything might be put right

    async def listed(self, node: str, *, repair: bool = True) -> list[Job]:
        self.asked.append((node, repair))
        if self.fault is not None:
            raise self.fault
        return list(self.of.get(node, []))

    async def ask(self, node: str, job_id: str, *, lines: int = 20) -> Job | None:
        return next((job for job in self.of.get(node, []) if job.id == job_id), None)

    async def cancel(self, node: str, job_id: str) -> Job | None:
        self.cancelled.append(job_id)
        job = await self.ask(node, job_id)
        if job is not None:
            job.state = JobState.CANCELLED
        return job


class FakeChanger(Changer):
    """`prepared` and `ran` tell what was asked. `gate` holds back plans, `work` jobs, until they are set."""

    def __init__(self, fleet: Any) -> None:
        self.fleet = fleet
        self.jobs = FakeJobs()  # type: ignore[assignment]
        self.extra = Extra()

    async def prepare(self, key: Key, request: Request) -> Plan:
        extra = self.extra
        extra.prepared.append((key, request))
        if extra.gate is not None:
            await extra.gate.wait()
        if key in extra.errors:
            raise extra.errors[key]
        return plan(self.fleet, key, request, *extra.checks.get(key, ()))

    async def look(self, key: Key) -> Inspection:
        self.extra.looked.append(key)
        if self.extra.look_error is not None:
            raise self.extra.look_error
        return Inspection("f", "", self.extra.values)

    async def undo_plan(self, key: Key) -> Plan:
        if not self.extra.ran:
            raise Refused(f"No change of {key.node}/{key.id} is known that could be undone")
        return plan(self.fleet, key, Power("start"))

    def consent(self, plan: Plan, consent: Consent, *, read_only: bool = False) -> None:
        super().consent(plan, consent, read_only=read_only)
        self.extra.consents.append(consent)

    async def run(
        self, plan: Plan, *, watch: Callable[[Job], None] | None = None, detach: bool = False, job_id: str = ""
    ) -> Outcome:
        extra = self.extra
        extra.ran.append(plan)
        extra.at_work += 1
        extra.most_at_work = max(extra.most_at_work, extra.at_work)
        try:
            if watch is not None:
                steps = {number: StepView(step.title, 1.0 * number) for number, step in enumerate(plan.steps, 1)}
                watch(Job(plan.key.node, f"2026{len(extra.ran):04d}", JobState.RUNNING, about(plan), 1, steps))
            if extra.work is not None:
                await extra.work.wait()
            await asyncio.sleep(0)
        finally:
            extra.at_work -= 1
        if plan.key in extra.faults:
            raise extra.faults[plan.key]
        job = done(plan.key.node, f"2026{len(extra.ran):04d}", about(plan))
        self.jobs.of.setdefault(plan.key.node, []).append(job)  # type: ignore[attr-defined]
        made = extra.outcomes.get(plan.key)
        if made is not None:
            ended, message = made
            return Outcome(ended, message, plan, job)
        return Outcome(Ended.DONE, f"{plan.action} of {plan.target}: done and verified, down 3.4 s", plan, job, (), 3.4)

    async def resume(self, plan: Plan, job_id: str, *, watch: Callable[[Job], None] | None = None) -> Outcome:
        self.extra.resumed.append(job_id)
        if self.extra.outcomes.get(plan.key, (Ended.DONE, ""))[0] is Ended.UNKNOWN:
            return Outcome(Ended.UNKNOWN, "still UNKNOWN", plan)
        job = done(plan.key.node, job_id, about(plan))
        return Outcome(Ended.DONE, f"{plan.action} of {plan.target}: done and verified", plan, job)


@dataclass
class Extra:
    """What a test sets, and what it reads."""

    prepared: list[tuple[Key, Request]] = field(default_factory=list)
    ran: list[Plan] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    looked: list[Key] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    checks: dict[Key, tuple[Check, ...]] = field(default_factory=dict)
    errors: dict[Key, CtdeckError] = field(default_factory=dict)
    faults: dict[Key, CtdeckError] = field(default_factory=dict)
    outcomes: dict[Key, tuple[Ended, str]] = field(default_factory=dict)
    values: dict[str, Any] = field(
        default_factory=lambda: {
            "ips.live": ["10.0.4.42", "10.0.4.99"],
            "ips.config": ["10.0.4.42/24", "2001:db8::42/64"],
            "snapshots": SNAPSHOTS,
        }
    )
    look_error: CtdeckError | None = None
    gate: asyncio.Event | None = None
    work: asyncio.Event | None = None
    at_work: int = 0
    most_at_work: int = 0


def about(plan: Plan) -> dict[str, Any]:
    return {
        "who": "eve",
        "host": "desk",
        "time": "2026-11-22 12:00:00",
        "action": plan.action,
        "node": plan.key.node,
        "backend": plan.key.backend,
        "id": plan.key.id,
        "name": plan.name,
        "commands": list(plan.commands),
    }


OK = Check("fresh", Verdict.OK, "read just now")
UNLOCKED = Check("lock", Verdict.OK, "not locked")


def plan(fleet: Any, key: Key, request: Request, *checks: Check) -> Plan:
    """A plan as an OpenVZ planner would make it, more or less."""
    action, changes, commands, undo, danger, lost = _parts(key, request)
    return Plan(
        action,
        key,
        fleet.store.containers[key].name,
        fleet.store.nodes[key.node].production,
        tuple(Step(f"step {number}", command) for number, command in enumerate(commands, 1)),
        changes=changes,
        checks=(OK, UNLOCKED, *checks),
        lost=lost,
        freeze="about 1 s" if isinstance(request, CreateSnapshot) else "",
        danger=danger,
        undo=undo,
        no_undo="" if undo else "its data are gone",
    )


Parts = tuple[str, tuple[Change, ...], list[str], tuple[str, ...], Danger, tuple[str, ...]]


def _parts(key: Key, request: Request) -> Parts:
    identifier = key.id
    match request:
        case Power(verb="destroy"):
            gone = ("everything in it: 10 GiB",)
            changes = (Change("state", "stopped", "absent"),)
            return "destroy", changes, [f"vzctl destroy {identifier}"], (), Danger.DESTRUCTIVE, gone
        case Power(verb=verb, fast=fast):
            after = "running" if verb in ("start", "restart", "resume") else "stopped"
            commands = [f"vzctl {verb} {identifier}{' --fast' if fast else ''}"]
            undo = ("start",) if verb == "stop" else ("stop",)
            return verb, (Change("state", "running", after),), commands, undo, Danger.ORDINARY, ()
        case Addresses(verb=verb, ips=ips):
            changes = (Change("addresses", "10.0.4.42", " ".join(ips)),)
            commands = [f"vzctl set {identifier} --ip{verb} {ip} --save" for ip in ips]
            return f"ip {verb}", changes, commands, ("ip", "del", *ips), Danger.ORDINARY, ()
        case SetLimits(values=values, beancounters=counters, for_seconds=seconds, live_only=live):
            note = f"for {seconds} s, then back" if seconds else "live only" if live else ""
            wanted = [(name, f"{value:g}") for name, value in values.items()]
            wanted += [(name, f"{pair[0]}:{pair[1]}") for name, pair in counters.items()]
            changes = tuple(Change(name.replace("_", " "), "400", value, note) for name, value in wanted)
            commands = [f"vzctl set {identifier} --{name} {value} --save" for name, value in wanted]
            return "limit set", changes, commands, ("limit", "set", "--cpus", "4"), Danger.ORDINARY, ()
        case CreateSnapshot(name=name, memory=memory):
            changes = (Change("snapshots", "3", f"4, {name}", "with memory" if memory else ""),)
            commands = [f"vzctl snapshot {identifier} --name '{name}'"]
            return "snapshot create", changes, commands, ("snapshot", "delete", name), Danger.ORDINARY, ()
        case RevertSnapshot(snapshot=snapshot):
            lost = ("everything since the snapshot",)
            commands = [f"vzctl snapshot-switch {identifier} --id {snapshot}"]
            return "snapshot revert", (), commands, (), Danger.DESTRUCTIVE, lost
        case Run(argv=argv):
            return "run", (), [f"vzctl exec2 {identifier} {shlex.join(argv)}"], (), Danger.ORDINARY, ()
        case DeleteSnapshot(snapshot=snapshot):
            commands = [f"vzctl snapshot-delete {identifier} --id {snapshot}"]
            return "snapshot delete", (), commands, (), Danger.DESTRUCTIVE, ()
    raise AssertionError(request)


def lost(node: str) -> Fault:
    return Fault(FaultKind.LOST, f"The connection to {node} broke")
