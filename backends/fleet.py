"""The fleet: a poller for each node, one store. Nothing in here waits for a single node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .backend import Backend, load
from .errors import ConfigError, CtdeckError
from .inventory import Inventory, NodeSpec
from .model import Node
from .poller import Poller
from .prompts import Prompts
from .store import Store
from .transport import Completed, Terminal, Transport

if TYPE_CHECKING:
    from .ssh.pool import Pool

#: Seconds that closing all connections may take in total.
STOP_TIMEOUT = 3.0


class Fleet:
    """All nodes of an inventory, kept connected and read into one store."""

    def __init__(self, inventory: Inventory, prompts: Prompts) -> None:
        self.inventory = inventory
        self.store = Store()
        self.started = False
        self._prompts = prompts
        self._paused = False
        self._pool: Pool | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pollers: dict[str, Poller] = {}
        try:
            self._backends = load()
        except Exception as error:
            raise ConfigError(f"A backend cannot be loaded: {error}", "Is its package installed whole?") from error
        for spec in inventory.nodes:
            self.store.add_node(
                Node(
                    spec.name,
                    group=spec.group,
                    production=spec.production,
                    read_only=spec.read_only or inventory.read_only,
                    interval=spec.interval,
                )
            )

    async def start(self) -> None:
        """Begin to connect to every node. Returns at once."""
        self.started = True
        for spec in self.inventory.nodes:
            poller = Poller(spec, self.store.nodes[spec.name], self.store, list(self._backends.values()), self._connect)
            poller.paused = self._paused
            self._pollers[spec.name] = poller
            self._tasks.append(asyncio.create_task(poller.run(), name=f"node {spec.name}"))

    async def stop(self) -> None:
        """End all pollers and connections, within some seconds whatever the nodes do."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT)
        self._tasks.clear()
        if self._pool is not None:
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self._pool.close()
            except TimeoutError:
                pass  # the process ends with them
            self._pool = None

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value
        for poller in self._pollers.values():
            poller.paused = value
            poller.resume()

    def refresh(self, node: str | None = None) -> None:
        """Sample now, or try now where there is no connection: one node, or all. A person may be asked anew."""
        if self._pool is not None:
            self._pool.ask_again()
        for poller in [self._pollers[node]] if node is not None else self._pollers.values():
            poller.refresh()

    def backend(self, name: str) -> Backend:
        return self._backends[name]

    async def run(self, node: str, script: str, *args: str, timeout: float, limit: int = 1 << 20) -> Completed:
        """A short command on a node: POSIX sh, `args` as $1... Raises `Fault`."""
        return await self._poller(node).run_command(script, *args, timeout=timeout, limit=limit)

    async def terminal(self, node: str, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        """An interactive command with a pty. Raises `Fault`."""
        return await self._poller(node).terminal(argv, term=term, columns=columns, rows=rows)

    async def wait_first(self, timeout: float) -> None:
        """Until the CPU figures of every node are there, or it has failed, or `timeout` seconds are over."""
        waits = [asyncio.create_task(poller.settled.wait()) for poller in self._pollers.values()]
        if waits:
            await asyncio.wait(waits, timeout=timeout)
        for wait in waits:
            wait.cancel()

    def _poller(self, node: str) -> Poller:
        try:
            return self._pollers[node]
        except KeyError:
            raise CtdeckError(f"There is no node {node!r} in the fleet") from None

    async def _connect(self, spec: NodeSpec) -> Transport:
        if spec.transport == "local":
            from .local import LocalTransport

            return LocalTransport(spec, self._prompts)
        if self._pool is None:
            from .ssh.pool import Pool  # asyncssh costs 0.3 s of CPU: not before the first connection

            self._pool = Pool(self.inventory.ssh, self._prompts)
        return await self._pool.connect(spec)
