"""`ctdeck undo`: the inverse of the last change of a container, as a change like any other."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from backends.plans.plan import Plan

from . import change

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.model import Key


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="NODE/ID", help="containers")


def run(options: argparse.Namespace) -> int:
    async def plan(changer: Changer, key: Key) -> Plan:
        return await changer.undo_plan(key)

    return change.run(options, options.targets, plan, others=change.Others.CONNECTED)
