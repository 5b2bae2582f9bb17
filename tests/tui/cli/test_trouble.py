"""`ctdeck trouble` on simulated fleets over real SSH: in every scenario the culprit comes first; a healthy one is quiet."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from backends.demo.scenarios import listed
from tui import cli

pytestmark = pytest.mark.xdist_group("cli-trouble")  # all fleets at once, for one test process only
ROOT = Path(cli.__file__).parents[1]
COMMAND = [sys.executable, "-m", "tui.cli"]
SCENARIOS = [name for name in listed() if name != "tour"]

#: What a reason must speak of.
RIGHT = {
    "runaway-cpu": ("CPU x", "of its usual since"),
    "memory-limit": ("memory 9", "of its limit"),
    "disk-full": ("disk ", "of its limit"),
    "restart-loop": ("restarted ", "in 10 min"),
    "node-overloaded": ("load ", "on 8 CPUs"),
    "node-dead": ("no answer for ", ""),
    "hacked": ("CPU x", "of its usual since"),
    "ip-conflict": ("address ", "which had it first"),
}


class Watched(NamedTuple):
    """How `trouble --json --for 10s` ended on a served fleet."""

    culprit: str
    code: int
    found: list[dict[str, Any]]
    said: str

    @property
    def first(self) -> str:
        where = self.found[0]
        return where["node"] if where["id"] is None else f"{where['node']}/{where['id']}"


@contextlib.contextmanager
def served(*options: str) -> Iterator[tuple[str, str]]:
    """The fleet file and the culprit of a demo that is up."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--serve", *options], stdout=subprocess.PIPE, text=True, cwd=ROOT, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    watchdog = threading.Timer(90, process.kill)
    watchdog.start()
    try:
        fleet = process.stdout.readline().strip()
        yield fleet, process.stdout.readline().strip().removeprefix("culprit ") if "--scenario" in options else ""
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait(30)
        process.stdout.close()


def ctdeck(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, cwd=ROOT, timeout=90, stdin=subprocess.DEVNULL
    )


def watch(name: str) -> Watched:
    with served(*(() if name == "healthy" else ("--scenario", name))) as (fleet, culprit):
        for _ in range(1 if name == "healthy" else 2):  # a machine that is busy with all of them gets a second look
            done = ctdeck("--fleet", fleet, "trouble", "--json", "--for", "10s")
            if done.returncode == 6:
                break
        return Watched(culprit, done.returncode, json.loads(done.stdout or "[]"), done.stderr)


@pytest.fixture(scope="module")
def watched() -> dict[str, Watched]:
    """All scenarios, at the same time: each takes ten seconds of waiting, and little work."""
    names = ["healthy", *SCENARIOS]
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(watch, names), strict=True))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_culprit_comes_first_with_the_right_reason(watched: dict[str, Watched], name: str) -> None:
    result = watched[name]
    assert result.found, result.said
    assert result.code == 6
    assert result.first == result.culprit
    begin, end = RIGHT[name]
    reasons = result.found[0]["reasons"]
    assert any(reason.startswith(begin) and end in reason for reason in reasons)
    assert set(result.found[0]) == {"node", "id", "score", "reasons", "since"}


def test_a_healthy_fleet_is_quiet(watched: dict[str, Watched]) -> None:
    assert watched["healthy"] == ("", 0, [], "")


class TestWithoutAFleetThatAnswers:
    @pytest.fixture
    def fleet(self, tmp_path: Path) -> str:
        path = tmp_path / "fleet.yaml"
        path.write_text("ssh_config: none\nnodes: {gone: {host: 127.0.0.1, port: 1}}\n")
        return str(path)

    def test_a_dead_node_is_trouble(self, fleet: str) -> None:
        done = ctdeck("--fleet", fleet, "trouble", "--json", "--for", "1s")
        assert done.returncode == 6
        (found,) = json.loads(done.stdout)
        assert (found["node"], found["id"]) == ("gone", None)
        assert "refuses the connection" in found["reasons"][0]

    def test_for_people(self, fleet: str) -> None:
        done = ctdeck("--fleet", fleet, "trouble", "--for", "1s")
        head, row = done.stdout.splitlines()
        assert head.split() == ["WHERE", "NAME", "SINCE", "WHY"]
        assert row.startswith("gone")

    def test_a_filter_hides_what_it_does_not_name(self, fleet: str) -> None:
        done = ctdeck("--fleet", fleet, "trouble", "--for", "1s", "node:other")
        assert (done.returncode, done.stdout) == (0, "nothing is wrong: 1 nodes, 0 containers\n")

    def test_a_node_that_may_not_be_asked_is_no_trouble_of_its_containers(self, tmp_path: Path) -> None:
        with served("--nodes", "1", "--containers", "2") as (fleet, _):
            empty, strange = tmp_path / "known_hosts", tmp_path / "strange.yaml"
            empty.touch()
            nodes = Path(fleet).read_text()
            lines = [line for line in nodes.splitlines() if not line.startswith("known_hosts")]
            strange.write_text("\n".join([*lines, f"known_hosts: [{empty}]"]) + "\n")
            done = ctdeck("--fleet", str(strange), "trouble", "--json", "--for", "1s")
        assert done.returncode == 3
        (found,) = json.loads(done.stdout)
        assert found["id"] is None
        assert "could not be asked" in done.stderr

    @pytest.mark.parametrize("words", [("cpu>",), ("--for", "soon"), ("--for", "0")])
    def test_wrong_use(self, fleet: str, words: tuple[str, ...]) -> None:
        assert ctdeck("--fleet", fleet, "trouble", *words).returncode == 2
