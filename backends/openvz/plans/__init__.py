"""Changes of OpenVZ containers as plans: one module for each group of actions. They only write steps; nothing is run here."""

from __future__ import annotations

from ...backend import Script
from ...model import Container, Node
from ...plans.plan import Inspection, Misused, Plan
from ...plans.request import (
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    Run,
    SetLimits,
)
from .. import inspect
from . import addresses, inside, limits, power, snapshots
from .common import Target


class OpenVzPlanner:
    """The part of the backend that can change containers (`Planner`)."""

    def inspect(self, container_id: str) -> Script:
        return inspect.inspect(container_id)

    def inspection(self, container_id: str, output: bytes) -> Inspection:
        return inspect.inspection(container_id, output)

    def plan(self, request: Request, container: Container, found: Inspection, node: Node) -> Plan:
        inspect.checked_id(container.id)
        target = Target(container, found, node)
        if isinstance(request, Power):
            return power.plan(request, target)
        if isinstance(request, Addresses):
            return addresses.plan(request, target)
        if isinstance(request, SetLimits):
            return limits.plan(request, target)
        if isinstance(request, CreateSnapshot):
            return snapshots.create(request, target)
        if isinstance(request, RevertSnapshot):
            return snapshots.revert(request, target)
        if isinstance(request, DeleteSnapshot):
            return snapshots.delete(request, target)
        if isinstance(request, Run):
            return inside.plan(request, target)
        raise Misused(f"ctdeck has no plan for {type(request).__name__} on OpenVZ")
