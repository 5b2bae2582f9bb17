"""`ctdeck ls`: every container of every node, once."""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError
from backends.inventory import Inventory, seconds

from .fleet_file import needed

if TYPE_CHECKING:
    from backends.model import Container
    from backends.store import Store
    from tui.filter import Filter


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "filter",
        nargs="*",
        metavar="FILTER",
        help="as in the deck: words, !not, node:hn1, state:running, 'cpu>80', 'mem>90%%'",
    )
    parser.add_argument("--csv", action="store_true", help="print CSV with a header")
    parser.add_argument(
        "--timeout",
        type=duration,
        default=15.0,
        metavar="TIME",
        help="how long to wait for nodes that do not answer (15s)",
    )
    parser.add_argument("--wide", action="store_true", help="all columns, nothing cut")


def run(options: argparse.Namespace) -> int:
    if options.csv and options.json:
        raise ConfigError("--csv and --json are two formats", "Choose one")
    passes = filter_of(" ".join(options.filter))
    inventory = needed(options)
    store = asyncio.run(_sampled(inventory, options.timeout, ask=not options.json))
    chosen = [each for each in _ordered(store) if passes(each, store.nodes[each.node])]
    if options.json:
        from backends.published import fleet

        print(json.dumps(fleet(store, chosen), indent=1))
    elif options.csv:
        _print_csv(chosen)
    else:
        from .ls_table import print_table

        print_table(store, chosen, wide=options.wide, ascii_only=options.ascii)
    sys.stdout.flush()
    return 0 if tell_lost(store) else 3


def duration(text: str) -> float:
    """Of an option, up to an hour."""
    try:
        span = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < span <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and one hour")
    return span


def filter_of(text: str) -> Filter:
    """Raises ConfigError that shows the wrong spot."""
    from tui.filter import FilterError, compile_filter

    try:
        return compile_filter(text)
    except FilterError as error:
        there = text[error.position :][:20]
        at = f'at "{there}"' if there else "at its end"
        raise ConfigError(f'the filter "{text}" is wrong {at}: {error}', "`ctdeck ls --help` shows the words") from None


async def _sampled(inventory: Inventory, timeout: float, *, ask: bool) -> Store:
    """The fleet after its first figures. The time that a person takes to answer a question does not count."""
    from backends.fleet import Fleet
    from tui.commands.questions import questions

    prompts = questions(allowed=ask)
    fleet = Fleet(inventory, prompts)
    await fleet.start()
    try:
        asked = -1
        while asked != prompts.asked:
            asked = prompts.asked
            await fleet.wait_first(timeout)
            await prompts.answered()
        for node in fleet.store.nodes.values():
            if node.answered is None and not node.error:
                node.error = f"No answer within {timeout:g} s"
                node.remedy = "Give it more time with --timeout, or ask `ctdeck doctor`"
    finally:
        await fleet.stop()
    return fleet.store


def _ordered(store: Store) -> list[Container]:
    """Nodes as in the fleet file, containers by id, numbers as numbers."""
    return [
        each
        for node in store.nodes
        for each in sorted(store.of_node(node), key=lambda each: (each.key.backend, len(each.id), each.id))
    ]


def _print_csv(containers: Sequence[Container]) -> None:
    from backends import model, published

    empty = published.container(model.Container(model.Key("", "", "")))
    fields = [name for name in empty if name != "beancounters"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(fields)
    for each in containers:
        values = published.container(each)
        writer.writerow([_cell(values[name]) for name in fields])


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(each["limit"] if isinstance(each, dict) else str(each) for each in value)  # leashes are dicts
    if isinstance(value, dict):
        return value["by"] or "yes"  # a lock
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"  # written by a tenant, and a formula for a spreadsheet
    return value


def tell_lost(store: Store) -> bool:
    """One line for each node that did not answer or has notes. True: all answered."""
    from backends.model import NodeState

    whole = True
    for node in store.nodes.values():
        answered = node.answered is not None and node.state in (NodeState.UP, NodeState.STALE)
        whole = whole and answered
        if node.error:
            print(f"ctdeck: {node.name}: {_sentences(node.error, node.remedy)}", file=sys.stderr)
        for note in node.notes:
            print(f"ctdeck: {node.name}: {_sentences(note)}", file=sys.stderr)
    return whole


def _sentences(*sentences: str) -> str:
    return " ".join(text if text.endswith((".", "?", "!")) else f"{text}." for text in sentences if text)
