"""`ctdeck trouble`: watches the fleet for a while, then tells what is wrong, worst first."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from backends.inventory import Inventory

from .fleet_file import needed
from .ls import duration, filter_of

if TYPE_CHECKING:
    from backends.trouble import Triage, Verdict
    from tui.filter import Filter

NOTHING, UNASKED, TROUBLE = 0, 3, 6
#: Seconds between two judgements.
_TICK = 0.5
#: Seconds that nodes get for their first figures, before the watching begins.
_PATIENCE = 15.0


class Finding(NamedTuple):
    """One line of the result. `id` None: the node itself. `since`: seconds since the epoch."""

    node: str
    id: str | None
    name: str
    verdict: Verdict
    since: float | None

    def published(self) -> dict[str, Any]:
        """As the README documents it."""
        return {
            "node": self.node,
            "id": self.id,
            "score": self.verdict.score,
            "reasons": [reason.text for reason in self.verdict.reasons],
            "since": None if self.since is None else round(self.since, 3),
        }


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "filter", nargs="*", metavar="FILTER", help="as in `ctdeck ls`; a node passes by node: and group:"
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        default=15.0,
        metavar="TIME",
        help="how long to watch: what needs a comparison takes some seconds (15s)",
    )


def run(options: argparse.Namespace) -> int:
    passes = filter_of(" ".join(options.filter))
    triage = asyncio.run(_watched(needed(options), options.seconds, ask=not options.json))
    found = findings(triage, passes)
    if options.json:
        print(json.dumps([finding.published() for finding in found], indent=1))
    else:
        _print(found, triage)
    sys.stdout.flush()
    return _code(found, triage, passes)


async def _watched(inventory: Inventory, seconds: float, *, ask: bool) -> Triage:
    """The judgement after so many seconds, from when every node has told its first figures, or has failed.

    The time that a person takes to answer a question does not count.
    """
    from backends.fleet import Fleet
    from backends.trouble import Triage
    from tui.commands.questions import questions

    prompts = questions(allowed=ask)
    fleet = Fleet(inventory, prompts)
    triage = Triage(fleet.store, inventory.thresholds)
    await fleet.start()
    try:
        asked, until = -1, 0.0
        while asked != prompts.asked or time.monotonic() < until:
            if asked != prompts.asked:
                asked = prompts.asked
                await fleet.wait_first(_PATIENCE)
                await prompts.answered()
                until = time.monotonic() + seconds
            triage.update(fleet.store.take())
            triage.judge()
            await asyncio.sleep(max(0.0, min(_TICK, until - time.monotonic())))
        triage.update(fleet.store.take())
        triage.judge()
    finally:
        await fleet.stop()
    return triage


def findings(triage: Triage, passes: Filter) -> list[Finding]:
    """Everything in trouble that the filter lets pass, worst first."""
    store, now, wall = triage.store, time.monotonic(), time.time()
    found = []
    for where, verdict in triage.worst():
        since = None if verdict.since is None else wall - (now - verdict.since)
        if isinstance(where, str):
            if passes.node(store.nodes[where]):
                found.append(Finding(where, None, "", verdict, since))
        elif passes(store.containers[where], store.nodes[where.node]):
            container = store.containers[where]
            name = container.name if container.name and container.name != where.id else ""
            found.append(Finding(where.node, where.id, name, verdict, since))
    return found


def _code(found: list[Finding], triage: Triage, passes: Filter) -> int:
    """A dead node is trouble; one that never could be read says nothing about its containers."""
    from backends.model import NodeState

    unread = (NodeState.CONNECTING, NodeState.BLOCKED, NodeState.BROKEN)
    nodes = triage.store.nodes
    if any(finding.id is not None or nodes[finding.node].state not in unread for finding in found):
        return TROUBLE
    whole = True
    for node in nodes.values():
        if node.state in unread and passes.node(node):
            whole = False
            error = node.error or "it has not answered yet: give it more time with --for"
            print(f"ctdeck: {node.name} could not be asked: {error}. {node.remedy}".rstrip(), file=sys.stderr)
    return NOTHING if whole else UNASKED


def _print(found: list[Finding], triage: Triage) -> None:
    from tui.format import safe

    if not found:
        store = triage.store
        print(f"nothing is wrong: {len(store.nodes)} nodes, {len(store.containers)} containers")
        return
    rows = []
    for finding in found:
        where = finding.node if finding.id is None else f"{finding.node}/{finding.id}"
        since = "" if finding.since is None else time.strftime("%H:%M", time.localtime(finding.since))
        if finding.since is not None and time.time() - finding.since > 86400:
            since = time.strftime("%Y-%m-%d", time.localtime(finding.since))
        why = ", ".join(safe(reason.text) for reason in finding.verdict.reasons)
        rows.append((safe(where), safe(finding.name) or "(node)" * (finding.id is None), since, why))
    rows.insert(0, ("WHERE", "NAME", "SINCE", "WHY"))
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    for row in rows:
        print("  ".join([*(f"{text:{width}}" for text, width in zip(row, widths, strict=False)), row[3]]))
