"""Nodes with toys, and `ctdeck` on them: processes of their own, as a person starts them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.wait import until_blocking
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
        self.site = installed.parent
        self.changed = {
            "CTDECK_ROOT": str(root),
            "PYTHONPATH": str(self.site),
            "XDG_STATE_HOME": str(home / "state"),
            "COLUMNS": "80",
        }
        self.environment = {**os.environ, **self.changed}
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
        """From now on its tools wait."""
        (self.root / "hold").touch()

    def breaks(self, how: str) -> None:
        """`fail` or `lie`."""
        (self.root / how).touch()

    @property
    def job_ids(self) -> list[str]:
        """Jobs as the node has them."""
        return sorted(path.name for path in self.root.glob("var/lib/ctdeck/jobs/2*"))

    @property
    def locked(self) -> bool:
        """Whether a job is at work on a toy."""
        return any(self.root.glob("var/lib/ctdeck/locks/*/owner"))

    def ended(self, job_id: str) -> bool:
        return (self.root / "var/lib/ctdeck/jobs" / job_id / "result").exists()

    def end(self) -> None:
        """Let every job come to its end, so that nothing outlives the test."""
        self.let_go()
        until_blocking(lambda: all(map(self.ended, self.job_ids)), 60, "all jobs have ended")

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

    def ctdeck(self, *words: str) -> Done:
        """One command, here: an interpreter of its own would cost more than all that it does."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(["--fleet", str(self.fleet), *words])
        return Done(words, code, out.getvalue(), err.getvalue())

    def another(self, *words: str, **environment: str) -> Done:
        """One command in a process of its own."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=120)
        return Done(process.args, process.returncode, out, err)
