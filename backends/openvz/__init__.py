"""OpenVZ: containers of legacy `vzctl`/`vzlist` and of OpenVZ 7, where the same tools are still there."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Capability, Script
from . import files
from .inspect import text_of
from .plans import OpenVzPlanner
from .reader import OpenVzReader


class OpenVz(OpenVzPlanner):
    """Containers of an OpenVZ kernel, with their beancounters."""

    name: ClassVar[str] = "openvz"
    label: ClassVar[str] = "OpenVZ"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.SHELL,
            Capability.SUSPEND,
            Capability.SNAPSHOT,
            Capability.LIVE_MIGRATION,
            Capability.BEANCOUNTERS,
        }
    )
    absent: ClassVar[dict[Capability, str]] = {}
    probe: ClassVar[str] = """
if command -v vzlist >/dev/null || command -v vzctl >/dev/null; then
    echo "backend openvz"
    # "vzctl version 4.11.1" (legacy), "vzctl v.7.0.194" (OpenVZ 7)
    echo "tool vzctl $(vzctl --version | sed -n 's/^vzctl \\(version \\|v\\.\\)//p' | head -n 1)"
    if command -v prlctl >/dev/null; then echo "tool prlctl"; fi
fi
"""

    def __init__(self) -> None:
        self.sampler = text_of("sampler.awk")

    def reader(self, node: str) -> OpenVzReader:
        return OpenVzReader(node)

    def shell(self, container_id: str) -> tuple[str, ...]:
        return ("vzctl", "enter", container_id)

    def raw_config(self, container_id: str) -> Script:
        return files.raw_config(container_id)

    def logs(self, container_id: str) -> Script:
        return files.logs(container_id)
