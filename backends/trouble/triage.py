"""What is wrong now, in the whole fleet: judged once, read by everybody. Only what changed is judged again.

`update` takes over what changed in the store, `judge` judges it, in slices where the fleet is huge. Memory: one `Past` for
a container, and nothing for a container that is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import islice

from ..events import Events, Kind
from ..model import Container, Key, Node, NodeState, State
from ..store import Changes, Store
from . import container as of_container
from . import node as of_node
from .addresses import Addresses
from .past import Gates, Past
from .reason import CALM, NODE_WEIGHT, THRESHOLDS, Reason, Severity, Verdict, verdict

#: Containers that are judged between two looks at the clock.
SLICE = 256
_LOST = (NodeState.DOWN, NodeState.BLOCKED, NodeState.BROKEN)
_THERE = (State.RUNNING, State.FROZEN)


class Triage:
    """Verdicts of all nodes and containers of a store, and what happened meanwhile (`events`)."""

    def __init__(
        self,
        store: Store,
        thresholds: Mapping[str, float] | None = None,
        *,
        clock: Callable[[], float] | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self.store = store
        self.thresholds = {**THRESHOLDS, **(thresholds or {})}
        self.containers: dict[Key, Verdict] = {}  # those that have a reason
        self.nodes: dict[str, Verdict] = {}
        self.events = Events()
        self._clock, self._wall = clock or time.monotonic, wall or time.time
        self._pasts: dict[Key, Past] = {}
        self._gates: dict[str, Gates] = {}
        self._lost: dict[str, bool] = {}  # node -> it was lost when last looked at
        self._addresses = Addresses()
        self._waiting: dict[Key, None] = dict.fromkeys(store.containers)  # in the order in which they wait
        self._ageing: dict[Key, None] = {}
        self._touched: dict[Key, None] = {}  # in whose way another one came, or went
        self._troubled = 0

    # --- what changed

    def update(self, changes: Changes) -> None:
        """Cheap: judging is left to `judge`."""
        if changes.structure:
            self._forget_gone()
            self._waiting.update(dict.fromkeys(key for key in self.store.containers if key not in self._pasts))
        self._waiting.update(dict.fromkeys(changes.containers))

    def _forget_gone(self) -> None:
        present = self.store.containers
        for key in [key for key in self._pasts if key not in present]:
            past = self._pasts.pop(key)
            self._touched.update(dict.fromkeys(self._addresses.move(key, past.ips, ())))
            self._ageing.pop(key, None)
            self._troubled -= self.containers.pop(key, CALM).severity >= Severity.TROUBLE
            self.events.add(self._wall(), Kind.GONE, key.node, key.id, "no longer on its node")

    # --- judging

    def judge(self, seconds: float = float("inf")) -> list[Key]:
        """Judge what changed, what changes with the time alone, and all nodes; returns the containers that were judged.

        Takes about `seconds`: the rest waits for the next call (`waiting`), the longest waiting first.
        """
        now, until = self._clock(), time.perf_counter() + seconds
        waiting = {**self._waiting, **self._ageing}
        done, count = [], 0
        for count, key in enumerate(waiting, 1):
            if key in self.store.containers:
                self.look(key, now)
                done.append(key)
            if not count % SLICE and time.perf_counter() > until:
                break
        touched, self._touched = self._touched, {}
        self._waiting = dict.fromkeys(islice(waiting, count, None))
        for key in touched:
            if key in self.store.containers:
                self.look(key, now)
                done.append(key)
        self.judge_nodes()
        return done

    @property
    def waiting(self) -> bool:
        """Some that changed are not judged yet."""
        return bool(self._waiting)

    def look(self, key: Key, now: float | None = None) -> Verdict:
        """Judge one container, now."""
        now = self._clock() if now is None else now
        container, node = self.store.containers[key], self.store.nodes[key.node]
        past = self._pasts.get(key)
        if past is None:
            past = self._pasts[key] = Past()
        for what in of_container.observe(past, container, node, now):
            self._happened(key, what)
        addresses = container.ips if container.state in _THERE else ()
        if addresses != past.ips:
            self._touched.update(dict.fromkeys(self._addresses.move(key, past.ips, addresses)))
            past.ips = addresses
        clashes = self._clashes(key, past) if addresses and self._addresses.contested else ()
        found = verdict(of_container.reasons(past, container, node, self.thresholds, now, self._wall(), clashes))
        before = self.containers.get(key, CALM)
        if found is not CALM or before is not CALM:
            self._put(key, before, found)
        if of_container.ages(past, container):
            self._ageing[key] = None
        else:
            self._ageing.pop(key, None)
        return found

    def _put(self, key: Key, before: Verdict, found: Verdict) -> None:
        if found is CALM:
            del self.containers[key]
        else:
            self.containers[key] = found
        self._troubled += (found.severity >= Severity.TROUBLE) - (before.severity >= Severity.TROUBLE)
        self._crossed(key.node, key.id, before, found)

    def _clashes(self, key: Key, past: Past) -> tuple[Reason, ...]:
        """Both sides name each other; the one that was started later came into the way of the other."""
        found = []
        for address, others in self._addresses.clashes(key, past.ips):
            there = [f"{other.node}/{other.id}" for other in others]
            which = there[0] if len(there) == 1 else f"{there[0]} and {len(there) - 1} more"
            newer = all(self._age(key) < self._age(other) for other in others)
            text = f"address {address} is also that of {which}"
            found.append(
                Reason(
                    Severity.GRAVE if newer else Severity.TROUBLE,
                    text + (", which had it first" if newer else ""),
                    "address",
                    f"{address} also {which}",
                    address,
                )
            )
        return tuple(found)

    def _age(self, key: Key) -> float:
        container = self.store.containers.get(key)
        return float("inf") if container is None or container.usage.uptime is None else container.usage.uptime

    def judge_nodes(self) -> None:
        """Verdicts of all nodes: ages grow, so at each tick."""
        now = self._clock()
        for name, node in self.store.nodes.items():
            gates = self._gates.setdefault(name, Gates())
            on_it = list(self.store.by_node[name].values())
            reasons = of_node.reasons(gates, node, on_it, self._usual_of, self.thresholds, now)
            found, before = verdict(reasons, NODE_WEIGHT), self.nodes.get(name, CALM)
            self.nodes[name] = found
            self._watch(node)
            if node.state is NodeState.UP:
                self._crossed(name, None, before, found)

    # --- reading

    def usual_cpu(self, key: Key) -> float | None:
        """Percent of one core that a container usually has, None while not known."""
        past = self._pasts.get(key)
        return past.cpu.known if past is not None else None

    def _usual_of(self, container: Container) -> float | None:
        return self.usual_cpu(container.key)

    @property
    def troubled(self) -> int:
        """How many containers are in trouble."""
        return self._troubled

    def worst(self) -> list[tuple[Key | str, Verdict]]:
        """Every node (by its name) and container in trouble, worst first."""
        places = {name: place for place, name in enumerate(self.store.nodes)}
        nodes: list[tuple[Key | str, Verdict]] = [
            (name, found) for name, found in self.nodes.items() if found.severity >= Severity.TROUBLE
        ]
        nodes.sort(key=lambda pair: (-pair[1].score, places[str(pair[0])]))
        containers = [(key, found) for key, found in self.containers.items() if found.severity >= Severity.TROUBLE]
        containers.sort(key=lambda pair: (-pair[1].score, -self._cpu(pair[0]), places[pair[0].node], pair[0]))
        return [*nodes, *containers]

    def _cpu(self, key: Key) -> float:
        return round(self.store.containers[key].usage.cpu_percent or 0.0)

    # --- what happened

    def _happened(self, key: Key, what: str) -> None:
        self.events.add(self._wall(), Kind(what) if what in _STATES else Kind.STATE, key.node, key.id, what)

    def _crossed(self, node: str, identifier: str | None, before: Verdict, found: Verdict) -> None:
        """Reasons that came and went. Those that only explain, and stops and starts, have no events of their own."""
        if before is found:
            return
        old = {(each.kind, each.subject): each for each in before.reasons if each.severity >= Severity.TROUBLE}
        new = {(each.kind, each.subject): each for each in found.reasons if each.severity >= Severity.TROUBLE}
        if old.keys() == new.keys():
            return
        kinds = {kind for kind, _ in old}, {kind for kind, _ in new}
        for each in new.values():
            if each.kind not in kinds[0] and each.kind not in _TOLD:
                self.events.add(self._wall(), Kind.TROUBLE, node, identifier, each.text, each.severity)
        for each in old.values():
            if each.kind not in kinds[1] and each.kind not in _TOLD:
                self.events.add(self._wall(), Kind.CALM, node, identifier, f"no longer: {each.text}")

    def _watch(self, node: Node) -> None:
        """A node that was lost, or is back."""
        lost, was = node.state in _LOST, self._lost.get(node.name)
        if node.state not in (*_LOST, NodeState.UP) or lost == was:
            return
        self._lost[node.name] = lost
        if lost:
            text = node.error or "it does not answer"
            self.events.add(self._wall(), Kind.LOST, node.name, None, text, Severity.OUTAGE)
        elif was is not None:
            self.events.add(self._wall(), Kind.BACK, node.name, None, "it answers again")


_STATES = frozenset({"started", "stopped", "restarted"})
#: Kinds of reasons whose beginning is an event of another kind.
_TOLD = frozenset({"stopped", "lost"})
