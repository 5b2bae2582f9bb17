"""The contract of a backend, and how backends are found.

A backend is one folder: a sampler fragment (awk, runs on the node), parsers (pure: text in, model out) and plans. To
write one, copy `backends/lxc`, name its class under the entry-point group `ctdeck.backends`, and run the conformance
tests. The bundled backends are loaded through the same group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import entry_points
from typing import ClassVar, Protocol, runtime_checkable

from .model import Container, Node, NodeFacts
from .plans.plan import Inspection, Plan
from .plans.request import Request

GROUP = "ctdeck.backends"


class Capability(StrEnum):
    """What a backend can do at all. The screen greys out what is missing, with the reason."""

    SHELL = "shell"
    SUSPEND = "suspend"
    SNAPSHOT = "snapshot"
    LIVE_MIGRATION = "live-migration"
    BEANCOUNTERS = "beancounters"


@dataclass(slots=True)
class Reading:
    """What one sample says of one backend of a node.

    A whole reading (slow part present) lists every container; one that is missing there is gone. Otherwise `containers`
    holds those whose figures moved. `want_slow` asks for a slow sample soon: something changed that only it can explain.
    """

    containers: list[Container] = field(default_factory=list)
    whole: bool = False
    want_slow: bool = False
    broken: str = ""  # the backend is there but cannot be read: one sentence with its remedy
    notes: tuple[str, ...] = ()
    disk: tuple[int, int] | None = None  # bytes used and total of the container area


class Reader(Protocol):
    """The memory of one node's backend between samples (last counters). Pure otherwise: no clock, no I/O."""

    def read(self, lines: Sequence[str], facts: NodeFacts) -> Reading:
        """`lines`: the section of this backend in one sample. `facts`: the node's, already updated by the same sample.

        Never raises: what it cannot read it says in `Reading.notes` or `Container.note`.
        """
        ...


class Backend(Protocol):
    """What ctdeck must know of a kind of containers."""

    name: ClassVar[str]  # as in `NODE/BACKEND:ID`
    label: ClassVar[str]  # for people: "OpenVZ"
    capabilities: ClassVar[frozenset[Capability]]
    absent: ClassVar[dict[Capability, str]]  # why a capability is missing, for people

    probe: ClassVar[str]  # POSIX sh, run once at connect: prints `backend NAME` and `tool NAME VERSION` lines
    sampler: ClassVar[str]  # awk functions NAME_begin(), NAME_fast(), NAME_slow() (see backends/sampler)

    def reader(self, node: str) -> Reader: ...

    def shell(self, container_id: str) -> tuple[str, ...]:
        """Command on the node that opens an interactive root shell inside; a container's console where none."""
        ...


@dataclass(frozen=True, slots=True)
class Script:
    """A short POSIX sh script for a node; `args` are its `$1`..., and nothing of them ever stands in `text`."""

    text: str
    args: tuple[str, ...] = ()


@runtime_checkable
class Files(Protocol):
    """What a backend may offer beside: text files of a container on its node.

    Each script prints where it read on the first line and the content after it. Where there is nothing it says why in
    one sentence on stderr and exits with 3.
    """

    def raw_config(self, container_id: str) -> Script:
        """The configuration file, as it is."""
        ...

    def logs(self, container_id: str) -> Script:
        """The newest lines that the node has about the container, oldest first; a bounded number."""
        ...


@runtime_checkable
class Planner(Protocol):
    """What a backend offers that can change its containers. Pure: what it must know is in its arguments."""

    def inspect(self, container_id: str) -> Script:
        """Looks closely at one container (some 100 ms). Its first output line is the checksum that becomes the fingerprint.

        Exits with 3 and one sentence on stderr when there is no such container.
        """
        ...

    def inspection(self, container_id: str, output: bytes) -> Inspection:
        """What `inspect` printed, read. Raises `Fault(DATA)` when it cannot be."""
        ...

    def plan(self, request: Request, container: Container, found: Inspection, node: Node) -> Plan:
        """The change as steps. Raises `Refused` (with why, and what helps) or `Misused`.

        Whatever has to do with more than this one container is not its business: addresses that clash on other nodes,
        read-only and production nodes, the age of the reading.
        """
        ...


def load(names: Sequence[str] = ()) -> dict[str, Backend]:
    """Installed backends by name; all, or those named. An unknown name raises KeyError, with what is installed."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name in names:
        if name not in found:
            raise KeyError(f"no backend {name!r} is installed (there are: {', '.join(sorted(found))})")
    return {name: found[name].load()() for name in (names or sorted(found))}
