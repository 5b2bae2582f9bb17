"""Nodes with toys, and `ctdeck` on them: processes of their own, as a person starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tui import cli

ROOT = Path(cli.__file__).parents[1]
COMMAND = [sys.executable, "-m", "tui.cli"]
MEMORY = 64 << 20


class Done(subprocess.CompletedProcess[str]):
    """How a command ended."""

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Toys:
    """Two nodes, `n1` and `n2`, that are this machine; both have the toys 101 (running), 102 (stopped) and 103 (running)."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        (root / "var/lib").mkdir(parents=True)
        (root / "proc").symlink_to("/proc")
        for name, state in (("101", "running"), ("102", "stopped"), ("103", "running")):
            self.toy(name).mkdir(parents=True)
            (self.toy(name) / "state").write_text(f"{state}\n")
            (self.toy(name) / "memory").write_text(f"{MEMORY}\n")
            (self.toy(name) / "ips").write_text(f"10.9.0.{name}\n")
        installed = root / "site/toy-1.dist-info"
        installed.mkdir(parents=True)
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
        (installed / "entry_points.txt").write_text("[ctdeck.backends]\ntoy = tests.tui.cli.toy:Toy\n")
        self.environment = {
            **os.environ,
            "CTDECK_ROOT": str(root),
            "PYTHONPATH": str(installed.parent),
            "XDG_STATE_HOME": str(home / "state"),
        }
        self.state = home / "state/ctdeck"
        self.fleet = root / "fleet.yaml"
        self.write_fleet()

    def write_fleet(self, n1: str = "", n2: str = "", more: str = "") -> None:
        node = "{transport: local, backends: [toy]"
        self.fleet.write_text(f"nodes:\n  n1: {node}{n1}}}\n  n2: {node}{n2}}}\n{more}")

    def toy(self, name: str) -> Path:
        return self.root / "toys" / name

    def is_in(self, name: str) -> str:
        """State of a toy."""
        return (self.toy(name) / "state").read_text().strip()

    @property
    def was_done(self) -> list[str]:
        """What the tools did, in order."""
        path = self.root / "done"
        return path.read_text().split() if path.exists() else []

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The journal of jobs."""
        path = self.state / "journal.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line["event"] == "sent"]

    @property
    def audited(self) -> list[dict[str, Any]]:
        path = self.state / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def hold(self) -> None:
        (self.root / "hold").touch()

    def let_go(self) -> None:
        (self.root / "hold").unlink(missing_ok=True)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, "--fleet", str(self.fleet), *words],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ctdeck(self, *words: str, **environment: str) -> Done:
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=60)
        return Done(process.args, process.returncode, out, err)
