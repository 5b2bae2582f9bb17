"""ip add, del and set on the simulated node: what the kernel answers to, and what the configuration says."""

from __future__ import annotations

import pytest

from backends.plans.plan import Misused
from backends.plans.request import Addresses
from backends.plans.spoken import request_of

from .node import VzNode


def veinfo(node: VzNode, ctid: str) -> set[str]:
    line = next(line for line in (node.root / "proc/vz/veinfo").read_text().splitlines() if line.split()[0] == ctid)
    return set(line.split()[3:])


def test_added_live_and_in_the_configuration_and_taken_back(node: VzNode) -> None:
    plan = node.change("101", Addresses("add", ("10.0.0.5", "2001:DB8:0::5", "10.0.0.6/24")))
    assert veinfo(node, "101") == {"10.0.0.101", "10.0.0.5", "2001:db8::5", "10.0.0.6"}
    assert node.conf("101", "IP_ADDRESS") == "10.0.0.101 10.0.0.5 2001:db8::5 10.0.0.6/24"
    assert plan.undo == ("ip", "del", "10.0.0.5", "2001:db8::5", "10.0.0.6")
    node.change("101", request_of(plan.undo))
    assert veinfo(node, "101") == {"10.0.0.101"}
    assert node.conf("101", "IP_ADDRESS") == "10.0.0.101"


def test_set_replaces_all_and_its_undo_brings_them_back(node: VzNode) -> None:
    node.said("vzctl set 101 --ipadd 10.9.9.9/24 --save")
    plan = node.change("101", Addresses("set", ("10.0.0.7",)))
    assert veinfo(node, "101") == {"10.0.0.7"}
    assert node.conf("101", "IP_ADDRESS") == "10.0.0.7"
    node.change("101", request_of(plan.undo))
    assert node.conf("101", "IP_ADDRESS") == "10.0.0.101 10.9.9.9/24"


def test_of_a_stopped_one_only_the_configuration_is_changed(node: VzNode) -> None:
    plan = node.change("102", Addresses("del", ("10.0.0.102/24",)))
    assert "ips.live" not in plan.expect
    assert node.conf("102", "IP_ADDRESS") is None
    assert plan.undo == ("ip", "add", "10.0.0.102")
    node.change("102", request_of(plan.undo))
    node.change("102", Addresses("add", ("10.0.0.55",)))
    node.said("vzctl start 102")
    assert veinfo(node, "102") == {"10.0.0.102", "10.0.0.55"}


def test_live_and_configuration_that_differ_are_made_one(node: VzNode) -> None:
    node.said("vzctl set 101 --ipadd 10.0.0.5")  # not saved
    node.change("101", Addresses("add", ("10.0.0.5",)))
    assert node.conf("101", "IP_ADDRESS") == "10.0.0.101 10.0.0.5"
    node.said("vzctl set 101 --ipadd 10.0.0.8")
    node.change("101", Addresses("del", ("10.0.0.8",)))
    assert veinfo(node, "101") == {"10.0.0.101", "10.0.0.5"}


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Addresses("add", ("10.0.0.101",)), "it has 10.0.0.101 already"),
        (Addresses("del", ("10.0.0.77",)), "it does not have 10.0.0.77"),  # vzctl would exit with 0
        (Addresses("set", ("10.0.0.101",)), "it has exactly these addresses"),
    ],
)
def test_what_changes_nothing_is_refused(node: VzNode, request_: Addresses, why: str) -> None:
    before = node.conf_text("101")
    assert [check.text for check in node.plan("101", request_).refused] == [why]
    assert node.conf_text("101") == before


@pytest.mark.parametrize("ips", [(), ("10.0.0.1/33",), ("10.0.0.5", "10.0.0.5/24"), ("all",)])
def test_what_is_no_address_is_misused(node: VzNode, ips: tuple[str, ...]) -> None:
    with pytest.raises(Misused):
        node.plan("101", Addresses("add", ips))


def test_an_address_that_the_kernel_refuses_is_put_back(node: VzNode) -> None:
    plan = node.plan("101", Addresses("add", ("10.0.0.201",)))  # that of the running 201: 78
    before = node.conf_text("101")
    assert node.job(plan) == "failed 1 restored 78"
    assert node.conf_text("101") == before
    assert veinfo(node, "101") == {"10.0.0.101"}


def test_a_suspended_one_is_told_to_keep_its_old_addresses(node: VzNode) -> None:
    node.said("vzctl suspend 201")
    plan = node.change("201", Addresses("add", ("10.0.0.9",)))
    assert [check.id for check in plan.checks if check.verdict == "warn"] == ["suspended"]
