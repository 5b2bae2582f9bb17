"""Node trees like those in which the transcripts were recorded: vzctl 4.11 on an ordinary kernel, a few containers."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from backends.demo import fleet, ploop_image, snapshots, vzctl, workload
from backends.demo.personality import OPENVZ, UPSTREAM
from backends.demo.simulation import Kernel
from backends.demo.tree import SPEED_VARIABLE, Tree, write_file
from backends.demo.vzconf import Conf
from backends.demo.workload import Workload


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


#: Runs a command of a node in this process: `call(tree, "vzctl start 101")`.
Call = Callable[[Tree, str], Done]

TEMPLATE = "busybox-1-x86_64"
SETTINGS: dict[str, object] = {
    "personality": UPSTREAM,
    "hostname": "vm",
    "number": 1,
    "cores": 2,
    "memory": 4096,
    "swap": 0,
    "kernel": "6.1.0",
    "mem_available": True,
    "booted": 1_700_000_000.0,
}
#: Speed of the tools in tests.
SPEED = "50"


def do(tree: Tree, *commands: str) -> None:
    """Run commands of vzctl in this process, silently; each must succeed."""
    os.environ[SPEED_VARIABLE] = "1000"
    try:
        for command in commands:
            code = vzctl.run(tree, ["--quiet", *shlex.split(command)])
            assert code == 0, (command, code)
    finally:
        del os.environ[SPEED_VARIABLE]


def bare(root: Path, personality: str = UPSTREAM) -> Tree:
    """A node without containers."""
    tree = Tree(root)
    fleet.write_frame(tree, {**SETTINGS, "personality": personality})
    (root / f"vz/template/cache/{TEMPLATE}.tar.gz").touch()
    if personality == UPSTREAM:
        for name in ("vz", "bc"):
            (root / "proc" / name).rmdir()
    else:
        for name in fleet.OPENVZ_ONLY:
            (root / "proc" / name).touch()
        (root / "etc/vz/dists/busybox.conf").touch()
    return tree


def basic(root: Path, personality: str = UPSTREAM) -> Tree:
    """101 and 103 of the sample "basic", 102 of "vswap-256m"; none runs."""
    tree = bare(root, personality)
    create = f"create {{}} --ostemplate {TEMPLATE} --layout simfs --config {{}}"
    do(
        tree,
        f"{create.format(101, 'basic')} --hostname ct101.example.com --ipadd 10.0.0.101",
        f"{create.format(102, 'vswap-256m')} --hostname ct102",
        f"{create.format(103, 'basic')} --name web-1",
    )
    return tree


def listed(root: Path) -> Tree:
    """What vzlist was tried on: 101 and 102 run, 103 is mounted, 2147483644 is stopped; the kernel's files are there."""
    tree = bare(root)
    create = f"create {{}} --ostemplate {TEMPLATE} --layout simfs --config {{}}"
    ips = "10.0.0.101 10.0.101.4 10.0.101.5 2001:db8::101 192.168.100.200/24"
    do(
        tree,
        f"{create.format(101, 'basic')} --hostname ct101.example.com "
        + " ".join(f"--ipadd {ip}" for ip in ips.split()),
        f"{create.format(102, 'basic')} --hostname ct102.example.com --ipadd 10.0.0.102 --name web-1",
        "set 102 --nameserver 8.8.8.8 --nameserver 1.1.1.1 --searchdomain example.com --ioprio 5 --onboot yes --save",
        "set 102 --bootorder 10 --description 'say \"hi\"  there' --save",
        f"{create.format(103, 'vswap-256m')} --hostname ct103",
        "set 103 --name 'my server' --cpulimit 150 --cpus 2 --onboot no --features nfs:on,ppp:off --save",
        "set 103 --disabled yes --capability net_admin:on --save",
        f"{create.format(2147483644, 'basic')}",
    )
    for ctid in (101, 102):
        private = tree.root / f"vz/private/{ctid}"
        workload.write(private, Workload("idle", 1, 2, 3, 0, 0, 5, 300))
    do(tree, "start 101", "start 102", "mount 103")
    for ctid in (101, 102):
        with tree.changing(ctid) as state:
            state.started -= 100
    kernel_files(tree)
    return tree


def kernel_files(tree: Tree) -> None:
    """What an OpenVZ kernel would show of this tree now."""
    for name in ("vz", "bc"):
        (tree.root / "proc" / name).mkdir(exist_ok=True)
    Kernel(tree).tick()


def minor_faked(tree: Tree) -> None:
    """The kernel's files, and an empty one in place of what tells whether the kernel has ploop."""
    kernel_files(tree)
    (tree.root / "proc/vz/ploop_minor").touch()


FIRST = "{7c71142d-3b12-4dd0-a88c-5122c05ab184}"


def image(root: Path) -> Tree:
    """A stopped ploop container 201 besides the others, with one delta below the snapshots that vzctl knows."""
    tree = basic(root)
    do(
        tree,
        "set 102 --ipadd 10.0.0.102 --hostname ct102.example.com --diskspace 2G:2.2G --save",
        "set 103 --hostname ct103 --save",
        f"create 2147483644 --ostemplate {TEMPLATE} --layout simfs --config basic",
    )
    sample = Conf.read(tree.root / "etc/vz/conf/ve-basic.conf-sample")
    assert sample is not None
    for key, value in (
        *(("VE_ROOT", "/vz/root/$VEID"), ("VE_PRIVATE", "/vz/private/$VEID"), ("VE_LAYOUT", "ploop")),
        *(("HOSTNAME", "ploop201.example.com"), ("DISKINODES", "100000:100000"), ("OSTEMPLATE", TEMPLATE)),
    ):
        sample.set(key, value)
    sample.save(tree.conf_path(201))
    directory = tree.root / "vz/private/201/root.hdd"
    made = ploop_image.create(directory, 2306867 * 2)
    (directory / "root.hdd.mnt").mkdir(0o700)
    ploop_image.fill(directory, {"root/marker": "first\n"})
    made.deltas[0] = made.deltas[0]._replace(guid=FIRST)
    made.new_delta(ploop_image.BASE, FIRST)
    made.save()
    return tree


SECOND = "a61fbfed-7cc8-451e-8514-ca8a61c8ac6a"
ONES, AS = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-2222-3333-4444-555555555555"
BRANCH = "986ae151-3c83-4962-86a4-66f4909a31fc"
#: How the snapshots of 201 came to be.
HISTORY = (
    f"snapshot 201 --id {SECOND} --name 'second snap' --description 'with  two  spaces'",
    f"snapshot 201 --id {ONES} --name s3",
    f"snapshot 201 --id {AS}",
    f"snapshot-switch 201 --id {ONES}",
    f"snapshot 201 --id {BRANCH} --name branch",
    f"snapshot-delete 201 --id {AS}",
    f"snapshot-delete 201 --id {ONES}",
)


def entries(tree: Tree, ctid: int) -> Sequence[snapshots.Entry]:
    return snapshots.Entries(tree.root / f"vz/private/{ctid}/Snapshots.xml").items


def openvz(root: Path) -> Tree:
    """A node with an OpenVZ kernel and a stopped ploop container 201 besides the simfs ones; without a simulation."""
    tree = basic(root, OPENVZ)
    do(
        tree,
        f"create 201 --ostemplate {TEMPLATE} --layout ploop --config vswap-1g --hostname ploop201 --ipadd 10.0.0.201",
    )
    return tree


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text)
