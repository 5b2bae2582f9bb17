"""Trouble: from one picture alone, from scripted histories, with hysteresis; and none where all is well."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import pytest

from backends.events import Kind
from backends.lxc.parse import parse_fast
from backends.model import Beancounter, Container, Key, Leash, Limits, Lock, Node, NodeFacts, NodeState, State, Usage
from backends.store import Store
from backends.trouble import Severity, Triage

G = 1 << 30
WALL = 1_000_000.0


@dataclass
class Fleet:
    """A store and its triage, in made-up time. `n1` and `n2` are up with 8 CPUs."""

    def __init__(self, **thresholds: float) -> None:
        self.now = 5000.0
        self.store = Store()
        self.triage = Triage(self.store, thresholds, clock=lambda: self.now, wall=lambda: WALL + self.now - 5000)
        for name in ("n1", "n2"):
            node = Node(name, state=NodeState.UP, answered=self.now)
            node.facts = NodeFacts(cpus=8, load=(1.0, 1, 1), memory_total=100, memory_used=40, uptime=1e6)
            self.store.add_node(node)

    def put(self, identifier: str = "1", node: str = "n1", **said: object) -> Container:
        """A running container that is well, but for what is said of it, its usage or its limits."""
        container = Container(Key(node, "openvz", identifier), State.RUNNING, on_boot=True)
        container.usage = Usage(cpu_percent=20, cpu_lifetime=20, memory_used=G, disk_used=G, processes=30, uptime=9e5)
        container.limits = Limits(memory=4 * G, disk=10 * G, inodes=1000)
        self.store.put(container)
        self.say(container, **said)
        return container

    def say(self, container: Container, **said: object) -> None:
        for name, value in said.items():
            parts = (container.usage, container.limits, container)
            setattr(next(part for part in parts if hasattr(part, name)), name, value)

    def pass_by(self, seconds: float = 2.0, *containers: Container, **said: object) -> None:
        """Time, with a sample of every node at its end. `said`: of these containers, then."""
        self.now += seconds
        for node in self.store.nodes.values():
            if node.state is NodeState.UP:
                node.answered = self.now
                node.facts.uptime = (node.facts.uptime or 0) + seconds
        for container in self.store.containers.values():
            if container.state is State.RUNNING and container.usage.uptime is not None and "uptime" not in said:
                container.usage.uptime += seconds
        for container in containers:
            self.say(container, **said)
        for key in self.store.containers:
            self.store.touch(key)

    def texts(self, container: Container | None = None, node: str = "n1") -> list[str]:
        """Everything that is wrong with a container, or a node, now."""
        self.triage.update(self.store.take())
        self.triage.judge()
        if container is None:
            return [reason.text for reason in self.triage.nodes[node].reasons]
        found = self.triage.containers.get(container.key)
        return [reason.text for reason in found.reasons] if found else []


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ({}, []),
        ({"memory_used": int(3.59 * G)}, []),
        ({"memory_used": int(3.8 * G)}, ["memory 95% of its limit"]),
        ({"disk_used": int(9.5 * G)}, ["disk 95% of its limit"]),
        ({"inodes_used": 990}, ["inodes 99% of its limit"]),
        ({"failcnt_growth": 12, "memory_used": 4 * G}, ["failcnt +12 in 60 s", "memory 100% of its limit"]),
        ({"failcnt_growth": 0, "failcnt": None}, []),
        ({"state": State.UNKNOWN}, ["its state is not known"]),
        ({"state": State.UNKNOWN, "note": "odd line"}, ["odd line"]),
        ({"state": State.STOPPED, "disk_used": int(9.9 * G)}, ["disk 99% of its limit"]),
        ({"lock": Lock("vzdump", 1, WALL - 1860)}, ["locked 31m by vzdump"]),
        ({"lock": Lock("/usr/bin/perl -w", 1, WALL - 1860)}, ["locked 31m by perl"]),
        ({"lock": Lock("/usr/bin/perl -w /usr/sbin/vzdump 101", 1, WALL - 1860)}, ["locked 31m by vzdump"]),
        ({"lock": Lock("", None, None)}, ["locked"]),
        ({"lock": Lock("vzctl", 1, WALL - 5, alive=False)}, ["locked 5s by vzctl, holder is gone"]),
        ({"state": State.STOPPED, "disk_used": None, "lock": Lock("vzctl", 1, WALL)}, ["locked 0s by vzctl"]),
        ({"leashes": (Leash("memory"),)}, ["leash: memory for a while"]),
        ({"memory_used": None, "disk_used": None, "cpu_percent": None, "uptime": None}, []),
    ],
    ids=str,
)
def test_one_picture_is_enough(said: dict[str, object], texts: list[str]) -> None:
    fleet = Fleet()
    assert fleet.texts(fleet.put("1", "n1", **said)) == texts


def test_leashes_that_end_together_are_told_together() -> None:
    minute = int(WALL) // 60 * 60
    fleet, clock = Fleet(), lambda at: time.strftime("%H:%M", time.localtime(at))
    near = (Leash("bc.numfile", minute + 600), Leash("cpu_limit", minute), Leash("memory", minute))
    (text,) = fleet.texts(fleet.put("1", "n1", leashes=near))
    assert text == f"leash: numfile until {clock(minute + 600)}, cpu limit, memory until {clock(minute)}"
    far = minute + 5 * 86400
    (text,) = fleet.texts(fleet.put("2", "n1", leashes=(Leash("memory", far),)))
    assert text == f"leash: memory until {time.strftime('%d %b', time.localtime(far))} {clock(far)}"
    assert fleet.triage.troubled == 0


class TestCpu:
    def test_out_of_the_usual_of_its_life_after_some_seconds(self) -> None:
        fleet = Fleet()
        shop = fleet.put(cpu_percent=390.0, cpu_lifetime=34.0)
        assert fleet.texts(shop) == []
        fleet.pass_by(2)
        assert fleet.texts(shop) == []
        fleet.pass_by(2)
        since = time.strftime("%H:%M", time.localtime(WALL))
        assert fleet.texts(shop) == [f"CPU x11 of its usual since {since}"]
        assert fleet.triage.containers[shop.key].since == 5000.0

    def test_a_young_container_has_no_usual(self) -> None:
        fleet = Fleet()
        shop = fleet.put(cpu_percent=390.0, cpu_lifetime=34.0, uptime=5.0)
        for _ in range(5):
            fleet.pass_by(2)
            assert fleet.texts(shop) == []

    def test_without_a_life_it_is_learnt_by_watching(self) -> None:
        fleet = Fleet()
        shop = fleet.put(cpu_percent=20.0, cpu_lifetime=None)
        for _ in range(20):
            fleet.pass_by(2)
            fleet.texts(shop)
        assert fleet.triage.usual_cpu(shop.key) == pytest.approx(20)
        for _ in range(3):
            fleet.pass_by(2, shop, cpu_percent=200.0)
            found = fleet.texts(shop)
        assert found[0].startswith("CPU x10 of its usual")

    def test_a_short_burst_is_nothing_and_a_dip_does_not_end_it(self) -> None:
        fleet = Fleet()
        shop = fleet.put()
        for cpu in (300.0, 300.0, 20.0, 300.0, 20.0):
            fleet.pass_by(2, shop, cpu_percent=cpu)
            assert fleet.texts(shop) == []
        for cpu in (300.0, 300.0, 300.0, 20.0, 300.0, 20.0, 20.0, 20.0):
            fleet.pass_by(2, shop, cpu_percent=cpu)
            hot = bool(fleet.texts(shop))
        assert hot, "calm for four seconds only"
        fleet.pass_by(2, shop, cpu_percent=20.0)
        assert fleet.texts(shop) == []
        kinds = [event.kind for event in fleet.triage.events]
        assert kinds == [Kind.CALM, Kind.TROUBLE]

    def test_the_new_becomes_usual_slowly(self) -> None:
        fleet = Fleet()
        shop = fleet.put()
        for _ in range(150):
            fleet.pass_by(2, shop, cpu_percent=300.0)
            found = fleet.texts(shop)
        assert found, "five minutes are not usual yet"
        assert fleet.triage.usual_cpu(shop.key) == pytest.approx(33, abs=5)

    def test_its_own_limit_is_a_notice_and_being_held_back_is_trouble(self) -> None:
        fleet = Fleet()
        leashed = fleet.put(cpu_percent=100.0, cpu_lifetime=95.0, limits=Limits(cpu_percent=100))
        for _ in range(3):
            fleet.pass_by(2)
            found = fleet.texts(leashed)
        assert found == ["at its CPU limit"]
        assert fleet.triage.troubled == 0
        for _ in range(3):
            fleet.pass_by(2, leashed, throttled_percent=80.0)
            found = fleet.texts(leashed)
        assert found[0] == "held back by its CPU limit 80% of the time"

    def test_many_processes(self) -> None:
        fleet = Fleet()
        web = fleet.put(processes=42)
        for _ in range(20):
            fleet.pass_by(2)
            assert fleet.texts(web) == []
        for _ in range(3):
            fleet.pass_by(2, web, processes=430)
            found = fleet.texts(web)
        assert found == ["430 processes, its usual is 42"]


def counters(**failcnt: int) -> dict[str, Beancounter]:
    return {name: Beancounter(1, 1, 2, 2, count) for name, count in failcnt.items()}


class TestFailures:
    def test_the_beancounter_is_named_and_a_minute_is_counted(self) -> None:
        fleet = Fleet()
        shop = fleet.put(beancounters=counters(kmemsize=7, privvmpages=3), failcnt=10, failcnt_growth=0)
        assert fleet.texts(shop) == []
        fleet.pass_by(2, shop, failcnt=15, failcnt_growth=5)
        assert fleet.texts(shop) == ["failcnt +5 in 60 s"]
        fleet.pass_by(2, shop, beancounters=counters(kmemsize=7, privvmpages=8))
        assert fleet.texts(shop) == ["privvmpages failcnt +5 in 60 s"]
        assert fleet.triage.containers[shop.key].reasons[0].subject == "privvmpages"
        fleet.pass_by(30, shop, failcnt=22, failcnt_growth=12)
        assert fleet.texts(shop) == ["privvmpages failcnt +12 in 60 s"]
        fleet.pass_by(40)
        assert fleet.texts(shop) == ["failcnt +7 in 60 s"]
        fleet.pass_by(40)
        assert fleet.texts(shop) == []

    def test_a_node_that_was_booted_counts_anew(self) -> None:
        fleet = Fleet()
        shop = fleet.put(failcnt_growth=900)
        fleet.texts(shop)
        fleet.pass_by(2, shop, failcnt_growth=0)
        assert fleet.texts(shop) == []

    def test_out_of_memory(self) -> None:
        fleet = Fleet()
        shop = fleet.put(oom_kills=3)
        assert fleet.texts(shop) == []
        fleet.pass_by(2, shop, oom_kills=4)
        assert fleet.texts(shop) == ["out of memory: the kernel killed a process of it"]
        fleet.pass_by(70)
        assert fleet.texts(shop) == []


class TestLife:
    def test_restarts(self) -> None:
        fleet = Fleet()
        proxy = fleet.put()
        fleet.texts(proxy)
        fleet.pass_by(2, proxy, uptime=1.0)
        assert fleet.texts(proxy) == []
        fleet.pass_by(2, proxy, state=State.STOPPED, uptime=None)
        assert fleet.texts(proxy) == []
        fleet.pass_by(2, proxy, state=State.RUNNING, uptime=1.5)
        assert fleet.texts(proxy) == ["restarted twice in 10 min"]
        fleet.pass_by(2, proxy, uptime=0.2)
        assert fleet.texts(proxy) == ["restarted 3 times in 10 min"]
        assert fleet.triage.containers[proxy.key].severity == Severity.GRAVE
        fleet.pass_by(700)
        assert fleet.texts(proxy) == []
        assert [event.kind for event in fleet.triage.events if event.kind is not Kind.CALM][:2] == [
            Kind.RESTARTED,
            Kind.TROUBLE,
        ]

    def test_a_start_just_before_we_came_counts(self) -> None:
        fleet = Fleet()
        proxy = fleet.put(uptime=1.5)
        assert fleet.texts(proxy) == []
        fleet.pass_by(2, proxy, uptime=0.5)
        assert fleet.texts(proxy) == ["restarted twice in 10 min"]

    def test_a_node_that_was_booted_has_started_all_once(self) -> None:
        fleet = Fleet()
        fleet.store.nodes["n1"].facts.uptime = 100.0
        proxy = fleet.put(uptime=20.0)
        fleet.texts(proxy)
        fleet.pass_by(2, proxy, uptime=0.5)
        assert fleet.texts(proxy) == []

    def test_a_stop_that_nobody_wanted(self) -> None:
        fleet = Fleet()
        mail, test = fleet.put("1"), fleet.put("2", on_boot=False)
        fleet.texts(mail)
        fleet.pass_by(2, mail, test, state=State.STOPPED, usage=Usage())
        assert fleet.texts(mail) == []
        fleet.pass_by(178)
        assert fleet.texts(mail) == ["stopped, was running 3m ago, on boot"]
        assert fleet.texts(test) == ["stopped, was running 3m ago"]
        assert fleet.triage.troubled == 1
        fleet.pass_by(3600)
        assert fleet.texts(mail) == []

    def test_what_was_stopped_when_we_came_is_calm(self) -> None:
        fleet = Fleet()
        old = fleet.put(state=State.STOPPED, usage=Usage())
        fleet.texts(old)
        fleet.pass_by(600)
        assert fleet.texts(old) == []

    def test_a_container_that_is_gone_is_forgotten(self) -> None:
        fleet = Fleet()
        shop = fleet.put(memory_used=4 * G)
        assert fleet.texts(shop)
        fleet.store.drop(shop.key)
        assert fleet.texts(shop) == []
        assert fleet.triage.troubled == 0
        assert not fleet.triage._pasts


def test_thresholds_and_hysteresis() -> None:
    fleet = Fleet(memory=0.5)
    shop = fleet.put(memory_used=2 * G)
    assert fleet.texts(shop) == ["memory 50% of its limit"]
    fleet.pass_by(2, shop, memory_used=int(1.95 * G))
    assert fleet.texts(shop) == ["memory 49% of its limit"]
    fleet.pass_by(2, shop, memory_used=int(1.9 * G))
    assert fleet.texts(shop) == []
    fleet.pass_by(2, shop, memory_used=int(1.95 * G))
    assert fleet.texts(shop) == []


def test_a_young_lock_is_only_a_notice() -> None:
    fleet = Fleet()
    shop = fleet.put(lock=Lock("vzdump", 1, WALL - 20))
    fleet.texts(shop)
    assert fleet.triage.troubled == 0
    fleet.now += 900
    assert fleet.texts(shop) == ["locked 15m by vzdump"]
    assert fleet.triage.troubled == 1


class TestAddresses:
    def test_both_name_each_other_and_the_newer_is_worse(self) -> None:
        fleet = Fleet()
        old = fleet.put("101", ips=("10.0.4.7/24",))
        new = fleet.put("202", "n2", ips=("10.0.4.9/32", "10.0.4.7/32"), uptime=2.0)
        other = fleet.put("203", "n2", ips=("10.0.4.8/32",))
        assert fleet.texts(new) == ["address 10.0.4.7 is also that of n1/101, which had it first"]
        assert fleet.texts(old) == ["address 10.0.4.7 is also that of n2/202"]
        assert fleet.texts(other) == []
        assert [where for where, _ in fleet.triage.worst()] == [new.key, old.key]

    def test_it_ends_with_the_stop_of_one(self) -> None:
        fleet = Fleet()
        old, new = fleet.put("101", ips=("10.0.4.7",)), fleet.put("202", "n2", ips=("10.0.4.7",), on_boot=False)
        assert fleet.texts(old)
        fleet.pass_by(2, new, state=State.STOPPED, usage=Usage())
        fleet.texts(old)
        assert fleet.texts(old) == []
        fleet.pass_by(2, new, state=State.RUNNING)
        fleet.texts(old)
        assert fleet.texts(old)
        fleet.store.drop(new.key)
        assert fleet.texts(old) == []

    def test_networks_that_every_node_has_for_itself(self) -> None:
        fleet = Fleet()
        for node in ("n1", "n2"):
            found = fleet.texts(fleet.put(node, node, ips=("10.0.3.15/24", "fe80::1/64")))
            assert found == []

    def test_three_of_one(self) -> None:
        fleet = Fleet()
        first, *_ = (fleet.put(str(number), ips=("10.0.4.7",)) for number in (1, 2, 3))
        fleet.texts(first)
        assert fleet.texts(first) == ["address 10.0.4.7 is also that of n1/2 and 1 more"]


@pytest.mark.parametrize(
    ("node", "texts"),
    [
        (Node("n1"), []),
        (Node("n1", state=NodeState.UP), []),
        (Node("n1", state=NodeState.UP, facts=NodeFacts(load=(15.9, 1, 1), cpus=8)), []),
        (Node("n1", state=NodeState.UP, facts=NodeFacts(load=(38.2, 1, 1), cpus=8)), ["load 38.2 on 8 CPUs"]),
        (Node("n1", state=NodeState.UP, facts=NodeFacts(memory_used=95, memory_total=100)), ["memory 95%"]),
        (
            Node("n1", state=NodeState.UP, facts=NodeFacts(disk_used=95, disk_total=100)),
            ["disk of the containers 95%"],
        ),
        (Node("n1", state=NodeState.UP, notes=("an empty list",)), ["an empty list"]),
        (
            Node("n1", state=NodeState.DOWN, answered=4640.0, error="refused"),
            ["no answer for 6m, 2 ct unseen: refused"],
        ),
        (Node("n1", state=NodeState.DOWN, since=4900.0), ["no answer for 100s, 2 ct unseen"]),
        (Node("n1", state=NodeState.STALE, answered=4958.0), ["2 ct 42s old"]),
        (Node("n1", state=NodeState.BLOCKED, error="login refused"), ["login refused, 2 ct unseen"]),
        (Node("n1", state=NodeState.BROKEN), ["it cannot be read, 2 ct unseen"]),
    ],
)
def test_a_node(node: Node, texts: list[str]) -> None:
    fleet = Fleet()
    fleet.store.nodes["n1"] = node
    fleet.put("1")
    fleet.put("2")
    assert fleet.texts() == texts


class TestNode:
    def test_who_did_it_is_who_added_most(self) -> None:
        fleet = Fleet()
        big = fleet.put("7", cpu_percent=300.0, cpu_lifetime=290.0)
        fleet.put("1042", name="web-shop", cpu_percent=390.0, cpu_lifetime=30.0)
        fleet.put("1051", cpu_percent=210.0, cpu_lifetime=10.0)
        fleet.texts(big)
        fleet.store.nodes["n1"].facts.load = (38.2, 1, 1)
        (text,) = fleet.texts()
        assert text.startswith("load 38.2 on 8 CPUs; 6")
        assert "% of it is 1042 web-shop, 3" in text
        assert "% 1051" in text
        assert " 7" not in text.split(";")[1].replace("3", "")
        fleet.store.nodes["n1"].facts.load = (15.0, 1, 1)
        assert fleet.texts(), "not calm yet"
        fleet.store.nodes["n1"].facts.load = (14.0, 1, 1)
        assert fleet.texts() == []

    def test_nobody_alone(self) -> None:
        fleet = Fleet()
        for number in range(20):
            fleet.put(str(number), cpu_percent=60.0, cpu_lifetime=10.0)
        fleet.store.nodes["n1"].facts.load = (30.0, 1, 1)
        fleet.texts()
        assert fleet.texts() == ["load 30.0 on 8 CPUs; 20 containers share in it"]

    def test_lost_and_back(self) -> None:
        fleet = Fleet()
        fleet.put()
        fleet.texts()
        node = fleet.store.nodes["n1"]
        node.state = NodeState.STALE
        fleet.now += 5
        fleet.texts()
        assert fleet.triage.nodes["n1"].severity == Severity.NOTICE
        node.state, node.error = NodeState.DOWN, "refused"
        fleet.texts()
        assert [where for where, _ in fleet.triage.worst()] == ["n1"]
        node.state = NodeState.UP
        fleet.texts()
        assert fleet.triage.worst() == []
        assert [(event.kind, event.where) for event in fleet.triage.events] == [(Kind.BACK, "n1"), (Kind.LOST, "n1")]

    def test_a_node_comes_before_its_containers(self) -> None:
        fleet = Fleet()
        shop = fleet.put(failcnt_growth=9, memory_used=4 * G, disk_used=10 * G, lock=Lock("x", None, 0.0))
        fleet.store.nodes["n1"].notes = ("an odd line",)
        fleet.texts(shop)
        assert [where for where, _ in fleet.triage.worst()] == ["n1", shop.key]


def test_a_healthy_fleet_is_quiet_for_five_minutes() -> None:
    """Figures that sway as a day does: by half, some of them in bursts."""
    fleet = Fleet()
    containers = [fleet.put(str(number), cpu_lifetime=5.0 + 4 * number) for number in range(30)]
    for step in range(150):
        fleet.pass_by(2)
        for place, container in enumerate(containers):
            sway = 1 + 0.5 * math.sin(step / 3 + place) + (1.0 if (step + place) % 40 == 0 else 0.0)
            usage = container.usage
            usage.cpu_percent = (usage.cpu_lifetime or 0) * sway
            usage.memory_used = int(3 * G * (1 + 0.1 * math.sin(step / 7 + place)))
            usage.processes = int(60 * sway)
        fleet.texts()
        assert fleet.triage.worst() == []
    assert len(fleet.triage.events) == 0


def test_ten_thousand_containers_are_judged_in_slices(capsys: pytest.CaptureFixture[str]) -> None:
    fleet = Fleet()
    for number in range(10_000):
        fleet.put(str(number), f"n{1 + number % 2}", ips=(f"10.{number // 250}.{number % 250}.1",))
    fleet.triage.update(fleet.store.take())
    first = fleet.triage.judge(seconds=-1.0)
    assert len(first) == 256
    assert fleet.triage.waiting
    fleet.texts()
    assert not fleet.triage.waiting
    took = []
    for _ in range(3):
        fleet.pass_by(1)
        fleet.triage.update(fleet.store.take())
        began = time.process_time()
        fleet.triage.judge()
        took.append(time.process_time() - began)
    with capsys.disabled():
        print(f"\n10,000 containers that all changed: judged in {1000 * min(took):.0f} ms")
    assert fleet.triage.worst() == []


def test_lxc_tells_kills_where_memory_is_limited() -> None:
    lines = ["c limited 2 5000 100 10 10 0 0 3 - - 7", "c free 2 5000 100 10 10 0 0 3 - -"]
    counters = parse_fast(lines).counters
    assert (counters["limited"].oom_kills, counters["free"].oom_kills) == (7, None)
