"""The one picture of the fleet, and what changed in it since somebody last looked. Plain Python, no events: one timer
of the screen takes the changes, so that a hundred samples cost one repaint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .history import History
from .model import Container, Key, Node


@dataclass(slots=True)
class Changes:
    """What moved since the last `Store.take`. `structure` is True when rows came or went."""

    nodes: set[str] = field(default_factory=set)
    containers: set[Key] = field(default_factory=set)
    structure: bool = False

    def __bool__(self) -> bool:
        return bool(self.nodes or self.containers or self.structure)


@dataclass(slots=True)
class Series:
    """History of one container."""

    cpu: History = field(default_factory=History)  # percent, 100 = one core
    memory: History = field(default_factory=History)  # bytes


class Store:
    """All nodes and containers. Only the fleet writes; anybody reads, in the same event loop."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.containers: dict[Key, Container] = {}
        self.by_node: dict[str, dict[Key, Container]] = {}
        self.series: dict[Key, Series] = {}
        self.node_series: dict[str, Series] = {}  # cpu: 100 = all cores
        self.started = time.monotonic()
        self._changes = Changes()

    def add_node(self, node: Node) -> None:
        self.nodes[node.name] = node
        self.by_node[node.name] = {}
        self.node_series[node.name] = Series()
        self._changes.nodes.add(node.name)
        self._changes.structure = True

    def touch_node(self, name: str) -> None:
        self.nodes[name].version += 1
        self._changes.nodes.add(name)

    def put(self, container: Container) -> None:
        """Add a container, or replace what is known of it."""
        key = container.key
        if key not in self.containers:
            self._changes.structure = True
        self.containers[key] = container
        self.by_node[key.node][key] = container
        self.touch(key)

    def touch(self, key: Key) -> None:
        self.containers[key].version += 1
        self._changes.containers.add(key)

    def drop(self, key: Key) -> None:
        del self.containers[key]
        del self.by_node[key.node][key]
        self.series.pop(key, None)
        self._changes.structure = True
        self._changes.containers.discard(key)

    def record(self, key: Key, cpu: float | None, memory: float | None) -> None:
        """One point of a container's history, now."""
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = Series()
        at = time.monotonic() - self.started
        series.cpu.append(at, cpu)
        series.memory.append(at, memory)

    def record_node(self, name: str, cpu: float | None, memory: float | None) -> None:
        at = time.monotonic() - self.started
        self.node_series[name].cpu.append(at, cpu)
        self.node_series[name].memory.append(at, memory)

    def take(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    def of_node(self, name: str) -> Iterator[Container]:
        return iter(self.by_node[name].values())
