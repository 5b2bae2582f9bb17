"""The processes of the simulated nodes: how they start, and how all of them end with the demo.

Every process that runs on a node carries `CTDECK_DEMO=DIRECTORY` in its environment, and starts in the node's tree. That
survives what a process group does not: `setsid`, `nohup`, a double fork. Besides, a warden (a fork of the demo, made
before anything else) waits for the demo's end, whatever ends it: it kills every process with the mark, then removes the
directory. A SIGKILL of the demo is noticed by the warden within milliseconds, since the kernel closes the pipe between
them. Only where there is no /proc (macOS) are detached processes found by nothing but their process groups.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .tree import ROOT_VARIABLE

MARK = "CTDECK_DEMO"


def environment(directory: Path, root: Path) -> dict[str, str]:
    """What a login on the node whose tree is `root` has in its environment."""
    return {
        MARK: str(directory),
        ROOT_VARIABLE: str(root),
        "HOME": f"{root}/root",
        "LOGNAME": "root",
        "PATH": f"{root}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/sh",
        "TMPDIR": f"{root}/tmp",
        "USER": "root",
        **{name: value for name, value in os.environ.items() if name in ("LANG", "LC_ALL", "CTDECK_DEMO_SPEED")},
    }


def marked(directory: Path) -> list[int]:
    """Processes that run on a node of the demo in `directory`: they have the mark, or work in a node's tree."""
    wanted = f"{MARK}={directory}".encode()
    found = []
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - names, not paths
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with suppress(OSError):
                marks = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
                if wanted in marks or directory in Path(f"/proc/{name}/cwd").readlink().parents:
                    found.append(int(name))
    return found


def end_all(directory: Path, groups: Iterable[int] = ()) -> None:
    """Kill every process of the demo in `directory`. Twice at most a process that was just being forked slips through."""
    for group in groups:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for _ in range(10):
        found = marked(directory)
        if not found:
            return
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


class Warden:
    """The process that cleans up after the demo. Make it before threads and event loops are."""

    def __init__(self, directory: Path) -> None:
        reading, self._writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._writing)
                self._watch(reading, directory)
            finally:
                os._exit(0)
        os.close(reading)

    def _watch(self, reading: int, directory: Path) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        groups: set[int] = set()
        rest = b""
        while data := os.read(reading, 4096):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                group = int(line)
                groups.add(group) if group > 0 else groups.discard(-group)
        end_all(directory, groups)
        shutil.rmtree(directory, ignore_errors=True)

    def add(self, group: int) -> None:
        """A process group that shall not outlive the demo."""
        os.write(self._writing, b"%d\n" % group)

    def remove(self, group: int) -> None:
        """A process group whose leader has ended."""
        os.write(self._writing, b"%d\n" % -group)

    def finish(self) -> None:
        """Let the warden clean up now, and wait for it."""
        os.close(self._writing)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
