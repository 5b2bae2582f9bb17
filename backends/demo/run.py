"""A simulated fleet from its first file to its last process."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from . import fleet
from .processes import Warden, environment
from .scenarios import Scenario, World
from .simulation import Kernel
from .tree import Tree, write_file

#: Seconds between two looks at the simulated world.
TICK = 0.5


def serve(nodes: int, containers: int, scenario: Scenario, *, chaos: bool, until_eof: bool) -> int:
    """Put up a fleet, tell where it is, and keep it up until somebody ends it."""
    directory = Path(tempfile.mkdtemp(prefix="ctdeck-demo-", dir=memory_directory()))
    warden = Warden(directory)  # before anything is imported or started: it is a fork
    try:
        asyncio.run(_Fleet(directory, warden, nodes, containers, scenario).live(chaos, until_eof))
    finally:
        warden.finish()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def memory_directory() -> str | None:
    """/dev/shm where it can be used, since a fleet replaces some 90 small files a second; else the usual place."""
    try:
        flags = os.statvfs("/dev/shm").f_flag
    except OSError:
        return None
    usable = os.access("/dev/shm", os.W_OK) and not flags & (os.ST_NOEXEC | os.ST_RDONLY)
    return "/dev/shm" if usable and not os.environ.get("TMPDIR") else None


class _Fleet:
    def __init__(self, directory: Path, warden: Warden, nodes: int, containers: int, scenario: Scenario) -> None:
        self.directory = directory
        self.warden = warden
        self.scenario = scenario
        plans = fleet.plan(nodes, containers)
        self.plans = scenario.prepare(plans) if scenario.prepare else plans
        self.kernels: dict[str, Kernel] = {}
        self.trees: dict[str, Tree] = {}

    async def live(self, chaos: bool, until_eof: bool) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        world = await self._begin()
        print(self.directory / "fleet.yaml", flush=True)
        if self.scenario.culprit is not None:
            print(f"culprit {self.scenario.culprit(self.plans)}", flush=True)
        if until_eof:
            threading.Thread(target=_await_eof, args=(loop, stop), daemon=True).start()
        tasks = [self._tick(kernel) for kernel in self.kernels.values()]
        tasks.append(self._fill())
        if self.scenario.play is not None:
            tasks.append(_play(self.scenario, world))
        if chaos:
            from .chaos import rage

            tasks.append(rage(world))
        try:
            async with asyncio.TaskGroup() as group:  # a fault of the demo's own ends it
                running = [group.create_task(task) for task in tasks]
                await stop.wait()
                for task in running:
                    task.cancel()
        finally:
            await asyncio.gather(*(server.end() for server in world.servers.values()))

    async def _begin(self) -> World:
        """Everything that must stand before the fleet file is told."""
        import asyncssh

        from .server import NodeServer

        client = asyncssh.generate_private_key("ssh-ed25519")
        write_file(self.directory / "id", client.export_private_key())
        (self.directory / "id").chmod(0o600)
        clients = asyncssh.import_authorized_keys(client.export_public_key().decode())
        servers: dict[str, NodeServer] = {}
        known_hosts = []
        for plan in self.plans:
            root = self.directory / plan.name
            server = servers[plan.name] = NodeServer(self.directory, root, self.warden)
            key = asyncssh.generate_private_key("ssh-ed25519")
            known_hosts.append(f"[127.0.0.1]:{server.port} {key.export_public_key().decode().strip()}\n")
            if plan.name in self.scenario.dead:
                continue
            self.trees[plan.name] = fleet.write_node(root, plan)
            os.mkfifo(root / ".sim/pipe")
            kernel = self.kernels[plan.name] = Kernel(self.trees[plan.name])
            kernel.tick()
            await server.listen(key, clients)
        write_file(self.directory / "known_hosts", "".join(known_hosts))
        ports = {name: server.port for name, server in servers.items()}
        write_file(self.directory / "fleet.yaml", fleet.fleet_file(self.directory, self.plans, ports))
        return World(self.plans, self.kernels, servers, self._start)

    def _start(self, node: fleet.NodePlan, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """A program on a node that nobody logged in for. It ends with the demo."""
        null = subprocess.DEVNULL
        env = environment(self.directory, self.directory / node.name)
        child = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, env=env, start_new_session=True)
        self.warden.add(child.pid)
        return child

    async def _tick(self, kernel: Kernel) -> None:
        """Let a node's time pass, and at once when a tool has changed something."""
        wake = asyncio.Event()
        pipe = os.open(kernel.tree.root / ".sim/pipe", os.O_RDWR | os.O_NONBLOCK)

        def woken() -> None:
            os.read(pipe, 4096)
            wake.set()

        loop = asyncio.get_running_loop()
        loop.add_reader(pipe, woken)
        try:
            for number in itertools.count():
                kernel.tick()
                if number % 20 == 0:
                    kernel.bury()
                try:
                    async with asyncio.timeout(TICK):
                        await wake.wait()
                except TimeoutError:
                    pass
                wake.clear()
        finally:
            loop.remove_reader(pipe)
            os.close(pipe)

    async def _fill(self) -> None:
        """The files inside the containers, which nobody looks at in the first moments."""
        for plan in self.plans:
            if plan.name not in self.trees:
                continue
            for container in plan.containers:
                await asyncio.sleep(0.02)
                fleet.fill_private(self.trees[plan.name], container)


async def _play(scenario: Scenario, world: World) -> None:
    if scenario.play is not None:
        await scenario.play(world)


def _await_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except OSError:
        pass
    loop.call_soon_threadsafe(stop.set)
