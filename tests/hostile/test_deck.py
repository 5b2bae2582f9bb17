"""The same bad fleet in the deck, in a real terminal: it stays calm, and nothing of it reaches the terminal raw."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import psutil
import pytest

from tests.tui.deck.test_terminal_bytes import _OWN, Terminal

from .bad_nodes import EXPECTED, start
from .servers import Servers


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    directory = tmp_path_factory.mktemp("bad-deck")
    servers = Servers(directory)
    terminal = None
    try:
        fleet = start(servers, directory)
        home = {"HOME": str(directory), "XDG_STATE_HOME": str(directory / "state")}
        terminal = Terminal(200, 50, "--fleet", str(fleet), module="tui", **home)
        yield terminal
    finally:
        if terminal is not None:
            terminal.process.kill()
            terminal.process.wait()
        servers.close()
    assert not list((directory / "state").rglob("crash.log"))


def test_every_node_is_told_and_the_good_ones_are_there(screen: Terminal) -> None:
    screen.until("is unknown", 40)
    for _ in range(20):  # "not now": a dialog takes no key in its first moment
        screen.press("\x1b")
        with contextlib.suppress(AssertionError):
            screen.until_line(r"\sunknown-key\s.*\sblocked\s", 1)
            break
    for name, (_, state) in EXPECTED.items():
        if state != "up":
            screen.until_line(rf"\s{name}\s.*\s{state}\s", 60)
    for name in ("good", "noisy", "hostile-names"):
        screen.until_line(rf"\s{name}\s.*\b101\b.*run", 20)


def test_pages_of_the_worst_stay_calm(screen: Terminal) -> None:
    screen.press("/node:hostile-names\r")
    screen.until("/node:hostile-names", 10)
    for keys, words in (("G\r", "Esc back"), ("\x1b", "sort trouble"), ("@", "round trip"), ("\x1b", "sort trouble")):
        screen.press(keys)
        screen.until(words, 15)
    screen.press("\x1b")


def test_nothing_gets_out_raw_and_nothing_grows(screen: Terminal) -> None:
    rest = _OWN.sub(b"", bytes(screen.bytes))
    assert not re.search(rb"\x1b|\x07|\xc2[\x80-\x9f]", rest)
    assert b"owned\x07" not in screen.bytes
    text = rest.decode()
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert screen.process.poll() is None
    assert psutil.Process(screen.process.pid).memory_info().rss < 160 << 20
