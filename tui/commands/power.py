"""`ctdeck start`, `stop`, `restart`, `suspend`, `resume` and `destroy`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from backends.plans.plan import Misused, Plan
from backends.plans.request import Power, duration

from . import change

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.model import Key


def arguments(parser: argparse.ArgumentParser) -> None:
    verb = parser.prog.split()[-1]
    parser.add_argument("targets", nargs="+", metavar="NODE/ID", help="containers")
    if verb in ("stop", "restart"):
        parser.add_argument("--fast", action="store_true", help="kill it, instead of asking its init to shut down")
        parser.add_argument("--stop-timeout", metavar="TIME", default="60s", help="how long a shutdown may take (60s)")
    if verb == "restart":
        parser.add_argument(
            "--evidence", action="store_true", help="first keep processes, logs, counters and sockets in a file"
        )


def run(options: argparse.Namespace) -> int:
    request = Power(
        options.verb,
        fast=getattr(options, "fast", False),
        timeout=_stop_timeout(getattr(options, "stop_timeout", "60s")),
        evidence=getattr(options, "evidence", False),
    )

    async def plan(changer: Changer, key: Key) -> Plan:
        return await changer.prepare(key, request)

    return change.run(options, options.targets, plan)


def _stop_timeout(text: str) -> int:
    seconds = duration(text)
    if seconds > 3600:
        raise Misused(f"--stop-timeout {text} is more than an hour")
    return seconds
