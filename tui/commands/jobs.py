"""`ctdeck jobs`: changes as the nodes know them, those of other admins too."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from backends.errors import ConfigError, CtdeckError, Fault
from backends.jobs.client import Jobs, unknown
from backends.jobs.job import Job, JobState
from backends.plans.plan import Refused
from backends.text import clean
from tui.format import safe

from .change import writable
from .fleet_file import needed
from .look import table
from .session import opened
from .targets import unreachable

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.fleet import Fleet
    from backends.inventory import Inventory

    from .questions import Silent, Terminal

_UNKNOWN = 5
_LOG_LINES = 1000
_NODES_AT_ONCE = 16
#: Seconds that a job gets to put back what it has begun.
_CANCEL_TIMEOUT = 120.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="ID | cancel ID", help="one job with its log, or end it (all jobs)")


def run(options: argparse.Namespace) -> int:
    words = options.words
    if len(words) == 2 and words[0] == "cancel":
        return asyncio.run(_cancel(options, writable(options), words[1]))
    if len(words) > 1 or words == ["cancel"]:
        raise ConfigError(
            f'"jobs {clean(" ".join(words), 100)}" is not understood', "Write jobs, jobs ID or jobs cancel ID"
        )
    return asyncio.run(_one(options, needed(options), words[0]) if words else _all(options, needed(options)))


# --- all of them


async def _all(options: argparse.Namespace, inventory: Inventory) -> int:
    from backends.change import Changer

    names = [spec.name for spec in inventory.nodes]
    async with opened(inventory, names, _prompts(options)) as fleet:
        changer = Changer(fleet)
        found, silent = await _listed(changer, names)
    # those of ours on nodes that cannot be asked now
    found += [job for job in changer.jobs.unfinished().values() if job.node in silent]
    found.sort(key=lambda job: job.id)
    if options.json:
        print(json.dumps({"jobs": [job.published() for job in found], "unreachable": sorted(silent)}, indent=1))
    elif found:
        print("\n".join(table([("STATE", "WHAT", "WHERE", "WHO", "SINCE", "STEP", "JOB"), *map(_row, found)])))
    for name, fault in silent.items():
        print(f"ctdeck: {name}: {safe(str(fault))}", file=sys.stderr)
    return 3 if silent else 0


async def _listed(changer: Changer, names: list[str]) -> tuple[list[Job], dict[str, Fault]]:
    """Jobs of every node that answers, and why the others do not."""
    places = asyncio.Semaphore(_NODES_AT_ONCE)
    silent: dict[str, Fault] = {}

    async def of_node(name: str) -> list[Job]:
        node = changer.fleet.store.nodes[name]
        async with places:
            try:
                if node.answered is None:
                    raise unreachable(node)
                return await changer.jobs.listed(name, repair=not node.read_only)
            except Fault as fault:
                silent[name] = fault
                return []

    found = [job for jobs in await asyncio.gather(*map(of_node, names)) for job in jobs]
    ours = changer.jobs.unfinished()
    for job in found:
        if job.id in ours:
            changer.seen(job)
    return found, silent


def _row(job: Job) -> tuple[str, ...]:
    about = job.about
    step = f"{job.step}/{len(job.steps)} {job.steps[job.step].title}" if job.step in job.steps else "-"
    what = f"{about.get('action', '?')} {about.get('name') or ''}".strip()
    who = f"{about.get('who', '?')}@{about.get('host', '?')}"
    return (str(job.state), what, f"{job.node}/{about.get('id', '?')}", who, str(about.get("time", "?")), step, job.id)


# --- one


async def _one(options: argparse.Namespace, inventory: Inventory, job_id: str) -> int:
    from backends.change import Changer

    async with _connected(options, inventory, job_id) as fleet:
        changer = Changer(fleet)
        job = await _find(changer, job_id)
        changer.seen(job)
        differences = await _differences(changer, job)
    if options.json:
        more = {"differences": differences, "commands": job.about.get("commands"), "log": list(job.log)}
        print(json.dumps({**job.published(), **more}, indent=1))
    else:
        print("\n".join(_lines(job, differences)))
    return _UNKNOWN if job.state is JobState.UNKNOWN else 0


def _connected(
    options: argparse.Namespace, inventory: Inventory, job_id: str, prompts: Terminal | Silent | None = None
) -> AbstractAsyncContextManager[Fleet]:
    """The node of a job that we have sent ourselves; else every node, since it may be anybody's."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", job_id):
        raise ConfigError(f'"{clean(job_id, 100)}" is no job', "`ctdeck jobs` lists them")
    names = [spec.name for spec in inventory.nodes]
    ours = Jobs.sent().get(job_id)
    nodes = [ours.node] if ours is not None and ours.node in names else names
    return opened(inventory, nodes, prompts or _prompts(options))


async def _find(changer: Changer, job_id: str) -> Job:
    """The job from whichever node has it; UNKNOWN when its node cannot be asked. Raises CtdeckError when there is none."""
    silent = []
    for name, node in changer.fleet.store.nodes.items():
        try:
            if node.answered is None:
                raise unreachable(node)
            job = await changer.jobs.ask(name, job_id, lines=_LOG_LINES)
            if job is not None and job.state is JobState.DEAD:
                job = await changer.jobs.recover(name, job_id)
        except Fault as fault:
            silent.append(name)
            print(f"ctdeck: {name}: {safe(str(fault))}", file=sys.stderr)
        else:
            if job is not None:
                return job
    ours = changer.jobs.sent().get(job_id)
    if silent:
        return ours if ours is not None and ours.node in silent else unknown(", ".join(silent), job_id, {})
    if ours is not None:
        raise CtdeckError(f"{ours.node} has no job {job_id}", "It never got there, or is older than 30 days")
    raise ConfigError(f"no node has a job {job_id}", "`ctdeck jobs` lists them")


async def _differences(changer: Changer, job: Job) -> list[str] | None:
    """What is not as the job should have left it. None: not known, or a later job has changed the container."""
    from backends.change import Absent, compare

    expect = job.about.get("expect")
    if job.state is not JobState.DONE or not isinstance(expect, dict):
        return None
    try:
        later = [each for each in await changer.jobs.listed(job.node) if each.key == job.key and each.id > job.id]
        return None if later else list(compare(expect, (await changer.look(job.key)).values))
    except Absent as absent:
        return [] if expect.get("state") == "absent" else [absent.message]
    except (CtdeckError, KeyError):
        return None


def _lines(job: Job, differences: list[str] | None) -> list[str]:
    from backends.change import PUT_BACK

    about = job.about
    state = str(job.state)
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        state += f" at: {job.failed_step}{PUT_BACK.get(job.restored, '')}"
    elif differences is not None:
        state += f", and yet {'; '.join(differences)}" if differences else " and verified"
    lines = [f"{job.what}: {state}"]
    if about:
        lines.append(f"  {job.id} by {about.get('who', '?')}@{about.get('host', '?')}, {about.get('time', '?')}")
    for number, step in sorted(job.steps.items()):
        spent = "" if step.began is None or step.ended is None else f"  {step.ended - step.began:.1f} s"
        mark = "->" if number == job.step and not job.over else "  "
        lines.append(f"  {mark} {number}/{len(job.steps)} {step.title}{spent}")
    return [safe(line) for line in (*lines, *(f"  | {line}" for line in job.log))]


# --- to end one


async def _cancel(options: argparse.Namespace, inventory: Inventory, job_id: str) -> int:
    from backends import audit
    from backends.change import Changer

    prompts = _prompts(options)
    async with _connected(options, inventory, job_id, prompts) as fleet:
        changer = Changer(fleet)
        job = await _find(changer, job_id)
        if job.state is not JobState.UNKNOWN and not job.over and not options.dry_run:
            await _agreed(options, fleet, job, prompts)
            audit.write("cancels", **{**job.about, "job": job.id})
            await changer.jobs.cancel(job.node, job_id)
            job = await changer.follow(job.node, job_id, job.about, None, _CANCEL_TIMEOUT)
            changer.seen(job)
    print(json.dumps(job.published(), indent=1) if options.json else "\n".join(_lines(job, None)[:1]))
    if options.dry_run or job.state is JobState.CANCELLED:
        return 0
    return _UNKNOWN if not job.over else 1


async def _agreed(options: argparse.Namespace, fleet: Fleet, job: Job, prompts: Terminal | Silent) -> None:
    """Raises `Refused` where nobody has said yes."""
    node = fleet.store.nodes[job.node]
    if node.read_only:
        raise Refused(f"{job.node} is read-only here")
    if node.production and not options.arm:
        raise Refused(f"{job.node} is a production node", "Arm it with --arm")
    if options.yes:
        return
    who = f"{job.about.get('who', '?')}@{job.about.get('host', '?')}"
    said = await prompts.line(safe(f"end {job.what}, by {who}, and put back what it has begun? [y/N] "))
    if said is None:
        raise Refused(f"to end {job.id} was not agreed to: nobody can be asked", "Say --yes")
    if said.lower() not in ("y", "yes"):
        raise Refused("not done: the answer was no")


def _prompts(options: argparse.Namespace) -> Terminal | Silent:
    from .questions import questions

    return questions(allowed=not options.json)
