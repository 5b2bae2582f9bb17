"""The "@node" section of a sample: what the node says of itself."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import NodeFacts
from .client import Hello

#: The sampler's own cost is a mean over this many samples, since the kernel counts it in ticks of 10 ms.
COST_WINDOW = 30


class NodeReader:
    """Reads the node's section into its facts; remembers the last counters for rates."""

    def __init__(self) -> None:
        self._cpu: tuple[int, int] | None = None  # busy, total ticks
        self._own: list[int] = []

    def greet(self, hello: Hello, facts: NodeFacts) -> None:
        """What the probe found, once for a connection. Counters begin anew."""
        facts.hostname = hello.hostname or None
        facts.kernel = hello.kernel or None
        facts.system = hello.system or None
        facts.tools = hello.tools
        facts.ticks = hello.tick
        self._own.clear()

    def read(self, lines: Sequence[str], facts: NodeFacts) -> bool:
        """Update `facts` in place. False when the section is not whole; never raises."""
        seen = set()
        for line in lines:
            kind, _, rest = line.partition(" ")
            word = rest.split()
            try:
                if kind == "P":
                    self._read_cpu([int(text) for text in word[1:]], facts)
                elif kind == "M":
                    _read_memory({key: int(value) for key, _, value in (text.partition(":") for text in word)}, facts)
                elif kind == "U":
                    facts.load = (float(word[0]), float(word[1]), float(word[2]))
                    facts.uptime = float(word[word.index("|") + 1])
                elif kind == "S":
                    self._read_cost([int(text) for text in word], facts)
                elif kind == "n":
                    facts.cpus = int(word[0]) or None
                else:
                    continue
            except (ValueError, IndexError):
                continue
            seen.add(kind)
        return seen >= {"P", "M", "U"}

    def _read_cpu(self, ticks: list[int], facts: NodeFacts) -> None:
        # user nice system idle iowait irq softirq steal; guest time is in user already. proc(5)
        ticks = ticks[:8]
        total = sum(ticks)
        busy = total - ticks[3] - (ticks[4] if len(ticks) > 4 else 0)
        before, self._cpu = self._cpu, (busy, total)
        if before is not None and total > before[1]:
            facts.cpu_percent = max(0.0, 100.0 * (busy - before[0]) / (total - before[1]))

    def _read_cost(self, ticks: list[int], facts: NodeFacts) -> None:
        self._own.append(sum(ticks))
        if len(self._own) < 3:
            return
        del self._own[: -COST_WINDOW - 1]
        facts.sampler_ms = 1000.0 * (self._own[-1] - self._own[0]) / facts.ticks / (len(self._own) - 1)


def _read_memory(kib: dict[str, int], facts: NodeFacts) -> None:
    facts.memory_total = kib["MemTotal"] * 1024
    available = kib.get("MemAvailable")
    if available is None:  # before Linux 3.14
        available = kib["MemFree"] + kib.get("Buffers", 0) + kib.get("Cached", 0) + kib.get("SReclaimable", 0)
        available -= kib.get("Shmem", 0)
    facts.memory_used = max(0, kib["MemTotal"] - available) * 1024
    if "SwapTotal" in kib:
        facts.swap_total = kib["SwapTotal"] * 1024
        facts.swap_used = (kib["SwapTotal"] - kib.get("SwapFree", 0)) * 1024
