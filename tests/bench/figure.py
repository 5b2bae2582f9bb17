"""One figure beside its peer's, as it is printed and kept in bench.json."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RUNS = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` and `peer` in `unit`; `goal` bounds `ratio` where there is a peer, else (or where it is `absolute`) `ours`."""

    name: str
    ours: float
    peer: float | None
    peer_name: str
    unit: str
    goal: float
    spread: str  # smallest and largest of our runs
    absolute: bool = False  # the goal bounds `ours`, though there is a peer

    @property
    def ratio(self) -> float | None:
        return None if not self.peer else self.ours / self.peer

    @property
    def holds(self) -> bool:
        return (self.ours if self.ratio is None or self.absolute else self.ratio) <= self.goal

    def line(self) -> str:
        beside = f"{self.peer:10.3f} {self.peer_name}" if self.peer is not None else "         - "
        ratio = f"{self.ratio:.3f} x" if self.ratio is not None else "-"
        word = "holds" if self.holds else "DOES NOT HOLD"
        return f"{self.name:<50} {self.ours:10.3f} {self.unit:<4} {beside:<34} {ratio:>10}  goal {self.goal:g}  {word}"


def write(figures: Sequence[Figure], path: Path) -> None:
    rows = [asdict(figure) | {"ratio": figure.ratio, "holds": figure.holds} for figure in figures]
    path.write_text(json.dumps(rows, indent=1) + "\n")


def median(values: Sequence[float]) -> tuple[float, str]:
    """The median, and the spread as text."""
    return statistics.median(values), f"{min(values):.3f}..{max(values):.3f}"


def process_cpu(command: Sequence[str], runs: int = RUNS) -> list[float]:
    """CPU of a whole command with its children, milliseconds, for each run."""
    spent = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime))
    return spent


def machine() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Linux {os.uname().release}"
