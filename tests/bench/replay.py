"""Run in a terminal by `screen`: the deck on a replayed fleet. `python -m tests.bench.replay CONTAINERS SHARE`

Nodes and containers are put into the store as the pollers do it; each second the figures of SHARE of the containers change.
"""

from __future__ import annotations

import random
import sys
import time

from backends.backend import Backend
from backends.inventory import Inventory, NodeSpec
from backends.model import Container, Key, Limits, Node, NodeFacts, NodeState, State, Usage
from backends.store import Store
from tui.app import Deck, Options

PER_NODE = 50
G = 1 << 30


class Replay:
    """A fleet whose nodes are this list of numbers."""

    def __init__(self, containers: int, share: float) -> None:
        names = [f"node-{number:03d}" for number in range(max(1, containers // PER_NODE))]
        self.inventory = Inventory(None, tuple(NodeSpec(name) for name in names))
        self.store = Store()
        self.started, self.paused = True, False
        self._share = share
        self._turn = 0
        random.seed(1)
        for name in names:
            self.store.add_node(Node(name))
        self._rows = [self._container(names[number % len(names)], number) for number in range(containers)]
        self._figures = [[(random.random() * 100, random.randrange(4 * G)) for _ in self._rows] for _ in range(4)]
        for row in self._rows:
            self.store.put(row)
        self.tick()

    @staticmethod
    def _container(node: str, number: int) -> Container:
        return Container(
            Key(node, "openvz", str(1000 + number)),
            State.RUNNING,
            f"web-{number:05d}",
            ips=(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",),
            usage=Usage(cpu_percent=1.0, memory_used=G, processes=30, uptime=1e6, failcnt=0, failcnt_growth=0),
            limits=Limits(cpus=4, memory=8 * G, disk=20 * G),
        )

    def tick(self) -> None:
        self._turn += 1
        now = time.monotonic()
        for name, node in self.store.nodes.items():
            node.state, node.answered = NodeState.UP, now
            node.facts = NodeFacts(
                cpus=8, cpu_percent=40.0, load=(1.0, 1.0, 1.0), memory_total=64 * G, memory_used=9 * G
            )
            self.store.touch_node(name)
        step = max(1, round(1 / self._share)) if self._share else 0
        if not step:
            return
        figures = self._figures[self._turn % 4]
        for place in range(self._turn % step, len(self._rows), step):
            row = self._rows[place]
            row.usage.cpu_percent, row.usage.memory_used = figures[place]
            self.store.touch(row.key)
            self.store.record(row.key, row.usage.cpu_percent, row.usage.memory_used)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def refresh(self, node: str | None = None) -> None: ...

    def backend(self, name: str) -> Backend:
        raise KeyError(name)


def main() -> None:
    fleet = Replay(int(sys.argv[1]), float(sys.argv[2]))
    app = Deck(fleet.inventory, Options(ascii=False))

    def load() -> None:
        app.use(fleet)  # type: ignore[arg-type]
        if fleet._share:
            app.set_interval(1.0, fleet.tick)

    app._load = load  # type: ignore[method-assign]
    app.run(mouse=False)


if __name__ == "__main__":
    main()
