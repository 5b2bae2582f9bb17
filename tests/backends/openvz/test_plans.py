"""Plans against recorded inspections, compared as a whole with the files in `plans`. `CTDECK_UPDATE_CASES=1` writes what is
planned now, to be looked at before it is committed."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from backends.change import measured
from backends.jobs.job import Job, StepView
from backends.openvz.inspect import text_of
from backends.plans.plan import Misused, Plan, Refused, Step
from backends.plans.request import (
    UNLIMITED,
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    SetLimits,
)

from .recorded import BACKEND, hn1, planned, recorded

GOLDEN = Path(__file__).parent / "plans"
MIB = 1 << 20
SEVEN = "26bc47f6-353f-444b-bc35-b634a88dbbcc"

REQUESTS: dict[str, tuple[str, Request]] = {
    "start": ("simfs-stopped", Power("start")),
    "start-suspended": ("suspended-and-locked", Power("start")),
    "stop": ("simfs-running", Power("stop", timeout=30)),
    "stop-fast": ("simfs-running", Power("stop", fast=True)),
    "restart": ("ploop-tree-and-leashes", Power("restart")),
    "restart-evidence": ("simfs-running", Power("restart", evidence=True)),
    "suspend": ("simfs-running", Power("suspend")),
    "resume": ("suspended-and-locked", Power("resume")),
    "destroy": ("suspended-and-locked", Power("destroy")),
    "destroy-running": ("simfs-running", Power("destroy")),
    "ip-add": ("simfs-running", Addresses("add", ("10.0.0.5", "2001:db8::5/64"))),
    "ip-add-stopped": ("simfs-stopped", Addresses("add", ("10.0.0.5",))),
    "ip-del": ("simfs-running", Addresses("del", ("10.0.0.101",))),
    "ip-set": ("simfs-running", Addresses("set", ("10.0.0.5", "10.0.0.6/24"))),
    "limit-memory": ("simfs-running", SetLimits({"memory": 512 * MIB})),
    "limit-many": ("simfs-running", SetLimits({"cpu_limit": 50, "cpus": 4, "disk": 5 << 30}, {"numfile": (9, 10)})),
    "limit-refused": ("simfs-running", SetLimits({"memory": MIB, "cpus": 99})),
    "limit-stopped": ("simfs-stopped", SetLimits({"on_boot": 1, "processes": UNLIMITED})),
    "limit-live-only": ("simfs-running", SetLimits({"cpu_weight": 3000}, live_only=True)),
    "limit-no-vswap": ("openvz5-without-vswap", SetLimits({"memory": 512 * MIB})),
    "limit-nonsense-before": ("hostile", SetLimits({"cpu_limit": 50})),
    "limit-drifted": ("ploop-tree-and-leashes", SetLimits({"io_limit": MIB, "cpu_weight": 2000})),
    "leash": ("simfs-running", SetLimits({"memory": 512 * MIB}, {"numfile": (9, 10)}, for_seconds=3600)),
    "leash-again": ("ploop-tree-and-leashes", SetLimits({"cpu_limit": 30}, for_seconds=60)),
    "leash-lifted": ("ploop-tree-and-leashes", SetLimits({"cpu_limit": 30})),
    "snapshot-create": ("ploop-tree-and-leashes", CreateSnapshot("before update")),
    "snapshot-create-memory": ("ploop-tree-and-leashes", CreateSnapshot("it's", memory=True)),
    "snapshot-revert": ("ploop-tree-and-leashes", RevertSnapshot("first")),
    "snapshot-revert-keep": ("ploop-tree-and-leashes", RevertSnapshot("with <memory> & more", keep_config=True)),
    "snapshot-delete": ("ploop-tree-and-leashes", DeleteSnapshot("first")),
}


def as_text(plan: Plan) -> str:
    lines = [f"action: {plan.action}", f"target: {plan.target}", f"danger: {plan.danger}", f"timeout: {plan.timeout}"]
    lines += [f"change: {c.what}: {c.before} -> {c.after}{f' ({c.note})' if c.note else ''}" for c in plan.changes]
    lines += [f"check: {c.verdict} {c.id}: {c.text}" for c in plan.checks]
    lines += [f"freeze: {plan.freeze}"] if plan.freeze else []
    lines += [f"lost: {text}" for text in plan.lost]
    lines += [f"expect: {key} = {value!r}" for key, value in plan.expect.items()]
    lines.append(f"undo: {' '.join(plan.undo)}" if plan.undo else f"no undo: {plan.no_undo}")
    for number, step in enumerate(plan.steps, 1):
        lines += [f"--- step {number}: {step.title}", *step_text(step)]
    text = "\n".join(lines) + "\n"
    for name in ("leash.sh", "evidence.sh"):
        text = text.replace(text_of(name), f"<{name}>\n")
    return text


def step_text(step: Step) -> list[str]:
    lines = [step.script.rstrip("\n")]
    if step.undo:
        lines += ["--- undo", step.undo.rstrip("\n")]
    if step.thaw:
        lines += [f"--- thaw, after {step.thaw_after} s; thawed by this step: {step.thaws}", step.thaw.rstrip("\n")]
    return lines


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_plan(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID("dddddddd-0000-4000-8000-000000000004"))
    case, request = REQUESTS[name]
    text = as_text(planned(case, request))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("CTDECK_UPDATE_CASES"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_every_script_is_shell(name: str) -> None:
    case, request = REQUESTS[name]
    plan = planned(case, request)
    for script in [plan.check, plan.as_script(), *(text for step in plan.steps for text in (step.undo, step.thaw))]:
        done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, timeout=10, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "ctid", ["", "0", "-5", "01", "101 ", "101;id", "$(id)", "../101", "web-1", "1" * 11, "101\n", "١٠١", SEVEN.upper()]
)
def test_what_is_no_id_is_misused(ctid: str) -> None:
    from backends.model import Container, Key

    for call in (
        lambda: BACKEND.inspect(ctid),
        lambda: BACKEND.plan(Power("stop"), Container(Key("hn1", "openvz", ctid)), recorded("simfs-running"), hn1()),
    ):
        with pytest.raises(Misused):
            call()


def test_openvz_7_has_uuids_and_no_way_to_keep_the_configuration() -> None:
    plan = planned("openvz7", RevertSnapshot("s"), SEVEN, "7.0.194")
    assert f"vzctl snapshot-switch {SEVEN}" in plan.as_script()
    with pytest.raises(Refused, match="OpenVZ 7"):
        planned("openvz7", RevertSnapshot("s", keep_config=True), SEVEN, "7.0.194")


def test_an_old_vzctl_knows_no_snapshots() -> None:
    with pytest.raises(Refused, match=r"vzctl 3\.0\.30 of the node knows no snapshots"):
        planned("ploop-tree-and-leashes", CreateSnapshot("s"), version="3.0.30")


def test_the_downtime_of_a_restart_begins_with_its_stop() -> None:
    plan = planned("simfs-running", Power("restart", evidence=True))
    job = Job("hn1", "1", steps={number: StepView("", number * 10.0, number * 10.0 + 3) for number in (1, 2, 3)})
    assert measured(plan, job) == 13.0
