"""The fleet file: which nodes there are and how to reach them. Errors name file, line, key and the nearest valid key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

#: `ssh_config` of a fleet file: an OpenSSH client configuration, or nothing at all (the demo's and the tests' own).
NO_SSH_CONFIG = "none"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node as the fleet file has it. None means: not said, so the SSH configuration (or its default) decides."""

    name: str
    host: str | None = None  # what to connect to; the node's name where absent
    port: int | None = None
    user: str | None = None
    identity_file: Path | None = None
    transport: str = "ssh"  # "ssh" or "local"
    sudo: bool = False
    group: str | None = None
    tags: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()  # empty: whatever the node has
    interval: float = 2.0  # seconds between fast samples
    slow_interval: float = 20.0  # seconds between slow samples
    read_only: bool = False

    @property
    def production(self) -> bool:
        return "production" in self.tags


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Where host settings and known keys come from."""

    config: Path | None = None  # None: the account's own (~/.ssh/config and the system's)
    use_config: bool = True  # False: `ssh_config: none`
    known_hosts: tuple[Path, ...] = ()  # empty: what the configuration says


@dataclass(frozen=True, slots=True)
class Inventory:
    """A fleet file, read and checked."""

    path: Path | None
    nodes: tuple[NodeSpec, ...]
    ssh: SshSettings = SshSettings()
    thresholds: dict[str, float] = field(default_factory=dict)  # shares, 0..1
    columns: tuple[str, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)  # action id -> keys
    read_only: bool = False
