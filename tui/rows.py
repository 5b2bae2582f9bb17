"""Rows of the table: every container, and every node that is in trouble; which are shown, and in what order. Pure.

`Rows` holds one `Row` per container, with its verdict (`backends.trouble`). A `View` is what the person chose (filter, sort,
nodes, marks); a `Listing` is the rows of one pane in order. Several panes share one `Rows` and one `View`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from backends.model import Container, Key, Node, NodeState
from backends.store import Changes, Store
from backends.trouble import CALM, Reason, Severity, Triage, Verdict

from .filter import Filter, compile_filter

#: Seconds of one call of `Rows.judge`: longer would be felt under the finger.
JUDGING = 0.005

#: The order that is no column: worst first.
TROUBLE = "trouble"


@dataclass(slots=True, eq=False)
class Row:
    """A container, or (`container` None) a node in trouble. `order` sorts by node, then id, as people count."""

    key: Key
    node: Node
    container: Container | None
    order: tuple[int, int, str]
    verdict: Verdict = CALM
    score: float = 0.0
    dirty: bool = True

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.verdict.reasons

    @property
    def severity(self) -> int:
        return self.verdict.severity

    @property
    def stale(self) -> bool:
        """Its node does not answer: what is shown is old."""
        return self.node.state is not NodeState.UP


def _place(node_index: int, identifier: str) -> tuple[int, int, str]:
    number = int(identifier) if identifier.isascii() and identifier.isdigit() and len(identifier) < 19 else 1 << 62
    return (node_index, number, identifier)


class Rows:
    """All rows of the fleet, kept up with the store."""

    def __init__(self, store: Store, thresholds: Mapping[str, float] | None = None) -> None:
        self.store = store
        self.triage = Triage(store, thresholds)
        self.containers: dict[Key, Row] = {}
        self.nodes: dict[str, Row] = {}
        self.ordered: list[Row] = []
        self.rebuild()

    def update(self, changes: Changes) -> None:
        """Take over what changed. Cheap: judging is left to `judge`."""
        self.triage.update(changes)
        if changes.structure:
            self.rebuild()
            return
        containers, rows = self.store.containers, self.containers
        for key in changes.containers:
            row = rows.get(key)
            if row is not None and key in containers:
                row.container = containers[key]
                row.dirty = True

    def rebuild(self) -> None:
        """Rows came or went."""
        index = {name: place for place, name in enumerate(self.store.nodes)}
        old = self.containers
        self.containers = {}
        for key, container in self.store.containers.items():
            row = old.get(key)
            if row is None:
                row = Row(key, self.store.nodes[key.node], container, _place(index[key.node], key.id))
            row.container, row.node, row.dirty = container, self.store.nodes[key.node], True
            self.containers[key] = row
        self.ordered = sorted(self.containers.values(), key=attrgetter("order"))
        self.nodes = {
            name: self.nodes.get(name) or Row(Key(name, "", ""), node, None, _place(index[name], ""))
            for name, node in self.store.nodes.items()
        }

    def judge(self) -> bool:
        """Verdicts of the rows that changed and of all nodes. True when another row is in trouble than before, or none.

        Takes at most `JUDGING` seconds: in a huge fleet the rest waits for the next call, the longest waiting first. Rows
        on the screen do not wait (`refresh`).
        """
        moved = False
        for key in self.triage.judge(JUDGING):
            row = self.containers.get(key)
            if row is not None:
                moved = self._take(row) or moved
        return self._take_nodes() or moved

    def judge_nodes(self) -> None:
        """Verdicts of all nodes: ages grow, so at each tick."""
        self.triage.judge_nodes()
        self._take_nodes()

    def _take_nodes(self) -> bool:
        moved = False
        for name, row in self.nodes.items():
            severity, row.verdict = row.severity, self.triage.nodes.get(name, CALM)
            row.score = row.verdict.score * 1e6
            moved = moved or (severity != row.severity)
        return moved

    @property
    def trouble(self) -> int:
        """How many rows are in trouble."""
        return self.triage.troubled + len(self.troubled_nodes())

    def _take(self, row: Row) -> bool:
        """The verdict of a container that was judged. True when it is graver, or less grave, than before."""
        assert row.container is not None
        row.dirty = False
        severity, row.verdict = row.severity, self.triage.containers.get(row.key, CALM)
        # Whole percents, as they are shown: rows that look the same do not change places.
        row.score = row.verdict.score * 1e6 + round(row.container.usage.cpu_percent or 0.0)
        return severity != row.severity and max(severity, row.severity) >= Severity.TROUBLE

    def refresh(self, row: Row) -> None:
        """Judge one row that is on the screen, now."""
        if row.dirty and row.container is not None and row.key in self.store.containers:
            self.triage.look(row.key)
            self._take(row)

    def troubled_nodes(self) -> list[Row]:
        """Rows of the nodes that are in trouble, worst first."""
        return sorted(
            (row for row in self.nodes.values() if row.severity), key=lambda row: (-row.verdict.score, row.order)
        )


@dataclass(slots=True)
class View:
    """What the person chose; the same in every pane."""

    filter: Filter = field(default_factory=lambda: compile_filter(""))
    sort: str = TROUBLE
    inverted: bool = False
    faults: bool = False
    node: str | None = None  # one node, or all
    marks: set[Key] = field(default_factory=set)


#: What a column sorts by. None sorts last, whichever way round.
SortKey = Callable[[Row], "float | str | tuple[int, int, str] | None"]


class Listing:
    """The rows of one pane, in order. `node` limits it to one node, whatever the view says."""

    def __init__(self, rows: Rows, view: View, node: str | None = None) -> None:
        self.rows = rows
        self.view = view
        self.node = node
        self.order: list[Row] = []
        self.places: dict[Key, int] = {}
        self.containers = 0  # shown
        self.of = 0  # there, before filter and faults

    def rebuild(self, sort_key: SortKey | None = None, *, descending: bool = True) -> None:
        """Filter and sort anew. `sort_key` None: worst first."""
        view = self.view
        only = self.node or view.node
        shown = self.rows.ordered
        if only is not None:
            shown = [row for row in shown if row.key.node == only]
        self.of = len(shown)
        if view.filter:
            test = view.filter
            shown = [row for row in shown if row.container is not None and test(row.container, row.node)]
        if view.faults:
            shown = [row for row in shown if row.severity >= Severity.TROUBLE]
        if sort_key is None:
            shown = sorted(shown, key=attrgetter("score"), reverse=not view.inverted)
        else:
            shown = _sorted(shown, sort_key, descending != view.inverted)
        troubled = [
            row
            for row in self.rows.troubled_nodes()
            if (only is None or row.node.name == only) and view.filter.node(row.node)
        ]
        self.order = troubled + shown
        self.containers = len(shown)
        self.places = {row.key: place for place, row in enumerate(self.order)}

    def __len__(self) -> int:
        return len(self.order)

    def place(self, key: Key | None) -> int | None:
        """Where a row stands now."""
        return None if key is None else self.places.get(key)

    def marked(self) -> tuple[int, int]:
        """How many rows are marked, and how many of these are not shown."""
        marks = self.view.marks
        return len(marks), sum(key not in self.places for key in marks)


def _sorted(rows: list[Row], key: SortKey, descending: bool) -> list[Row]:
    known, unknown = [], []
    for row in rows:
        value = key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + unknown
