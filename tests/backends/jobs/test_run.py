"""The runner on the node, under every shell, killed at every step. The oracle is what its steps left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.jobs.start import job_files, start_script
from backends.model import Key
from backends.plans.plan import Plan, Step
from tests import need
from tests.wait import until_blocking

SHELLS = {"dash": "dash", "bash": "bash", "busybox": "busybox sh", "posix": "bash --posix"}


class Node:
    """A place for jobs, and a shell that runs them."""

    def __init__(self, root: Path, bin_dir: Path) -> None:
        self.root = root
        self.world = root / "world"
        self.world.mkdir(parents=True)
        (root / "var/lib").mkdir(parents=True)
        self.jobs = root / "var/lib/ctdeck/jobs"
        self.environment = {
            "PATH": f"{bin_dir}:{os.environ['PATH']}",
            "CTDECK_ROOT": str(root),
            "WORLD": str(self.world),
        }

    def sh(self, script: str) -> str:
        done = subprocess.run(
            ["sh", "-s"], input=script, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def start(self, plan: Plan, job_id: str = "20260101-000000-aaaaaa") -> str:
        return self.sh(start_script(job_id, job_files(plan, {"who": "me"}))).strip()

    def visit(self, verb: str, job_id: str = "20260101-000000-aaaaaa") -> dict[str, str]:
        lines = self.sh(f"sh {self.jobs / job_id}/run.sh {verb}").splitlines()
        return {word: value for word, _, value in (line.partition(" ") for line in lines)}

    def file(self, name: str, job_id: str = "20260101-000000-aaaaaa") -> str:
        path = self.jobs / job_id / name
        return path.read_text().strip() if path.exists() else ""

    def wait(self, job_id: str = "20260101-000000-aaaaaa") -> str:
        until_blocking(lambda: self.file("result", job_id), timeout=30, what="a result")
        until_blocking(lambda: not any((self.root / "var/lib/ctdeck/locks").iterdir()), timeout=10, what="no lock")
        return self.file("result", job_id)

    def kill(self, name: str, job_id: str = "20260101-000000-aaaaaa") -> None:
        until_blocking(lambda: self.file(name, job_id), timeout=20, what=name)
        os.kill(int(self.file(name, job_id).split()[0]), signal.SIGKILL)

    def has(self, name: str) -> bool:
        return (self.world / name).exists()


@pytest.fixture(params=sorted(SHELLS))
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    command = SHELLS[request.param]
    program = shutil.which(command.split()[0])
    if program is None:
        need.unmet(f"{command.split()[0]} is not installed")
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    options = " ".join(command.split()[1:])
    (bin_dir / "sh").write_text(f'#!/bin/sh\nexec {program} {options} "$@"\n')
    (bin_dir / "sh").chmod(0o755)
    node = Node(tmp_path / "root", bin_dir)
    yield node
    for path in node.jobs.glob("*/*"):
        if path.name in ("supervisor", "worker") or path.suffix == ".pid":
            pid = int(path.read_text().split()[0])
            try:
                if str(node.jobs) in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


def plan(*steps: Step, **more: str) -> Plan:
    return Plan("test", Key("n1", "lxc", "ct1"), "ct1", False, steps, **more)  # type: ignore[arg-type]


def held(name: str) -> str:
    """A step's end: it goes on when the file is there."""
    return f'while [ ! -e "$WORLD/{name}" ]; do sleep 0.05; done\n'


def freezing(hold: bool = True) -> Plan:
    """Freeze, copy, thaw: each step counts how often it was done."""
    wait = held("go") if hold else ""
    return plan(
        Step("freeze", ': >"$WORLD/frozen"; echo x >>"$WORLD/froze"\n', thaw='rm -f "$WORLD/frozen"\n', thaw_after=20),
        Step("copy", f'echo x >>"$WORLD/copied"; : >"$WORLD/copy"\n{wait}', undo='rm -f "$WORLD/copy"\n'),
        Step("thaw", 'rm -f "$WORLD/frozen"; echo x >>"$WORLD/thawed"\n', thaws=1),
    )


def times(node: Node, name: str) -> int:
    path = node.world / name
    return len(path.read_text().split()) if path.exists() else 0


def test_steps_run_in_order_and_are_told(node: Node) -> None:
    assert node.start(freezing(hold=False)) == f"started {node.root}/var/lib/ctdeck"
    assert node.wait() == "done"
    assert (times(node, "froze"), times(node, "copied"), times(node, "thawed")) == (1, 1, 1)
    assert not node.has("frozen")
    status = node.visit("status")
    assert (status["step"], status["result"]) == ("3", "done")
    assert (node.jobs.stat().st_mode & 0o77, node.jobs.parent.stat().st_mode & 0o77) == (0, 0)


def test_a_second_start_of_the_same_id_does_nothing(node: Node) -> None:
    node.start(freezing())
    assert node.start(freezing()) == "already"
    (node.world / "go").touch()
    assert node.wait() == "done"
    assert times(node, "copied") == 1


def test_a_second_job_on_the_container_is_told_who_has_it(node: Node) -> None:
    node.start(freezing())
    until_blocking(lambda: node.has("copy"))
    node.start(freezing(), "20260101-000001-bbbbbb")
    until_blocking(lambda: node.file("result", "20260101-000001-bbbbbb"))
    assert node.file("result", "20260101-000001-bbbbbb") == "busy 20260101-000000-aaaaaa"
    (node.world / "go").touch()
    assert node.wait() == "done"
    assert times(node, "froze") == 1


def test_a_failed_step_is_put_back(node: Node) -> None:
    steps = freezing(hold=False).steps
    failing = Step("fail", "exit 7\n")
    node.start(plan(*steps[:2], failing))
    assert node.wait() == "failed 3 as-is 7"
    assert not node.has("copy")
    assert not node.has("frozen")


def test_a_plan_that_is_out_of_date_does_nothing(node: Node) -> None:
    (node.world / "config").write_text("memory 1\n")
    check = 'cat "$WORLD/config"\n'
    mark = node.sh('cat "$WORLD/config" | cksum').strip()
    fresh = Plan(
        "test", Key("n1", "lxc", "ct1"), "ct1", False, freezing(hold=False).steps, fingerprint=mark, check=check
    )
    node.start(fresh)
    assert node.wait() == "done"
    (node.world / "config").write_text("memory 2\n")
    node.start(fresh, "20260101-000001-bbbbbb")
    assert node.wait("20260101-000001-bbbbbb") == "stale"
    assert times(node, "froze") == 1


@pytest.mark.parametrize("victim", ["worker", "supervisor", "both"])
def test_killed_in_the_middle_it_is_put_right(node: Node, victim: str) -> None:
    node.start(freezing())
    until_blocking(lambda: node.has("copy") and node.file("2.pid"))
    if victim != "worker":
        node.kill("supervisor")
    if victim != "supervisor":
        node.kill("worker")
    (node.world / "go").touch()
    if victim == "both":
        until_blocking(lambda: node.file("2.rc"))
        until_blocking(lambda: not node.has("frozen"), what="the dead man's hand")
        assert node.visit("status")["state"] == "dead"
        node.visit("recover")
    result = node.wait()
    assert result == ("done" if victim == "supervisor" else "failed 2 as-is killed")
    assert not node.has("frozen")
    assert (times(node, "froze"), times(node, "copied")) == (1, 1)
    assert node.has("copy") == (victim == "supervisor")


def test_a_job_that_died_is_put_right_before_the_next_one(node: Node) -> None:
    node.start(freezing())
    until_blocking(lambda: node.has("copy") and node.file("2.pid"))
    node.kill("supervisor")
    node.kill("worker")
    (node.world / "go").touch()
    until_blocking(lambda: node.file("2.rc"))
    node.start(freezing(), "20260101-000001-bbbbbb")
    assert node.wait("20260101-000001-bbbbbb") == "done"
    assert node.file("result") == "failed 2 as-is killed"
    assert times(node, "copied") == 2


def test_a_freeze_that_lasts_too_long_is_thawed(node: Node) -> None:
    first, *rest = freezing().steps
    short = Step(first.title, first.script, thaw=first.thaw, thaw_after=1)
    node.start(plan(short, *rest))
    until_blocking(lambda: node.has("copy"))
    until_blocking(lambda: not node.has("frozen"), timeout=15, what="the dead man's hand")
    until_blocking(lambda: node.file("1.deadman.fired"))
    (node.world / "go").touch()
    assert node.wait() == "done"


def test_one_that_never_began_is_not_starting_for_ever(node: Node) -> None:
    job = node.jobs / "20260101-000000-aaaaaa"
    job.mkdir(parents=True)
    for name, text in job_files(freezing(hold=False), {"who": "me"}).items():
        (job / name).write_text(f"{text}\n")
    assert node.visit("status")["state"] == "starting"
    os.utime(job / "about", (0, 0))
    assert node.visit("status")["state"] == "dead"
    node.visit("recover")
    assert node.file("result") == "failed 0 restored killed"
    node.visit("supervise")
    assert times(node, "froze") == 0


def test_it_can_be_cancelled_within_a_step(node: Node) -> None:
    freeze, copy, thaw = freezing().steps
    node.start(plan(freeze, Step(copy.title, copy.script, undo=copy.undo, cancel=True), thaw))
    until_blocking(lambda: node.has("copy") and node.file("2.pid"))
    node.visit("cancel")
    assert node.wait().startswith("cancelled 2 as-is")
    assert not node.has("copy")
    assert not node.has("frozen")


def test_a_step_sees_no_input_and_no_terminal(node: Node) -> None:
    node.start(plan(Step("look", 'cat >"$WORLD/input"; test ! -t 0; test ! -t 1\n')))
    assert node.wait() == "done"
    assert (node.world / "input").read_text() == ""


def test_where_nothing_can_be_written_nothing_is_begun(node: Node) -> None:
    shutil.rmtree(node.root / "var")
    (node.root / "var").write_text("not a folder")
    (node.root / "root").write_text("not a folder")
    assert node.start(freezing(hold=False)).startswith("refused no place for jobs")
    assert not node.has("froze")


def test_without_setsid_it_survives_too(node: Node, tmp_path: Path) -> None:
    for name in "mkdir mv rm cat cut sed sleep kill date tail cksum chmod stat sync ls sh find logger touch".split():
        if (path := shutil.which(name)) and not (tmp_path / "bin" / name).exists():
            (tmp_path / "bin" / name).symlink_to(path)
    node.environment["PATH"] = str(tmp_path / "bin")
    node.start(freezing())
    until_blocking(lambda: node.has("copy"))
    assert node.visit("status")["state"] == "running"
    (node.world / "go").touch()
    assert node.wait() == "done"
