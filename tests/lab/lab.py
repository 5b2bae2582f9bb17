"""The lab from Python: real nodes (sshd, LXC containers) on this machine. What it is made of: the comment of `tests/lab/lab`."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOL = Path(__file__).with_name("lab")
ROOT = TOOL.parent.parent.parent
CLONE_NEWNET = 0x40000000  # linux/sched.h


class Lab:
    """One lab. Its nodes are n1, n2, ...; ct1101 is the first container of n1, ct2102 the second of n2.

    Faults are remembered until `restore`. A verb that fails raises AssertionError with what the lab said.
    """

    def __init__(self, prefix: str, *, nodes: int = 3, containers: int = 2) -> None:
        self.prefix = prefix
        self.nodes = tuple(f"n{number}" for number in range(1, nodes + 1))
        self.environment = {
            **os.environ,
            "LAB_PREFIX": prefix,
            "LAB_NODES": str(nodes),
            "LAB_CONTAINERS": str(containers),
        }
        self.directory = Path(self._must("path").strip())  # for good: TMPDIR may change
        self.environment["LAB_DIR"] = str(self.directory)
        self._undo: dict[tuple[str, ...], None] = {}  # in the order in which it has to be done

    def verb(self, *words: str, timeout: float = 60, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the lab's tool, as it is."""
        return subprocess.run(
            [TOOL, *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _must(self, *words: str) -> str:
        done = self.verb(*words)
        assert done.returncode == 0, f"lab {' '.join(words)}: {done.stderr.strip() or done.returncode}"
        return done.stdout

    # --- its life

    def check(self) -> str:
        """What this machine lacks for a lab; empty when nothing."""
        return self.verb("check").stderr.strip().removeprefix("lab: ")

    def up(self) -> None:
        """Bring it up; it goes down with this process, however that ends."""
        self._must("up")
        subprocess.Popen(
            [TOOL, "guard", str(os.getpid())],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def down(self) -> None:
        self._must("down")

    # --- its ends

    def fleet_file(self) -> Path:
        """A fleet file of five lines, for a client inside the lab's network."""
        return self.directory / "fleet.yaml"

    def address(self, node: str) -> str:
        return f"10.77.0.{10 + int(node.removeprefix('n'))}"

    def client(self, *argv: str, timeout: float = 60, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command where the nodes can be reached."""
        return self.verb("client", *argv, timeout=timeout, stdin=stdin)

    def ssh(self, node: str, *command: str, connect_timeout: int = 2) -> subprocess.CompletedProcess[str]:
        """Run a command on a node by OpenSSH, as an admin would."""
        config = str(self.directory / "ssh/config")
        return self.client("ssh", "-F", config, "-o", f"ConnectTimeout={connect_timeout}", node, *command)

    def ctdeck(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run ctdeck inside the lab's network, on the lab's fleet file, with the home of the running test."""
        command = (sys.executable, "-m", "tui", "--fleet", str(self.fleet_file()), *argv)
        environment = {**os.environ, **{name: self.environment[name] for name in ("LAB_PREFIX", "LAB_DIR")}}
        return subprocess.run(
            [TOOL, "client", *command],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def enter(self, node: str, *argv: str, stdin: str = "", timeout: float = 60) -> str:
        """The output of a command on a node, without SSH: the oracle. A failing command raises AssertionError."""
        done = self.verb("enter", node, *argv, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"{node}: {' '.join(argv)}: exit code {done.returncode}: {done.stderr.strip()}"
        return done.stdout

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, its sockets and its children are in the lab's network: for asyncio code in the test itself."""
        libc = ctypes.CDLL(None, use_errno=True)

        def move(descriptor: int) -> None:
            if libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

        with Path("/proc/thread-self/ns/net").open() as before, Path("/run/netns", self.prefix).open() as network:
            move(network.fileno())
            try:
                yield
            finally:
                move(before.fileno())

    # --- faults and load

    def cut(self, node: str) -> None:
        """Pull the network cable."""
        self._fault("cut", node, undo=("heal", node))

    def heal(self, node: str) -> None:
        self._end("heal", node)

    def freeze(self, node: str) -> None:
        """Stop (SIGSTOP) the server and every session."""
        self._fault("freeze", node, undo=("thaw", node))

    def thaw(self, node: str) -> None:
        self._end("thaw", node)

    def drop(self, node: str) -> None:
        """The firewall swallows what comes to port 22, of running sessions too."""
        self._fault("drop", node, undo=("clear", node))

    def reset(self, node: str) -> None:
        """The firewall refuses what comes to port 22."""
        self._fault("reset", node, undo=("clear", node))

    def slow(self, node: str, rate: str) -> None:
        """Shape what the node receives, such as to `64kbit`."""
        self._fault("slow", node, rate, undo=("clear", node))

    def clear(self, node: str) -> None:
        """End drop, reset and slow."""
        self._end("clear", node)

    def poweroff(self, node: str) -> None:
        """Power failure: everything on it is killed at once."""
        self._fault("poweroff", node, undo=("boot", node))

    def boot(self, node: str) -> None:
        """Power on; returns when the containers have started again."""
        self._end("boot", node)

    def burn(self, node: str, container: str) -> None:
        """Burn one core in a container."""
        self._fault("burn", node, container, undo=("calm", node, container))

    def fill(self, node: str, container: str, mebibytes: int) -> None:
        """Hold that much memory in a container."""
        self._fault("fill", node, container, str(mebibytes), undo=("calm", node, container))

    def calm(self, node: str, container: str) -> None:
        """End burn and fill."""
        self._end("calm", node, container)

    def restore(self) -> None:
        """End every fault that is left."""
        for words in sorted(self._undo, key=lambda words: words[0] != "boot"):  # a node that is off can do nothing else
            self._end(*words)

    def _fault(self, *words: str, undo: tuple[str, ...]) -> None:
        self._undo[undo] = None
        self._must(*words)

    def _end(self, *words: str) -> None:
        self._must(*words)
        self._undo.pop(words, None)
