"""What is wrong now, with reasons in words. Pure; absolute figures only, so that it ranks from the first sample on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from .model import Container, Node, NodeState, State

#: Shares from which a use is trouble, where the fleet file does not say.
THRESHOLDS: Mapping[str, float] = {"memory": 0.9, "disk": 0.9}

#: Seconds after which a lock is trouble: a backup or a copy may take so long.
LONG_LOCK = 600.0

#: Load of a node, per CPU, from which it is overloaded.
OVERLOAD = 2.0

#: Share of its time in which a container is held back by its CPU limit, from which that is trouble (percent).
THROTTLED = 25.0


class Severity(IntEnum):
    """How bad a reason is. NOTICE explains a row; from TROUBLE on a person should look."""

    NOTICE = 1
    TROUBLE = 2
    GRAVE = 3
    OUTAGE = 4


class Reason(NamedTuple):
    severity: Severity
    text: str  # plain, clean


def container_reasons(
    container: Container, node: Node, thresholds: Mapping[str, float] = THRESHOLDS, now: float | None = None
) -> tuple[Reason, ...]:
    """Reasons of one container, worst first. `now`: seconds since the epoch, for the age of locks."""
    if (
        container.lock is None
        and container.state is State.STOPPED
        and not container.note
        and not container.usage.disk_used
    ):
        return ()
    found = sorted(_container(container, thresholds, now), key=lambda reason: -reason.severity)
    return tuple(found)


def _container(container: Container, thresholds: Mapping[str, float], now: float | None) -> Iterator[Reason]:
    usage, limits = container.usage, container.limits
    if usage.failcnt_growth:
        yield Reason(Severity.GRAVE, f"failcnt +{usage.failcnt_growth}")
    if usage.memory_used and limits.memory and usage.memory_used >= thresholds.get("memory", 0.9) * limits.memory:
        share = usage.memory_used / limits.memory
        yield Reason(Severity.GRAVE if share >= 0.98 else Severity.TROUBLE, f"memory {100 * share:.0f}%")
    if usage.disk_used and limits.disk and usage.disk_used >= thresholds.get("disk", 0.9) * limits.disk:
        share = usage.disk_used / limits.disk
        yield Reason(Severity.GRAVE if share >= 0.98 else Severity.TROUBLE, f"disk {100 * share:.0f}%")
    if usage.inodes_used and limits.inodes and usage.inodes_used >= thresholds.get("disk", 0.9) * limits.inodes:
        yield Reason(Severity.TROUBLE, f"inodes {100 * usage.inodes_used / limits.inodes:.0f}%")
    if usage.throttled_percent is not None and usage.throttled_percent >= THROTTLED:
        yield Reason(Severity.TROUBLE, f"held back by its CPU limit {usage.throttled_percent:.0f}%")
    elif usage.cpu_percent and limits.cpu_percent and usage.cpu_percent >= 0.95 * limits.cpu_percent:
        yield Reason(Severity.TROUBLE, "at its CPU limit")
    if container.lock is not None:
        yield _lock(container, now)
    if container.note:
        yield Reason(Severity.TROUBLE, container.note)
    elif container.state is State.UNKNOWN:
        yield Reason(Severity.TROUBLE, "its state is not known")


def _lock(container: Container, now: float | None) -> Reason:
    lock = container.lock
    assert lock is not None
    age = None if lock.since is None else max(0.0, (time.time() if now is None else now) - lock.since)
    words = "locked" + (f" {_span(age)}" if age is not None else "") + (f" by {_program(lock.by)}" if lock.by else "")
    if lock.alive is False:
        return Reason(Severity.TROUBLE, f"{words}, holder is gone")
    return Reason(Severity.TROUBLE if age is not None and age >= LONG_LOCK else Severity.NOTICE, words)


def _program(command: str) -> str:
    """The name of what a command line runs: `/usr/bin/perl /usr/sbin/vzdump 101` is vzdump."""
    program, *rest = [word.rpartition("/")[2] for word in command.split()] or [command]
    if program.rstrip("0123456789.") in {"perl", "python", "sh", "bash", "dash"}:
        return next((word for word in rest if not word.startswith("-")), program)
    return program


def node_reasons(
    node: Node, containers: int, thresholds: Mapping[str, float] = THRESHOLDS, now: float | None = None
) -> tuple[Reason, ...]:
    """Reasons of one node, worst first; empty where it is well. `now`: our monotonic clock."""
    if node.state is NodeState.CONNECTING:
        return ()
    if node.state is not NodeState.UP:
        return (Reason(Severity.OUTAGE, _outage(node, containers, time.monotonic() if now is None else now)),)
    found = []
    facts = node.facts
    if facts.load and facts.cpus and facts.load[0] >= OVERLOAD * facts.cpus:
        found.append(Reason(Severity.GRAVE, f"load {facts.load[0]:.1f} on {facts.cpus} CPUs"))
    if (
        facts.memory_used
        and facts.memory_total
        and facts.memory_used >= thresholds.get("memory", 0.9) * facts.memory_total
    ):
        found.append(Reason(Severity.GRAVE, f"memory {100 * facts.memory_used / facts.memory_total:.0f}%"))
    if facts.disk_used and facts.disk_total and facts.disk_used >= thresholds.get("disk", 0.9) * facts.disk_total:
        found.append(Reason(Severity.GRAVE, f"disk of the containers {100 * facts.disk_used / facts.disk_total:.0f}%"))
    found += [Reason(Severity.TROUBLE, note) for note in node.notes]
    return tuple(found)


def _outage(node: Node, containers: int, now: float) -> str:
    seen = f"{containers} ct " if containers else ""
    if node.state is NodeState.STALE:
        words = f"{seen}{_span(now - node.answered)} old" if node.answered is not None else "no answer yet"
        return f"{words}: {node.error}" if node.error else words
    since = node.answered if node.answered is not None else node.since
    age = f" for {_span(now - since)}" if since is not None else ""
    unseen = f", {containers} ct unseen" if containers else ""
    if node.state is NodeState.DOWN:
        return f"no answer{age}{unseen}" + (f": {node.error}" if node.error else "")
    return (node.error or "it cannot be read") + unseen


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"
