"""Random faults of a simulated fleet: what happens to a monitoring program in a bad year, in some minutes."""

from __future__ import annotations

import asyncio
import random

from .scenarios import World

#: A tenant can call a machine what he likes.
HOSTILE = "[red]x[/] \x1b]0;owned\x07"
GARBAGE = b"\xff\xfe kernel: \x1b[2J\x1b[31mNMI watchdog\x1b[0m #B 0 0 f 999999\n"


async def rage(world: World, seed: int | None = None) -> None:
    """Every few seconds something happens to some node, and passes again."""
    dice = random.Random(seed)
    alive = [plan.name for plan in world.plans if plan.name in world.kernels]
    faults = (_stall, _drop, _vanish, _garbage, _rename)
    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(dice.uniform(3, 9))
            group.create_task(dice.choice(faults)(world, dice.choice(alive), dice))


async def _stall(world: World, name: str, dice: random.Random) -> None:
    """The node answers nothing for a while."""
    world.servers[name].weather.held_until = asyncio.get_running_loop().time() + dice.uniform(2, 12)


async def _drop(world: World, name: str, dice: random.Random) -> None:
    """All connections break."""
    world.servers[name].drop_connections()


async def _vanish(world: World, name: str, dice: random.Random) -> None:
    """The node is gone, and comes back."""
    await world.servers[name].die()
    await asyncio.sleep(dice.uniform(2, 15))
    await world.servers[name].revive()


async def _garbage(world: World, name: str, dice: random.Random) -> None:
    """Something that is no answer comes in between."""
    world.servers[name].say(GARBAGE)


async def _rename(world: World, name: str, dice: random.Random) -> None:
    """A container gets a host name that does harm where it is printed as it is, and its old one back."""
    from .vzconf import Conf

    tree = world.kernels[name].tree
    ids = tree.ids()
    if not ids:
        return
    path = tree.conf_path(dice.choice(ids))
    old = Conf.read(path)
    if old is None or old.get("HOSTNAME") == HOSTILE:
        return
    hostname = old.get("HOSTNAME")
    old.set("HOSTNAME", HOSTILE)
    old.save(path)
    await asyncio.sleep(dice.uniform(20, 40))
    now = Conf.read(path)
    if now is not None and now.get("HOSTNAME") == HOSTILE:
        now.set("HOSTNAME", hostname)
        now.save(path)
