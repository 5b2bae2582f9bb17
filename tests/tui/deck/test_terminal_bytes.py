"""The bytes that reach a real terminal: no sequence of a tenant's, no colours under NO_COLOR, none but ASCII where asked."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pyte = pytest.importorskip("pyte")

ROOT = Path(__file__).parents[3]

#: What Textual itself sends: CSI sequences, and the pointer shape.
_OWN = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\]22;[a-z]*\x1b\\|\x1b\]22;[a-z]*\x07|\x1b[=>]|\x1b\([A-Z0]")


class Terminal:
    """A program in a pty, and an emulator that shows what it has drawn."""

    def __init__(
        self, columns: int, rows: int, *arguments: str, module: str = "tests.tui.deck.pty_deck", **environment: str
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        inherited = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "LC_ALL", "LC_CTYPE"}}
        said = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env=inherited | said | environment,
            start_new_session=True,
        )
        os.close(slave)
        self.bytes = bytearray()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def until(self, text: str, deadline: float = 20.0) -> None:
        self.until_line(re.escape(text), deadline)

    def until_line(self, pattern: str, deadline: float = 20.0) -> None:
        end = time.monotonic() + deadline
        while not any(re.search(pattern, line) for line in self.screen.display):
            assert time.monotonic() < end, "waited in vain; the screen:\n" + "\n".join(self.screen.display)
            if select.select([self.master], [], [], 0.2)[0]:
                data = os.read(self.master, 65536)
                self.bytes += data
                self._stream.feed(data)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> object:
    made: list[Terminal] = []

    def start(columns: int = 100, rows: int = 30, **environment: str) -> Terminal:
        made.append(Terminal(columns, rows, **environment))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_nothing_of_a_tenant_is_a_command_to_the_terminal(terminal: object) -> None:
    seen = terminal()  # type: ignore[operator]
    seen.until("MEM")
    seen.until("owned")
    seen.press("w.")
    seen.until("type to find")
    seen.press("\x1b")
    seen.until("hn01")
    whole = bytes(seen.bytes)[: seen.bytes.rindex(b"\x1b")]  # the last sequence may be read by half
    rest = _OWN.sub(b"", whole)
    assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]", rest), rest[:200]


def test_no_color_sends_no_colours_and_the_cursor_is_still_seen(terminal: object) -> None:
    seen = terminal(NO_COLOR="1")  # type: ignore[operator]
    seen.until("MEM")
    seen.until("owned")
    numbers = [
        number
        for sequence in re.findall(rb"\x1b\[([0-9;]*)m", bytes(seen.bytes))
        for number in re.sub(rb"[34]8;(5;\d+|2;\d+;\d+;\d+)", b"colour", sequence).split(b";")
    ]
    assert b"colour" not in numbers
    assert not [
        number for number in numbers if number.isdigit() and (30 <= int(number) <= 37 or 40 <= int(number) <= 47)
    ]
    row = next(y for y, line in enumerate(seen.screen.display) if "▸" in line)
    assert seen.screen.buffer[row][10].reverse
    assert not seen.screen.buffer[row + 1][10].reverse


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LANG": "en_US.ISO-8859-1"}, {"TERM": "linux"}], ids=str)
def test_a_locale_or_terminal_without_unicode_gets_ascii(terminal: object, locale: dict[str, str]) -> None:
    seen = terminal(**locale)  # type: ignore[operator]
    seen.until("MEM")
    seen.until("owned")
    own = "".join(line for line in seen.screen.display if "名" not in line and "é" not in line)
    assert own.isascii(), own


def test_a_mistake_of_our_own_is_one_sentence_on_a_terminal_that_was_given_back(terminal: object, home: Path) -> None:
    seen = terminal(BREAK="1")  # type: ignore[operator]
    seen.until("owned")
    seen.press("A")
    seen.until("ended with 1")
    after = bytes(seen.bytes).rpartition(b"\x1b[?1049l")[2]
    shown = _OWN.sub(b"", after).decode().replace("\r\n", "")
    assert shown.startswith("ctdeck: a mistake of ctdeck itself (ZeroDivisionError). The details are in ")
    assert "Traceback" not in shown
    assert "ZeroDivisionError" in (home / ".local/state/ctdeck/crash.log").read_text()


def test_it_ends_when_its_terminal_is_gone_though_no_signal_tells(terminal: object) -> None:
    seen = terminal()  # type: ignore[operator]
    seen.until("MEM")
    os.close(seen.master)
    seen.master = os.open(os.devnull, os.O_RDONLY)
    assert seen.process.wait(20) is not None
