"""One call of `vzctl`: what it works on, how it speaks, and the lock that it holds."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import resources
from .personality import UPSTREAM
from .tree import LOCK_DIR, State, Tree, alive, write_file
from .vzconf import Conf, Configuration

#: Options of a command line, in their order: name and argument ("" for a flag).
Options = list[tuple[str, str]]


class Failure(Exception):
    """vzctl ends with `code`, after these lines on stderr."""

    def __init__(self, code: int, *lines: str) -> None:
        super().__init__(code)
        self.code = code
        self.lines = lines


class Syntax(Failure):
    """A wrong command line: told even under --quiet."""


class Call:
    """What the commands of vzctl share."""

    def __init__(self, tree: Tree, *, quiet: bool = False, verbose: bool = False, skiplock: bool = False) -> None:
        self.tree = tree
        self.quiet = quiet
        self.verbose = verbose
        self.skiplock = skiplock
        self.ctid = 0
        self.words: Sequence[str] = ()  # the whole command line, for the lock
        self.upstream = tree.node().get("personality") == UPSTREAM
        self._lock: Path | None = None

    def aim(self, ctid: int) -> None:
        self.ctid = ctid
        self.conf = Configuration(self.tree, ctid)

    # Speaking. Output goes out unbuffered, and a reader that has gone away changes nothing.

    def out(self, line: str) -> None:
        """Progress: to stdout and the log."""
        self.tree.log(self.ctid, line)
        if not self.quiet:
            _write(1, line)

    def err(self, line: str) -> None:
        """A complaint: to stderr and the log."""
        self.tree.log(self.ctid, line)
        if not self.quiet:
            _write(2, line)

    def print(self, text: str) -> None:
        """An answer: to stdout, whatever --quiet says."""
        _write(1, text)

    def complain_of_context(self) -> None:
        """What entering a container says on the kernel on which the transcripts were made."""
        if self.upstream:
            for name in ("cgroup", "time", "time_for_children"):
                self.err(f"Failed to set context for {name}: Operation not permitted")

    def distribution(self) -> None:
        """Warn where the template's distribution has no file of its own in /etc/vz/dists."""
        template = self.conf.get("OSTEMPLATE") or "default"
        words = template.split("-")
        for length in range(len(words), 0, -1):
            if (self.tree.root / "etc/vz/dists" / ("-".join(words[:length]) + ".conf")).exists():
                return
        self.err(
            f"Warning: configuration file for distribution {template} not found, "
            "using defaults from /etc/vz/dists/default"
        )

    # The container

    def state(self) -> State:
        return self.tree.state(self.ctid)

    @property
    def private(self) -> Path:
        return self.tree.path(self.conf.private)

    @property
    def mount_point(self) -> Path:
        return self.tree.path(self.conf.root)

    @property
    def image(self) -> Path:
        """The directory of the ploop image, whether it is there or not."""
        return self.private / "root.hdd"

    @property
    def is_ploop(self) -> bool:
        return (self.image / "DiskDescriptor.xml").exists()

    def mounted(self) -> bool:
        """Whether the file system is mounted; vzctl complains about a missing mount point."""
        if not self.mount_point.exists():
            self.err(f"stat({self.conf.root}): No such file or directory")
            return False
        return self.state().status in ("mounted", "running")

    def need_config(self) -> None:
        if not self.tree.conf_path(self.ctid).exists():
            raise Failure(14, "Container config file does not exist")

    def need_ploop(self, code: int) -> None:
        if not self.is_ploop:
            raise Failure(code, "Snapshot feature is only available for ploop-based CTs")

    def save(self, conf: Conf) -> None:
        conf.save(self.tree.conf_path(self.ctid))
        self.conf = Configuration(self.tree, self.ctid)

    def set_state(self, status: str) -> None:
        """Change what the container is, and let the kernel see it."""
        with self.tree.changing(self.ctid) as state:
            state.status = status
            if status != "running":
                state.frozen = False
                state.live = {}
        self.tree.wake_kernel()

    # The lock

    def greet(self) -> None:
        """The first line of most commands on an ordinary kernel."""
        if self.upstream:
            self.out("Directory /proc/vz not found, assuming non-OpenVZ kernel")

    def lock(self) -> None:
        """Take the container's lock: at once, or not at all (9)."""
        if self.skiplock:
            return
        path = self.tree.path(f"{LOCK_DIR}/{self.ctid}.lck")
        self._tell_of_this_process()
        while self._lock is None:
            temporary = path.with_name(f"{self.ctid}.lck.{os.getpid()}")
            write_file(temporary, f"{os.getpid()}\n\n")
            try:
                os.link(temporary, path)
                self._lock = path
            except FileExistsError:
                self._look_at(path)
            finally:
                temporary.unlink(missing_ok=True)

    def _look_at(self, path: Path) -> None:
        """Give up where the holder is alive, remove a stale lock."""
        try:
            pid = int(path.read_text().split("\n")[0] or 0)
        except FileNotFoundError:
            return
        except ValueError:
            pid = 0
        command = command_line(self.tree, pid)
        if command is not None:
            raise Failure(9, f"Locked by: pid {pid}, cmdline {command}", "Container already locked")
        self.out(f"Removing stale lock file {self.tree.seen(path)}")
        path.unlink(missing_ok=True)

    def _tell_of_this_process(self) -> None:
        """The holder of a lock has an entry in /proc, as on a real node."""
        directory = self.tree.root / f"proc/{os.getpid()}"
        with suppress(OSError):
            directory.mkdir(exist_ok=True)
            write_file(directory / "cmdline", "".join(f"{word}\0" for word in ("vzctl", *self.words)))

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.unlink(missing_ok=True)
            self._lock = None
        shutil.rmtree(self.tree.root / f"proc/{os.getpid()}", ignore_errors=True)


def command_line(tree: Tree, pid: int) -> str | None:
    """What a process is called on its node; None where it is gone."""
    if pid <= 0 or not alive(pid):
        return None
    for path in (tree.root / f"proc/{pid}/cmdline", Path(f"/proc/{pid}/cmdline")):
        with suppress(OSError):
            return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def catch_signals() -> None:
    """Like vzctl: an interrupt is told and does not stop the work; a hang-up kills, and leaves the lock."""

    def cancelling(number: int, frame: object) -> None:
        _write(2, "\nCancelling...")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, cancelling)


def _write(descriptor: int, line: str) -> None:
    with suppress(OSError):
        os.write(descriptor, f"{line}\n".encode("utf-8", "surrogateescape"))


def limits(conf: Conf) -> dict[str, tuple[int, int]]:
    """The beancounters that a configuration sets."""
    found = {name: resources.pair(name, conf.get(name.upper()) or "") for name in resources.COUNTERS}
    return {name: value for name, value in found.items() if value is not None}


def has(options: Options, name: str) -> bool:
    return any(key == name for key, _ in options)


def value_of(options: Options, name: str) -> str | None:
    """The argument that was said last."""
    return next((value for key, value in reversed(options) if key == name), None)
