"""Questions of a command, on a real terminal: the other end of a pty stands for the person."""

import asyncio
import os
import pty
import select
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from backends.prompts import UnknownHostKey
from tests.wait import until
from tui.commands.questions import Silent, Terminal, questions

KEY = UnknownHostKey("hn13", "hn13.example.net", 22, "ED25519", "SHA256:4bY2k0S", "/root/.ssh/known_hosts")


class Person:
    """Sees what is on the terminal, and types."""

    def __init__(self, end: int, stdin: TextIO, stderr: TextIO) -> None:
        self._end = end
        self._seen = ""
        self.stdin, self.stderr = stdin, stderr
        self.terminal = Terminal(stdin, stderr)

    @property
    def sees(self) -> str:
        while select.select([self._end], [], [], 0)[0]:
            self._seen += os.read(self._end, 4096).decode()
        return self._seen

    @property
    def echo(self) -> bool:
        return bool(termios.tcgetattr(self.stdin)[3] & termios.ECHO)

    def types(self, text: str) -> None:
        os.write(self._end, text.encode())

    async def is_asked(self, text: str) -> None:
        await until(lambda: self.sees.endswith(text), what=f"asked for {text}")


@pytest.fixture
def person() -> Iterator[Person]:
    end, program = pty.openpty()
    with open(program, closefd=False) as stdin, open(program, "w", closefd=False) as stderr:
        yield Person(end, stdin, stderr)
    os.close(end)
    os.close(program)


async def test_a_new_key_is_shown_and_only_yes_trusts_it(person: Person) -> None:
    for answer, trusted in (("yes\n", True), ("y\n", False), ("\n", False), ("YES\n", False), ("\x04", False)):
        asked = asyncio.create_task(person.terminal.trust(KEY))
        await person.is_asked("Type yes to trust it and to add it to /root/.ssh/known_hosts: ")
        person.types(answer)
        assert await asked is trusted
    assert "hn13 is unknown: hn13.example.net:22 ED25519\r\n  SHA256:4bY2k0S\r\n" in person.sees


async def test_a_secret_is_never_shown(person: Person) -> None:
    asked = asyncio.create_task(person.terminal.password("Password of root on hn13"))
    await person.is_asked("Password of root on hn13 (nothing: give up): ")
    assert not person.echo
    person.types("s3cret ß\n")
    assert await asked == "s3cret ß"
    assert "s3cret" not in person.sees
    assert person.echo


async def test_nothing_gives_up(person: Person) -> None:
    asked = asyncio.create_task(person.terminal.passphrase("/root/.ssh/id"))
    await person.is_asked("Passphrase of /root/.ssh/id (nothing: do without it): ")
    person.types("\n")
    assert await asked is None


async def test_one_question_at_a_time(person: Person) -> None:
    terminal = person.terminal
    asked = [asyncio.create_task(terminal.password(f"Password of {name}")) for name in ("hn01", "hn02")]
    await person.is_asked("Password of hn01 (nothing: give up): ")
    assert "hn02" not in person.sees
    waiting = asyncio.create_task(terminal.answered())
    person.types("one\n")
    await person.is_asked("Password of hn02 (nothing: give up): ")
    assert not waiting.done()
    person.types("two\n")
    assert await asyncio.gather(*asked) == ["one", "two"]
    await waiting
    assert terminal.asked == 2


async def test_what_was_typed_ahead_answers_nothing(person: Person) -> None:
    person.types("yes\n")
    await until(lambda: person.sees == "yes\r\n", what="the terminal has it")
    asked = asyncio.create_task(person.terminal.trust(KEY))
    await person.is_asked("known_hosts: ")
    person.types("no\n")
    assert not await asked


async def test_a_command_that_ends_meanwhile_leaves_the_terminal_as_it_was(person: Person) -> None:
    terminal = person.terminal
    asked = asyncio.create_task(terminal.password("Password"))
    await person.is_asked("(nothing: give up): ")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert person.echo
    await terminal.answered()


async def test_text_of_a_server_is_shown_but_not_obeyed(person: Person) -> None:
    asked = asyncio.create_task(person.terminal.password("\x1b]0;owned\x07Password:"))
    await person.is_asked("(nothing: give up): ")
    asked.cancel()
    assert "\x1b" not in person.sees
    assert "\\x1b]0;owned\\x07Password:" in person.sees


def test_only_a_person_at_a_terminal_is_asked(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", person.stdin)
    monkeypatch.setattr(sys, "stderr", person.stderr)
    assert isinstance(questions(allowed=True), Terminal)
    assert isinstance(questions(allowed=False), Silent)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert isinstance(questions(allowed=True), Silent)


async def test_silence_answers_no() -> None:
    silent = Silent()
    assert not await silent.trust(KEY)
    assert await silent.password("Password") is None
    await silent.answered()
