"""The lab itself: what the product's tests stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
import yaml

from tests import need
from tests.lab.conftest import make
from tests.lab.lab import ROOT, TOOL, Lab
from tests.wait import until_blocking


def answers(lab: Lab, node: str) -> bool:
    return lab.ssh(node, "echo", "fine").stdout == "fine\n"


def containers(lab: Lab, node: str, *options: str) -> list[str]:
    return lab.enter(node, "lxc-ls", "-1", *options).split()


# --- what is there


def test_three_nodes_with_two_running_containers_each_and_a_stopped_one(lab: Lab) -> None:
    running = {node: containers(lab, node, "--running") for node in lab.nodes}
    assert running == {"n1": ["ct1101", "ct1102"], "n2": ["ct2101", "ct2102"], "n3": ["ct3101", "ct3102"]}
    assert containers(lab, "n3", "--stopped") == ["ct3103"]


def test_a_login_is_as_an_admin_has_it_with_a_strict_host_key(lab: Lab) -> None:
    done = lab.ssh("n2", "hostname; id -un")
    assert (done.stdout, done.stderr) == ("n2\nroot\n", "")


def test_fleet_file_has_five_lines_and_names_the_nodes(lab: Lab) -> None:
    text = lab.fleet_file().read_text()
    assert len(text.splitlines()) == 5
    fleet = yaml.safe_load(text)
    assert list(fleet["nodes"]) == list(lab.nodes)
    assert Path(fleet["ssh_config"]).is_file()
    assert lab.verb("fleet").stdout == text


def test_processes_of_a_container_are_in_its_cgroups(lab: Lab) -> None:
    pid = lab.enter("n1", "lxc-info", "-n", "ct1101", "-pH").strip()
    groups = {line.split(":", 2)[2] for line in lab.enter("n1", "cat", f"/proc/{pid}/cgroup").splitlines()}
    assert groups == {"/lxc.payload.ct1101"}
    assert (
        lab.enter("n1", "cat", "/proc/self/cgroup").splitlines()[-1].endswith("::/")
    )  # a node sees nothing above itself


def test_containers_have_addresses_a_hostname_and_a_disk_of_their_own(lab: Lab) -> None:
    assert "10.77.1.101/16" in lab.enter("n1", "lxc-attach", "-n", "ct1101", "--", "ip", "addr", "show", "eth0")
    assert lab.enter("n1", "lxc-attach", "-n", "ct1102", "--", "hostname") == "mail.lab.example\n"
    ping = ("lxc-attach", "-n", "ct3101", "--", "ping", "-c1", "-W2", "10.77.2.101")
    assert "1 packets received" in lab.enter("n3", *ping)  # from a container to one of another node
    if lab.verb("enter", "n2", "test", "-e", "/var/lib/lxc/ct2102/rootdev").returncode != 0:
        need.unmet("this machine has no loop devices")
    size = int(lab.enter("n2", "lxc-attach", "-n", "ct2102", "--", "df", "-k", "/").splitlines()[-1].split()[1])
    assert 30_000 < size <= 65_536


def test_load_can_be_put_on_one_container(lab: Lab) -> None:
    v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()

    def counter(name: str, file: str) -> str:
        return lab.enter("n1", "lxc-cgroup", "-n", name, file)

    def memory(name: str) -> int:
        return int(counter(name, "memory.current" if v2 else "memory.usage_in_bytes"))

    def cpu(name: str) -> float:
        return int(counter(name, "cpu.stat").split()[1]) / 1e6 if v2 else int(counter(name, "cpuacct.usage")) / 1e9

    cpu_before, memory_before = cpu("ct1101"), memory("ct1101")
    lab.burn("n1", "ct1101")
    lab.fill("n1", "ct1101", 24)
    until_blocking(lambda: cpu("ct1101") - cpu_before > 0.5, what="half a second of CPU")
    until_blocking(lambda: memory("ct1101") - memory_before > 24 << 20, what="24 MiB of memory")
    assert memory("ct1102") < 16 << 20
    lab.calm("n1", "ct1101")
    until_blocking(lambda: memory("ct1101") < 16 << 20, what="memory given back")


def network() -> str:
    """The network that this thread is in."""
    return str(Path("/proc/thread-self/ns/net").readlink())


async def test_code_of_the_test_itself_can_be_inside_the_network(lab: Lab) -> None:
    outside = network()
    with lab.inside():
        assert network() != outside
        async with asyncssh.connect(
            lab.address("n1"),
            username="root",
            client_keys=[str(lab.directory / "ssh/id")],
            known_hosts=str(lab.directory / "ssh/known_hosts"),
            config=None,
            connect_timeout=5,
        ) as connection:
            assert (await connection.run("cat /etc/hostname", timeout=5)).stdout == "n1\n"
    assert network() == outside


# --- faults


FAULTS: list[tuple[Callable[[Lab, str], None], Callable[[Lab, str], None], str]] = [
    (Lab.cut, Lab.heal, "timed out"),
    (Lab.drop, Lab.clear, "timed out"),
    (Lab.reset, Lab.clear, "refused"),
    (Lab.freeze, Lab.thaw, "timed out during banner exchange"),
    (Lab.poweroff, Lab.boot, "timed out"),
]


@pytest.mark.parametrize(("harm", "heal", "sign"), FAULTS, ids=[fault[0].__name__ for fault in FAULTS])
def test_a_fault_hits_one_node_and_ends(
    lab: Lab, harm: Callable[[Lab, str], None], heal: Callable[[Lab, str], None], sign: str
) -> None:
    harm(lab, "n2")
    done = lab.ssh("n2", "echo", "fine", connect_timeout=1)
    assert done.returncode == 255
    assert sign in done.stderr
    assert answers(lab, "n1")
    heal(lab, "n2")
    assert answers(lab, "n2")


def test_a_frozen_node_holds_a_running_session_until_it_thaws(lab: Lab) -> None:
    command = ["ssh", "-F", str(lab.directory / "ssh/config"), "n1", "cat"]
    with subprocess.Popen(
        [TOOL, "client", *command], env=lab.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("one\n")
        session.stdin.flush()
        assert session.stdout.readline() == "one\n"
        lab.freeze("n1")
        session.stdin.write("two\n")
        session.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            session.wait(timeout=0.5)
        lab.thaw("n1")
        assert session.stdout.readline() == "two\n"
        assert session.wait(timeout=10) == 0


def test_a_power_failure_kills_everything_and_the_containers_start_again(lab: Lab) -> None:
    lab.enter("n3", "sh", "-c", "echo kept > /root/file; echo lost > /run/file")
    lab.poweroff("n3")
    assert "n3 is off" in lab.verb("enter", "n3", "true").stderr
    lab.boot("n3")
    assert containers(lab, "n3", "--running") == ["ct3101", "ct3102"]
    assert lab.enter("n3", "cat", "/root/file") == "kept\n"
    assert lab.verb("enter", "n3", "cat", "/run/file").returncode == 1
    pid = lab.enter("n3", "lxc-info", "-n", "ct3101", "-pH").strip()
    assert "/lxc.payload.ct3101\n" in lab.enter("n3", "cat", f"/proc/{pid}/cgroup")  # not ...ct3101-1


def test_a_slow_link_is_slow_and_not_dead(lab: Lab) -> None:
    lab.slow("n1", "256kbit")
    assert lab.ssh("n1", "wc -c", connect_timeout=10).stdout.strip() == "0"


def test_restore_ends_every_fault(lab: Lab) -> None:
    lab.freeze("n1")
    lab.cut("n2")
    lab.reset("n2")
    lab.poweroff("n3")
    lab.restore()
    assert [answers(lab, node) for node in lab.nodes] == [True, True, True]


def test_a_wrong_node_is_named(lab: Lab) -> None:
    done = lab.verb("cut", "n9")
    assert (done.returncode, done.stderr) == (1, "lab: no node 'n9': there are n1 n2 n3\n")


# --- nothing is left behind


def traces(lab: Lab) -> list[str]:
    """Whatever on this machine bears the name of the lab."""
    found = [str(path) for path in (lab.directory, *Path("/run/netns").glob(f"{lab.prefix}*")) if path.exists()]
    hierarchies = (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir())
    found += [str(hierarchy / lab.prefix) for hierarchy in hierarchies if (hierarchy / lab.prefix).exists()]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if lab.prefix in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (
                (process / "cmdline").read_bytes()
                + (process / "environ").read_bytes()
                + (process / "cgroup").read_bytes()
            )
        except OSError:
            continue
        if lab.prefix.encode() in told and int(process.name) != os.getpid():
            found.append(told.replace(b"\0", b" ").decode(errors="replace")[:200])
    return found


@pytest.fixture
def other() -> Lab:
    """A second, small lab; not up yet."""
    return make(f"ctother{os.getpid()}", nodes=2, containers=2)


@pytest.mark.xdist_group("lab")
def test_two_labs_live_side_by_side_and_down_leaves_nothing(lab: Lab, other: Lab) -> None:
    loops = subprocess.run(["losetup", "-nlO", "NAME"], capture_output=True, text=True, check=True).stdout
    other.up()
    try:
        assert answers(other, "n1")
        assert answers(lab, "n1")
        assert len(traces(other)) > 10
        other.enter("n1", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &")
        other.burn("n2", "ct2101")
        other.freeze("n1")
        other.poweroff("n2")
    finally:
        other.down()
    until_blocking(lambda: not traces(other), what="nothing left")
    assert subprocess.run(["losetup", "-nlO", "NAME"], capture_output=True, text=True, check=True).stdout == loops
    assert answers(lab, "n1")
    other.down()  # again is no error


@pytest.mark.xdist_group("lab")
def test_a_lab_goes_down_with_the_process_that_wanted_it(other: Lab) -> None:
    program = "import sys; from tests.lab.test_lab import other_up; other_up(*sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", program, other.prefix],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == b"up\n"
            assert other.directory.exists()
        finally:
            owner.send_signal(signal.SIGKILL)
    try:
        until_blocking(lambda: not traces(other), timeout=20, what="the lab of a killed process went down")
    finally:
        other.down()


def other_up(prefix: str) -> None:
    """Of the test above: bring a lab up, say so, and stay."""
    Lab(prefix, nodes=1, containers=1).up()
    print("up", flush=True)
    signal.pause()


@pytest.mark.xdist_group("lab")
def test_a_bring_up_that_fails_takes_everything_back(other: Lab) -> None:
    other.environment["LAB_NET"] = "10.777"  # no address
    done = other.verb("up")
    assert done.returncode != 0
    assert "10.777" in done.stderr
    until_blocking(lambda: not traces(other), what="nothing left")
