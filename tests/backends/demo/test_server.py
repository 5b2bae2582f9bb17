"""The servers over real SSH, and the end of everything that ran on them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from backends.demo.processes import marked
from tests.wait import until, until_blocking


class Demo:
    """A demo in a process of its own."""

    def __init__(self, *options: str, stdin: int | None = subprocess.DEVNULL) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backends.demo", *options],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "CTDECK_DEMO_SPEED": "20"},
        )
        assert self.process.stdout is not None
        self.file = Path(self.process.stdout.readline().strip())
        self.directory = self.file.parent
        self.fleet: dict[str, Any] = yaml.safe_load(self.file.read_text())

    def root(self, node: str = "hn01") -> Path:
        return self.directory / node

    async def connect(self, node: str = "hn01", key: asyncssh.SSHKey | None = None) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1",
            self.fleet["nodes"][node]["port"],
            username="root",
            client_keys=[key or self.fleet["defaults"]["identity_file"]],
            known_hosts=self.fleet["known_hosts"][0],
            agent_path=None,
            config=None,
        )

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(20)
        for pipe in (self.process.stdout, self.process.stderr, self.process.stdin):
            if pipe is not None:
                pipe.close()
        return code


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    demo = Demo("--nodes", "2", "--containers", "6")
    yield demo
    demo.end()


@pytest.fixture
async def node(demo: Demo) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with await demo.connect() as connection:
        yield connection


def test_the_fleet_file_is_complete(demo: Demo) -> None:
    assert demo.fleet["ssh_config"] == "none"
    assert list(demo.fleet["nodes"]) == ["hn01", "hn02"]
    assert demo.fleet["nodes"]["hn01"]["tags"] == ["production"]
    assert {node["host"] for node in demo.fleet["nodes"].values()} == {"127.0.0.1"}
    assert Path(demo.fleet["defaults"]["identity_file"]).stat().st_mode & 0o777 == 0o600
    assert demo.directory.stat().st_mode & 0o777 == 0o700


async def test_tools_and_exit_codes(node: asyncssh.SSHClientConnection) -> None:
    listed = await node.run("vzlist -a -1")
    assert len(str(listed.stdout).split()) == 6
    assert (await node.run("exit 7")).exit_status == 7
    assert (await node.run("kill -TERM $$")).exit_signal is not None
    failed = await node.run("vzctl start 9999")
    assert (failed.exit_status, failed.stderr) == (14, "Container config file does not exist\n")


async def test_the_sampler_finds_its_files(node: asyncssh.SSHClientConnection) -> None:
    names = "stat meminfo loadavg uptime net/dev vz/vestat vz/veinfo vz/vzquota bc/resources user_beancounters vz/vswap"
    done = await node.run(
        f'cd "$CTDECK_ROOT/proc" && for n in {names}; do [ -r $n ] || echo $n; done; ls ../etc/vz/conf'
    )
    assert str(done.stdout).split()[:2] == ["0.conf", "1001.conf"]


async def test_what_a_tool_changes_is_in_the_kernels_files_at_once(node: asyncssh.SSHClientConnection) -> None:
    count = 'grep -c "^ *1002 " "$CTDECK_ROOT/proc/vz/vestat"'
    done = await node.run(f"{count}; vzctl stop 1002 >/dev/null; {count}; vzctl start 1002 >/dev/null; {count}")
    assert str(done.stdout).split() == ["1", "0", "1"]


async def test_bytes_come_through_unchanged(node: asyncssh.SSHClientConnection) -> None:
    data = bytes(range(256)) * 8192
    done = await node.run("cat", input=data, encoding=None)
    assert done.stdout == data


async def test_end_of_input_reaches_the_process(node: asyncssh.SSHClientConnection, demo: Demo) -> None:
    async with node.create_process("cat; echo over") as process:
        process.stdin.write("one\n")
        assert await process.stdout.readline() == "one\n"
        process.stdin.write_eof()
        assert await process.stdout.read() == "over\n"


async def test_a_lost_connection_is_an_end_of_input(demo: Demo) -> None:
    mark = demo.root() / "tmp/ended"
    connection = await demo.connect()
    process = await connection.create_process("echo begun; cat >/dev/null; touch $CTDECK_ROOT/tmp/ended")
    await process.stdout.readline()
    connection.abort()
    await until(mark.exists)


async def test_a_process_that_only_writes_ends_with_the_connection(demo: Demo) -> None:
    connection = await demo.connect()
    process = await connection.create_process("echo $$; exec yes")
    pid = int(await process.stdout.readline())
    connection.abort()
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_another_key_is_refused(demo: Demo) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await demo.connect(key=asyncssh.generate_private_key("ssh-ed25519"))


async def test_a_pty_is_a_terminal(node: asyncssh.SSHClientConnection) -> None:
    async with node.create_process("tty; stty size; exec sh", term_type="xterm", term_size=(100, 30)) as process:
        assert (await process.stdout.readline()).startswith("/dev/pts/")
        assert (await process.stdout.readline()).strip() == "30 100"
        process.change_terminal_size(132, 50)
        process.stdin.write("stty size; exit 3\n")
        shown = await process.stdout.read()
        assert "50 132" in shown
        await process.wait(check=False)
        assert process.exit_status == 3


async def test_a_shell_in_a_container(node: asyncssh.SSHClientConnection) -> None:
    async with node.create_process("vzctl enter 1001", term_type="xterm", term_size=(100, 30)) as process:
        process.stdin.write("hostname\n")
        process.stdin.write("exit\n")
        shown = await process.stdout.read()
    assert "entered into CT 1001" in shown
    assert "db1.bluebird.example" in shown
    assert "exited from CT 1001" in shown


async def test_closing_a_pty_hangs_up(demo: Demo) -> None:
    connection = await demo.connect()
    process = await connection.create_process("echo $$; exec sleep 1000", term_type="xterm")
    pid = int(await process.stdout.readline())
    connection.abort()
    await until(lambda: not Path(f"/proc/{pid}").exists())


# The end


async def _leave_things_behind(demo: Demo) -> None:
    """A session that reads, and a job that has left its session and forked twice."""
    connection = await demo.connect()
    reading = await connection.create_process("echo; cat")
    await reading.stdout.readline()
    job = await connection.create_process(
        "setsid nohup sh -c '(sleep 1000 & echo $! > $CTDECK_ROOT/tmp/pid; wait) &' >/dev/null 2>&1 </dev/null"
    )
    await job.wait()
    await until((demo.root() / "tmp/pid").exists)
    await connection.run("setsid env -i sleep 1000 >/dev/null 2>&1 </dev/null &")
    assert len(marked(demo.directory)) >= 3


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc: detached processes cannot be found")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, None])
def test_nothing_is_left(how: signal.Signals | None) -> None:
    demo = Demo("--nodes", "1", "--containers", "2", *([] if how else ["--until-eof"]), stdin=subprocess.PIPE)
    asyncio.run(_leave_things_behind(demo))
    if how is not None:
        demo.process.send_signal(how)
    else:
        assert demo.process.stdin is not None
        demo.process.stdin.close()
    code = demo.process.wait(20)
    assert code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
    until_blocking(lambda: not marked(demo.directory) and not demo.directory.exists())
    assert demo.process.stderr is not None
    assert demo.process.stderr.read() == ""
    demo.end()


def test_the_culprit_is_told_on_the_second_line() -> None:
    demo = Demo("--scenario", "runaway-cpu", "--nodes", "3", "--containers", "10")
    assert demo.process.stdout is not None
    assert demo.process.stdout.readline() == "culprit hn03/3001\n"
    demo.end()


async def test_a_dead_node_refuses_and_the_others_answer() -> None:
    demo = Demo("--scenario", "tour", "--containers", "10")
    try:
        with pytest.raises(ConnectionRefusedError):
            await demo.connect("hn04")
        async with await demo.connect("hn01") as connection:
            assert (await connection.run("vzlist -H -o ctid")).exit_status == 0
    finally:
        demo.end()


async def test_chaos_does_not_stop_it() -> None:
    demo = Demo("--chaos", "--nodes", "2", "--containers", "4")
    try:
        async with await demo.connect("hn01") as connection:
            assert (await connection.run("vzlist -a -1")).exit_status == 0
        assert demo.process.poll() is None
    finally:
        assert demo.end() == 0
