"""Inspections that were recorded (tests/backends/cases/lxc-inspect), to plan against without a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backends.lxc import Lxc
from backends.model import Container, Key, Node, Usage
from backends.plans.plan import Inspection, Plan
from backends.plans.request import Request

CASES = Path(__file__).parent.parent / "cases/lxc-inspect"
NAMES = {
    "overlay": "ovl",
    "overlay-snapshot": "ovl",
    "running-all": "ct1101",
    "stopped-all": "ct1101",
    "cgroup2": "ct1101",
}
NAMES |= {"running-plain": "ct2101", "frozen": "ct2101", "loop-running": "ct2102", "loop-stopped": "ct2102"}
NAMES |= {"needed": "ct2103", "loop-snapshot": "ct2102"}


def recorded(case: str, *more: str, without: tuple[str, ...] = (), changed: dict[str, str] | None = None) -> Inspection:
    """One of the cases, with lines added, left out (by their beginning) and replaced (text by text)."""
    lines = json.loads((CASES / f"{case}.json").read_text(encoding="utf-8"))["output"]
    lines = [line for line in lines if not line.startswith(without or ("\0",))]
    for old, new in (changed or {}).items():
        lines = [line.replace(old, new) for line in lines]
    return Lxc().inspection(NAMES[case], "\n".join([*lines, *more]).encode())


def planned(case: str, request: Request, *more: str, cpu: float | None = None, **how: Any) -> Plan:
    container = Container(Key("n1", "lxc", NAMES[case]), name=NAMES[case], usage=Usage(cpu_percent=cpu))
    return Lxc().plan(request, container, recorded(case, *more, **how), Node("n1"))
