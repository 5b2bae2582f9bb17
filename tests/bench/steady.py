"""What one round costs our side, once everything is connected: from the bytes of a frame to the store, 50 containers."""

from __future__ import annotations

import time
from collections.abc import Iterator

from backends.backend import load
from backends.model import Node, NodeFacts
from backends.sampler.client import split_sections
from backends.sampler.head import NodeReader
from backends.store import Store

from .figure import RUNS, Figure, median

CONTAINERS = 50
ROUNDS = 300

HEAD = "@node\nP cpu  100 0 50 800 50 0 0 0\nM MemTotal::8000000 MemFree::1000000 Cached::9\nU 1.5 1.2 0.9 2/300 1 | {uptime}\n"


def _lxc(number: int) -> tuple[list[str], str]:
    slow = ["d @host fc00 1 1 1 1 1"]
    fast = ""
    for name in (f"web-{place}" for place in range(CONTAINERS)):
        slow += [f"R {name} 100 90000 v1", f"l {name} 67108864 100663296 -1 100000 max 0-1 THAWED 1024"]
        fast += f"c {name} 1 {2092014295 + number} 872448000 12288 20480 4096 0 5 - -\n"
    return slow, HEAD + "@lxc\n" + fast


def _openvz(number: int) -> tuple[list[str], str]:
    slow = ["w yes", "z ["]
    fast = ""
    for ctid in range(1001, 1001 + CONTAINERS):
        slow += ["z {", f'z "ctid": {ctid},', 'z "status": "running"', "z }"]
        fast += f"v {ctid} {10**15 + number} {2 * 10**15 + number}\nb {ctid} 346 65536 11 2048 3 240 249 69632 0\n"
    return [*slow, "z ]", "z rc 0"], HEAD + "@openvz\n" + fast


def _round(backend: str) -> list[float]:
    """CPU of one round, milliseconds, for each run."""
    make = {"lxc": _lxc, "openvz": _openvz}[backend]
    reader, facts, head = load([backend])[backend].reader("n1"), NodeFacts(cpus=2), NodeReader()
    store = Store()
    store.add_node(Node("n1"))
    reader.read(make(0)[0], facts)
    frames = [make(number)[1].replace("{uptime}", f"{1000 + number} 1").encode() for number in range(ROUNDS)]
    spent = []
    for _ in range(RUNS):
        before = time.process_time()
        for frame in frames:
            sections = split_sections(frame)
            head.read(sections["node"], facts)
            for container in reader.read(sections[backend], facts).containers:
                store.put(container)
                store.record(container.key, container.usage.cpu_percent, container.usage.memory_used)
            store.take()
        spent.append(1000 * (time.process_time() - before) / ROUNDS)
    return spent


def figures() -> Iterator[Figure]:
    for backend in ("lxc", "openvz"):
        ours, spread = median(_round(backend))
        yield Figure(f"steady: parse and store 50 {backend}, CPU", ours, None, "", "ms", 1.0, spread)
