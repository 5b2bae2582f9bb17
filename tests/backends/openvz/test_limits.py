"""limit set on the simulated node: kernel and configuration, use, the node, ranges, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backends.model import Usage
from backends.openvz.counters import UNLIMITED
from backends.openvz.settings import kept_live
from backends.plans.plan import Misused, Refused, Verdict
from backends.plans.request import UNLIMITED as LIFTED
from backends.plans.request import SetLimits
from backends.plans.spoken import request_of

from .node import BACKEND, VzNode

MIB = 1 << 20
EVERY = SetLimits(
    {
        "cpus": 2,
        "cpu_limit": 150,
        "cpu_weight": 3000,
        "memory": 512 * MIB,
        "swap": 256 * MIB,
        "processes": 200,
        "io_limit": 5 * MIB,
        "iops_limit": 500,
        "io_priority": 6,
        "disk": 3 << 30,
        "inodes": 200000,
        "quota_time": 3600,
        "on_boot": 1,
    },
    {"numfile": (4000, 5000), "kmemsize": (16 * MIB, UNLIMITED)},
)


def test_every_limit_live_and_in_the_configuration(node: VzNode) -> None:
    plan = node.change("101", EVERY)
    assert len(plan.steps) == 1
    assert {
        key: node.conf("101", key) for key in ("CPUS", "CPULIMIT", "CPUUNITS", "IOLIMIT", "IOPSLIMIT", "IOPRIO")
    } == {
        "CPUS": "2",
        "CPULIMIT": "150",
        "CPUUNITS": "3000",
        "IOLIMIT": str(5 * MIB),
        "IOPSLIMIT": "500",
        "IOPRIO": "6",
    }
    assert (node.conf("101", "PHYSPAGES"), node.conf("101", "SWAPPAGES")) == ("0:131072", "0:65536")
    assert (node.conf("101", "DISKSPACE"), node.conf("101", "ONBOOT")) == ("3145728:3145728", "yes")
    assert node.limits("101", "physpages") == (0, 131072)
    assert node.limits("101", "numproc") == (200, 200)
    assert node.limits("101", "kmemsize") == (16 * MIB, UNLIMITED)
    assert (node.root / "proc/vz/fairsched/101/cpu.rate").read_text() == "1536\n"
    assert "limits.cpu_weight.live" in plan.expect
    assert any("the kernel keeps it as" in change.note for change in plan.changes)  # 3000 units become 3012
    assert any("does not show IO limit, IO operations" in check.text for check in plan.checks)  # throttles
    assert plan.no_undo == "quota time was 0, which cannot be asked for"


def test_all_of_it_can_be_taken_back(node: VzNode) -> None:
    before = node.look("101").values
    wanted = {name: value for name, value in EVERY.values.items() if name != "quota_time"}
    plan = node.change("101", SetLimits(wanted, {"numfile": (4000, 5000)}))
    node.change("101", request_of(plan.undo))
    after = node.look("101").values
    names = [name for name in before if name.startswith("limits.") and "io_priority.config" not in name]
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert after["limits.io_priority.config"] == 4  # the default, which was not written before


def test_lifted_limits(node: VzNode) -> None:
    node.change("201", SetLimits({"cpus": 1, "cpu_limit": 50, "processes": 100, "io_limit": MIB, "iops_limit": 9}))
    names = ("cpus", "cpu_limit", "processes", "io_limit", "iops_limit", "memory", "swap")
    plan = node.change("201", SetLimits(dict.fromkeys(names, LIFTED)))
    assert plan.expect["limits.memory.config"] is None
    assert node.conf("201", "PHYSPAGES") == "0:unlimited"
    assert node.limits("201", "physpages") == (0, UNLIMITED)
    node.change("201", request_of(plan.undo))
    assert node.conf("201", "PHYSPAGES") == "0:262144"
    assert node.limits("201", "numproc") == (100, 100)


def test_memory_without_any_swap_before_sets_both(node: VzNode) -> None:
    plan = node.change("101", SetLimits({"memory": 300 * MIB}))  # vzctl alone would refuse: 28
    assert node.conf("101", "SWAPPAGES") == "0:unlimited"
    assert [change.what for change in plan.changes] == ["memory", "swap"]


def test_of_a_stopped_one_only_the_configuration(node: VzNode) -> None:
    plan = node.change("202", SetLimits({"memory": 100 * MIB + 1, "disk": 4 << 30}))
    assert {key for key in plan.expect if key.endswith(".live")} == set()
    assert node.conf("202", "PHYSPAGES") == f"0:{25601}"  # whole pages
    assert node.said(
        "ploop info $CTDECK_ROOT/vz/private/202/root.hdd/DiskDescriptor.xml | awk '/blocks/ {print $2}'"
    ) == ("4194304")


def test_live_only_leaves_the_configuration(node: VzNode) -> None:
    before = node.conf_text("201")
    plan = node.change("201", SetLimits({"memory": 400 * MIB, "cpu_limit": 50}, {"numfile": (10, 20)}, live_only=True))
    assert node.conf_text("201") == before
    assert node.limits("201", "physpages") == (0, 102400)
    assert node.limits("201", "numfile") == (10, 20)
    assert plan.undo[-1] == "--live-only"
    node.change("201", request_of(plan.undo))
    assert node.limits("201", "physpages") == (0, 262144)
    assert node.limits("201", "numfile") == (UNLIMITED, UNLIMITED)


def test_a_failed_change_is_put_back_live_and_saved(node: VzNode) -> None:
    node.said("vzctl set 201 --cpulimit 70 --save; vzctl set 201 --cpulimit 90")
    plan = node.plan("201", SetLimits({"cpu_limit": 50}))
    (step,) = plan.steps
    assert node.job(replace(plan, steps=(replace(step, script=step.script + "false\n"),))) == "failed 1 restored 1"
    assert node.conf("201", "CPULIMIT") == "70"
    assert node.live("201", "CPULIMIT") == "90"


@pytest.mark.parametrize(
    ("ctid", "values", "check"),
    [
        ("101", {"memory": 4 * MIB}, "use.memory"),
        ("101", {"disk": 100 * MIB}, "use.disk"),
        ("201", {"disk": 100 * MIB}, "use.disk"),
        ("101", {"inodes": 100}, "use.inodes"),
        ("101", {"memory": 64 << 30}, "node.memory"),
        ("101", {"disk": 1 << 40}, "node.disk"),
        ("101", {"cpus": 3}, "node.cpus"),
        ("101", {"cpu_limit": 201}, "node.cpu_limit"),
    ],
)
def test_a_limit_against_use_or_node_is_refused(node: VzNode, ctid: str, values: dict[str, float], check: str) -> None:
    before = node.conf_text(ctid)
    plan = node.plan(ctid, SetLimits(values))
    assert [found.id for found in plan.refused] == [check]
    assert node.conf_text(ctid) == before


def test_a_cpu_limit_below_use_is_a_warning(node: VzNode) -> None:
    container = node.container("101")
    container.usage = Usage(cpu_percent=80.0)
    plan = BACKEND.plan(SetLimits({"cpu_limit": 50}), container, node.look("101"), node.node)
    assert [check.id for check in plan.checks if check.verdict is Verdict.WARN] == ["use.cpu_limit"]
    assert not plan.refused


@pytest.mark.parametrize(
    "request_",
    [
        SetLimits({"cpu_weight": 7}),
        SetLimits({"cpu_weight": 500001}),
        SetLimits({"cpu_weight": LIFTED}),
        SetLimits({"cpu_limit": -5}),
        SetLimits({"cpu_limit": 12.5}),
        SetLimits({"cpus": 0}),
        SetLimits({"io_priority": 8}),
        SetLimits({"disk": LIFTED}),
        SetLimits({"memory": float("nan")}),
        SetLimits({"memory": float("inf")}),
        SetLimits({"nonsense": 1}),
        SetLimits({}),
        SetLimits({}, {"numfile": (5, 4)}),
        SetLimits({}, {"numfile": (-5, 4)}),
        SetLimits({}, {"nonsense": (4, 4)}),
        SetLimits({}, {"ipadd": (4, 4)}),
        SetLimits({"memory": MIB * 100}, {"physpages": (0, 4)}),
    ],
)
def test_what_vzctl_would_swallow_is_misused(node: VzNode, request_: SetLimits) -> None:
    with pytest.raises(Misused):
        node.plan("101", request_)


@pytest.mark.parametrize(
    ("ctid", "request_", "why"),
    [
        ("201", SetLimits({"inodes": 5000}), "an image"),
        ("201", SetLimits({"quota_time": 5000}), "an image"),
        ("201", SetLimits({"disk": 5 << 30}, live_only=True), "always saved"),
        ("101", SetLimits({"on_boot": 1}, live_only=True), "configuration only"),
    ],
)
def test_what_this_container_cannot_have_is_refused(node: VzNode, ctid: str, request_: SetLimits, why: str) -> None:
    with pytest.raises(Refused, match=why):
        node.plan(ctid, request_)


def test_nothing_live_can_be_set_on_a_stopped_one(node: VzNode) -> None:
    plan = node.plan("102", SetLimits({"cpu_limit": 50}, live_only=True))
    assert [check.id for check in plan.refused] == ["state"]


def test_without_vswap_memory_is_privvmpages_and_swap_is_refused(node: VzNode) -> None:
    (node.root / "proc/vz/vswap").unlink()
    node.change("101", SetLimits({"memory": 300 * MIB}))
    assert node.conf("101", "PRIVVMPAGES") == "76800:76800"
    assert node.limits("101", "privvmpages") == (76800, 76800)
    with pytest.raises(Refused, match="no vswap"):
        node.plan("101", SetLimits({"swap": 300 * MIB}))


@pytest.mark.parametrize(("units", "shown"), [(1000, 1000), (3000, 3012), (8, 8), (500000, 500000), (123456, 125000)])
def test_cpu_units_as_the_kernel_keeps_them(units: int, shown: int) -> None:
    assert kept_live("cpu_weight", units, seven=False) == shown
    assert kept_live("cpu_weight", units, seven=True) == units
