"""Becoming root, with a `sudo` that behaves as the real one does but asks no system for leave."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.ssh.pool import Pool

from .servers import Answers, FakeNode, Keys, fake_node, settings

# sudo(8): -n never asks; -S reads the password from standard input and writes the prompt (-p) to standard error, three
# times at most; -k with a command ignores what was granted before.
SUDO = r"""#!/bin/sh
ask=yes; prompt="Password: "
while :; do case $1 in
  -n) ask=no; shift;; -k|-S) shift;; -p) prompt=$2; shift 2;; *) break;;
esac; done
echo "sudo $*" >> "$SUDO_LOG"
case $SUDO_MODE in
  free) AS_ROOT=yes exec "$@";;
  tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1;;
  forbidden) [ $ask = no ] && { echo "sudo: a password is required" >&2; exit 1; }
     printf "%s" "$prompt" >&2; IFS= read -r p
     echo "admin is not in the sudoers file.  This incident will be reported." >&2; exit 1;;
esac
[ $ask = no ] && { echo "sudo: Ein Passwort ist notwendig" >&2; exit 1; }
for try in 1 2 3; do
  printf "%s" "$prompt" >&2
  IFS= read -r given || exit 1
  printf "%s\n" "$given" >> "$SUDO_LOG"
  [ "$given" = "open sesame" ] && AS_ROOT=yes exec "$@"
  echo "Das hat nicht funktioniert." >&2
done
exit 1
"""


@pytest.fixture
async def fake(request: pytest.FixtureRequest, keys: Keys, tmp_path: Path) -> AsyncIterator[FakeNode]:
    (tmp_path / "bin").mkdir()
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    environment = {
        "PATH": f"{sudo.parent}:{os.environ['PATH']}",
        "SUDO_LOG": str(tmp_path / "log"),
        "SUDO_MODE": getattr(request, "param", "password"),
    }
    async with fake_node(keys, environment=environment) as node:
        node.known_hosts(tmp_path / "known")
        yield node


@pytest.mark.parametrize("fake", ["free"], indirect=True)
async def test_sudo_that_asks_nothing(fake: FakeNode, keys: Keys, tmp_path: Path) -> None:
    person = Answers()
    pool = Pool(settings(tmp_path / "known"), person)
    transport = await pool.connect(fake.node(keys, user="admin", sudo=True))
    assert (await transport.run('echo "$AS_ROOT" "$1"', "it's", timeout=20)).stdout == b"yes it's\n"
    assert (await transport.run("cat", timeout=20, stdin=b"data")).stdout == b"data"
    channel = await transport.open(timeout=20)
    channel.write(b"echo $AS_ROOT\n")
    assert await channel.read() == b"yes\n"
    channel.close()
    assert person.asked == []
    await pool.close()


async def test_sudo_password_is_asked_once(fake: FakeNode, keys: Keys, tmp_path: Path) -> None:
    person = Answers(passwords=["open sesame"])
    pool = Pool(settings(tmp_path / "known"), person)
    transport = await pool.connect(fake.node(keys, user="admin", sudo=True))
    for _ in range(3):
        assert (await transport.run('echo "$AS_ROOT"', timeout=20)).stdout == b"yes\n"
    assert (await transport.run("cat", timeout=20, stdin=b"data")).stdout == b"data"
    await transport.close()
    again = await pool.connect(fake.node(keys, user="admin", sudo=True))
    channel = await again.open(timeout=20)
    channel.write(b"echo $AS_ROOT\n")
    assert await channel.read() == b"yes\n"
    assert person.asked == ["sudo password of admin on hn1"]
    assert not any("sesame" in command for command in fake.commands)
    await pool.close()


async def test_wrong_sudo_password_is_tried_once(fake: FakeNode, keys: Keys, tmp_path: Path) -> None:
    person = Answers(passwords=["wrong canary", "open sesame"])
    pool = Pool(settings(tmp_path / "known"), person)
    transport = await pool.connect(fake.node(keys, user="admin", sudo=True))
    for _ in range(3):
        with pytest.raises(Fault) as caught:
            await transport.run("true", timeout=20)
        assert caught.value.kind is FaultKind.SUDO
        assert "canary" not in str(caught.value)
    assert len(person.asked) == 1
    assert (tmp_path / "log").read_text().count("wrong canary") == 1
    pool.ask_again()
    assert (await transport.run('echo "$AS_ROOT"', timeout=20)).stdout == b"yes\n"
    await pool.close()


async def test_nobody_there_to_ask(fake: FakeNode, keys: Keys, tmp_path: Path) -> None:
    pool = Pool(settings(tmp_path / "known"), Answers())
    transport = await pool.connect(fake.node(keys, user="admin", sudo=True))
    with pytest.raises(Fault, match="wants a password") as caught:
        await transport.open(timeout=20)
    assert caught.value.kind is FaultKind.SUDO
    await pool.close()


@pytest.mark.parametrize(
    ("fake", "words"), [("tty", "requiretty"), ("forbidden", "not in the sudoers")], indirect=["fake"]
)
async def test_sudo_that_refuses(fake: FakeNode, words: str, keys: Keys, tmp_path: Path) -> None:
    pool = Pool(settings(tmp_path / "known"), Answers(passwords=["open sesame"]))
    transport = await pool.connect(fake.node(keys, user="admin", sudo=True))
    with pytest.raises(Fault, match=words) as caught:
        await transport.run("true", timeout=20)
    assert caught.value.kind is FaultKind.SUDO
    await pool.close()


async def test_no_sudo_at_all(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with fake_node(keys, environment={"PATH": str(tmp_path / "empty")}) as node:
        pool = Pool(settings(node.known_hosts(tmp_path / "known")), Answers())
        transport = await pool.connect(node.node(keys, user="admin", sudo=True))
        with pytest.raises(Fault, match="no sudo on hn1"):
            await transport.run("true", timeout=20)
        await pool.close()


@pytest.mark.parametrize("fake", ["free"], indirect=True)
async def test_root_needs_no_sudo(fake: FakeNode, keys: Keys, tmp_path: Path) -> None:
    pool = Pool(settings(tmp_path / "known"), Answers())
    transport = await pool.connect(fake.node(keys, user="root", sudo=True))
    assert (await transport.run('echo "[$AS_ROOT]"', timeout=20)).stdout == b"[]\n"
    await pool.close()
