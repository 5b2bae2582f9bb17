"""A shell in a container: who may, what is asked, and how the deck steps aside and comes back, in a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.model import NodeState
from tests.tui.screens.stage import DB, LXC, OLD, WEB, fleet, frame, stage, until
from tests.tui.screens.test_dialogs import shown
from tui.app import Options
from tui.look import look
from tui.screens.prompt import Question

ROOT = Path(__file__).parents[3]
DEADLINE = 20.0


# Who may


async def test_read_only_refuses_with_the_reason() -> None:
    async with stage(options=Options(ascii=False, read_only=True)) as (app, pilot):
        look(app.deck_screen, "shell", LXC)
        await until(pilot, lambda: "No shell in lab1/mail: it is opened read-only" in frame(pilot))


async def test_a_read_only_node_refuses() -> None:
    made = fleet()
    made.store.nodes["lab1"].read_only = True
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "shell", LXC)
        await until(pilot, lambda: "opened read-only" in frame(pilot))


async def test_a_stopped_container_has_no_shell() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "shell", OLD)
        await until(pilot, lambda: "No shell in hn07/230 web-old: it is stopped" in frame(pilot))


async def test_a_node_that_is_down_has_no_shell() -> None:
    made = fleet()
    node = made.store.nodes["lab1"]
    node.state, node.error = NodeState.DOWN, "lab1 does not answer"
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "shell", LXC)
        await until(pilot, lambda: "No shell in lab1/mail: lab1 does not answer" in frame(pilot))


async def test_a_refusal_of_the_node_is_said_on_the_deck() -> None:
    made = fleet()
    made.shell = Fault(FaultKind.SUDO, "lab1: sudo refuses", "Allow it in sudoers")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "shell", LXC)
        await until(pilot, lambda: "lab1: sudo refuses" in frame(pilot))


async def test_production_asks_first_and_no_means_no() -> None:
    made = fleet()
    made.shell = Fault(FaultKind.LOST, "it was opened")
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "shell", WEB)
        await shown(pilot, Question)
        assert "hn07/1042 web-shop" in frame(pilot)
        assert "PRODUCTION" in frame(pilot)
        await pilot.press("enter", "n")
        await until(pilot, lambda: app.screen is app.deck_screen)
        assert "it was opened" not in frame(pilot)
        look(app.deck_screen, "shell", DB)
        await shown(pilot, Question)
        await pilot.press("y")
        await until(pilot, lambda: "it was opened" in frame(pilot))


# In a real terminal


class RealTerminal:
    """The program of `shell_stage` on a pty of its own: what it has written, and the keys to it."""

    def __init__(self, ticks: Path) -> None:
        self.ticks_file = ticks
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", PYTHONPATH=str(ROOT))
            os.execv(sys.executable, [sys.executable, "-m", "tests.tui.screens.shell_stage", str(ticks)])
        self.resize(100, 30)
        self.seen = b""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def keys(self, data: bytes) -> None:
        os.write(self.descriptor, data)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Read until it holds."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; last seen: {self.seen[-600:]!r}"
            if select.select([self.descriptor], [], [], 0.05)[0]:
                self.seen += os.read(self.descriptor, 65536)

    def wait_for(self, text: bytes) -> None:
        self.wait(lambda: text in self.seen, repr(text))

    def forget(self) -> None:
        self.seen = b""

    @property
    def ticks(self) -> int:
        return int((self.ticks_file.read_text() if self.ticks_file.exists() else "") or 0)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealTerminal]:
    terminal = RealTerminal(tmp_path / "ticks")
    yield terminal
    terminal.end()


def test_into_the_shell_and_back_while_the_figures_go_on(real: RealTerminal) -> None:
    real.wait_for(b"lab1")
    real.wait(lambda: real.ticks > 5, "ticks")
    real.keys(b"s")
    real.wait_for(b"SHELL-PROMPT$ ")
    assert "ctdeck: shell in lab1/mail — exit or Ctrl-D to come back".encode() in real.seen
    assert b"<100x30>" in real.seen or real.wait_for(b"<100x30>") is None
    real.forget()
    # Textual queues at most 30 writes while it is suspended, then it blocks: sixty ticks must not write one.
    before = real.ticks
    real.wait(lambda: real.ticks > before + 60, "ticks in the shell")
    assert real.seen == b""
    real.keys(b"echo hi\x03\r")
    real.wait_for(b"echo hi\x03\r\n")
    real.resize(120, 40)
    os.kill(real.pid, signal.SIGWINCH)
    real.wait_for(b"<120x40>")
    assert b"\x1b" not in real.seen
    real.forget()
    real.keys(b"\x04")
    real.wait_for(b"back in ctdeck\r\n")
    real.wait_for(b"\x1b[?1049h")
    real.wait_for(b"web-shop")
    real.forget()
    real.keys(b"?")
    real.wait_for(b"type to search")


def test_a_lost_connection_comes_back_with_the_sentence(real: RealTerminal) -> None:
    real.wait_for(b"lab1")
    real.wait(lambda: real.ticks > 5, "ticks")
    real.keys(b"s")
    real.wait_for(b"SHELL-PROMPT$ ")
    real.keys(b"\x18")
    real.wait_for(b"back in ctdeck")
    real.wait_for(b"the connection broke before the shell ended")


def test_twice_in_a_row(real: RealTerminal) -> None:
    real.wait_for(b"lab1")
    real.wait(lambda: real.ticks > 5, "ticks")
    for _ in range(2):
        real.forget()
        real.keys(b"s")
        real.wait_for(b"SHELL-PROMPT$ ")
        real.forget()
        real.keys(b"\x1d\x1d\x1d")
        real.wait_for(b"back in ctdeck")
        real.wait_for(b"web-shop")
        real.wait_for(b"was left")
