"""How much a start costs: the command line answers before anything heavy is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .figure import Figure, median, process_cpu


def figures() -> Iterator[Figure]:
    bare, _ = median(process_cpu([sys.executable, "-c", "pass"]))
    for name, words in (("ctdeck --version", ["--version"]), ("ctdeck --help", ["--help"])):
        ours, spread = median(process_cpu([sys.executable, "-m", "tui", *words]))
        yield Figure(f"start: {name}, CPU", ours, bare, "python -c pass", "ms", 3.0, spread)
