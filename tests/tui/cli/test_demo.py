"""The command line against real SSH: `ctdeck demo --serve` in one process, `ls` and `doctor` in others."""

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wait import until_blocking
from tui import cli

pytestmark = pytest.mark.xdist_group("cli-demo")  # one fleet for all of them
ROOT = Path(cli.__file__).parents[1]
COMMAND = [sys.executable, "-m", "tui.cli"]


class Demo:
    """A served fleet: its process, and what it printed."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "demo", "--serve", *options],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        self.fleet = Path(self.process.stdout.readline().strip())
        watchdog.cancel()

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    demo = Demo("--nodes", "2", "--containers", "4")
    yield demo
    demo.end()


def ctdeck(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=60, stdin=subprocess.DEVNULL
    )


class TestLs:
    def test_json_of_every_container_with_live_figures(self, demo: Demo) -> None:
        done = ctdeck("--fleet", demo.fleet, "ls", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        listed = json.loads(done.stdout)
        assert [node["state"] for node in listed["nodes"]] == ["up", "up"]
        assert len(listed["containers"]) == 8
        running = [each for each in listed["containers"] if each["state"] == "running"]
        assert running
        assert all(each["cpu_percent"] is not None and each["memory_used"] > 0 for each in running)
        assert {each["backend"] for each in running} == {"openvz"}

    def test_table(self, demo: Demo) -> None:
        done = ctdeck("ls", "--fleet", demo.fleet, "state:running")
        assert done.returncode == 0
        assert done.stdout.startswith("NODE  ID ")
        assert "running" in done.stdout

    def test_a_node_that_does_not_answer_costs_only_itself(self, demo: Demo, tmp_path: Path) -> None:
        fleet = tmp_path / "fleet.yaml"
        fleet.write_text(demo.fleet.read_text() + "\n  gone: {host: 127.0.0.1, port: 1}\n")
        done = ctdeck("--fleet", fleet, "ls", "--json")
        assert done.returncode == 3
        nodes = json.loads(done.stdout)["nodes"]
        assert [(node["name"], node["state"], node["fault"]) for node in nodes] == [
            ("hn01", "up", None),
            ("hn02", "up", None),
            ("gone", "down", "refused"),
        ]
        assert "ctdeck: gone: " in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_pipe_that_nobody_reads_is_no_news(self, demo: Demo) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, "--fleet", str(demo.fleet), "ls"], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, timeout=60
        )
        os.close(writing)
        assert done.stderr == b""

    def test_ctrl_c_ends_it_at_once_and_quietly(self, tmp_path: Path) -> None:
        """A server that accepts and says nothing keeps `ls` waiting."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            fleet = tmp_path / "fleet.yaml"
            fleet.write_text(
                f"ssh_config: none\nnodes:\n  mute: {{host: 127.0.0.1, port: {silent.getsockname()[1]}, user: root}}\n"
            )
            process = subprocess.Popen(
                [*COMMAND, "--fleet", str(fleet), "ls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
            )
            silent.settimeout(30)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            connection.close()
        assert (process.returncode, out, err) == (130, b"", b"")


class TestDoctor:
    def test_a_good_fleet(self, demo: Demo) -> None:
        done = ctdeck("--fleet", demo.fleet, "doctor")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(": good\n") == 2
        assert "failed" not in done.stdout
        assert "4 containers of openvz" in done.stdout

    def test_one_node_as_json(self, demo: Demo) -> None:
        done = ctdeck("doctor", "hn02", "--json", "--fleet", demo.fleet)
        assert done.returncode == 0
        (node,) = json.loads(done.stdout)["nodes"]
        assert (node["name"], node["ok"]) == ("hn02", True)
        assert [step["step"] for step in node["steps"]] == [
            *("dns", "tcp", "host key", "login", "shell", "sudo", "tools", "parsers")
        ]
        assert {step["outcome"] for step in node["steps"]} == {"ok", "skipped"}

    def test_steps_after_the_one_that_failed_are_not_listed(self, tmp_path: Path) -> None:
        fleet = tmp_path / "fleet.yaml"
        fleet.write_text("ssh_config: none\nnodes:\n  gone: {host: 127.0.0.1, port: 1, user: root}\n")
        done = ctdeck("--fleet", fleet, "doctor")
        assert done.returncode == 3
        assert [line.split()[:2] for line in done.stdout.splitlines()] == [
            *(["gone:", "NOT"], ["ok", "dns"], ["failed", "tcp"]),
            ["->", "Is"],
        ]

    def test_a_node_that_is_not_there(self, demo: Demo) -> None:
        done = ctdeck("--fleet", demo.fleet, "doctor", "hn2")
        assert done.returncode == 2
        assert 'there is no node "hn2"' in done.stderr
        assert "Did you mean hn02?" in done.stderr

    def test_an_unknown_host_key(self, demo: Demo, tmp_path: Path) -> None:
        text = demo.fleet.read_text()
        known = tmp_path / "nobody"
        lines = [f"known_hosts: [{known}]" if line.startswith("known_hosts") else line for line in text.splitlines()]
        fleet = tmp_path / "fleet.yaml"
        fleet.write_text("\n".join(lines))
        done = ctdeck("--fleet", fleet, "doctor", "hn01")
        assert done.returncode == 3
        assert "failed   host key" in done.stdout
        assert "SHA256:" in done.stdout
        assert not known.exists()


class TestServe:
    def test_it_ends_with_its_signal_and_leaves_nothing(self) -> None:
        demo = Demo("--nodes", "1", "--containers", "2")
        assert demo.fleet.is_file()
        assert demo.end() == 0
        assert not demo.fleet.parent.exists()

    def test_scenarios_are_listed(self) -> None:
        done = ctdeck("demo", "--scenario", "list")
        assert done.returncode == 0
        assert "tour" in done.stdout.split()


class Terminal:
    """A ctdeck in a terminal of its own, seen from outside."""

    def __init__(self, *words: str, **env: str) -> None:
        self.child, self._end = pty.fork()
        if self.child == 0:  # pragma: no cover
            os.chdir(ROOT)
            os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="30", **env)
            os.execv(sys.executable, [*COMMAND, *words])
        self.seen = bytearray()

    def shows(self, text: str) -> bool:
        with contextlib.suppress(OSError):  # the other side has hung up
            if select.select([self._end], [], [], 0)[0]:
                self.seen.extend(os.read(self._end, 65536))
        return text.encode() in self.seen

    def types(self, text: str) -> None:
        os.write(self._end, text.encode())

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)

    def close(self) -> None:
        self.kill()
        os.close(self._end)


@pytest.fixture
def terminal() -> Iterator[type[Terminal]]:
    opened: list[Terminal] = []

    class Opened(Terminal):
        def __init__(self, *words: str, **env: str) -> None:
            super().__init__(*words, **env)
            opened.append(self)

    yield Opened
    for each in opened:
        each.close()


def test_without_a_fleet_file_the_first_steps_are_shown(terminal: type[Terminal]) -> None:
    deck = terminal()
    until_blocking(lambda: deck.shows("ctdeck has no fleet yet"), 30, "the first steps")


def test_the_deck_opens_on_a_demo_and_takes_it_along(terminal: type[Terminal], tmp_path: Path) -> None:
    deck = terminal("demo", "--nodes", "1", "--containers", "3", TMPDIR=str(tmp_path))
    until_blocking(lambda: deck.shows("1003"), 30, "the containers of the demo")
    deck.kill()
    until_blocking(lambda: not list(tmp_path.glob("ctdeck-demo-*")), 15, "the demo has ended with the deck")


def test_a_question_on_the_terminal_is_answered_once(demo: Demo, terminal: type[Terminal], tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    lines = demo.fleet.read_text().splitlines()
    lines = [f"known_hosts: [{known}]" if line.startswith("known_hosts") else line for line in lines]
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text("\n".join(line for line in lines if "hn02:" not in line))
    ls = terminal("--fleet", str(fleet), "ls", "--timeout", "20s")
    until_blocking(lambda: ls.shows("Type yes to trust it"), 30, "the question")
    assert not known.exists()
    ls.types("yes\n")
    until_blocking(lambda: ls.shows("1004"), 30, "the table")
    assert known.read_text().startswith("[127.0.0.1]:")
    assert ls.seen.count(b"Type yes") == 1
