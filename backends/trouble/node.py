"""The judgement of one node, and which of its containers made it so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..model import Container, Node, NodeState
from .past import Gates
from .reason import Reason, Severity, span

#: Seconds without an answer that are no trouble yet.
PATIENCE = 10.0
#: Percent of one core that must have been added before anybody is named for it, and the share from which one is.
ADDED = 50.0
NAMED_FROM = 0.15
NAMED = 3
EASE = 0.02

#: Percent of one core that a container usually has; None where not known yet.
UsualOf = Callable[[Container], float | None]


def reasons(
    gates: Gates,
    node: Node,
    containers: Sequence[Container],
    usual: UsualOf,
    thresholds: Mapping[str, float],
    now: float,
) -> list[Reason]:
    """What is wrong with it, unsorted; nothing where it is well. `now`: our monotonic clock."""
    if node.state is NodeState.CONNECTING:
        return []
    if node.state is not NodeState.UP:
        return [_lost(node, len(containers), now)]
    found = list(_load(gates, node, containers, usual, thresholds, now))
    facts = node.facts
    for kind, words, used, total in (
        ("memory", "memory", facts.memory_used, facts.memory_total),
        ("disk", "disk of the containers", facts.disk_used, facts.disk_total),
    ):
        if used is None or not total:
            continue
        share = used / total
        since = gates.since(kind, share, thresholds[kind], thresholds[kind] - EASE, now)
        if since is not None:
            found.append(Reason(Severity.GRAVE, f"{words} {100 * share:.0f}%", kind, since=since))
    return found + [Reason(Severity.TROUBLE, note, "note") for note in node.notes]


def _load(
    gates: Gates,
    node: Node,
    containers: Sequence[Container],
    usual: UsualOf,
    thresholds: Mapping[str, float],
    now: float,
) -> Iterator[Reason]:
    facts = node.facts
    if not facts.load or not facts.cpus:
        return
    enter = thresholds["load"] * facts.cpus
    since = gates.since("load", facts.load[0], enter, 0.9 * enter, now)
    if since is None:
        return
    short = f"load {facts.load[0]:.1f} on {facts.cpus} CPUs"
    made = contributors(containers, usual)
    if made and made[0][1] >= NAMED_FROM:
        named = [(each, share) for each, share in made[:NAMED] if share >= NAMED_FROM]
        (first, most), *rest = named
        by = f"{100 * most:.0f}% of it is {_named(first)}"
        by += "".join(f", {100 * share:.0f}% {_named(each)}" for each, share in rest)
        yield Reason(Severity.GRAVE, f"{short}; {by}", "load", subject=first.id, since=since)
    elif made:
        yield Reason(Severity.GRAVE, f"{short}; {len(made)} containers share in it", "load", since=since)
    else:
        yield Reason(Severity.GRAVE, short, "load", since=since)


def contributors(containers: Sequence[Container], usual: UsualOf) -> list[tuple[Container, float]]:
    """Who made the change: containers with their shares (0..1) of the CPU that is used beyond the usual, largest first.

    Empty where CPU has hardly been added: then the load comes from something else (disks, the node itself).
    """
    added = []
    for container in containers:
        cpu = container.usage.cpu_percent
        if cpu is None:
            continue
        more = cpu - (usual(container) or 0.0)
        if more > 0:
            added.append((container, more))
    total = sum(more for _, more in added)
    if total < ADDED:
        return []
    added.sort(key=lambda pair: -pair[1])
    return [(container, more / total) for container, more in added]


def _named(container: Container) -> str:
    name = container.name
    return container.id if not name or name == container.id else f"{container.id} {name}"


def _lost(node: Node, containers: int, now: float) -> Reason:
    """A node that cannot be read now."""
    seen = f"{containers} ct " if containers else ""
    if node.state is NodeState.STALE:
        words = f"{seen}{span(now - node.answered)} old" if node.answered is not None else "no answer yet"
        patient = node.answered is not None and now - node.answered < PATIENCE
        text = f"{words}: {node.error}" if node.error else words
        return Reason(Severity.NOTICE if patient else Severity.OUTAGE, text, "lost", since=node.answered)
    since = node.answered if node.answered is not None else node.since
    age = f" for {span(now - since)}" if since is not None else ""
    unseen = f", {containers} ct unseen" if containers else ""
    if node.state is NodeState.DOWN:
        text = f"no answer{age}{unseen}" + (f": {node.error}" if node.error else "")
    else:
        text = (node.error or "it cannot be read") + unseen
    return Reason(Severity.OUTAGE, text, "lost", since=since)
