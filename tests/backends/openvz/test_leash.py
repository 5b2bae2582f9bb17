"""A limit for a while: the node puts the old value back by itself, if the present one is still the leash's own."""

from __future__ import annotations

import os
import shlex
import subprocess
import time

import pytest

from backends.openvz.inspect import text_of
from backends.plans.plan import Plan, Refused
from backends.plans.request import SetLimits
from tests.wait import until_blocking

from .node import VzNode

MIB = 1 << 20
LONG = 3600


def files(node: VzNode) -> list[str]:
    return [path.name for path in (node.root / "var/lib/ctdeck/leashes").glob("*")]


def expire(node: VzNode, plan: Plan, step: int = 1) -> subprocess.Popen[bytes]:
    """The end of a leash, now: what its waiter would do when its time is over."""
    words = shlex.split(plan.steps[step].script.splitlines()[-1])
    ctid, seconds, *rest = words[4:]
    assert (words[2], int(seconds)) == ("begin", LONG)
    file = next(path for path in (node.root / "var/lib/ctdeck/leashes").glob("*") if path.suffix != ".sh")
    token = file.read_text().split()[5]
    argv = ["sh", f"{file}.sh", "wait", str(file), ctid, "0", *rest]
    return subprocess.Popen(argv, env={**node.environment, "LEASH": token}, stdin=subprocess.DEVNULL)


def test_the_old_values_come_back_when_the_time_is_over(node: VzNode) -> None:
    before = node.conf_text("201")
    plan = node.plan("201", SetLimits({"memory": 300 * MIB, "cpu_limit": 40}, for_seconds=1))
    assert [step.title for step in plan.steps][1:] == ["let it end after 1s"] * 2
    assert node.job(plan) == "done"
    assert node.log().count("Setting CPU limit: 40") == 1
    until_blocking(lambda: node.limits("201", "physpages") == (0, 262144), timeout=60, what="the old memory")
    until_blocking(lambda: node.live("201", "CPULIMIT") == "0", timeout=60, what="the old CPU limit")
    until_blocking(lambda: not files(node), timeout=60, what="no leash")
    assert node.conf_text("201") == before


def test_it_is_told_while_it_holds(node: VzNode) -> None:
    node.change("201", SetLimits({"memory": 300 * MIB}, {"numfile": (100, 200)}, for_seconds=LONG))
    assert not any((node.root / "var/lib/ctdeck/locks").iterdir())
    values = node.look("201").values
    leash = values["leash.memory"]
    assert (leash["old"], leash["value"]) == (1 << 30, 300 * MIB)
    assert abs(leash["until"] - time.time() - LONG) < 600
    assert values["leash.bc.numfile"]["value"] == [100, 200]
    node.said("vzctl set 201 --ram 310M --swap 0")  # by hand: no longer the leash's
    assert "leash.memory" not in node.look("201").values


def test_what_somebody_else_has_set_meanwhile_stays(node: VzNode) -> None:
    plan = node.change("201", SetLimits({"memory": 300 * MIB}, for_seconds=LONG))
    node.said("vzctl set 201 --ram 310M")
    assert expire(node, plan).wait(60) == 0
    assert files(node) == []
    assert node.limits("201", "physpages") == (0, 310 * 256)


def test_it_waits_for_the_lock_of_vzctl(node: VzNode) -> None:
    plan = node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=LONG))
    lock = node.root / "vz/lock/201.lck"
    lock.write_text(f"{os.getpid()}\n\n")
    waiter = expire(node, plan)
    until_blocking(lambda: "Container already locked" in node.log(), timeout=60, what="a refused try")
    assert node.live("201", "CPULIMIT") == "40"
    lock.unlink()
    assert waiter.wait(60) == 0
    assert node.live("201", "CPULIMIT") == "0"
    assert files(node) == []


def test_a_second_leash_keeps_the_oldest_value(node: VzNode) -> None:
    node.change("201", SetLimits({"memory": 300 * MIB}, for_seconds=LONG))
    plan = node.change("201", SetLimits({"memory": 200 * MIB}, for_seconds=LONG))
    assert node.look("201").values["leash.memory"]["old"] == 1 << 30
    assert expire(node, plan).wait(60) == 0
    assert node.limits("201", "physpages") == (0, 262144)


@pytest.mark.parametrize("live_only", [False, True])
def test_setting_without_an_end_lifts_it(node: VzNode, live_only: bool) -> None:
    node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=LONG))
    plan = node.change("201", SetLimits({"cpu_limit": 40}, live_only=live_only))
    assert [step.title for step in plan.steps] == ["set CPU limit", "end the leash"]
    assert files(node) == []
    assert not [key for key in node.look("201").values if key.startswith("leash.")]
    assert node.live("201", "CPULIMIT") == "40"


def test_a_waiter_whose_leash_is_gone_does_nothing(node: VzNode) -> None:
    script = node.root / "leash.sh"
    script.write_text(text_of("leash.sh"))
    before = node.log()
    done = node.sh(f"LEASH=1 sh {script} wait {node.root}/none 201 0 1 2 path /none --cpulimit 5")
    assert (done.returncode, node.log()) == (0, before)


def test_of_a_restarted_container_nothing_is_put_back(node: VzNode) -> None:
    plan = node.change("201", SetLimits({"cpu_limit": 40}, for_seconds=LONG))
    node.said("vzctl restart 201 --fast")
    assert expire(node, plan).wait(60) == 0
    assert files(node) == []
    assert node.live("201", "CPULIMIT") is None


@pytest.mark.parametrize("name", ["io_limit", "iops_limit"])
def test_what_the_kernel_does_not_show_cannot_be_leashed(node: VzNode, name: str) -> None:
    with pytest.raises(Refused, match="does not show its live value"):
        node.plan("201", SetLimits({name: 5000}, for_seconds=60))


def test_a_stopped_container_has_nothing_to_leash(node: VzNode) -> None:
    plan = node.plan("202", SetLimits({"memory": 300 * MIB}, for_seconds=60))
    assert [check.id for check in plan.refused] == ["state"]
    assert not (node.root / "var/lib/ctdeck/leashes").exists()
