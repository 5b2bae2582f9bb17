"""One fleet in which every node but two is in some way broken or hostile, listed by the command line as a person would.

Each is a state of that one node, told in one sentence with its remedy; the good ones are whole; nothing raw gets out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .bad_nodes import EXPECTED, start
from .servers import Servers

#: Runs a command and writes the most memory that it had, in KiB. In between, because a child starts with its parent's peak.
MEASURE = """
import pathlib, resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    directory = tmp_path_factory.mktemp("bad-fleet")
    servers = Servers(directory)
    try:
        fleet = start(servers, directory)
        command = [sys.executable, "-m", "tui", "--fleet", str(fleet), "ls", "--json", "--timeout", "30"]
        measured = [sys.executable, "-c", MEASURE, str(directory / "rss"), *command]
        done = subprocess.run(measured, capture_output=True, timeout=90, stdin=subprocess.DEVNULL, check=False)
        yield {"done": done, "rss": int((directory / "rss").read_text())}
    finally:
        servers.close()


def nodes(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in json.loads(answer["done"].stdout)["nodes"]}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_node_has_its_own_state(answer: dict[str, Any], name: str) -> None:
    node = nodes(answer)[name]
    assert (node["fault"], node["state"]) == EXPECTED[name], node
    if node["state"] != "up":
        assert len(node["error"]) > 10
        assert "\n" not in node["error"]
        assert "Error" not in node["error"]
        assert "Traceback" not in node["error"]


def test_what_a_person_can_do_is_told(answer: dict[str, Any]) -> None:
    for name, node in nodes(answer).items():
        if node["state"] != "up" and name != "other-kernel":
            assert node["remedy"], name
    assert "ssh-keygen -R" in nodes(answer)["other-key"]["remedy"]
    assert "SHA256:" in nodes(answer)["unknown-key"]["error"] + nodes(answer)["unknown-key"]["remedy"]


def test_the_good_nodes_are_whole(answer: dict[str, Any]) -> None:
    containers = json.loads(answer["done"].stdout)["containers"]
    by_node: dict[str, set[str]] = {}
    for one in containers:
        by_node.setdefault(one["node"], set()).add(one["id"])
    assert by_node == {"good": {"101", "102", "103"}, "noisy": {"101", "102", "103"}, "hostile-names": {"101"}}


def test_exit_code_and_no_traceback(answer: dict[str, Any]) -> None:
    assert answer["done"].returncode == 3
    assert b"Traceback" not in answer["done"].stderr
    assert len(answer["done"].stderr) < 20_000


def test_nothing_of_it_gets_out_raw(answer: dict[str, Any]) -> None:
    stderr = answer["done"].stderr.decode()
    assert all(char == "\n" or char.isprintable() for char in stderr)

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for part in value.values():
                yield from strings(part)
        elif isinstance(value, list):
            for part in value:
                yield from strings(part)

    for text in strings(json.loads(answer["done"].stdout)):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text), text


def test_nothing_grows_without_bound(answer: dict[str, Any]) -> None:
    assert answer["rss"] < 160 * 1024  # KiB
