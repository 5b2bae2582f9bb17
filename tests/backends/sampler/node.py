"""A node for the sampler: a local shell whose /proc, /etc and container area lie below a prefix."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from backends.backend import Reader, Reading, load
from backends.model import Container, NodeFacts
from backends.sampler.client import Sample, Sampler
from backends.sampler.head import NodeReader


class Pipe:
    """A process on this machine as a `Channel`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def read(self, limit: int = 65536) -> bytes:
        assert self.process.stdout is not None
        return await self.process.stdout.read(limit)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def write_eof(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def wait(self) -> int | None:
        return await self.process.wait()

    def close(self) -> None:
        self.write_eof()


class SampledNode:
    """A running sampler and the readers of what it says."""

    def __init__(self, sampler: Sampler, pipe: Pipe, first: Sample) -> None:
        self.sampler = sampler
        self.pipe = pipe
        self.facts = NodeFacts()
        self._head = NodeReader()
        self._head.greet(sampler.hello, self.facts)
        backends = load()
        self.readers: dict[str, Reader] = {name: backends[name].reader("n1") for name in sampler.hello.backends}
        self.readings = self._read(first)

    def _read(self, sample: Sample) -> dict[str, Reading]:
        assert self._head.read(sample.sections["node"], self.facts)
        return {name: reader.read(sample.sections[name], self.facts) for name, reader in self.readers.items()}

    async def ask(self, *, slow: bool = False) -> dict[str, Reading]:
        self.readings = self._read(await self.sampler.ask(slow=slow, timeout=20))
        return self.readings

    def containers(self, backend: str) -> dict[str, Container]:
        return {container.id: container for container in self.readings[backend].containers}


@contextlib.asynccontextmanager
async def sampled(
    root: Path, bin_dir: Path, shell: Sequence[str] = ("/bin/sh", "-s"), *, path: str | None = None
) -> AsyncIterator[SampledNode]:
    """Start the sampler below `root`, with `bin_dir` first on PATH."""
    environment = dict(os.environ, CTDECK_ROOT=str(root), PATH=f"{bin_dir}:{path or os.environ['PATH']}")
    process = await asyncio.create_subprocess_exec(
        *shell, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    pipe = Pipe(process)
    sampler = Sampler(pipe)
    try:
        first = await sampler.start(list(load().values()), timeout=20)
        yield SampledNode(sampler, pipe, first)
    finally:
        sampler.close()
        async with asyncio.timeout(10):
            await process.wait()
