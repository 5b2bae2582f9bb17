"""One request as a plan of LXC."""

from __future__ import annotations

from ...model import Container, Node
from ...plans.plan import Inspection, Plan
from ...plans.request import Addresses, CreateSnapshot, DeleteSnapshot, Power, Request, RevertSnapshot, Run, SetLimits
from . import addresses, inside, limits, power, snapshots
from .subject import Subject


def plan(request: Request, container: Container, found: Inspection, node: Node) -> Plan:
    """Raises `Refused` and `Misused`."""
    subject = Subject.of(container, node, found)
    match request:
        case Power():
            return power.plan(subject, request)
        case Addresses():
            return addresses.plan(subject, request)
        case SetLimits():
            return limits.plan(subject, request)
        case CreateSnapshot():
            return snapshots.create(subject, request)
        case RevertSnapshot():
            return snapshots.revert(subject, request)
        case DeleteSnapshot():
            return snapshots.delete(subject, request)
        case Run():
            return inside.plan(subject, request)
