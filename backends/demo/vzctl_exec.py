"""vzctl: exec, exec2, enter, console, runscript: commands inside a container.

A simulated container has files but no kernel of its own, so its commands run in a real /bin/sh on this machine: in the
container's file tree, with a clean environment, with small tools on PATH that answer for the container (`inside.py`),
and with absolute paths into the directories that a container has of its own (`/etc`, `/root`, `/proc` ...) turned
towards that tree. This is a stage set, not a sandbox.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import inside
from .processes import MARK
from .tree import ROOT_VARIABLE
from .vzctl_call import Call, Failure, Syntax

#: Directories of the tree that absolute paths lead to. The others (/bin, /usr ...) are this machine's.
OWN_DIRECTORIES = ("etc", "root", "home", "var", "tmp", "proc", "srv", "opt", "mnt", "data")
_OWN_PATH = re.compile(r"(?<![\w./}~:-])/(?=(?:" + "|".join(OWN_DIRECTORIES) + r")(?:/|\b))")


def place(call: Call) -> Path:
    """Where the files of a running container are."""
    return call.mount_point if call.is_ploop else call.private


def turned(command: str, files: Path) -> str:
    """A command with its absolute paths turned into the container's tree."""
    return _OWN_PATH.sub(lambda _: f"{files}/", command)


def environment(call: Call) -> dict[str, str]:
    files = place(call)
    return {
        "HOME": f"{files}/root",
        "PATH": f"{call.tree.root}/.sim/inside:/sbin:/bin:/usr/sbin:/usr/bin",
        "PS1": f"[root@{call.conf.get('HOSTNAME') or 'localhost'} \\W]# ",
        "TERM": os.environ.get("TERM", "dumb"),
        "CTDECK_DEMO_CTID": str(call.ctid),
        ROOT_VARIABLE: str(call.tree.root),
        MARK: os.environ.get(MARK, ""),
    }


def _run(call: Call, words: Sequence[str], stdin: bytes | None = None) -> int:
    files = place(call)
    for name in ("root", "tmp"):
        (files / name).mkdir(parents=True, exist_ok=True)
    inside.write_proc(call.tree, call.ctid, files)
    call.complain_of_context()
    done = subprocess.run(words, cwd=files, env=environment(call), input=stdin, check=False)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def execute(call: Call, words: Sequence[str], keep_status: bool) -> int:
    """exec and exec2: the second tells the status of the command, the first says 8 where it is not 0."""
    if not words:
        raise Syntax(20, "No command given for exec")
    if not call.state().running:
        raise Failure(8 if not keep_status else 31, "Container is not running")
    if list(words) == ["-"]:
        script = turned(sys.stdin.read(), place(call))
        status = _run(call, ["/bin/sh", "-s"], script.encode("utf-8", "surrogateescape"))
    else:
        status = _run(call, ["/bin/sh", "-c", turned(" ".join(words), place(call))])
    if keep_status:
        return status
    return 8 if status else 0


def enter(call: Call, command: Sequence[str]) -> int:
    """A shell, on the terminal of the caller."""
    if not call.state().running:
        raise Failure(31, "Container is not running")
    call.out(f"entered into CT {call.ctid}")
    call.print(
        "This container is simulated: what you type runs on this machine, and absolute paths are this machine's."
    )
    if command:
        _run(call, ["/bin/sh", "-c", turned(" ".join(command), place(call))])
    status = _run(call, ["/bin/sh", "-i"])
    call.out(f"exited from CT {call.ctid}")
    return status


def runscript(call: Call, words: Sequence[str]) -> int:
    if len(words) != 1:
        raise Syntax(20, "Script is not specified")
    script = Path(words[0])
    if not script.exists():
        raise Failure(11, f"Unable to open {words[0]}: No such file or directory")
    if not call.state().running:
        raise Failure(31, "Container is not running")
    return _run(call, ["/bin/sh", "-s"], turned(script.read_text(), place(call)).encode())
