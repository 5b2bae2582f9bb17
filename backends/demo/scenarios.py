"""What goes wrong in a simulated fleet, and who is to blame. Each incident begins within two seconds of the start.

A scenario changes the plan of the fleet before it is written (`prepare`), then plays along (`play`). What it does to a
container is an effect on the simulation that the usual remedy ends: a restart, a limit, more memory or disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .cell import Effect
from .fleet import Container, NodePlan
from .simulation import Kernel
from .tree import write_file

if TYPE_CHECKING:
    from .server import NodeServer

Plans = list[NodePlan]


class World(NamedTuple):
    """A fleet that is up."""

    plans: Plans
    kernels: dict[str, Kernel]
    servers: dict[str, NodeServer]
    start: Callable[[NodePlan, Sequence[str]], subprocess.Popen[bytes]]  # a program of its own on a node

    def effect(self, node: NodePlan, container: Container) -> Effect:
        """What shall happen to a container from now on."""
        return self.kernels[node.name].effects.setdefault(container.ctid, Effect())


class Scenario(NamedTuple):
    """One line of the table. `culprit` is what an operator should be led to."""

    description: str
    culprit: Callable[[Plans], str] | None = None
    play: Callable[[World], Awaitable[None]] | None = None
    prepare: Callable[[Plans], Plans] | None = None
    dead: tuple[str, ...] = ()  # nodes that refuse connections from the start
    nodes: int = 1  # it needs at least so many
    containers: int = 15  # on each node, unless the user says otherwise
    least_containers: int = 0


# Who it happens to


def _node(plans: Plans, number: int) -> NodePlan:
    return plans[min(number, len(plans)) - 1]


def _running(node: NodePlan, kind: str) -> Container:
    """A plain running container of this kind; another one where the node has none."""
    plain = [one for one in node.containers if one.status == "running" and one.memory is not None]
    return next((one for one in plain if one.kind == kind), plain[0])


def _victim(number: int, kind: str) -> Callable[[Plans], tuple[NodePlan, Container]]:
    def find(plans: Plans) -> tuple[NodePlan, Container]:
        node = _node(plans, number)
        return node, _running(node, kind)

    return find


_RUNAWAY = _victim(3, "shop")
_STARVING = _victim(2, "mail")
_FULL = _victim(1, "db")
_LOOPING = _victim(3, "proxy")
_HACKED = _victim(1, "web")


def _named(find: Callable[[Plans], tuple[NodePlan, Container]]) -> Callable[[Plans], str]:
    def name(plans: Plans) -> str:
        node, container = find(plans)
        return f"{node.name}/{container.ctid}"

    return name


# What happens


async def _runaway(world: World) -> None:
    node, container = _RUNAWAY(world.plans)
    effect = world.effect(node, container)
    effect.cpu = 5.0
    await asyncio.sleep(1.5)
    effect.cpu = 390.0


async def _memory(world: World) -> None:
    node, container = _STARVING(world.plans)
    effect = world.effect(node, container)
    for share in (0.8, 1.2, 2.5):  # of its limit: swap fills, then allocations fail
        await asyncio.sleep(0.5)
        effect.memory = (container.memory or 1024) * share


async def _disk(world: World) -> None:
    node, container = _FULL(world.plans)
    effect = world.effect(node, container)
    effect.lasts = True
    for share in (0.9, 0.97, 1.2):
        await asyncio.sleep(0.5)
        effect.disk = container.disk * share


async def _restarts(world: World) -> None:
    """Its init dies every other second and a watchdog starts it again, until somebody stops it."""
    node, container = _LOOPING(world.plans)
    tree = world.kernels[node.name].tree
    await asyncio.sleep(1)
    while True:
        with tree.changing(container.ctid) as state:
            ours = state.running
            if ours:
                state.status = "stopped"
        await asyncio.sleep(0.6)
        if ours:
            with tree.changing(container.ctid) as state:
                state.status, state.started = "running", time.time()
        await asyncio.sleep(1.6)


async def _overload(world: World) -> None:
    node = _node(world.plans, 2)
    kernel = world.kernels[node.name]
    await asyncio.sleep(1)
    kernel.waiting = kernel.cores * 1.5
    kernel.rush(kernel.cores * 4.2)
    share = kernel.cores * 260.0 / max(1, len(kernel.cells))
    for ctid, cell in kernel.cells.items():
        effect = kernel.effects.setdefault(ctid, Effect())
        effect.cpu = share * (0.85 + 0.3 * (ctid % 7) / 7)
        effect.lasts = True
        cell.load = [effect.cpu / 100] * 3


async def _death(world: World) -> None:
    await asyncio.sleep(3)
    await world.servers[_node(world.plans, 3).name].die()


async def _intrusion(world: World) -> None:
    node, container = _HACKED(world.plans)
    await asyncio.sleep(1)
    effect = world.effect(node, container)
    effect.cpu, effect.processes, effect.traffic = 184.0, 430, 11_500.0


def _same_address(plans: Plans) -> Plans:
    """The second node's newest container has an address of the first node's."""
    owner = _running(plans[0], "web")
    number, newcomer = 1, _running(plans[1], "web")
    changed = newcomer._replace(ips=(owner.ips[0], *newcomer.ips), uptime=0.0)
    containers = tuple(changed if one.ctid == newcomer.ctid else one for one in plans[number].containers)
    return [*plans[:number], plans[number]._replace(containers=containers), *plans[number + 1 :]]


# The tour: one of each


def _tour_hog(plans: Plans) -> tuple[NodePlan, Container]:
    node = _node(plans, 2)
    return node, _running(node, "shop")


async def _tour(world: World) -> None:
    await asyncio.gather(_tour_overload(world), _tour_slow(world), _tour_containers(world))


async def _tour_overload(world: World) -> None:
    node, hog = _tour_hog(world.plans)
    kernel = world.kernels[node.name]
    kernel.waiting = kernel.cores * 2.6
    kernel.rush(kernel.cores * 4.4)
    effect = world.effect(node, hog)
    effect.cpu = 100.0 * kernel.cores


async def _tour_slow(world: World) -> None:
    weather = world.servers[_node(world.plans, 3).name].weather
    weather.delay = 0.4
    loop = asyncio.get_running_loop()
    dice = random.Random(7)
    while True:
        await asyncio.sleep(dice.uniform(18, 30))
        weather.held_until = loop.time() + dice.uniform(6, 8)


async def _tour_containers(world: World) -> None:
    node = _node(world.plans, 1)
    backed_up, failing = _running(node, "dev"), _running(node, "cache")
    lock(world, node, backed_up, minutes=31)
    effect = world.effect(node, failing)
    effect.failing, effect.failcnt, effect.lasts = "tcpsndbuf", 2.5, True


def lock(world: World, node: NodePlan, container: Container, minutes: float) -> None:
    """Let a backup hold the container's lock, since some minutes."""
    tree = world.kernels[node.name].tree
    holder = world.start(node, ("sleep", "1000000"))
    command = f"/usr/bin/perl\0-w\0/usr/sbin/vzdump\0--compress\0{container.ctid}\0"
    directory = tree.root / f"proc/{holder.pid}"
    directory.mkdir()
    write_file(directory / "cmdline", command)
    path = tree.root / f"vz/lock/{container.ctid}.lck"
    write_file(path, f"{holder.pid}\n\n")
    since = time.time() - minutes * 60
    os.utime(path, (since, since))


SCENARIOS: dict[str, Scenario] = {
    "healthy": Scenario("nothing is wrong (the default)"),
    "tour": Scenario(
        "a bit of everything: one node dead, one slow, one overloaded, a stuck backup, a container that lacks buffers",
        play=_tour,
        dead=("hn04",),
        nodes=4,
        containers=20,
        least_containers=10,
    ),
    "runaway-cpu": Scenario(
        "a container goes from 5 % to all four of its cores", _named(_RUNAWAY), _runaway, least_containers=10
    ),
    "memory-limit": Scenario(
        "a container is at its memory limit, and allocations fail", _named(_STARVING), _memory, least_containers=10
    ),
    "disk-full": Scenario("a container fills its disk", _named(_FULL), _disk, least_containers=10),
    "restart-loop": Scenario(
        "a container dies and is started again, every few seconds", _named(_LOOPING), _restarts, least_containers=10
    ),
    "node-overloaded": Scenario(
        "all containers of a node want more CPU than it has",
        lambda plans: _node(plans, 2).name,
        _overload,
        least_containers=4,
    ),
    "node-dead": Scenario("a node dies after three seconds", lambda plans: _node(plans, 3).name, _death),
    "hacked": Scenario(
        "a container has hundreds of new processes, and sends much", _named(_HACKED), _intrusion, least_containers=10
    ),
    "ip-conflict": Scenario(
        "two containers on two nodes have one address; the newer one is to blame",
        lambda plans: f"{plans[1].name}/{_running(plans[1], 'web').ctid}",
        prepare=_same_address,
        nodes=2,
        least_containers=10,
    ),
}


def listed() -> list[str]:
    """The names of what can go wrong."""
    return [name for name in SCENARIOS if name != "healthy"]
