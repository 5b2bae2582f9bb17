"""Snapshots of images on the simulated node: what is in the files afterwards, and what `vzctl snapshot-list` says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from backends.plans.plan import Danger, Misused, Refused, Verdict
from backends.plans.request import CreateSnapshot, DeleteSnapshot, Power, RevertSnapshot
from backends.plans.spoken import request_of

from .node import BACKEND, VzNode


def marker(node: VzNode, ctid: str, text: str = "") -> str:
    """What stands in a file inside of a running container, after writing `text` into it."""
    path = node.root / f"vz/root/{ctid}/root/marker"
    path.parent.mkdir(exist_ok=True)
    if text:
        path.write_text(text)
    return path.read_text() if path.exists() else ""


def test_created_without_memory_and_deleted_by_its_undo(node: VzNode) -> None:
    plan = node.change("201", CreateSnapshot("before update"))
    assert "--skip-suspend" in plan.as_script()
    assert not plan.freeze
    own = plan.undo[2]
    assert node.snapshots("201").split()[:3] == [f"{{{own}}}", "*", "before"]
    values = node.look("201").values
    (snapshot,) = values["snapshots"]
    assert (snapshot["name"], snapshot["memory"], snapshot["parent"]) == ("before update", False, "")
    assert snapshot["size"] > 0
    assert node.status("201") == "mounted running"
    node.change("201", request_of(plan.undo))
    assert node.snapshots("201") == ""


def test_created_with_memory_freezes_with_a_thaw(node: VzNode) -> None:
    plan = node.change("201", CreateSnapshot("m", memory=True))
    (step,) = plan.steps
    assert plan.freeze
    assert (step.thaw, step.thaws) == ("vzctl chkpnt 201 --resume\n", 1)
    assert step.thaw_after >= 300
    assert (node.root / f"vz/private/201/dump/{{{plan.undo[2]}}}").exists()
    assert node.look("201").values["snapshots"][0]["memory"] is True
    assert not node.tree.state(201).frozen


def test_reverting_a_running_one_brings_files_and_configuration_back_and_starts_it(node: VzNode) -> None:
    marker(node, "201", "old")
    node.change("201", CreateSnapshot("s"))
    marker(node, "201", "new")
    node.said("vzctl set 201 --ipadd 10.0.0.222 --save")
    plan = node.change("201", RevertSnapshot("s"))
    assert plan.danger is Danger.DESTRUCTIVE
    assert not plan.undo
    assert any("addresses and limits go back" in text for text in plan.lost)
    assert marker(node, "201") == "old"
    assert node.conf("201", "IP_ADDRESS") == "10.0.0.201"
    assert node.status("201") == "mounted running"


def test_reverting_can_keep_the_configuration(node: VzNode) -> None:
    node.change("201", CreateSnapshot("s"))
    node.said("vzctl set 201 --ipadd 10.0.0.222 --save")
    plan = node.change("201", RevertSnapshot("s", keep_config=True))
    assert "--skip-config" in plan.as_script()
    assert node.conf("201", "IP_ADDRESS") == "10.0.0.201 10.0.0.222"
    assert node.status("201") == "mounted running"


def test_reverting_to_memory_resumes_its_processes(node: VzNode) -> None:
    node.change("201", CreateSnapshot("m", memory=True))
    started = node.tree.state(201).started
    node.said("vzctl restart 201 --fast")
    plan = node.change("201", RevertSnapshot("m"))
    assert [change.after for change in plan.changes if change.what == "processes"] == ["as of the snapshot"]
    assert abs(node.tree.state(201).started - started) < 30


def test_a_stopped_one_stays_stopped_even_where_memory_was_saved(node: VzNode) -> None:
    node.change("201", CreateSnapshot("m", memory=True))
    node.said("vzctl stop 201 --fast")
    plan = node.change("201", RevertSnapshot("m"))
    assert len(plan.steps) == 1
    assert node.status("201") == "unmounted down"


def test_a_tree_with_a_branch(node: VzNode) -> None:
    for name in ("a", "b"):
        node.change("202", CreateSnapshot(name))
    node.change("202", RevertSnapshot("a"))
    node.change("202", CreateSnapshot("c"))
    values = node.look("202").values
    ids = {snapshot["name"]: snapshot["id"] for snapshot in values["snapshots"]}
    assert {s["name"]: s["parent"] for s in values["snapshots"]} == {"a": "", "b": ids["a"], "c": ids["a"]}
    assert values["snapshot.current"] == ids["c"]
    plan = node.plan("202", DeleteSnapshot("a"))
    assert [check.id for check in plan.checks if check.verdict is Verdict.WARN] == ["branches"]
    node.change("202", DeleteSnapshot(ids["c"]))
    assert node.look("202").values["snapshot.current"] == ids["a"]


def test_a_failed_creation_is_taken_away_again(node: VzNode) -> None:
    plan = node.plan("201", CreateSnapshot("s"))
    (step,) = plan.steps
    assert node.job(replace(plan, steps=(replace(step, script=step.script + "false\n"),))) == "failed 1 restored 1"
    assert node.snapshots("201") == ""
    plan = node.plan("201", CreateSnapshot("s"))  # and where nothing was created there is nothing to take away
    assert node.job(replace(plan, steps=(replace(plan.steps[0], script="false\n"),))) == "failed 1 restored 1"


def test_simfs_has_none_and_is_told_what_helps(node: VzNode) -> None:
    for request in (CreateSnapshot("s"), RevertSnapshot("s"), DeleteSnapshot("s")):
        with pytest.raises(Refused, match="simfs") as refused:
            node.plan("101", request)
        assert "convert 101 --layout ploop" in refused.value.remedy
    assert json.dumps(node.look("101").values["snapshots"]) == "[]"


@pytest.mark.parametrize("wanted", ["nosuch", "", "{}", "*", "5fbaabe3-6958-40ff-92a7-860e329aab41"])
def test_an_unknown_snapshot_is_misused(node: VzNode, wanted: str) -> None:
    with pytest.raises(Misused, match="has no snapshot"):
        node.plan("201", RevertSnapshot(wanted))


def test_one_of_two_with_the_same_name_has_to_be_named_by_id(node: VzNode) -> None:
    node.change("202", CreateSnapshot("twin"))
    plan = node.change("202", CreateSnapshot("twin"))
    assert any("another snapshot is called 'twin'" in check.text for check in plan.checks)
    with pytest.raises(Misused, match="2 snapshots"):
        node.plan("202", DeleteSnapshot("twin"))
    node.change("202", DeleteSnapshot(plan.undo[2]))


def test_a_suspended_one_is_neither_saved_nor_reverted(node: VzNode) -> None:
    node.change("201", CreateSnapshot("s"))
    node.said("vzctl suspend 201")
    for request in (CreateSnapshot("t"), RevertSnapshot("s")):
        assert [check.id for check in node.plan("201", request).refused] == ["state"]
    assert node.status("201") == "unmounted down suspended"


def test_a_stopped_one_has_no_memory_to_save(node: VzNode) -> None:
    plan = node.plan("202", CreateSnapshot("s", memory=True))
    assert "state" in [check.id for check in plan.refused]
    assert node.snapshots("202") == ""


def test_without_room_for_its_memory_it_is_refused(node: VzNode) -> None:
    found = node.look("201")
    found.values["room"] = 1 << 20
    plan = BACKEND.plan(CreateSnapshot("s", memory=True), node.container("201"), found, node.node)
    assert [check.id for check in plan.refused] == ["room"]


def test_a_snapshot_taken_after_the_plan_makes_it_stale(node: VzNode) -> None:
    node.change("202", CreateSnapshot("s"))
    plan = node.plan("202", RevertSnapshot("s"))
    node.said("vzctl snapshot 202 --name later")
    before = node.snapshots("202")
    assert node.job(plan) == "stale"
    assert node.snapshots("202") == before


def test_a_broken_list_is_told_and_stops_nothing_else(node: VzNode) -> None:
    node.change("202", CreateSnapshot("s"))
    (node.root / "vz/private/202/Snapshots.xml").write_text("<!DOCTYPE x [<!ENTITY a 'b'>]><ParallelsSavedStates/>")
    with pytest.raises(Refused, match="declares entities"):
        node.plan("202", DeleteSnapshot("s"))
    node.change("202", Power("start"))
