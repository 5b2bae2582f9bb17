"""Plans against recorded inspections, compared as a whole with the files in `plans`. `CTDECK_UPDATE_CASES=1` writes what is
planned now, to be looked at before it is committed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backends.backend import Planner, load
from backends.lxc import Lxc
from backends.lxc.plans.leash import waiter
from backends.model import Container, Key, Node
from backends.plans.plan import Misused, Plan, Refused
from backends.plans.request import (
    UNLIMITED,
    Addresses,
    CreateSnapshot,
    DeleteSnapshot,
    Power,
    Request,
    RevertSnapshot,
    Run,
    SetLimits,
)

from .recorded import planned, recorded

GOLDEN = Path(__file__).parent / "plans"
MIB = 1 << 20

REQUESTS: dict[str, tuple[str, Request]] = {
    "start": ("stopped-all", Power("start")),
    "stop": ("running-all", Power("stop", timeout=30)),
    "stop-fast": ("frozen", Power("stop", fast=True)),
    "restart": ("running-plain", Power("restart")),
    "restart-evidence": ("running-plain", Power("restart", evidence=True)),
    "destroy": ("loop-stopped", Power("destroy")),
    "ip-add": ("running-all", Addresses("add", ("10.79.1.5", "10.79.1.6/32", "2001:db8::1"))),
    "ip-add-stopped": ("stopped-all", Addresses("add", ("10.79.1.5",))),
    "ip-del": ("running-all", Addresses("del", ("10.79.1.101", "fd00::5"))),
    "ip-set": ("running-all", Addresses("set", ("10.79.1.101", "10.79.1.210/16"))),
    "limit-many": (
        "running-plain",
        SetLimits({"memory": 64 * MIB, "cpu_limit": 50, "cpus": 1, "processes": 100, "io_limit": MIB, "on_boot": 0}),
    ),
    "limit-lift": ("running-all", SetLimits({"cpu_limit": UNLIMITED, "io_limit": UNLIMITED, "cpus": UNLIMITED})),
    "limit-live-only": ("running-plain", SetLimits({"cpu_weight": 512}, live_only=True)),
    "limit-stopped": ("stopped-all", SetLimits({"memory": 128 * MIB, "iops_limit": 100})),
    "limit-cgroup2": ("cgroup2", SetLimits({"memory": 32 * MIB, "cpu_limit": 25, "iops_limit": 100, "cpus": 1})),
    "leash": ("running-plain", SetLimits({"memory": 64 * MIB, "cpu_limit": 50}, for_seconds=3600)),
    "leash-again": ("running-all", SetLimits({"memory": 96 * MIB}, for_seconds=60)),
    "leash-lifted": ("running-all", SetLimits({"memory": 96 * MIB})),
    "leash-cgroup2": ("cgroup2", SetLimits({"io_limit": MIB, "iops_limit": 50}, for_seconds=60)),
    "snapshot-create": ("running-all", CreateSnapshot("it's $(new)")),
    "snapshot-create-stopped": ("stopped-all", CreateSnapshot("cold")),
    "snapshot-create-loop": ("loop-stopped", CreateSnapshot("b")),
    "snapshot-create-overlay": ("overlay", CreateSnapshot("o")),
    "snapshot-revert": ("running-all", RevertSnapshot("before the update")),
    "snapshot-revert-stopped-keep": ("stopped-all", RevertSnapshot("snap1", keep_config=True)),
    "snapshot-revert-overlay": ("overlay-snapshot", RevertSnapshot("one")),
    "snapshot-revert-loop": ("loop-snapshot", RevertSnapshot("a")),
    "snapshot-delete": ("running-all", DeleteSnapshot("snap1")),
    "snapshot-delete-overlay": ("overlay-snapshot", DeleteSnapshot("one")),
    "run": ("running-plain", Run(("sh", "-c", "echo 'a b'; id"))),
}


def as_text(plan: Plan) -> str:
    lines = [f"{plan.action} of {plan.target}, {plan.danger}, {plan.timeout} s"]
    lines += [f"change: {c.what}: {c.before} -> {c.after}{f' ({c.note})' if c.note else ''}" for c in plan.changes]
    lines += [f"check: {c.verdict} {c.id}: {c.text}" for c in plan.checks]
    lines += [f"freeze: {plan.freeze}"] if plan.freeze else []
    lines += [f"lost: {text}" for text in plan.lost]
    lines += [f"expect: {key} = {value!r}" for key, value in plan.expect.items()]
    lines.append(f"undo: {' '.join(plan.undo)}" if plan.undo else f"no undo: {plan.no_undo}")
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"--- step {number}: {step.title}{' (can be cancelled)' if step.cancel else ''}")
        lines.append(step.script.rstrip("\n"))
        lines += ["--- its undo", step.undo.rstrip("\n")] if step.undo else []
        lines += [f"--- its thaw, after {step.thaw_after} s", step.thaw.rstrip("\n")] if step.thaw else []
        lines += [f"--- thaws step {step.thaws}"] if step.thaws else []
    return ("\n".join(lines) + "\n").replace(waiter(), "<leash.sh>")


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_plan(name: str) -> None:
    case, request = REQUESTS[name]
    text = as_text(planned(case, request))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("CTDECK_UPDATE_CASES"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_every_script_is_shell(shell: str) -> None:
    for case, request in REQUESTS.values():
        plan = planned(case, request)
        for script in [plan.check, plan.as_script(), *(text for step in plan.steps for text in (step.undo, step.thaw))]:
            argv = [*shell.split(), "-n"]
            done = subprocess.run(argv, input=script, text=True, capture_output=True, timeout=10, check=False)
            assert (done.returncode, done.stderr) == (0, ""), script


def test_lxc_is_a_planner() -> None:
    assert isinstance(load(["lxc"])["lxc"], Planner)


# --- what is refused, and what the sentence is


def refusals(case: str, request: Request, *more: str, **how: Any) -> str:
    """Why a plan is refused, whether it is one that stands in the plan or not."""
    try:
        return "; ".join(check.text for check in planned(case, request, *more, **how).refused)
    except Refused as refused:
        return str(refused)


REFUSED: list[tuple[str, Request, str]] = [
    ("running-plain", Power("start"), "it is running, not stopped"),
    ("frozen", Power("stop"), "lxc-unfreeze -n ct2101"),
    ("stopped-all", Power("restart"), "it is stopped, not running"),
    ("running-plain", Power("suspend"), "criu"),
    ("frozen", Power("resume"), "criu"),
    ("running-plain", Power("destroy"), "stop it first"),
    ("stopped-all", Power("destroy"), "it has 2 snapshots"),
    ("needed", Power("destroy"), "clones of it stand on its disk"),
    ("running-plain", Addresses("add", ("10.79.2.101",)), "has 10.79.2.101 already"),
    ("running-plain", Addresses("del", ("10.79.2.102",)), "has no 10.79.2.102. Its addresses: 10.79.2.101"),
    ("running-plain", Addresses("set", ("10.79.2.101",)), "just these addresses"),
    ("running-plain", SetLimits({}, {"numproc": (1, 2)}), "no beancounters"),
    ("running-plain", SetLimits({"disk": 1 << 30}), "no disk of its own"),
    ("loop-stopped", SetLimits({"disk": 1 << 30}), "resize2fs"),
    ("loop-stopped", SetLimits({"io_limit": 1 << 30}), "without a disk whose number stays (loop)"),
    ("running-plain", SetLimits({"inodes": 1000}), "does not limit inodes"),
    ("running-plain", SetLimits({"quota_time": 60}), "no disk quota"),
    ("running-plain", SetLimits({"io_priority": 4}), "no IO priority"),
    ("running-plain", SetLimits({"memory": 1 << 50}), "more than n1 has"),
    ("running-all", SetLimits({"memory": 1 * MIB}), "at least 4M"),
    ("running-plain", SetLimits({"swap": MIB}), "without a memory limit"),
    ("running-all", SetLimits({"swap": MIB}), "more than n1 has (none)"),
    ("running-plain", SetLimits({"cpus": 3}), "cpus 3 is more than n1 has (2)"),
    ("running-plain", SetLimits({"cpu_limit": 300}), "cpu_limit 300% is more than n1 has (200%)"),
    ("running-plain", SetLimits({"cpu_weight": 300000}), "more than the kernel takes (262144)"),
    ("cgroup2", SetLimits({"cpu_weight": 10001}), "more than the kernel takes (10000)"),
    ("running-plain", SetLimits({"processes": 1 << 40}), "more than n1 has"),
    ("stopped-all", SetLimits({"memory": 64 * MIB}, live_only=True), "nothing live to change"),
    ("stopped-all", SetLimits({"memory": 64 * MIB}, for_seconds=60), "nothing live to change"),
    ("running-plain", CreateSnapshot("x", memory=True), "cannot snapshot memory"),
    ("loop-running", CreateSnapshot("x"), "Stop it first"),
    ("running-all", CreateSnapshot("before the update"), "is called before the update"),
    ("running-all", RevertSnapshot("nosuch"), "There are: snap0 before the update, snap1 it's <b>"),
    ("frozen", RevertSnapshot("nosuch"), "There are: none"),
    ("running-all", DeleteSnapshot("nosuch"), "has no snapshot 'nosuch'"),
    ("frozen", Run(("id",)), "lxc-unfreeze"),
]


@pytest.mark.parametrize(("case", "request_", "why"), REFUSED, ids=lambda value: str(value)[:60])
def test_refused(case: str, request_: Request, why: str) -> None:
    assert why in refusals(case, request_)


SNAPSHOT, REVERT, DESTROY = CreateSnapshot("x"), RevertSnapshot("snap0"), Power("destroy")
MEMORY = SetLimits({"memory": 64 * MIB})
ADD = Addresses("add", ("10.79.2.9",))


@pytest.mark.parametrize(
    ("case", "request_", "more", "how", "why"),
    [
        ("running-plain", SNAPSHOT, (), {"without": ("tool rsync",)}, "n1 has no rsync"),
        ("running-plain", SNAPSHOT, ("free 1000",), {}, "the copy needs 2M, and 1000 bytes are free"),
        ("running-plain", SNAPSHOT, ("left /var/lib/lxc/ct2101/rootfs.ctdeck-old",), {}, "look which one is right"),
        ("running-plain", SNAPSHOT, (), {"changed": {"dir:": "lvm:"}}, "cannot snapshot containers on lvm storage"),
        ("running-plain", SNAPSHOT, ("partial",), {}, "liblxc is still making it"),
        ("running-all", REVERT, ("mounted /var/lib/lxc/ct1101/rootfs/home",), {}, "which would go too"),
        ("running-all", REVERT, ("root snap0 btrfs:/var/lib/lxc/ct1101/snaps/snap0/rootfs",), {}, "on other storage"),
        ("running-all", REVERT, ("root snap0 dir:/etc",), {}, "outside of its folder: /etc"),
        ("running-all", REVERT, ("root snap0 dir:/var/lib/lxc/ct1101/snaps/snap0/../x",), {}, "cannot be told"),
        ("running-all", REVERT, ("needed",), {}, "clones of it stand on its disk"),
        ("running-all", RevertSnapshot("before the update"), ("comment snap1 before the update",), {}, "by its id"),
        ("loop-stopped", DESTROY, ("mounted /var/lib/lxc/ct2102/rootfs",), {}, "which would go too"),
        ("running-plain", ADD, ("linked",), {}, "is a symbolic link"),
        ("running-plain", ADD, (), {"without": ("config lxc.net.0.type",)}, "no network interface"),
        ("running-plain", ADD, ("config lxc.net.0.type = none",), {}, "no network of its own"),
        ("running-plain", ADD, (), {"changed": {"net own": "net node"}}, "no network of its own"),
        ("running-plain", ADD, (), {"changed": {"net own": "net unseen"}}, "cannot be seen"),
        ("running-plain", ADD, ("config lxc.net.0.name = wan0",), {}, "has no interface wan0"),
        ("running-plain", MEMORY, ("use memory 99999999",), {}, "it uses 95.4M of memory now, more than 64M"),
        ("running-plain", SetLimits({"swap": -1}), (), {"without": ("key memory.memsw", "limit memory.m")}, "swapaccount=1"),
        ("running-all", SetLimits({"swap": UNLIMITED}), (), {}, "memory is on a leash, and shares a file"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_refused_where_something_is_wrong(
    case: str, request_: Request, more: tuple[str, ...], how: dict[str, Any], why: str
) -> None:
    assert why in refusals(case, request_, *more, **how)


@pytest.mark.parametrize(
    "request_",
    [
        Power("explode"),
        Power("stop", timeout=0),
        Addresses("add", ()),
        Addresses("add", ("127.0.0.1",)),
        Addresses("add", ("224.0.0.1",)),
        Addresses("add", ("10.79.0.0/16",)),
        Addresses("add", ("fe80::1",)),
        Addresses("replace", ("10.0.0.1",)),
        SetLimits({}),
        SetLimits({"nonsense": 1}),
        SetLimits({"memory": -5}),
        SetLimits({"memory": float("nan")}),
        SetLimits({"on_boot": 7}),
        SetLimits({"on_boot": 1}, live_only=True),
        SetLimits({"memory": 64 * MIB}, for_seconds=10**9),
        CreateSnapshot(""),
        CreateSnapshot("snap7"),
        CreateSnapshot("a\nb"),
        CreateSnapshot("x" * 256),
        Run(()),
    ],
    ids=lambda value: str(value)[:60],
)
def test_misused(request_: Request) -> None:
    with pytest.raises(Misused):
        planned("running-plain", request_)


@pytest.mark.parametrize("name", ["", ".", "..", "-rf", "a/b", "a b", "a;id", "$(id)", "a\n", "ä", "x" * 256])
def test_what_is_no_name_is_misused(name: str) -> None:
    with pytest.raises(Misused):
        Lxc().inspect(name)
    with pytest.raises(Misused):
        Lxc().plan(Power("stop"), Container(Key("n1", "lxc", name)), recorded("running-plain"), Node("n1"))


def test_a_cpu_limit_below_use_warns() -> None:
    plan = planned("running-plain", SetLimits({"cpu_limit": 20}), cpu=85.0)
    assert not plan.refused
    assert [check.text for check in plan.checks if check.verdict == "warn"] == [
        "it uses 85% of a core now: it will be held back to 20%"
    ]


def test_rubbish_of_a_killed_change_warns_and_forbids_nothing() -> None:
    rubbish = "left /var/lib/lxc/ct1101/rootfs.ctdeck-drop"
    plan = planned("running-all", RevertSnapshot("snap0"), rubbish)
    assert not plan.refused
    assert [check.id for check in plan.checks if check.verdict == "warn"] == ["left"]
    assert plan.expect["leftovers"] == []  # the same place is used again


def test_memory_and_swap_are_written_in_an_order_that_the_kernel_takes() -> None:
    """The sum may never be below the memory, not even between two writes."""
    held = {"limit memory.memsw.limit_in_bytes 9223372036854771712": "limit memory.memsw.limit_in_bytes 201326592"}
    for memory in (32, 64, 190, 256):
        request = SetLimits({"memory": memory * MIB}, live_only=True)
        plan = planned("running-all", request, changed=held, without=("leash",))
        now = {"memory.limit_in_bytes": 128 * MIB, "memory.memsw.limit_in_bytes": 192 * MIB}
        for script in (plan.steps[0].script, plan.steps[0].undo):
            for line in script.splitlines():
                word = line.split()
                if word[0] == "lxc-cgroup":
                    now[word[4]] = int(word[5])
                    assert now["memory.limit_in_bytes"] <= now["memory.memsw.limit_in_bytes"], script
        assert plan.expect["limits.swap.live"] == 64 * MIB  # what it may swap stays as it was
        assert now == {"memory.limit_in_bytes": 128 * MIB, "memory.memsw.limit_in_bytes": 192 * MIB}
