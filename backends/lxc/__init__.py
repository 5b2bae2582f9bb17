"""Classic LXC (the `lxc-*` tools), without a daemon. On it the name is the id."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Capability, Script
from ..model import Container, Node
from ..plans.plan import Inspection, Plan
from ..plans.request import Request
from ..sampler.script import fragment
from . import files
from . import inspect as inspecting
from .plans.plan import plan as plan_of
from .reader import LxcReader


class Lxc:
    """Containers of liblxc, read from cgroup v1 or v2."""

    name: ClassVar[str] = "lxc"
    label: ClassVar[str] = "LXC"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.SHELL, Capability.SNAPSHOT})
    absent: ClassVar[dict[Capability, str]] = {
        Capability.BEANCOUNTERS: "LXC has no beancounters; its limits are cgroup files",
        Capability.SUSPEND: "LXC suspends through criu, which does not carry its containers on present kernels",
    }
    probe: ClassVar[str] = """
if command -v lxc-info >/dev/null; then
    CTDECK_LXC_AREA=$(lxc-config lxc.lxcpath 2>/dev/null)
    case $CTDECK_LXC_AREA in /*[!A-Za-z0-9._/-]*) CTDECK_LXC_AREA= ;; esac
    case $CTDECK_LXC_AREA in /*) ;; *) CTDECK_LXC_AREA=/var/lib/lxc ;; esac
    export CTDECK_LXC_AREA
    echo "backend lxc"
    echo "tool lxc $(lxc-info --version)"
fi
"""

    def __init__(self) -> None:
        self.sampler = fragment(__package__)

    def reader(self, node: str) -> LxcReader:
        return LxcReader(node)

    def shell(self, container_id: str) -> tuple[str, ...]:
        return ("lxc-attach", "-n", container_id)

    def raw_config(self, container_id: str) -> Script:
        return files.raw_config(container_id)

    def logs(self, container_id: str) -> Script:
        return files.logs(container_id)

    def inspect(self, container_id: str) -> Script:
        return inspecting.inspect(container_id)

    def inspection(self, container_id: str, output: bytes) -> Inspection:
        return inspecting.inspection(container_id, output)

    def plan(self, request: Request, container: Container, found: Inspection, node: Node) -> Plan:
        return plan_of(request, container, found, node)
