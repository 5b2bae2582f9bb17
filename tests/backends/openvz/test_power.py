"""start, stop, restart, suspend, resume, destroy on the simulated node, through the real runner."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from backends.plans.plan import Danger, Refused
from backends.plans.request import CreateSnapshot, Power
from backends.plans.spoken import request_of

from .node import BACKEND, VzNode


def test_stop_and_its_undo(node: VzNode) -> None:
    plan = node.change("101", Power("stop"))
    assert node.status("101") == "unmounted down"
    assert plan.undo == ("start",)
    node.change("101", request_of(plan.undo))
    assert node.status("101") == "mounted running"


def test_a_fast_stop_is_told_to_vzctl(node: VzNode) -> None:
    assert "--fast" not in node.plan("101", Power("stop")).as_script()
    node.change("101", Power("stop", fast=True))
    assert "CT 101 : Killing container ..." in node.log()


def test_another_timeout_than_that_of_vzctl_is_told(node: VzNode) -> None:
    plan = node.plan("101", Power("stop", timeout=30))
    assert any("vzctl waits 120 s" in check.text for check in plan.checks)
    assert plan.timeout > 120


def test_restart_has_its_downtime_between_two_steps(node: VzNode) -> None:
    started = node.tree.state(101).started
    plan = node.change("101", Power("restart"))
    assert [step.title for step in plan.steps] == ["shut it down", "start it"]
    assert node.tree.state(101).started > started
    assert plan.no_undo


def test_evidence_is_collected_before_a_restart(node: VzNode) -> None:
    node.change("101", Power("restart", fast=True, evidence=True))
    text = (node.job_place / "evidence").read_text()
    assert "=== processes" in text
    assert "init" in text
    assert "physpages" in text
    assert (node.job_place / "evidence").stat().st_mode & 0o77 == 0


def test_suspend_and_resume(node: VzNode) -> None:
    plan = node.change("201", Power("suspend"))
    assert node.status("201") == "unmounted down suspended"
    assert plan.undo == ("resume",)
    assert "stands still" in plan.freeze
    plan = node.change("201", Power("resume"))
    assert node.status("201") == "mounted running"
    assert plan.undo == ("suspend",)


def test_a_suspended_one_is_started_from_its_checkpoint(node: VzNode) -> None:
    node.change("201", Power("suspend"))
    plan = node.change("201", Power("start"))
    assert plan.changes[0].note == "from its checkpoint"
    assert "trying to restore" in node.log()


def test_destroy(node: VzNode) -> None:
    node.change("202", CreateSnapshot("one"))
    plan = node.change("202", Power("destroy"))
    assert plan.danger is Danger.DESTRUCTIVE
    assert any("1 snapshot" in text for text in plan.lost)
    assert not plan.undo
    assert not (node.root / "vz/private/202").exists()
    assert node.sh("vzlist -a 202").returncode == 1
    script = node.plan("102", Power("start")).check  # another one is untouched
    assert node.sh(script).returncode == 0


@pytest.mark.parametrize(
    ("ctid", "verb", "why"),
    [
        ("101", "start", "it is running"),
        ("102", "stop", "it is stopped"),  # vzctl would exit with 0
        ("102", "restart", "it is stopped"),  # vzctl would start it
        ("102", "suspend", "it is stopped"),
        ("102", "resume", "it is stopped"),
        ("101", "destroy", "it is running, stop it first"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(node: VzNode, ctid: str, verb: str, why: str) -> None:
    before = node.status(ctid)
    plan = node.plan(ctid, Power(verb))
    assert [check.text for check in plan.refused] == [why]
    assert node.status(ctid) == before


def test_a_mounted_one_is_not_destroyed(node: VzNode) -> None:
    node.said("vzctl mount 102")
    plan = node.plan("102", Power("destroy"))
    assert [check.text for check in plan.refused] == ["it is mounted, umount it first"]
    assert node.status("102") == "mounted down"


def test_a_disabled_one_is_not_started(node: VzNode) -> None:
    node.said("vzctl set 102 --disabled yes --save")
    assert [check.id for check in node.plan("102", Power("start")).refused] == ["disabled"]
    assert node.status("102") == "unmounted down"


def test_a_locked_one_is_left_alone_and_the_holder_is_named(node: VzNode) -> None:
    (node.root / "vz/lock/101.lck").write_text(f"{os.getpid()}\n\n")
    plan = node.plan("101", Power("stop"))
    (check,) = plan.refused
    assert check.id == "lock"
    assert f"(pid {os.getpid()})" in check.text
    assert node.status("101") == "mounted running"


def test_a_stale_lock_holds_nobody_up(node: VzNode) -> None:
    (node.root / "vz/lock/101.lck").write_text("4194999\n\n")
    node.change("101", Power("stop", fast=True))
    assert node.status("101") == "unmounted down"


def test_a_lock_taken_after_the_plan_makes_it_stale(node: VzNode) -> None:
    plan = node.plan("101", Power("stop"))
    (node.root / "vz/lock/101.lck").write_text(f"{os.getpid()}\n\n")
    assert node.job(plan) == "stale"
    assert node.status("101") == "mounted running"


def test_a_start_that_fails_leaves_it_stopped(node: VzNode) -> None:
    node.said("vzctl set 102 --ipadd 10.0.0.101 --save")  # the address of a running one: 78
    plan = node.plan("102", Power("start"))
    assert node.job(plan) == "failed 1 restored 78"
    assert node.status("102") == "unmounted down"


def test_a_restart_whose_start_fails_is_started_by_putting_back(node: VzNode) -> None:
    plan = node.plan("101", Power("restart", fast=True))
    stop, start = plan.steps
    assert node.job(replace(plan, steps=(stop, replace(start, script="false\n")))) == "failed 2 restored 1"
    assert node.status("101") == "mounted running"


def test_without_checkpoints_suspend_is_refused_with_the_reason(node: VzNode) -> None:
    (node.root / "proc/cpt").unlink()
    with pytest.raises(Refused, match="no /proc/cpt"):
        node.plan("101", Power("suspend"))


def test_without_room_for_its_memory_it_is_not_suspended(node: VzNode) -> None:
    found = node.look("201")
    found.values["room.dumps"] = 1 << 20
    plan = BACKEND.plan(Power("suspend"), node.container("201"), found, node.node)
    assert [check.id for check in plan.refused] == ["room"]


def test_another_kernel_is_refused(node: VzNode) -> None:
    found = node.look("101")
    found.values["kernel"] = []
    plan = BACKEND.plan(Power("stop"), node.container("101"), found, node.node)
    assert [check.id for check in plan.refused] == ["kernel"]
