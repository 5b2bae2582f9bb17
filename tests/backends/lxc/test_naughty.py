"""The public list of naughty strings in everything that a person or a tenant may write: data stays data under every shell.

The scripts of steps run for real below a prefix; what they leave in files is compared byte by byte.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import Addresses, CreateSnapshot, DeleteSnapshot, Request, RevertSnapshot, Run
from backends.text import clean
from tests import need
from tests.backends.plans.test_naughty import CANARY, SHELLS, STRINGS
from tests.backends.sampler import roots

from .recorded import planned

SOME = [*STRINGS[:500:25], *STRINGS[500:]]  # each of them is a process or two, under each shell


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    if shutil.which(request.param[0]) is None:
        need.unmet(f"{request.param[0]} is not installed")
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A node with one container, whose tools note what they are given."""
    for name in ("lxc-attach", "lxc-info", "lxc-cgroup"):
        roots.tool(tmp_path / "bin", name, 'printf "%s\\0" "$@" >>"$NOTED"\n')
    roots.tool(tmp_path / "bin", "lxc-copy", 'mkdir -p "$CTDECK_ROOT/var/lib/lxc/ct1101/snaps/$4"\n')
    (tmp_path / "var/lib/lxc/ct1101/snaps").mkdir(parents=True)
    return tmp_path


def plan_of(case: str, request: Request, *more: str) -> Plan | None:
    """None when it is refused."""
    try:
        return planned(case, request, *more)
    except (Misused, Refused):
        return None


def run(root: Path, script: str, shell: tuple[str, ...]) -> list[str]:
    """Run a step; what the tools were given."""
    noted = root / "noted"
    noted.write_bytes(b"")
    environment = {"PATH": f"{root / 'bin'}:{os.environ['PATH']}", "NOTED": str(noted), "CTDECK_ROOT": str(root)}
    step = root / "step.sh"
    step.write_text("set -e\n" + script, encoding="utf-8", newline="")
    subprocess.run([*shell, str(step)], cwd=root, env=environment, capture_output=True, timeout=20, check=False)
    assert not list(root.rglob(CANARY))
    return noted.read_bytes().decode("utf-8", "surrogateescape").split("\0")


def test_the_name_of_a_snapshot_is_what_was_typed(root: Path, shell: tuple[str, ...]) -> None:
    passed = 0
    for text in SOME:
        plan = plan_of("stopped-all", CreateSnapshot(text))
        if plan is None:
            continue
        passed += 1
        run(root, plan.steps[0].script, shell)
        comment = root / "var/lib/lxc/ct1101/snaps/snap2/comment"
        assert comment.read_bytes() == f"{text}\n".encode(), repr(text[:80])
        comment.unlink()
    assert passed > 20


def test_a_command_is_what_was_typed(root: Path, shell: tuple[str, ...]) -> None:
    for text in SOME:
        plan = plan_of("running-plain", Run(("echo", text)))
        if plan is not None:
            assert run(root, plan.steps[0].script, shell)[-3:] == ["echo", text, ""], repr(text[:80])


def test_a_line_of_the_configuration_is_taken_out_and_no_other(root: Path, shell: tuple[str, ...]) -> None:
    config, kept = root / "var/lib/lxc/ct1101/config", "lxc.net.0.ipv4.address = 10.0.0.90\nlxc.uts.name = x\n"
    for text in SOME:
        line = f"lxc.net.0.ipv4.address = 10.0.0.9 {text}"
        plan = plan_of("stopped-all", Addresses("del", ("10.0.0.9",)), f"config {line}")
        if "\n" in text or plan is None:
            continue
        config.write_text(f"{line}\n{kept}", encoding="utf-8")
        config.chmod(0o640)
        run(root, plan.steps[0].script, shell)
        assert config.read_text() == kept, repr(text[:80])
        assert config.stat().st_mode & 0o777 == 0o640
        run(root, plan.steps[0].undo, shell)
        assert config.read_text(encoding="utf-8") == f"{line}\n{kept}", repr(text[:80])


def test_only_what_is_there_can_be_reverted_to_or_deleted() -> None:
    for text in STRINGS:
        assert plan_of("running-all", RevertSnapshot(text)) is None, repr(text[:80])
        assert plan_of("running-all", DeleteSnapshot(text)) is None, repr(text[:80])


def test_what_a_tenant_wrote_is_shown_harmlessly() -> None:
    for text in STRINGS:
        if "\n" in text:
            continue
        plan = planned("running-all", RevertSnapshot("snap0"), f"comment snap0 {text}", f"config lxc.uts.name = {text}")
        shown = " ".join([change.after for change in plan.changes] + list(plan.lost))
        assert clean(shown, 1 << 20) == shown, repr(text[:80])
