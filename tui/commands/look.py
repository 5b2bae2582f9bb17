"""Verbs that only look at one container: connect, inspect, print."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tui.format import cells, fit, safe

from .fleet_file import needed
from .session import opened
from .targets import Target, parse, resolve

if TYPE_CHECKING:
    from backends.inventory import Inventory
    from backends.model import Container

#: What is printed of a container: its part of the JSON from what its inspection says.
Show = Callable[["Container", dict[str, Any]], dict[str, Any]]


def run(options: argparse.Namespace, text: str, show: Show, lines: Callable[[dict[str, Any]], list[str]]) -> int:
    """Print one container, as JSON or as `lines` of it."""
    inventory = needed(options)
    (target,) = parse(inventory, [text])
    container, values = asyncio.run(_looked_at(inventory, target, ask=not options.json))
    found = {
        "node": container.node,
        "backend": container.key.backend,
        "id": container.id,
        "name": container.name,
        **show(container, values),
    }
    print(json.dumps(found, indent=1) if options.json else "\n".join(lines(found)))
    return 0


async def _looked_at(inventory: Inventory, target: Target, *, ask: bool) -> tuple[Container, dict[str, Any]]:
    from backends.change import Changer

    from .questions import questions

    async with opened(inventory, {target.node}, questions(allowed=ask)) as fleet:
        container = resolve(fleet.store, target)
        return container, (await Changer(fleet).look(container.key)).values


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows of equally many cells as lines; the columns `right` are flush right. The last one may be as long as it is."""
    clean = [[safe(cell) for cell in row] for row in rows]
    widths = [max(cells(row[place]) for row in clean) for place in range(len(clean[0]))]
    return [
        "  ".join(fit(cell, widths[place], right=place in right) for place, cell in enumerate(row)).rstrip()
        for row in clean
    ]
