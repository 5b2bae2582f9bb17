"""The same script and the same words below every login shell, and login files that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends import shell
from backends.errors import Fault, FaultKind
from backends.prompts import NoPrompts
from backends.ssh.pool import Pool
from tests import need
from tests.backends.processes import long, running
from tests.wait import until

from .servers import NAUGHTY, Keys, fake_node, settings

SHELLS = ["sh", "dash", "bash", "busybox sh", "csh", "tcsh", "fish"]
CANARY = Path("/tmp/ctdeck-canary")  # named in NAUGHTY
SCRIPT = 'for word in "$@"; do printf "%s\\0" "$word"; done; printf "end\\n" >&2; exit 7'


@pytest.fixture(autouse=True)
def nothing_is_executed() -> Iterator[None]:
    yield
    assert not CANARY.exists()


@pytest.mark.parametrize("login_shell", SHELLS)
async def test_login_shell(login_shell: str, keys: Keys, tmp_path: Path) -> None:
    need.tools(login_shell.split()[0])
    async with fake_node(keys, login_shell=tuple(login_shell.split())) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(fake.node(keys))
        for stdin in (b"", b"data"):
            done = await transport.run(SCRIPT, *NAUGHTY, timeout=20, stdin=stdin)
            assert done.stdout.decode().split("\0")[:-1] == list(NAUGHTY)
            assert (done.status, done.stderr) == (7, b"end\n")
        assert (await transport.run("read -r x; echo $x; cat", timeout=20, stdin=b"one\ntwo\n")).stdout == b"one\ntwo\n"
        assert (await transport.run("cat; echo none", timeout=20)).stdout == b"none\n"

        channel = await transport.open(timeout=20)
        channel.write(b"echo in sh $((6 * 7))\n")
        assert await asyncio.wait_for(channel.read(), 20) == b"in sh 42\n"
        channel.close()

        with pytest.raises(Fault) as caught:
            await transport.run(f"sleep {long(86404)} & sleep {long(86404)}", timeout=1)
        assert caught.value.kind is FaultKind.NO_ANSWER
        await until(lambda: not running("sleep", long(86404)), what="no sleep left")
        await pool.close()


@pytest.mark.parametrize("sh", ["dash", "bash", "bash --posix", "busybox sh"])
@pytest.mark.parametrize("with_input", [False, True])
async def test_what_bin_sh_is(sh: str, with_input: bool) -> None:
    """/bin/sh of the node: Debian's is dash, Red Hat's bash, Alpine's busybox."""
    need.tools(sh.split()[0])
    command = shell.once(with_input=with_input).replace("/bin/sh", sh)
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", command, stdin=-1, stdout=-1, stderr=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    mark = shell.new_mark()
    process.stdin.write(shell.feed(mark, SCRIPT, NAUGHTY))
    if with_input:
        process.stdin.write_eof()
    async with asyncio.timeout(20):
        output, errors, status = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    own = shell.cut_noise(output, mark.encode())
    assert own is not None
    assert own.decode().split("\0")[:-1] == list(NAUGHTY)
    assert shell.cut_noise(errors, mark.encode()) == b"end\n"
    assert status == 7


async def test_noise_of_login_files_is_cut_off(keys: Keys, tmp_path: Path) -> None:
    noisy = script(tmp_path / "noisy", 'echo "Welcome \\033[31m"; echo warning >&2; exec /bin/sh "$@"')
    async with fake_node(keys, login_shell=(noisy,)) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(fake.node(keys))
        done = await transport.run("echo out; echo err >&2", timeout=20)
        assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
        done = await transport.run("echo out", timeout=20, limit=3)
        assert (done.stdout, done.truncated) == (b"out", True)
        await pool.close()


@pytest.mark.parametrize("body", ["echo 'Bye \033[2J'; exit 0", "exit 3", "kill -9 $$"])
async def test_login_shell_that_ends_early(body: str, keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, login_shell=(script(tmp_path / "early", body),)) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), NoPrompts())
        transport = await pool.connect(fake.node(keys))
        with pytest.raises(Fault) as caught:
            await transport.run("echo out", timeout=20)
        assert caught.value.kind is FaultKind.SHELL
        assert caught.value.message.isprintable()
        assert caught.value.remedy
        await pool.close()


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)
