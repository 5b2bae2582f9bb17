"""A node's life: connected, slow, silent, broken, gone, back. The node is a local shell below a simulated root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from backends import poller as poller_module
from backends.backend import load
from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec
from backends.model import Key, Node, NodeState, State
from backends.poller import Poller
from backends.sampler.client import Sample, Sampler
from backends.store import Store
from backends.transport import Completed, SessionsUsedUp, Terminal

from .sampler import roots
from .sampler.node import Pipe


class RootTransport:
    """A connection to a simulated root; its faults are set from outside."""

    notes: tuple[str, ...] = ("an old cipher",)

    def __init__(self, node: SimulatedNode) -> None:
        self.node = node
        self.pipes: list[Pipe] = []
        self.gone: asyncio.Future[Fault] = asyncio.get_running_loop().create_future()

    async def open(self, *, timeout: float) -> Pipe:
        if self.node.sessions and sum(pipe.process.returncode is None for pipe in self.pipes) >= self.node.sessions:
            raise SessionsUsedUp
        process = await asyncio.create_subprocess_exec(
            *self.node.shell,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self.node.environment,
            start_new_session=True,
        )
        self.pipes.append(Pipe(process))
        return self.pipes[-1]

    async def run(self, script: str, *args: str, timeout: float, stdin: bytes = b"", limit: int = 1 << 20) -> Completed:
        pipe = await self.open(timeout=timeout)
        output, _ = await pipe.process.communicate(script.encode())
        return Completed(pipe.process.returncode, output, b"")

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        raise AssertionError("not here")

    async def wait_closed(self) -> Fault:
        return await asyncio.shield(self.gone)

    async def close(self) -> None:
        for pipe in self.pipes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pipe.process.pid, signal.SIGKILL)
            # unread output would keep asyncio from seeing the end
            while await pipe.read():
                pass
            await pipe.process.wait()


class SimulatedNode:
    def __init__(self, root: Path, bin_dir: Path) -> None:
        self.root = root
        self.shell: tuple[str, ...] = ("/bin/sh", "-s")
        self.environment = dict(os.environ, CTDECK_ROOT=str(root), PATH=f"{bin_dir}:{os.environ['PATH']}")
        self.sessions = 0
        self.refuse: Fault | None = None
        self.connections = 0
        self.transport: RootTransport | None = None

    async def connect(self, spec: NodeSpec) -> RootTransport:
        self.connections += 1
        if self.refuse is not None:
            raise self.refuse
        self.transport = RootTransport(self)
        return self.transport

    def signal(self, number: int) -> None:
        assert self.transport is not None
        for pipe in self.transport.pipes:
            if pipe.process.returncode is None:
                pipe.process.send_signal(number)


class Watched:
    """A poller under test and what it knows."""

    def __init__(self, node: SimulatedNode, **options: object) -> None:
        self.simulated = node
        self.store = Store()
        spec = NodeSpec("n1", interval=0.1, slow_interval=30.0, **options)  # type: ignore[arg-type]
        self.store.add_node(Node("n1", interval=0.1))
        self.node = self.store.nodes["n1"]
        self.poller = Poller(spec, self.node, self.store, list(load().values()), node.connect)

    async def until(self, condition: Callable[[], object], seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.store.take()
                await asyncio.wait([asyncio.create_task(_turn())])

    def state_of(self, container: str, backend: str = "openvz") -> State:
        return self.store.containers[Key("n1", backend, container)].state


async def _turn() -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(0.01, done.set_result, None)
    await done


@pytest.fixture
def openvz(tmp_path: Path) -> SimulatedNode:
    roots.build(tmp_path / "root", roots.OPENVZ)
    roots.openvz_tools(tmp_path / "bin")
    return SimulatedNode(tmp_path / "root", tmp_path / "bin")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "SECOND_STRIKE", 0.05)
    monkeypatch.setattr(poller_module, "FIRST_GAP", 0.05)
    monkeypatch.setattr(poller_module, "SLOW_GAP", 0.1)
    monkeypatch.setattr(poller_module, "NODE_BUDGET", 1000.0)


@contextlib.asynccontextmanager
async def watched(node: SimulatedNode, **options: object) -> AsyncIterator[Watched]:
    it = Watched(node, **options)
    task = asyncio.create_task(it.poller.run())
    try:
        yield it
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert it.simulated.transport is None or all(
            pipe.process.returncode is not None for pipe in it.simulated.transport.pipes
        )


async def test_rows_and_rates_come(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        assert it.node.state is NodeState.UP
        assert it.state_of("101") is State.RUNNING
        assert it.node.facts.disk_total
        assert "an old cipher" in it.node.notes
        (openvz.root / "proc/vz/vestat").write_text(
            roots.vestat(("101", 1018516430, 9909999999), ("102", 5, 9100000000))
        )
        key = Key("n1", "openvz", "101")
        await it.until(lambda: it.store.containers[key].usage.cpu_percent)
        assert it.store.containers[key].usage.cpu_percent == pytest.approx(100.0)
        assert it.store.series[key].memory.recent.last(1) == [346 * 4096]


async def test_a_container_comes_and_goes(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        bin_dir = openvz.root.parent / "bin"
        roots.tool(bin_dir, "vzlist", 'printf \'[\\n  {\\n    "ctid": 7,\\n    "status": "stopped"\\n  }\\n]\\n\'\n')
        it.poller.refresh()
        await it.until(lambda: {key.id for key in it.store.containers} == {"7"})


async def test_the_round_trip_is_not_that_of_slow_tools(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        tool = openvz.root.parent / "bin" / "vzlist"
        roots.tool(tool.parent, "vzlist", f"sleep 1\n{tool.read_text().partition(chr(10))[2]}")
        asked = time.monotonic()
        it.poller.refresh()
        await it.until(lambda: (it.node.listed or 0.0) > asked)
        assert (it.node.rtt or 9.0) < 0.9


async def test_an_empty_list_is_suspect_until_it_is_told_again(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        roots.tool(openvz.root.parent / "bin", "vzlist", "printf '[\\n]\\n'\n")
        (openvz.root / "proc/vz/vestat").write_text(roots.vestat())
        it.poller.refresh()
        await it.until(lambda: any("empty list" in note for note in it.node.notes))
        assert len(it.store.containers) == 3
        await it.until(lambda: not it.store.containers)


async def test_a_frozen_node_is_stale_then_lost_then_back(
    openvz: SimulatedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "FAST_TIMEOUT", 1.0)
    monkeypatch.setattr(poller_module, "SLOW_TIMEOUT", 1.0)
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        openvz.signal(signal.SIGSTOP)
        await it.until(lambda: it.node.state is NodeState.STALE)
        assert len(it.store.containers) == 3
        openvz.refuse = Fault(FaultKind.TIMEOUT, "No answer within 5 s", "Is it on?")
        await it.until(lambda: it.node.state is NodeState.DOWN)
        assert (it.node.fault, it.node.error) == (FaultKind.TIMEOUT, "No answer within 5 s")
        assert len(it.store.containers) == 3  # the last that is known stays
        assert it.node.retry_at is not None
        openvz.refuse = None
        it.poller.refresh()
        await it.until(lambda: it.node.state is NodeState.UP)
        assert it.node.error == ""


async def test_one_failure_is_no_outage(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        seen = set()
        assert openvz.transport is not None
        openvz.transport.gone.set_result(Fault(FaultKind.LOST, "The connection broke"))
        await it.until(lambda: seen.add(it.node.state) or openvz.connections == 2)
        await it.until(lambda: it.node.state is NodeState.UP)
        assert NodeState.DOWN not in seen


async def test_what_needs_a_person_is_not_hammered(openvz: SimulatedNode) -> None:
    openvz.refuse = Fault(FaultKind.LOGIN, "It refuses our login", "Which key does it know?")
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        assert it.node.state is NodeState.BLOCKED
        assert it.node.retry_at is not None
        for _ in range(50):
            await _turn()
        assert openvz.connections == 1


@pytest.mark.parametrize(
    ("shell", "kind", "words"),
    [
        (("/bin/sh", "-c", "echo no shell for you; exit 1"), FaultKind.SHELL, "no shell for you"),
        (("/bin/sh", "-c", "yes noise"), FaultKind.SHELL, "prints more than"),
        (("/bin/sh", "-c", "yes noise | tr -d '\\n'"), FaultKind.SHELL, "prints more than"),
        (("/bin/sh", "-c", "sed -u 's/command -v /command -v no-/' | /bin/sh -s"), FaultKind.TOOLS, "no awk"),
    ],
)
async def test_a_shell_of_no_use_is_told(
    openvz: SimulatedNode, shell: tuple[str, ...], kind: FaultKind, words: str
) -> None:
    openvz.shell = shell
    async with watched(openvz) as it:
        await it.until(lambda: it.node.state is NodeState.BROKEN)
        assert it.node.fault == kind
        assert words in it.node.error


async def test_noise_at_login_does_no_harm(openvz: SimulatedNode) -> None:
    noise = "printf 'motd \\033[2J #P x\\n#B 1 2 3 4\\n'; head -c 100000 /dev/urandom; exec /bin/sh -s"
    openvz.shell = ("/bin/sh", "-c", noise)
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        assert it.node.state is NodeState.UP
        assert len(it.store.containers) == 3


LIES = {
    "half a frame": "printf '#B %s 0 s 100\\nshort' $N",
    "no frame": "echo hello",
    "another length": "printf '#B %s 0 s 3\\n1234567\\n#E 0 3\\n' $N",
    "another number": "printf '#B %s 9 s 2\\nx\\n#E 9 2\\n' $N",
    "too long": "printf '#B %s 0 s 99999999999\\n' $N",
    "a line of 20 MB": "head -c 20000000 /dev/zero | tr '\\0' x",
    "nothing of the node": "printf '#B %s 0 s 2\\nx\\n#E 0 2\\n' $N",
}


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_a_lying_sampler_is_one_nodes_state(openvz: SimulatedNode, lie: str) -> None:
    bin_dir = openvz.root.parent / "bin"
    roots.tool(bin_dir, "awk", f'[ "$1" = -W ] && exit 1; N=$CTDECK_NONCE; {LIES[lie]}\n')
    async with watched(openvz) as it:
        await it.until(lambda: it.node.state is NodeState.BROKEN)
        assert it.node.error
        assert it.node.fault == FaultKind.DATA
        assert not it.store.containers


async def test_invalid_bytes_in_names_are_shown_harmless(openvz: SimulatedNode) -> None:
    bin_dir = openvz.root.parent / "bin"
    entry = (
        '[\\n  {\\n    "ctid": 7,\\n    "hostname": "\\377\\033]0;x\\007[/b]",\\n    "status": "stopped"\\n  }\\n]\\n'
    )
    roots.tool(bin_dir, "vzlist", f"printf '{entry}'\n")
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        hostname = it.store.containers[Key("n1", "openvz", "7")].hostname
        assert hostname == "�\\x1b]0;x\\x07[/b]"


async def test_a_kernel_without_openvz_is_a_broken_node(openvz: SimulatedNode) -> None:
    (openvz.root / "proc/vz/vestat").unlink()
    async with watched(openvz, backends=("openvz",)) as it:
        await it.until(it.poller.settled.is_set)
        assert (it.node.state, it.node.fault) == (NodeState.BROKEN, FaultKind.KERNEL)
        assert "no OpenVZ" in it.node.error
        (openvz.root / "proc/vz/vestat").write_text(roots.vestat(("101", 1, 2)))
        it.poller.refresh()
        await it.until(lambda: it.node.state is NodeState.UP)


async def test_two_backends_on_one_node(tmp_path: Path) -> None:
    roots.build(tmp_path / "root", {**roots.LXC_V1, **roots.OPENVZ})
    roots.lxc_tools(tmp_path / "bin")
    roots.openvz_tools(tmp_path / "bin")
    node = SimulatedNode(tmp_path / "root", tmp_path / "bin")
    async with watched(node) as it:
        await it.until(it.poller.settled.is_set)
        assert {key.backend for key in it.store.containers} == {"lxc", "openvz"}
    async with watched(node, backends=("lxc",)) as it:
        await it.until(it.poller.settled.is_set)
        assert {key.backend for key in it.store.containers} == {"lxc"}


async def test_a_server_with_one_session_is_served_by_turns(openvz: SimulatedNode) -> None:
    openvz.sessions = 1
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        done = await it.poller.run_command("echo it works", timeout=10, limit=1000)
        assert done.stdout == b"it works\n"
        answered = it.node.answered
        await it.until(lambda: it.node.answered != answered)
        assert it.node.state is NodeState.UP
        assert openvz.connections == 1


async def test_paused_means_no_sample(openvz: SimulatedNode) -> None:
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        it.poller.paused = True
        it.poller.resume()
        answered: list[object] = []
        for _ in range(40):
            await _turn()
            answered.append(it.node.answered)
        assert answered[-1] == answered[-10]
        it.poller.refresh()
        await it.until(lambda: it.node.answered != answered[-1])


async def test_an_expensive_sample_is_asked_less_often(openvz: SimulatedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "NODE_BUDGET", 1e-9)
    async with watched(openvz) as it:
        await it.until(lambda: it.node.facts.sampler_ms is not None)
        cost = it.node.facts.sampler_ms or 0.0
        assert it.node.interval == pytest.approx(max(0.1, cost / 1000 / 1e-9))


async def test_a_login_that_is_not_roots_is_told(openvz: SimulatedNode, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Sampler.start

    async def start_as_somebody(self: Sampler, *args: Any, **options: Any) -> Sample:
        sample = await start(self, *args, **options)
        assert not self.hello.limited
        self.hello.uid = 1000
        return sample

    monkeypatch.setattr(Sampler, "start", start_as_somebody)
    async with watched(openvz) as it:
        await it.until(it.poller.settled.is_set)
        assert any("not root's (uid 1000)" in note and "sudo: true" in note for note in it.node.notes)
        assert it.node.state is NodeState.UP
