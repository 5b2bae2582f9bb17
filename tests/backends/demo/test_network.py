"""What can happen to a node on the network: it dies and comes back, is slow, is noisy; and chaos, which does all of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from backends.demo import chaos, fleet
from backends.demo.scenarios import World
from backends.demo.server import NodeServer
from backends.demo.simulation import Kernel
from tests.wait import until


class Network:
    """One node in this process, and a client's way to it."""

    def __init__(self, directory: Path) -> None:
        self.plans = fleet.plan(1, 4)
        self.tree = fleet.write_node(directory / "hn01", self.plans[0])
        warden: Any = SimpleNamespace(add=lambda group: None, remove=lambda group: None)
        self.server = NodeServer(directory, directory / "hn01", warden)
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.world = World(self.plans, {"hn01": Kernel(self.tree)}, {"hn01": self.server}, lambda node, words: None)  # type: ignore[arg-type, return-value]

    async def listen(self) -> None:
        clients = asyncssh.import_authorized_keys(self.key.export_public_key().decode())
        await self.server.listen(self.host_key, clients)

    async def connect(self) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1",
            self.server.port,
            username="root",
            client_keys=[self.key],
            known_hosts=([self.host_key.convert_to_public()], [], []),
            agent_path=None,
            config=None,
        )


@pytest.fixture
async def network(memory_path: Path) -> AsyncIterator[Network]:
    network = Network(memory_path)
    await network.listen()
    yield network
    await network.server.end()


async def test_a_node_dies_and_comes_back_at_the_same_port(network: Network) -> None:
    connection = await network.connect()
    await network.server.die()
    await asyncio.wait_for(connection.wait_closed(), 10)
    with pytest.raises(ConnectionRefusedError):
        await network.connect()
    await network.server.revive()
    async with await network.connect() as again:
        assert (await again.run("echo here")).stdout == "here\n"


async def test_a_node_that_never_listened_refuses(memory_path: Path) -> None:
    with pytest.raises(ConnectionRefusedError):
        await Network(memory_path).connect()


async def test_answers_are_held_back(network: Network) -> None:
    loop = asyncio.get_running_loop()
    async with await network.connect() as connection:
        network.server.weather.delay = 0.2
        begun = loop.time()
        await connection.run("echo late")
        assert loop.time() - begun >= 0.2
        network.server.weather.delay = 0.0
        network.server.weather.held_until = held_until = loop.time() + 0.5
        await connection.run("echo later")
        assert loop.time() >= held_until


async def test_chaos_drops_connections_and_talks_nonsense(network: Network) -> None:
    dice = random.Random(1)
    connection = await network.connect()
    async with connection.create_process("echo begun; cat", encoding=None) as process:
        assert await process.stdout.readline() == b"begun\n"
        await chaos._garbage(network.world, "hn01", dice)
        assert await process.stdout.readline() == chaos.GARBAGE
        await chaos._drop(network.world, "hn01", dice)
        await asyncio.wait_for(connection.wait_closed(), 10)


async def test_chaos_stalls_a_node(network: Network) -> None:
    await chaos._stall(network.world, "hn01", random.Random(1))
    assert network.server.weather.held_until > asyncio.get_running_loop().time() + 1


def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Chaos pauses until it is told to go on."""
    go_on = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await go_on.wait()

    monkeypatch.setattr(chaos, "asyncio", SimpleNamespace(sleep=sleep, get_running_loop=asyncio.get_running_loop))
    return go_on.set


async def test_chaos_lets_a_node_vanish_and_come_back(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = patient(monkeypatch)
    vanishing = asyncio.create_task(chaos._vanish(network.world, "hn01", random.Random(1)))
    await until(lambda: network.server._acceptor is None)
    with pytest.raises(ConnectionRefusedError):
        await network.connect()
    go_on()
    await vanishing
    (await network.connect()).close()


async def test_chaos_gives_a_hostile_name_and_takes_it_back(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = patient(monkeypatch)
    confs = [network.tree.conf_path(ctid) for ctid in network.tree.ids()]
    before = [path.read_text() for path in confs]
    renaming = asyncio.create_task(chaos._rename(network.world, "hn01", random.Random(1)))
    await until(lambda: any(chaos.HOSTILE in path.read_text() for path in confs))
    go_on()
    await renaming
    assert [path.read_text() for path in confs] == before
