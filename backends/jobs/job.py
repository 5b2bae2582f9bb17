"""What a node says of a job, read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..model import Key


class JobState(StrEnum):
    """Published in JSON."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # what was begun has been put back as far as it says
    CANCELLED = "cancelled"
    STALE = "stale"  # the container had moved since the plan: nothing was done
    BUSY = "busy"  # another job has the container: nothing was done
    DEAD = "dead"  # its processes are gone without a result
    UNKNOWN = "unknown"  # the node could not be asked


_ENDED = {
    state.value: state for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.STALE, JobState.BUSY)
}


@dataclass(slots=True)
class StepView:
    """One step as it went. Times are the node's uptime in seconds."""

    title: str = ""
    began: float | None = None
    ended: float | None = None
    fired: float | None = None  # when the dead man's hand thawed it


@dataclass(slots=True)
class Job:
    """One job on one node."""

    node: str
    id: str
    state: JobState = JobState.UNKNOWN
    about: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    steps: dict[int, StepView] = field(default_factory=dict)
    detail: tuple[str, ...] = ()  # the words of its result after the first
    now: float | None = None  # uptime of the node
    log: tuple[str, ...] = ()
    was_dead: bool = False  # put right by the question that found it

    @property
    def over(self) -> bool:
        return self.state not in (JobState.RUNNING, JobState.UNKNOWN, JobState.DEAD)

    @property
    def key(self) -> Key:
        return Key(self.node, str(self.about.get("backend", "")), str(self.about.get("id", "")))

    @property
    def restored(self) -> str:
        """Of a failed one: `restored`, `as-is` (a step begun has no way back) or `dirty` (putting back failed)."""
        return self.detail[1] if len(self.detail) > 1 else ""

    @property
    def failed_step(self) -> str:
        """Title of the step that it ended at."""
        number = int(self.detail[0]) if self.detail and self.detail[0].isdecimal() else 0
        return self.steps[number].title if number in self.steps else "its begin"

    @property
    def what(self) -> str:
        """`stop of hn07/1042`."""
        return f"{self.about.get('action', '?')} of {self.node}/{self.about.get('id', '?')}"

    def published(self) -> dict[str, Any]:
        """As `--json` prints it. Keys may be added, never renamed."""
        return {
            "job": self.id,
            "state": str(self.state),
            "action": self.about.get("action"),
            "node": self.node,
            "backend": self.about.get("backend"),
            "id": self.about.get("id"),
            "name": self.about.get("name"),
            "who": self.about.get("who"),
            "host": self.about.get("host"),
            "from": self.about.get("from"),
            "time": self.about.get("time"),
            "step": self.step,
            "steps": [self.steps[number].title for number in sorted(self.steps)],
            "restored": (self.restored or None) if self.state in (JobState.FAILED, JobState.CANCELLED) else None,
        }

    def span(self, first: int, last: int) -> float | None:
        """Seconds from the begin of one step to the end of another."""
        one, other = self.steps.get(first), self.steps.get(last)
        if one is None or other is None or one.began is None or other.ended is None:
            return None
        return round(other.ended - one.began, 2)


def read_status(node: str, lines: Iterable[str]) -> Job:
    """The output of `run.sh status`. Odd lines are passed over."""
    job = Job(node, "")
    log: list[str] = []
    for line in lines:
        word, _, value = line.partition(" ")
        if word == "id":
            job.id = value
        elif word == "about":
            job.about = _about(value)
        elif word == "step" and value.isdecimal():
            job.step = int(value)
        elif word in ("title", "began", "ended", "fired"):
            number, _, rest = value.partition(" ")
            if number.isdecimal():
                step = job.steps.setdefault(int(number), StepView())
                setattr(step, word, rest if word == "title" else _seconds(rest))
        elif word == "now":
            job.now = _seconds(value)
        elif word == "result":
            ended = value.split() or [""]
            job.state, job.detail = _ENDED.get(ended[0], JobState.UNKNOWN), tuple(ended[1:])
        elif word == "state":
            job.state = JobState.DEAD if value == "dead" else JobState.RUNNING
        elif line == "was dead":
            job.was_dead = True
        elif word == "log":
            log.append(value)
    job.log = tuple(log)
    return job


def _about(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
