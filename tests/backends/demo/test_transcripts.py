"""The tools against recorded transcripts of the real vzctl 4.11.1, vzlist and ploop: same exit code, same words.

Each transcript is replayed in a tree like the one in which it was recorded. What varies from run to run (pids, new
uuids, dates, use of memory, line numbers of scripts) is made equal on both sides; a new uuid must still be the same
uuid wherever it stood. `not_replayed.txt` names the transcripts that are left out, and why.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from backends.demo.tree import ROOT_VARIABLE, SPEED_VARIABLE, Tree
from tests import need

from . import worlds
from .worlds import Call, Done

TRANSCRIPTS = Path(__file__).with_name("transcripts")
REASONS = dict(
    line.split(None, 1)
    for line in (Path(__file__).with_name("not_replayed.txt")).read_text().splitlines()
    if line and not line.startswith("#")
)


class Transcript(NamedTuple):
    command: str
    code: int
    stdout: str
    stderr: str


def read(name: str) -> Transcript:
    text = (TRANSCRIPTS / f"{name}.txt").read_text()
    head, _, rest = text.partition("=== stdout ===\n")
    stdout, _, stderr = rest.partition("=== stderr ===\n")
    command = re.search(r"^\$ (.*?)\n# exit code: (\d+)", head, re.DOTALL | re.MULTILINE)
    assert command, name
    return Transcript(command[1], int(command[2]), stdout, stderr.removesuffix("=== end ===\n"))


NAMES = sorted(path.stem for path in TRANSCRIPTS.glob("*.txt"))
REPLAYED = [name for name in NAMES if name not in REASONS and name != "408-list-each-field"]

# What the tree was like before each one. The first pattern that matches counts.

RUNNING = ("start 101",)
PREPARED: list[tuple[str, Callable[[Path], Tree], tuple[str, ...]]] = [
    (r"00\d|012|015|017", worlds.bare, ()),
    (r"013", worlds.bare, ()),
    (r"014", worlds.basic, ()),
    (r"018", worlds.bare, ()),
    (r"020", worlds.basic, ()),
    (r"028", worlds.bare, (f"create 101 --ostemplate {worlds.TEMPLATE} --layout simfs --config basic"
                           " --hostname ct101.example.com --ipadd 10.0.0.101", "start 101")),
    (r"02\d", worlds.basic, RUNNING),
    (r"153", worlds.basic, (*RUNNING, "set 101 --ipadd 10.0.101.1 --save")),
    (r"162", worlds.basic, (*RUNNING, "set 101 --ipadd 10.0.101.2/24 --save")),
    (r"1[0-8]\d-set-running", worlds.basic, RUNNING),
    (r"236", worlds.basic, ("set 101 --name 'my server' --save",)),
    (r"240", worlds.basic, ("set 102 --ipadd 10.0.102.1 --save",)),
    (r"1\d\d-set-stopped|2\d\d-set-stopped", worlds.basic, ()),
    (r"299|316|317|321|325|326|33[245]|320", worlds.basic, ()),
    (r"322|324", worlds.basic, ("mount 101",)),
    (r"345", worlds.basic, ("start 103",)),
    (r"344|346|347|35[0-2]|349", worlds.basic, ("set 103 --ipadd 10.0.0.103 --save", "set 102 --ipadd 10.0.0.102 --save")),
    (r"359", worlds.basic, ("destroy 103",)),
    (r"36x|357|356|355", worlds.basic, ()),
    (r"3[0-4]\d|370", worlds.basic, RUNNING),
    (r"430", worlds.listed, ("umount 103",)),
    (r"431|429", worlds.listed, ("stop 102",)),
    (r"44[0-3]", worlds.listed, ("stop 101", "stop 102", "umount 103")),
    (r"44[5-8]", worlds.bare, ()),
    (r"450", worlds.basic, ()),
    (r"451", worlds.listed, ("stop 101", "stop 102", "umount 103")),
    (r"4\d\d", worlds.listed, ()),
    (r"380|500", worlds.image, ()),
    (r"502", worlds.image, worlds.HISTORY[:2]),
    (r"50\d|510", worlds.image, worlds.HISTORY[:3]),
    (r"51[2-5]", worlds.image, worlds.HISTORY[:4]),
    (r"51[78]", worlds.image, worlds.HISTORY[:5]),
    (r"519", worlds.image, worlds.HISTORY[:6]),
    (r"5\d\d|61[0-3]", worlds.image, worlds.HISTORY),
    (r"600", worlds.basic, RUNNING),
]  # fmt: skip

_FURTHER: dict[str, Callable[[Tree], None]] = {
    "347": lambda tree: worlds.do(tree, "start 103"),
    "349": lambda tree: worlds.do(tree, "start 103"),
    "350": lambda tree: None,
    "351": lambda tree: worlds.do(tree, "start 103"),
    "418": lambda tree: None,
    "440": lambda tree: worlds.kernel_files(tree),
    "44": lambda tree: worlds.kernel_files(tree),
    "430": lambda tree: worlds.kernel_files(tree),
    "431": lambda tree: worlds.kernel_files(tree),
    "429": lambda tree: worlds.kernel_files(tree),
    "451": lambda tree: worlds.kernel_files(tree),
    "447": lambda tree: tree.conf_path(0).unlink(),
    "448": lambda tree: tree.conf_path(0).unlink(),
    "528": lambda tree: worlds.minor_faked(tree),
    "450": lambda tree: tree.dump_file(101).touch(),
}


@pytest.fixture(scope="session")
def prepared(worlds_path: Path) -> Callable[[str, Path], Tree]:
    """Makes the tree for a transcript; the common beginnings are made once and copied."""
    made: dict[tuple[str, tuple[str, ...]], Path] = {}

    def prepare(name: str, root: Path) -> Tree:
        make, commands = next((make, commands) for pattern, make, commands in PREPARED if re.match(pattern, name))
        key = (make.__name__, commands)
        if key not in made:
            made[key] = worlds_path / str(len(made))
            worlds.do(make(made[key]), *commands)
        shutil.copytree(made[key], root, symlinks=True)
        tree = Tree(root)
        for prefix in (name[:2], name[:3]):
            if prefix in _FURTHER:
                _FURTHER[prefix](tree)
        return tree

    return prepare


def rooted(command: str, root: Path) -> str:
    """A shell command of a transcript, with the node's paths in the tree."""
    command = re.sub(r"(?<![\w}/])/(?=(?:vz|etc/vz|var/tmp|proc/(?:vz|bc|user_b))[/\w])", f"{root}/", command)
    command = command.replace("\\nexport ;", "\\n")  # its arguments were lost when it was recorded
    waiting = (
        f"until\\ grep\\ -q\\ Stopping\\ {root}/var/log/vzctl.log\\;\\ do\\ sleep\\ 0.02\\;\\ done\\;\\ sleep\\ 0.1\\;"
    )
    command = command.replace("sleep\\ 2\\;", waiting)
    return command.replace("sleep\\ 5\\;", "sleep\\ 0.5\\;").replace("sleep\\ 1\\;\\ vzctl", "vzctl")


def in_shell(tree: Tree, command: str) -> Done:
    """Run a command in a shell, with the tools as programs on PATH."""
    (tree.root / "var/tmp").mkdir(exist_ok=True)
    env = {
        **os.environ,
        ROOT_VARIABLE: str(tree.root),
        SPEED_VARIABLE: "1" if "kill" in command and "stop" in command else worlds.SPEED,
        "PATH": f"{tree.root}/bin:{os.environ['PATH']}",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        ["bash", "-c", rooted(command, tree.root)], env=env, capture_output=True, text=True, timeout=60, cwd=tree.root
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(call: Call) -> Callable[[Tree, str], Done]:
    """Runs the command of a transcript: a plain call of a tool in this process, everything else in a shell."""

    def run(tree: Tree, command: str) -> Done:
        plain_call = command.removeprefix("env ")
        inside = plain_call.startswith(("vzctl exec ", "vzctl exec2 "))
        if not inside and plain_call.startswith(("vzctl", "vzlist", "ploop")):
            return call(tree, plain_call)
        return in_shell(tree, command)

    return run


# Making equal what varies

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DELTAS = re.compile(r"(?:^(?:-[-rwx]{9} .* )?root\.hdd\.\{[-0-9a-f]{36}\}\n)+", re.MULTILINE)
_VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "DATE"),
    (re.compile(r"pid \d+"), "pid N"),
    (re.compile(r"main: line \d+"), "main: line N"),
    (re.compile(r"(?<=line 1:) +\d+ +"), " N "),
    (re.compile(r'"(held|maxheld)": \d+'), r'"\1": N'),
    (re.compile(r'"usage": [1-9]\d*'), '"usage": N'),
    (re.compile(r'"uptime": [1-9]\d*\.\d{3}'), '"uptime": N'),
    (re.compile(r'"laverage": \[[\d.]+, [\d.]+, [\d.]+\]'), '"laverage": N'),
    (re.compile(r"\d+\.\d\d/\d+\.\d\d/\d+\.\d\d"), "L"),
    (re.compile(r"\d{3}d\d\dh:\d\dm:\d\ds"), "U"),
    (re.compile(r"line \d+ column \d+ \(char \d+\)"), "line N"),
    (re.compile(r"^total \d+$", re.MULTILINE), "total N"),
    (re.compile(r"^([-d][-rwx]{9}) .*? \d\d:\d\d ", re.MULTILINE), r"\1 "),
]


def plain(text: str, root: Path | None = None) -> str:
    text = text.replace(str(root), "") if root else text
    text = text.replace("\x03", "")  # garbage that libploop printed once
    text = _DELTAS.sub(lambda match: "root.hdd.{UUID}\n" * match[0].count("\n"), text)  # in the order of `ls`
    seen: dict[str, str] = {}
    text = _UUID.sub(lambda match: seen.setdefault(match[0], f"UUID{len(seen)}"), text)
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text


def without_numbers(text: str) -> str:
    """For the kernel's tables: a number is as wide as it is, whatever it says."""
    return re.sub(r" *\d+", lambda match: "N".rjust(len(match[0])), text)


@pytest.mark.parametrize("name", REPLAYED)
def test_replay(
    name: str,
    prepared: Callable[[str, Path], Tree],
    run: Callable[[Tree, str], Done],
    memory_path: Path,
) -> None:
    expected = read(name)
    program = expected.command.split()[0]
    needed = (program, *re.findall(r"\b(?:rsync|setpriv|python3)\b", expected.command))
    for word in needed:
        if word not in ("vzctl", "vzlist", "ploop") and shutil.which(word) is None:
            need.unmet(f"{word} is not installed")
    tree = prepared(name, memory_path / "node")
    actual = run(tree, expected.command)

    def equal(text: str) -> str:
        return without_numbers(plain(text, tree.root)) if name[:3] in _NUMBERS else plain(text, tree.root)

    assert equal(actual.stdout) == equal(expected.stdout)
    assert equal(actual.stderr) == equal(expected.stderr)
    assert actual.code == expected.code


#: Transcripts in which nothing but numbers of use vary.
_NUMBERS = ("428", "429", "431")

SECTIONS = (TRANSCRIPTS / "408-list-each-field.txt").read_text().split("## ")[1:]


def test_each_field(prepared: Callable[[str, Path], Tree], run: Callable[[Tree, str], Done], memory_path: Path) -> None:
    """One transcript of all fields: `vzlist -a -o ctid,FIELD` each."""
    tree = prepared("408-list-each-field", memory_path / "node")
    used = ("kmemsize", "privvmpages", "physpages", "oomguarpages", "diskspace", "diskinodes", "shmpages")
    for section in SECTIONS:
        field, _, expected = section.partition("\n")
        expected = expected.removesuffix("=== end ===\n").rstrip("\n") + "\n"
        name, _, part = field.partition(".")
        actual = run(tree, f"vzlist -a -o ctid,{field}").stdout
        if part in ("", "m") and (name in used or name.startswith(("num", "tcp", "other", "dgram", "dcache"))):
            actual, expected = without_numbers(actual), without_numbers(expected)
        assert plain(actual) == plain(expected), field


def test_every_transcript_is_replayed_or_has_a_reason() -> None:
    assert set(REASONS) <= set(NAMES)
    assert len(REPLAYED) + 1 >= 260
