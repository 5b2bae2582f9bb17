"""`vzctl` on a simulated OpenVZ kernel: what the transcripts, made on an ordinary one, cannot show."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backends.demo import ploop_image, workload
from backends.demo.tree import Tree
from backends.demo.vzconf import Conf
from tests.wait import until_blocking

from . import worlds
from .worlds import Call


@pytest.fixture
def node(memory_path: Path) -> Tree:
    return worlds.openvz(memory_path / "node")


def conf(tree: Tree, ctid: int, key: str) -> str | None:
    return (Conf.read(tree.conf_path(ctid)) or Conf()).get(key)


def test_a_ploop_container_starts_and_stops(node: Tree, call: Call) -> None:
    started = call(node, "vzctl start 201")
    assert started.code == 0
    lines = started.stdout.splitlines()
    assert lines[0] == "Starting container..."
    assert lines[-4:] == [
        "Container is mounted",
        "Adding IP address(es): 10.0.0.201",
        "Setting CPU units: 1000",
        "Container start in progress...",
    ]
    assert started.stderr == ""
    assert call(node, "vzctl status 201").stdout == "CTID 201 exist mounted running\n"
    assert (node.root / "vz/root/201/etc/hostname").exists()
    assert call(node, "vzctl stop 201").stdout.splitlines() == [
        "Stopping container ...",
        "Container was stopped",
        "Container is unmounted",
    ]
    assert call(node, "vzctl status 201").stdout == "CTID 201 exist unmounted down\n"


def test_memory_and_swap(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    assert call(node, "vzctl set 201 --ram 512M --swap 0.5G --save").code == 0
    assert conf(node, 201, "PHYSPAGES") == "0:131072"
    assert conf(node, 201, "SWAPPAGES") == "0:131072"
    assert node.state(201).live["PHYSPAGES"] == "0:131072"
    assert call(node, "vzctl set 201 --ram 512X --save").stderr == "Bad parameter for --ram: 512X\n"


def test_ram_without_any_swap_is_refused(node: Tree, call: Call) -> None:
    worlds.do(node, "start 101")  # the sample "basic" has no SWAPPAGES
    done = call(node, "vzctl set 101 --ram 512M --save")
    assert done.code == 28
    assert "required UB parameter (swap) not set" in done.stderr


def test_a_setting_that_is_not_saved_is_lost_at_the_next_start(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    done = call(node, "vzctl set 201 --cpulimit 50")
    assert "will be lost after CT restart" in done.stdout
    assert node.state(201).live["CPULIMIT"] == "50"
    assert conf(node, 201, "CPULIMIT") is None
    worlds.do(node, "restart 201")
    assert "CPULIMIT" not in node.state(201).live


def test_settings_of_a_stopped_container_need_save(node: Tree, call: Call) -> None:
    done = call(node, "vzctl set 201 --cpuunits 2000")
    assert (done.code, done.stderr) == (31, "Unable to apply UBC parameters: container is not running\n")


def test_an_address_of_a_running_neighbour_is_refused(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201", "set 102 --ipadd 10.0.0.201 --save")
    done = call(node, "vzctl start 102")
    assert done.code == 78
    assert done.stderr == "Unable to add IP 10.0.0.201: Address already in use\n"
    assert call(node, "vzctl status 102").stdout == "CTID 102 exist unmounted down\n"
    worlds.do(node, "start 101")
    assert call(node, "vzctl set 101 --ipadd 10.0.0.201 --save").code == 78
    assert conf(node, 101, "IP_ADDRESS") == "10.0.0.101"


def test_all_addresses_can_be_replaced_while_it_runs(node: Tree, call: Call) -> None:
    worlds.do(node, "start 101")
    done = call(node, "vzctl set 101 --ipdel all --ipadd 10.0.0.7 --save")
    assert done.code == 0
    assert "Deleting IP address(es): 10.0.0.101" in done.stdout
    assert conf(node, 101, "IP_ADDRESS") == node.state(101).live["IP_ADDRESS"] == "10.0.0.7"


def test_suspend_and_resume_keep_the_life_of_a_container(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201", "set 201 --cpulimit 70")
    with node.changing(201) as state:
        state.started -= 1000
    done = call(node, "vzctl suspend 201")
    assert done.code == 0
    assert "Checkpointing completed successfully" in done.stdout
    assert call(node, "vzctl status 201").stdout == "CTID 201 exist unmounted down suspended\n"
    assert call(node, "vzctl resume 201").code == 0
    state = node.state(201)
    assert state.running
    assert state.live["CPULIMIT"] == "70"
    assert time.time() - state.started > 999
    assert not node.dump_file(201).exists()
    assert call(node, "vzctl resume 101").code == 17


def test_freeze_and_thaw_in_place(node: Tree, call: Call) -> None:
    worlds.do(node, "start 101")
    assert call(node, "vzctl chkpnt 101 --suspend").code == 0
    assert node.state(101).frozen
    assert call(node, "vzctl chkpnt 101 --resume").code == 0
    assert not node.state(101).frozen


def test_start_restores_a_dump(node: Tree, call: Call) -> None:
    worlds.do(node, "start 101", "suspend 101")
    done = call(node, "vzctl start 101")
    assert "Dump file /vz/dump/Dump.101 exists, trying to restore from it" in done.stdout
    assert node.state(101).running


def test_create_and_destroy(node: Tree, call: Call) -> None:
    done = call(
        node, f"vzctl create 300 --ostemplate {worlds.TEMPLATE} --config vswap-1g --name 'my shop' --ipadd 10.0.0.30"
    )
    assert done.code == 0
    assert done.stdout.splitlines()[-1] == "Container private area was created"
    assert conf(node, 300, "VE_LAYOUT") == "ploop"
    assert node.named("my shop") == 300
    worlds.do(node, "start 300")
    assert call(node, "vzctl destroy 300").code == 32
    worlds.do(node, "stop 300", "mount 300")
    assert call(node, "vzctl destroy 300").code == 41
    worlds.do(node, "umount 300")
    assert call(node, "vzctl destroy 'my shop'").code == 0
    assert not (node.root / "vz/private/300").exists()
    assert (node.root / "etc/vz/conf/300.conf.destroyed").exists()
    assert node.named("my shop") is None
    assert 300 not in node.ids()


def test_a_disabled_container_does_not_start(node: Tree, call: Call) -> None:
    worlds.do(node, "set 101 --disabled yes --save")
    assert call(node, "vzctl start 101").code == 105
    assert call(node, "vzctl start 101 --force").code == 0


def write(tree: Tree, ctid: int, text: str) -> None:
    worlds.put(tree.root / f"vz/root/{ctid}/root/marker", text)


def marker(tree: Tree, ctid: int) -> str:
    return (tree.root / f"vz/root/{ctid}/root/marker").read_text()


def test_a_snapshot_of_a_running_container_brings_files_config_and_processes_back(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    write(node, 201, "one")
    worlds.do(node, f"snapshot 201 --id {worlds.ONES} --name first")
    write(node, 201, "two")
    worlds.do(node, "set 201 --cpulimit 30 --save")
    done = call(node, f"vzctl snapshot-switch 201 --id {worlds.ONES}")
    assert done.code == 0
    assert "Restoring container ..." in done.stdout
    assert node.state(201).running
    assert marker(node, 201) == "one"
    assert conf(node, 201, "CPULIMIT") is None


def test_a_snapshot_without_dump_leaves_the_container_stopped(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    write(node, 201, "one")
    worlds.do(node, f"snapshot 201 --id {worlds.ONES} --skip-suspend --skip-config", "set 201 --cpulimit 30 --save")
    write(node, 201, "two")
    worlds.do(node, f"snapshot-switch 201 --id {worlds.ONES}")
    assert call(node, "vzctl status 201").stdout == "CTID 201 exist unmounted down\n"
    assert conf(node, 201, "CPULIMIT") == "30"
    worlds.do(node, "start 201")
    assert marker(node, 201) == "one"


def test_deleting_snapshots_keeps_the_present_files(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    for guid, text in ((worlds.ONES, "one"), (worlds.AS, "two")):
        write(node, 201, text)
        worlds.do(node, f"snapshot 201 --id {guid}")
    write(node, 201, "three")
    worlds.do(node, f"snapshot-delete 201 --id {worlds.ONES}")
    assert [entry.guid for entry in worlds.entries(node, 201)] == [f"{{{worlds.AS}}}"]
    worlds.do(node, "restart 201")
    assert marker(node, 201) == "three"
    worlds.do(node, f"snapshot-switch 201 --id {worlds.AS}", f"snapshot-delete 201 --id {worlds.AS}")
    image = ploop_image.Image.read(node.root / "vz/private/201/root.hdd")
    assert image is not None
    assert len(image.deltas) == 1
    worlds.do(node, "restart 201")
    assert marker(node, 201) == "two"


def test_a_snapshot_with_two_children_is_only_marked(node: Tree, call: Call) -> None:
    worlds.do(
        node,
        f"snapshot 201 --id {worlds.ONES}",
        f"snapshot 201 --id {worlds.AS}",
        f"snapshot-switch 201 --id {worlds.ONES}",
    )
    done = call(node, f"vzctl snapshot-delete 201 --id {worlds.ONES}")
    assert done.code == 0
    assert "marking it as temporary" in done.stdout


def test_a_snapshot_can_be_looked_into(node: Tree, call: Call) -> None:
    target = node.root / "tmp/look"
    target.mkdir()
    worlds.do(node, "start 201")
    write(node, 201, "one")
    worlds.do(node, f"snapshot 201 --id {worlds.ONES}")
    write(node, 201, "two")
    assert call(node, f"vzctl snapshot-mount 201 --id {worlds.ONES} --target /tmp/look").code == 0
    assert (target / "root/marker").read_text() == "one"
    assert "/tmp/look" in call(node, "vzctl snapshot-list 201 -H -o uuid,target").stdout
    assert call(node, f"vzctl snapshot-umount 201 --id {worlds.ONES}").code == 0
    assert list(target.iterdir()) == []


def test_a_copied_image_has_the_files_and_the_behaviour(node: Tree, call: Call) -> None:
    """The recipe for a clone: everything but the writable delta, then `ploop snapshot-switch`."""
    private = node.root / "vz/private"
    workload.write(private / "201", workload.KINDS["db"])
    worlds.do(node, "start 201")
    write(node, 201, "one")
    worlds.do(node, f"snapshot 201 --id {worlds.ONES} --skip-suspend --skip-config")
    write(node, 201, "two")
    top = call(node, "ploop snapshot-list -H -o fname /vz/private/201/root.hdd/DiskDescriptor.xml").stdout.split("\n")[
        -2
    ]
    (private / "211/root.hdd").mkdir(parents=True)
    for path in (private / "201/root.hdd").iterdir():
        if path.name != top.rpartition("/")[2]:
            (private / "211/root.hdd" / path.name).write_bytes(path.read_bytes())
    descriptor = f"{private}/211/root.hdd/DiskDescriptor.xml"
    assert call(node, f"ploop snapshot-switch -u {{{worlds.ONES}}} {descriptor}").code == 0
    assert call(node, f"ploop snapshot-delete -u {{{worlds.ONES}}} {descriptor}").code == 0
    worlds.put(node.conf_path(211), node.conf_path(201).read_text().replace("10.0.0.201", "10.0.0.211"))
    worlds.do(node, "start 211")
    assert marker(node, 211) == "one"
    assert workload.read(private / "211").kind == "db"


def test_a_disk_grows(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    assert call(node, "vzctl set 201 --diskspace 10G --save").code == 0
    assert call(node, "ploop info /vz/private/201/root.hdd/DiskDescriptor.xml").stdout.splitlines()[1].split()[:2] == [
        "1k-blocks",
        str(10 << 20),
    ]


def test_convert_to_ploop_keeps_the_files(node: Tree, call: Call) -> None:
    worlds.put(node.root / "vz/private/101/root/marker", "here")
    assert call(node, "vzctl convert 101 --layout ploop").code == 0
    worlds.do(node, "start 101")
    assert marker(node, 101) == "here"


def test_exec_runs_inside_the_containers_files(node: Tree, call: Call) -> None:
    worlds.do(node, "start 201")
    assert call(node, "vzctl exec 201 'echo there > /root/marker; cat /root/marker'").stdout == "there\n"
    assert marker(node, 201) == "there\n"
    assert call(node, "vzctl exec2 201 'exit 42'").code == 42
    assert call(node, "vzctl exec 201 'exit 42'").code == 8
    assert call(node, "vzctl exec 201 hostname").stdout == "ploop201\n"
    assert "10.0.0.201/32" in call(node, "vzctl exec 201 ip addr").stdout
    assert call(node, "vzctl exec 201 ps").stdout.splitlines()[1].endswith("init")
    assert "MemTotal" in call(node, "vzctl exec 201 cat /proc/meminfo").stdout


def test_two_at_once_one_gets_the_lock(node: Tree, call: Call) -> None:
    holder = subprocess.Popen(["sleep", "60"])
    lock = node.root / "vz/lock/101.lck"
    try:
        until_blocking(lambda: Path(f"/proc/{holder.pid}/cmdline").read_bytes() == b"sleep\x0060\0")
        worlds.put(lock, f"{holder.pid}\n\n")
        done = call(node, "vzctl start 101")
        assert done.code == 9
        assert done.stderr == f"Locked by: pid {holder.pid}, cmdline sleep 60\nContainer already locked\n"
    finally:
        holder.kill()
        holder.wait()
    assert "Removing stale lock file /vz/lock/101.lck" in call(node, "vzctl start 101").stdout
    assert not lock.exists()


def test_an_interrupt_is_told_and_does_not_stop_a_stop(node: Tree) -> None:
    worlds.do(node, "start 101")
    env = {**os.environ, "CTDECK_ROOT": str(node.root), "CTDECK_DEMO_SPEED": "1"}
    stopping = subprocess.Popen(
        [node.root / "bin/vzctl", "stop", "101"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until_blocking(lambda: (node.root / "vz/lock/101.lck").exists())
    command = (node.root / f"proc/{stopping.pid}/cmdline").read_bytes()
    assert command == b"vzctl\0stop\x00101\0"
    stopping.terminate()
    stdout, stderr = stopping.communicate(timeout=20)
    assert stopping.returncode == 0
    assert "Cancelling..." in stderr
    assert "Container was stopped" in stdout
    assert list((node.root / "vz/lock").iterdir()) == []
    assert not (node.root / f"proc/{stopping.pid}").exists()


def test_everything_is_logged(node: Tree, call: Call) -> None:
    call(node, "vzctl start 101")
    lines = (node.root / "var/log/vzctl.log").read_text().splitlines()
    assert lines[-1].endswith("vzctl : CT 101 : Container start in progress...")


def test_the_tools_need_nothing_but_the_standard_library(node: Tree) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r});"
        "import backends.demo.vzctl, backends.demo.vzlist, backends.demo.ploop, backends.demo.inside;"
        "print([name for name in ('asyncssh', 'yaml', 'textual', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
