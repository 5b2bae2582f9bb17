"""What a judgement is made of: reasons in words, how grave each is, and from where on something is trouble."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

#: From where on something is trouble, where the fleet file does not say (`thresholds:`). A healthy fleet is quiet under these.
THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {
        "memory": 0.9,  # share of its limit, or of the node's memory
        "disk": 0.9,  # share of its limit, space or inodes
        "throttled": 0.25,  # share of its time in which its CPU limit holds it back
        "cpu": 4.0,  # times its usual CPU (and most of a core)
        "processes": 4.0,  # times its usual number (and a hundred)
        "load": 2.0,  # load of a node, per CPU
        "failcnt": 1.0,  # failures of beancounters in 60 s
        "restarts": 2.0,  # starts in 10 minutes
        "lock": 600.0,  # seconds that somebody holds its lock
    }
)


class Severity(IntEnum):
    """How bad a reason is. NOTICE explains a row; from TROUBLE on a person should look."""

    NOTICE = 1
    TROUBLE = 2
    GRAVE = 3
    OUTAGE = 4


#: What a reason adds to the score. That of a node counts a hundredfold: what is wrong with it is wrong with all on it.
_WEIGHTS = (0, 1, 10, 30, 100)
NODE_WEIGHT = 100


class Reason(NamedTuple):
    """One thing that is wrong. All texts are plain and clean.

    `kind` is a stable word: memory, disk, inodes, cpu, cpu-limit, throttled, processes, failcnt, oom, restarts, stopped,
    lock, address, unread; of nodes: lost, load, memory, disk, note. `subject`: the beancounter or the address that it is
    about. `since`: our monotonic clock, None where nobody saw it begin.
    """

    severity: Severity
    text: str
    kind: str = ""
    short: str = ""  # for a narrow column; empty: the text
    subject: str = ""
    since: float | None = None

    @property
    def brief(self) -> str:
        return self.short or self.text


class Verdict(NamedTuple):
    """What is wrong with one container or node, worst first."""

    reasons: tuple[Reason, ...]
    score: int

    @property
    def severity(self) -> int:
        return self.reasons[0].severity if self.reasons else 0

    @property
    def since(self) -> float | None:
        """When the worst of it began, on our monotonic clock."""
        worst = [reason.since for reason in self.reasons if reason.severity == self.severity]
        return min((since for since in worst if since is not None), default=None)


CALM = Verdict((), 0)


def verdict(reasons: list[Reason], weight: int = 1) -> Verdict:
    """Worst first; of equal ones the order stays."""
    if not reasons:
        return CALM
    if len(reasons) > 1:
        reasons.sort(key=lambda reason: -reason.severity)
    return Verdict(tuple(reasons), weight * sum(_WEIGHTS[reason.severity] for reason in reasons))


def span(seconds: float) -> str:
    """`42s`, `31m`, `5h`, `3d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"
