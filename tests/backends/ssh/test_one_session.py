"""The whole way to a node whose sshd allows one session on a connection: figures, commands and a shell."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from backends.backend import load
from backends.model import Node, NodeState
from backends.poller import Poller
from backends.prompts import NoPrompts
from backends.ssh.pool import Pool
from backends.store import Store
from tests import need
from tests.wait import until

from .servers import Keys, node, settings, sshd


async def test_a_shell_stands_beside_the_figures(tmp_path: Path, keys: Keys) -> None:
    need.root()  # only root's sshd may hand out terminals
    with sshd(tmp_path / "sshd", keys, extra="MaxSessions 1") as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), NoPrompts())
        store, spec = Store(), node(server)
        store.add_node(Node(spec.name))
        poller = Poller(spec, store.nodes[spec.name], store, list(load().values()), pool.connect)
        life = asyncio.create_task(poller.run())
        try:
            await until(poller.settled.is_set, timeout=30)
            words = ("/bin/sh", "-c", "stty size; read x; exit 4")
            terminal = await poller.terminal(words, term="vt220", columns=91, rows=17)
            assert b"17 91" in await asyncio.wait_for(terminal.read(), 10)
            poller.refresh()
            answered = poller.node.answered
            await until(lambda: poller.node.answered != answered, timeout=10)
            assert poller.node.state is not NodeState.STALE
            assert (await poller.run_command("echo works", timeout=10, limit=100)).stdout == b"works\n"
            terminal.resize(100, 30)
            terminal.write(b"\n")
            while await asyncio.wait_for(terminal.read(), 10):
                pass
            assert await terminal.wait() == 4
            assert len(connections(server.port)) == 2
            terminal.close()
            terminal.close()
            await until(lambda: len(connections(server.port)) == 1, timeout=10)
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            await pool.close()


def connections(port: int) -> list[object]:
    """Ours to that port."""
    found = psutil.Process().net_connections("tcp")
    return [one for one in found if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED]
