"""`ctdeck doctor`: every node tried step by step."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError
from backends.inventory import Inventory, NodeSpec
from backends.yamlfile import nearest

from .fleet_file import needed

if TYPE_CHECKING:
    from backends.doctor import Report, Step

#: Nodes that are tried at the same time.
_AT_ONCE = 16


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("nodes", nargs="*", metavar="NODE", help="nodes of the fleet file (all)")


def run(options: argparse.Namespace) -> int:
    inventory = needed(options)
    chosen = _chosen(inventory, options.nodes)
    reports = asyncio.run(_examined(inventory, chosen, as_json=options.json))
    if options.json:
        print(json.dumps({"nodes": [published(report) for report in reports]}, indent=1))
    return 0 if all(report.ok for report in reports) else 3


def published(report: Report) -> dict[str, Any]:
    """One node of `doctor --json`."""
    return {
        "name": report.node,
        "ok": report.ok,
        "steps": [
            {
                "step": step.name,
                "outcome": str(step.outcome),
                "detail": step.detail or None,
                "remedy": step.remedy or None,
                "seconds": None if step.seconds is None else round(step.seconds, 3),
            }
            for step in report.steps
        ],
    }


def _chosen(inventory: Inventory, names: list[str]) -> list[NodeSpec]:
    specs = {spec.name: spec for spec in inventory.nodes}
    for name in names:
        if name not in specs:
            raise ConfigError(f'there is no node "{name}" in {inventory.path}', nearest(name, specs))
    return [specs[name] for name in dict.fromkeys(names)] or list(specs.values())


async def _examined(inventory: Inventory, specs: list[NodeSpec], *, as_json: bool) -> list[Report]:
    from backends import backend
    from backends.doctor import examine
    from backends.local import LocalTransport
    from backends.ssh.pool import Pool
    from backends.transport import Transport

    from .questions import questions

    prompts = questions(allowed=not as_json)
    pool = Pool(inventory.ssh, prompts)
    backends = list(backend.load().values())
    places = asyncio.Semaphore(_AT_ONCE)

    async def connect(spec: NodeSpec) -> Transport:
        return LocalTransport(spec, prompts) if spec.transport == "local" else await pool.connect(spec)

    async def one(spec: NodeSpec) -> Report:
        async with places:
            return await examine(spec, inventory.ssh, connect, backends)

    tasks = [asyncio.create_task(one(spec)) for spec in specs]
    reports = []
    try:
        for task in tasks:
            reports.append(await task)
            if not as_json:
                print("\n".join(lines(reports[-1])), flush=True)
    finally:
        for task in tasks:
            task.cancel()
        await pool.close()
    return reports


def lines(report: Report) -> list[str]:
    """One node for people: its steps up to the one that failed."""
    from backends.doctor import NOT_REACHED

    steps = [_line(step) for step in report.steps if step.detail != NOT_REACHED]
    return [f"{report.node}: {'good' if report.ok else 'NOT good'}", *steps]


def _line(step: Step) -> str:
    spent = "" if step.seconds is None else f"  {step.seconds * 1000:.0f} ms"
    line = f"  {step.outcome:<8} {step.name:<9} {step.detail}{spent}".rstrip()
    return f"{line}\n{'':21}-> {step.remedy}" if step.remedy else line
