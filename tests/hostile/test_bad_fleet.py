"""One fleet in which every node but two is in some way broken or hostile, listed by the command line as a person would.

Each is a state of that one node, told in one sentence with its remedy; the good ones are whole; nothing raw gets out.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.sampler import roots

from .servers import Servers, awk_that, openvz_tools

#: node -> (fault, state), as they are published
EXPECTED = {
    "no-such-host": ("resolve", "down"),
    "refuses": ("refused", "down"),
    "silent": ("silent", "down"),
    "web-server": ("not-ssh", "down"),
    "closes": ("closed", "down"),
    "endless-banner": ("not-ssh", "down"),
    "unknown-key": ("host-key-unknown", "blocked"),
    "other-key": ("host-key-changed", "blocked"),
    "no-login": ("login", "blocked"),
    "no-shell": ("shell", "broken"),
    "no-tools": ("tools", "broken"),
    "too-noisy": ("shell", "broken"),
    "half-a-frame": ("data", "broken"),
    "long-line": ("data", "broken"),
    "garbage": ("data", "broken"),
    "other-kernel": ("kernel", "broken"),
    "good": (None, "up"),
    "hostile-names": (None, "up"),
    "noisy": (None, "up"),
}

EVIL = "\\033]0;owned\\007\\033[2J\\033P1$q\\033\\\\\\233[31m\\r[@click=app.quit]x[/]\\342\\200\\256"


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
        _start(servers, directory)
        fleet = servers.fleet_file()
        text = fleet.read_text() + "  no-such-host: {host: no-such-host.invalid}\n"
        fleet.write_text(text)
        command = [sys.executable, "-m", "tui", "--fleet", str(fleet), "ls", "--json", "--timeout", "30"]
        measured = [sys.executable, "-c", MEASURE, str(directory / "rss"), *command]
        done = subprocess.run(measured, capture_output=True, timeout=90, stdin=subprocess.DEVNULL, check=False)
        yield {"done": done, "rss": int((directory / "rss").read_text())}
    finally:
        servers.close()


def _start(servers: Servers, directory: Path) -> None:
    root = directory / "root"
    roots.build(root, roots.OPENVZ)
    bare = directory / "bare"
    roots.build(bare, roots.NODE)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<h1>\x1b[2Jno</h1>\r\n")
        await writer.drain()

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"welcome\x07\r\n" * 1000)
            await writer.drain()

    servers.refused("refuses")
    servers.raw("silent", silent)
    servers.raw("web-server", http)
    servers.raw("closes", closes)
    servers.raw("endless-banner", endless)
    tools = openvz_tools(directory / "tools")
    servers.ssh("unknown-key", tools=tools, root=root, known="nothing")
    servers.ssh("other-key", tools=tools, root=root, known="other")
    servers.ssh("no-login", tools=tools, root=root, welcome=False)
    servers.ssh("no-shell", shell="echo This account is currently not available.; exit 1")
    servers.ssh("no-tools", root=root)
    servers.ssh("too-noisy", shell='yes "$(printf "\\033[31mnoise")"')
    servers.ssh("half-a-frame", tools=awk_that(directory / "half", "printf '#B %s 0 s 100\\nx' $N"), root=root)
    servers.ssh("long-line", tools=awk_that(directory / "long", "head -c 20000000 /dev/zero | tr '\\0' x"), root=root)
    servers.ssh("garbage", tools=awk_that(directory / "garbage", "head -c 100000 /dev/urandom; echo"), root=root)
    servers.ssh("other-kernel", tools=openvz_tools(directory / "bare-tools", "exit 0\n"), root=bare)
    servers.ssh("good", tools=tools, root=root)
    noise = f"printf '{EVIL}\\n#P fake\\n'; head -c 100000 /dev/urandom; exec /bin/sh -c \"$1\""
    servers.ssh("noisy", shell=noise, tools=tools, root=root)
    fields = f'"ctid": 101,\\n    "name": "{EVIL}",\\n    "hostname": "{EVIL}\\377",\\n    "status": "running"'
    entry = f"[\\n  {{\\n    {fields}\\n  }}\\n]\\n"
    vzlist = f"case \"$*\" in *-a*) printf '{entry}' ;; esac\n"
    servers.ssh("hostile-names", tools=openvz_tools(directory / "hostile", vzlist), root=root)


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
