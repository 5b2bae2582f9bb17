"""One node's files. `ROOT/proc/vz/veinfo` stands where `/proc/vz/veinfo` would on a real node.

The tools (processes of their own) and the simulation agree through these files only. Every file is written beside
itself and renamed, so that a reader never sees half of one. Paths that are printed or stored are the node's own
(`/vz/private/101`), never the prefixed ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

#: Name of the environment variable that holds ROOT for everything that runs on a simulated node.
ROOT_VARIABLE = "CTDECK_ROOT"
#: A factor on every pause of the tools: 10 makes them ten times as fast.
SPEED_VARIABLE = "CTDECK_DEMO_SPEED"

CONF_DIR = "/etc/vz/conf"
NAMES_DIR = "/etc/vz/names"
LOCK_DIR = "/vz/lock"
DUMP_DIR = "/vz/dump"
LOG_FILE = "/var/log/vzctl.log"


def write_file(path: Path, text: str | bytes) -> None:
    """Replace `path` at once. Readers see the old text or the new one."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    temporary = f"{path.parent}/.{path.name}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, data) if len(data) < 65536 else _write_all(descriptor, data)
    finally:
        os.close(descriptor)
    os.rename(temporary, path)  # noqa: PTH104 - ten times a second for each node: no Path objects


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def read_text(path: Path) -> str | None:
    """The text of a file, None where there is none."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None


def alive(pid: int) -> bool:
    """Whether a process of this machine, and so of the node, still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class State:
    """How one container is, apart from its configuration. Lives in `ROOT/.sim/ct/ID.json`.

    status   "running", "mounted" or "stopped" ("suspended" is a dump file in DUMP_DIR, as on a real node)
    frozen   its processes get no CPU (`vzctl chkpnt --suspend`)
    started  seconds since the epoch of its last start
    live     settings that the kernel has now, by the names of the configuration file; they differ from the
             configuration after `vzctl set` without `--save`
    """

    __slots__ = ("frozen", "live", "started", "status")

    def __init__(self) -> None:
        self.status = "stopped"
        self.frozen = False
        self.started = 0.0
        self.live: dict[str, str] = {}

    @property
    def running(self) -> bool:
        return self.status == "running"

    def to_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> State:
        state = cls()
        for name, value in json.loads(text).items():
            setattr(state, name, value)
        return state


class Tree:
    """The files of one node."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def from_environment(cls) -> Tree:
        return cls(Path(os.environ[ROOT_VARIABLE]))

    def path(self, name: str) -> Path:
        """Where the node's file `name` really is. A name that has the prefix already keeps it."""
        if name.startswith(f"{self.root}/"):
            return Path(name)
        return Path(f"{self.root}{name}")

    def seen(self, path: Path | str) -> str:
        """The name that the node itself has for a file."""
        return str(path).removeprefix(str(self.root))

    # The node

    def node(self) -> dict[str, Any]:
        """Settings of the node that never change: personality, hostname, kernel, cores, memory ..."""
        text = read_text(self.root / ".sim/node.json")
        settings: dict[str, Any] = json.loads(text) if text else {}
        return settings

    def pause(self, seconds: float) -> None:
        """Take as long as the real tool would, about."""
        time.sleep(seconds / float(os.environ.get(SPEED_VARIABLE) or 1))

    # Containers

    def conf_path(self, ctid: int) -> Path:
        return self.root / f"etc/vz/conf/{ctid}.conf"

    def ids(self) -> list[int]:
        """Containers that have a configuration file, without 0."""
        try:
            names = os.listdir(self.root / "etc/vz/conf")  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return []
        stems = (name[:-5] for name in names if name.endswith(".conf"))
        return sorted(int(stem) for stem in stems if stem.isdigit() and stem != "0")

    def state(self, ctid: int) -> State:
        text = read_text(self.root / f".sim/ct/{ctid}.json")
        return State.from_json(text) if text else State()

    @contextmanager
    def changing(self, ctid: int) -> Iterator[State]:
        """Read a container's state, let it be changed, write it. One process at a time."""
        with (self.root / ".sim/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state(ctid)
            yield state
            write_file(self.root / f".sim/ct/{ctid}.json", state.to_json())

    def forget(self, ctid: int) -> None:
        (self.root / f".sim/ct/{ctid}.json").unlink(missing_ok=True)

    def dump_file(self, ctid: int) -> Path:
        return self.root / f"vz/dump/Dump.{ctid}"

    def named(self, name: str) -> int | None:
        """The container that has this name (a link in NAMES_DIR), None where none has it."""
        if not name or "/" in name:
            return None
        try:
            stem = (self.root / f"etc/vz/names/{name}").readlink().stem
        except OSError:
            return None
        return int(stem) if stem.isdigit() else None

    # The simulation

    def wake_kernel(self) -> None:
        """Wait until the simulation has seen what was written before, as a system call would. At most two seconds."""
        note = self.root / f".sim/wake/{os.getpid()}"
        try:
            pipe = os.open(self.root / ".sim/pipe", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return  # no simulation is running: the files stand as they are
        try:
            note.touch()
            os.write(pipe, b"x")
        finally:
            os.close(pipe)
        deadline = time.monotonic() + 2
        while note.exists() and time.monotonic() < deadline:
            time.sleep(0.005)

    def log(self, ctid: int, text: str) -> None:
        """A line in the log file of vzctl."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        with suppress(OSError), (self.root / LOG_FILE[1:]).open("a") as file:
            file.write(f"{stamp} vzctl : CT {ctid} : {text}\n")
