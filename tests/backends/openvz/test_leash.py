"""A limit for a while: the node puts the old value back by itself, if the present one is still the leash's own."""

from __future__ import annotations

import os
import time

import pytest

from backends.plans.plan import Refused
from backends.plans.request import SetLimits
from tests.wait import until_blocking

from .node import VzNode

MIB = 1 << 20
LONG = 3600


def waiters(node: VzNode) -> list[str]:
    return [path.name for path in (node.root / "var/lib/ctdeck/leashes").glob("*")]


def test_the_old_value_comes_back_when_the_time_is_over(node: VzNode) -> None:
    before = node.conf_text("201")
    plan = node.change("201", SetLimits({"memory": 300 * MIB, "cpu_limit": 40}, for_seconds=2))
    assert [step.title for step in plan.steps][1:] == ["let it end after 2s"] * 2
    assert not any((node.root / "var/lib/ctdeck/locks").iterdir())
    until_blocking(lambda: node.limits("201", "physpages") == (0, 262144), timeout=30, what="the old memory")
    until_blocking(lambda: node.live("201", "CPULIMIT") == "0", timeout=30, what="the old CPU limit")
    until_blocking(lambda: not waiters(node), what="no leash")
    assert node.conf_text("201") == before


def test_it_is_told_while_it_holds(node: VzNode) -> None:
    node.change("201", SetLimits({"memory": 300 * MIB}, {"numfile": (100, 200)}, for_seconds=LONG))
    values = node.look("201").values
    leash = values["leash.memory"]
    assert (leash["old"], leash["value"]) == (1 << 30, 300 * MIB)
    assert abs(leash["until"] - time.time() - LONG) < 60
    assert values["leash.bc.numfile"]["value"] == [100, 200]
    node.said("vzctl set 201 --ram 310M --swap 0")  # by hand: no longer the leash's
    assert "leash.memory" not in node.look("201").values


def test_what_somebody_else_has_set_meanwhile_stays(node: VzNode) -> None:
    node.change("201", SetLimits({"memory": 300 * MIB}, for_seconds=2))
    node.said("vzctl set 201 --ram 310M")
    until_blocking(lambda: not waiters(node), timeout=30, what="no leash")
    assert node.limits("201", "physpages") == (0, 310 * 256)


def test_it_waits_for_a_lock_and_takes_none(node: VzNode) -> None:
    node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=2))
    lock = node.root / "vz/lock/201.lck"
    lock.write_text(f"{os.getpid()}\n\n")
    until_blocking(lambda: node.log().count("Container already locked") > 0, timeout=30, what="a refused try")
    assert node.live("201", "CPULIMIT") == "40"
    lock.unlink()
    until_blocking(lambda: node.live("201", "CPULIMIT") == "0", timeout=30, what="the old CPU limit")


def test_a_second_leash_keeps_the_oldest_value(node: VzNode) -> None:
    node.change("201", SetLimits({"memory": 300 * MIB}, for_seconds=LONG))
    node.change("201", SetLimits({"memory": 200 * MIB}, for_seconds=2))
    until_blocking(lambda: node.limits("201", "physpages") == (0, 262144), timeout=30, what="the oldest value")
    until_blocking(lambda: not waiters(node), what="no leash")


@pytest.mark.parametrize("live_only", [False, True])
def test_setting_without_an_end_lifts_it(node: VzNode, live_only: bool) -> None:
    node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=2))
    plan = node.change("201", SetLimits({"cpu_limit": 40}, live_only=live_only))
    assert [step.title for step in plan.steps] == ["set CPU limit", "end the leash"]
    assert waiters(node) == []
    assert not [key for key in node.look("201").values if key.startswith("leash.")]
    assert node.live("201", "CPULIMIT") == "40"


def test_of_a_restarted_container_nothing_is_put_back(node: VzNode) -> None:
    node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=3))
    node.said("vzctl restart 201 --fast")
    until_blocking(lambda: not waiters(node), timeout=30, what="no leash")
    assert node.live("201", "CPULIMIT") is None


@pytest.mark.parametrize("name", ["io_limit", "iops_limit"])
def test_what_the_kernel_does_not_show_cannot_be_leashed(node: VzNode, name: str) -> None:
    with pytest.raises(Refused, match="does not show its live value"):
        node.plan("201", SetLimits({name: 5000}, for_seconds=60))


def test_a_stopped_container_has_nothing_to_leash(node: VzNode) -> None:
    plan = node.plan("202", SetLimits({"memory": 300 * MIB}, for_seconds=60))
    assert [check.id for check in plan.refused] == ["state"]
    assert not (node.root / "var/lib/ctdeck/leashes").exists()
