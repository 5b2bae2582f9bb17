"""Jump hosts: shared, released, and blamed for their own trouble."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec, SshSettings
from backends.ssh.pool import Pool
from tests.backends.processes import send_all, tree
from tests.wait import until

from .servers import USER, Answers, Keys, Sshd, free_port, sshd


def configured(tmp_path: Path, server: Sshd, lines: str, known: str = "") -> SshSettings:
    """Nodes hn* on `server`; `lines` say how jump hosts are reached. Every host that is not unknown has its key in a file."""
    path = tmp_path / "known"
    path.write_text(known)
    config = tmp_path / "config"
    config.write_text(
        f"{lines}\n"
        f"Host hn*\n  HostName 127.0.0.1\n  Port {server.port}\n"
        f"Host *\n  User {USER}\n  IdentityFile {server.keys.path('client')}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {path}\n"
    )
    return SshSettings(config=config)


def jump_host(name: str, server: Sshd, *more: str) -> str:
    return "\n  ".join([f"Host {name}", "HostName 127.0.0.1", f"Port {server.port}", *more])


async def test_one_connection_for_all_behind_it(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    """sshd's default MaxStartups would drop a third of sixteen logins at a time."""
    with sshd(tmp_path / "jump", keys) as jump:
        lines = jump_host("gate", jump) + "\nHost hn*\n  ProxyJump gate"
        known = server.known_hosts_line("host-ed25519") + "\n" + jump.known_hosts_line("host-ed25519") + "\n"
        pool = Pool(configured(tmp_path, server, lines, known), Answers())
        transports = await asyncio.gather(*(pool.connect(NodeSpec(f"hn{index}")) for index in range(16)))
        done = await asyncio.gather(*(transport.run("echo $SSH_CONNECTION", timeout=20) for transport in transports))
        assert all(one.ok for one in done)
        assert jump.logins() == 1
        await transports.pop().close()
        assert jump.children()
        await asyncio.gather(*(transport.close() for transport in transports))
        await until(lambda: not jump.children(), what="the jump connection is released")
        # and made anew when it is needed again
        transport = await pool.connect(NodeSpec("hn1"))
        assert jump.logins() == 2
        await transport.close()
        await pool.close()


async def test_chain(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    with sshd(tmp_path / "one", keys) as one, sshd(tmp_path / "two", keys) as two:
        known = "".join(each.known_hosts_line("host-ed25519") + "\n" for each in (server, one, two))
        for lines in (
            jump_host("one", one) + "\n" + jump_host("two", two) + "\nHost hn*\n  ProxyJump one,two",
            jump_host("one", one) + "\n" + jump_host("two", two, "ProxyJump one") + "\nHost hn*\n  ProxyJump two",
            f"Host hn*\n  ProxyJump {USER}@127.0.0.1:{one.port},ssh://127.0.0.1:{two.port}",
        ):
            before = one.logins(), two.logins()
            pool = Pool(configured(tmp_path, server, lines, known), Answers())
            transports = await asyncio.gather(*(pool.connect(NodeSpec(f"hn{index}")) for index in range(4)))
            assert all([(await transport.run("true", timeout=20)).ok for transport in transports])
            assert (one.logins() - before[0], two.logins() - before[1]) == (1, 1)
            await pool.close()
            await until(lambda: not one.children() and not two.children())


async def test_trouble_of_the_jump_host_is_its_own(server: Sshd, tmp_path: Path) -> None:
    port = free_port()
    lines = f"Host gate\n  HostName 127.0.0.1\n  Port {port}\nHost hn*\n  ProxyJump gate"
    pool = Pool(configured(tmp_path, server, lines), Answers())
    results = await asyncio.gather(
        *(pool.connect(NodeSpec(f"hn{index}")) for index in range(10)), return_exceptions=True
    )
    faults = [result for result in results if isinstance(result, Fault)]
    assert len(faults) == 10
    assert {fault.kind for fault in faults} == {FaultKind.JUMP}
    assert {fault.message for fault in faults} == {f"Jump host gate: 127.0.0.1:{port} refuses the connection"}
    await pool.close()


async def test_key_of_the_jump_host_is_asked_about_once(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    with sshd(tmp_path / "jump", keys) as jump:
        lines = jump_host("gate", jump) + "\nHost hn*\n  ProxyJump gate"
        settings = configured(tmp_path, server, lines, server.known_hosts_line("host-ed25519") + "\n")
        person = Answers(trusts=False)
        pool = Pool(settings, person)
        results = await asyncio.gather(
            *(pool.connect(NodeSpec(f"hn{index}")) for index in range(5)), return_exceptions=True
        )
        assert {result.kind for result in results if isinstance(result, Fault)} == {FaultKind.JUMP}
        assert [key.node for key in person.keys] == ["gate"]
        await pool.close()
        person.trusts = True
        pool = Pool(settings, person)
        await asyncio.gather(*(pool.connect(NodeSpec(f"hn{index}")) for index in range(5)))
        assert len(person.keys) == 2
        await pool.close()


async def test_node_that_the_jump_host_cannot_reach(keys: Keys, tmp_path: Path) -> None:
    with sshd(tmp_path / "jump", keys) as jump:
        known = jump.known_hosts_line("host-ed25519") + "\n"
        lines = (
            jump_host("gate", jump)
            + f"\nHost hn1\n  Port {free_port()}\nHost hn2\n  HostName no-such-host.invalid\nHost hn*\n  ProxyJump gate"
        )
        pool = Pool(configured(tmp_path, jump, lines, known), Answers())
        with pytest.raises(Fault, match="Jump host gate cannot reach") as caught:
            await pool.connect(NodeSpec("hn1"))
        assert caught.value.kind is FaultKind.REFUSED
        with pytest.raises(Fault, match="Jump host gate cannot reach no-such-host") as caught:
            await pool.connect(NodeSpec("hn2"))
        assert caught.value.kind is FaultKind.RESOLVE
        await pool.close()


async def test_jump_host_that_forbids_forwarding(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    with sshd(tmp_path / "jump", keys, extra="AllowTcpForwarding no") as jump:
        known = jump.known_hosts_line("host-ed25519") + "\n"
        lines = jump_host("gate", jump) + "\nHost hn*\n  ProxyJump gate"
        pool = Pool(configured(tmp_path, server, lines, known), Answers())
        with pytest.raises(Fault, match="forbids") as caught:
            await pool.connect(NodeSpec("hn1"))
        assert caught.value.kind is FaultKind.JUMP
        await pool.close()


async def test_dying_jump_host_takes_its_nodes_along(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    with sshd(tmp_path / "jump", keys) as jump:
        lines = jump_host("gate", jump) + "\nHost hn*\n  ProxyJump gate"
        known = server.known_hosts_line("host-ed25519") + "\n" + jump.known_hosts_line("host-ed25519") + "\n"
        pool = Pool(configured(tmp_path, server, lines, known), Answers())
        transports = await asyncio.gather(*(pool.connect(NodeSpec(f"hn{index}")) for index in range(5)))
        work = asyncio.create_task(transports[0].run("sleep 20", timeout=30))
        await asyncio.sleep(0)
        send_all(signal.SIGKILL, tree(jump.process.pid)[1:])
        faults = await asyncio.wait_for(asyncio.gather(*(each.wait_closed() for each in transports)), 10)
        assert {fault.kind for fault in faults} == {FaultKind.LOST}
        results = await asyncio.gather(work, return_exceptions=True)
        assert isinstance(results[0], Fault) or results[0].status is None
        transport = await pool.connect(NodeSpec("hn1"))
        assert (await transport.run("true", timeout=20)).ok
        assert jump.logins() == 2
        await pool.close()


@pytest.mark.parametrize(
    "lines",
    [
        "Host hn*\n  ProxyJump gate\nHost gate\n  HostName 127.0.0.1\n  ProxyJump gate",
        "Host hn1\n  ProxyJump a\nHost hn2\n  ProxyJump b\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a",
        "Host *\n  ProxyJump gate",
    ],
)
async def test_circle(lines: str, server: Sshd, tmp_path: Path) -> None:
    pool = Pool(configured(tmp_path, server, lines), Answers())
    async with asyncio.timeout(20):
        results = await asyncio.gather(
            pool.connect(NodeSpec("hn1")), pool.connect(NodeSpec("hn2")), return_exceptions=True
        )
    faults = [result for result in results if isinstance(result, Fault)]
    assert {fault.kind for fault in faults} == {FaultKind.JUMP}
    assert len(faults) == 2
    await pool.close()


async def test_giving_up_leaves_nothing(server: Sshd, keys: Keys, tmp_path: Path) -> None:
    """Cancelled while the jump host is being connected: it is not kept."""
    with sshd(tmp_path / "jump", keys) as jump:
        lines = jump_host("gate", jump) + "\nHost hn*\n  ProxyJump gate"
        known = server.known_hosts_line("host-ed25519") + "\n" + jump.known_hosts_line("host-ed25519") + "\n"
        pool = Pool(configured(tmp_path, server, lines, known), Answers())
        task = asyncio.create_task(pool.connect(NodeSpec("hn1")))
        await until(jump.children)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not jump.children(), what="no connection to the jump host")
        transport = await pool.connect(NodeSpec("hn1"))
        assert (await transport.run("true", timeout=20)).ok
        await pool.close()
