"""Run the benchmarks, print a line for each figure, write bench.json. `ONLY=start` (or an argument) runs one part."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from .figure import Figure, machine, write

PARTS = ("start", "steady", "screen")


def main() -> int:
    chosen = sys.argv[1:] or os.environ.get("ONLY", "").split() or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        print(f"No such part: {', '.join(unknown)}. There are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    print(machine())
    found: list[Figure] = []
    for part in chosen:
        for figure in importlib.import_module(f"tests.bench.{part}").figures():
            found.append(figure)
            print(figure.line(), flush=True)
    write(found, Path("bench.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
