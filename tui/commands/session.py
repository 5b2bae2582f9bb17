"""A fleet that is connected for the length of one command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from backends.inventory import Inventory
from backends.model import NodeState

if TYPE_CHECKING:
    from backends.fleet import Fleet

    from .questions import Silent, Terminal

#: Seconds that a node gets until its containers are known. The time that a person takes to answer does not count.
PATIENCE = 20.0
_GAP = 0.02
_GIVEN_UP = (NodeState.DOWN, NodeState.BLOCKED, NodeState.BROKEN)


@asynccontextmanager
async def opened(
    inventory: Inventory, nodes: Collection[str], prompts: Terminal | Silent, *, all_connected: bool = False
) -> AsyncIterator[Fleet]:
    """The fleet when each of `nodes` has answered, or cannot be reached. No other node is waited for, or even connected."""
    from backends.fleet import Fleet

    if not all_connected:
        inventory = replace(inventory, nodes=tuple(spec for spec in inventory.nodes if spec.name in nodes))
    fleet = Fleet(inventory, prompts)
    await fleet.start()
    try:
        await listed(fleet, nodes, prompts)
        yield fleet
    finally:
        await fleet.stop()


async def listed(fleet: Fleet, nodes: Collection[str], prompts: Terminal | Silent) -> None:
    """Until each of `nodes` has told its containers, or cannot, or has had its time."""
    asked = -1
    while asked != prompts.asked:
        asked = prompts.asked
        until = time.monotonic() + PATIENCE
        while not all(_settled(fleet, name) for name in nodes):
            if time.monotonic() > until:
                break
            await asyncio.sleep(_GAP)
        await prompts.answered()


def _settled(fleet: Fleet, name: str) -> bool:
    node = fleet.store.nodes[name]
    return node.answered is not None or node.state in _GIVEN_UP
