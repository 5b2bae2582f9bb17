"""All jobs of a node in one question: dead ones are put right where that is wanted, and the answer tells which."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from backends.jobs.client import Jobs
from backends.jobs.job import JobState
from backends.jobs.start import job_files
from backends.transport import Completed

from .test_run import Node, freezing, node, plan, times

__all__ = ["node"]  # the fixture

JOB = "20260101-000000-aaaaaa"


class OneNode:
    """A fleet whose only node is a folder here."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def run(self, node: str, script: str, *args: str, timeout: float, limit: int = 1 << 20) -> Completed:
        command = ["sh", "-s", "--", *args]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            input=script.encode(),
            env=self.node.environment,
            capture_output=True,
            timeout=timeout,
        )
        return Completed(done.returncode, done.stdout, done.stderr)


def dead(node: Node) -> Path:
    """A job whose processes are gone before its first step."""
    job = node.jobs / JOB
    job.mkdir(parents=True)
    (node.jobs.parent / "locks").mkdir(exist_ok=True)
    for name, text in job_files(freezing(hold=False), {"who": "me\\nstate dead"}).items():
        (job / name).write_text(f"{text}\n")
    os.utime(job / "about", (0, 0))
    return job


async def test_a_dead_one_is_put_right_once_and_said(node: Node) -> None:
    dead(node)
    jobs = Jobs(OneNode(node))  # type: ignore[arg-type]
    (found,) = await jobs.listed("n1")
    assert (found.id, found.state, found.restored, found.was_dead) == (JOB, JobState.FAILED, "restored", True)
    (found,) = await jobs.listed("n1")
    assert (found.state, found.was_dead) == (JobState.FAILED, False)
    assert times(node, "froze") == 0


async def test_one_that_only_looks_leaves_it_as_it_is(node: Node) -> None:
    job = dead(node)
    before = sorted(path.name for path in job.iterdir())
    (found,) = await Jobs(OneNode(node)).listed("n1", repair=False)  # type: ignore[arg-type]
    assert (found.state, found.was_dead) == (JobState.DEAD, False)
    assert sorted(path.name for path in job.iterdir()) == before


async def test_a_node_without_jobs_stays_without_a_folder(node: Node) -> None:
    assert await Jobs(OneNode(node)).listed("n1") == []  # type: ignore[arg-type]
    assert not node.jobs.exists()


async def test_one_that_ended_is_not_taken_for_dead_by_its_words(node: Node) -> None:
    step = freezing(hold=False).steps[0]
    node.start(plan(type(step)("state dead", "echo; echo state dead; echo was dead\n")))
    node.wait()
    (found,) = await Jobs(OneNode(node)).listed("n1")  # type: ignore[arg-type]
    assert (found.state, found.was_dead) == (JobState.DONE, False)
