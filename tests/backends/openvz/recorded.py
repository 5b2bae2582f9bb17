"""Inspections that were recorded (tests/backends/cases/openvz-inspect), to plan against without a node."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from backends.model import Container, Key, Node, NodeFacts
from backends.openvz import OpenVz
from backends.plans.plan import Inspection, Plan
from backends.plans.request import Request

CASES = Path(__file__).parent.parent / "cases/openvz-inspect"
BACKEND = OpenVz()


@cache
def recorded(name: str, ctid: str = "101") -> Inspection:
    case = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return BACKEND.inspection(ctid, "\n".join(case["output"]).encode())


def hn1(version: str = "4.11.1") -> Node:
    facts = NodeFacts(tools={"vzctl": version}, cpus=8, memory_total=16 << 30, swap_total=4 << 30, disk_total=900 << 30)
    return Node("hn1", facts=facts)


def planned(case: str, request: Request, ctid: str = "101", version: str = "4.11.1") -> Plan:
    container = Container(Key("hn1", "openvz", ctid), name="web-1")
    return BACKEND.plan(request, container, recorded(case, ctid), hn1(version))
