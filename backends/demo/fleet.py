"""Which nodes and containers a simulated fleet has, and their files.

Everything that a container is stands in the files of its node afterwards; nothing here is asked again later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import ploop_image, workload
from .personality import OPENVZ
from .samples import BASIC_UBC, VZ_CONF, sample_files
from .tree import CONF_DIR, LOG_FILE, State, Tree
from .vzconf import Conf

#: Seconds that the containers of a new fleet have been up, at most.
LONGEST_UPTIME = 90 * 86400


class Hardware(NamedTuple):
    """One kind of hardware node, and what is installed on it."""

    cores: int
    memory: int  # MiB
    swap: int  # MiB
    kernel: str
    release: str
    mem_available: bool  # whether /proc/meminfo has the line (Linux 3.14, or a later kernel of CentOS 6)


HARDWARE = (
    Hardware(16, 65536, 16384, "2.6.32-042stab145.3", "CentOS release 6.10 (Final)", False),
    Hardware(8, 49152, 8192, "2.6.32-042stab127.2", "CentOS release 6.9 (Final)", False),
    Hardware(24, 98304, 16384, "2.6.32-042stab146.1", "CentOS release 6.10 (Final)", True),
    Hardware(12, 65536, 8192, "2.6.32-042stab108.8", "CentOS release 6.7 (Final)", False),
)

CUSTOMERS = ("acme", "nordwind", "bluebird", "kestrel", "oakfield", "lumen", "harbor", "pixelwerk", "tern")
KINDS = ("web", "db", "mail", "shop", "cron", "dev", "proxy", "cache", "dns", "ci")
TEMPLATES = ("centos-6-x86_64", "debian-7.0-x86_64", "centos-7-x86_64", "ubuntu-14.04-x86_64")


class Container(NamedTuple):
    """One container of a new fleet."""

    ctid: int
    kind: str
    name: str | None
    hostname: str
    ips: tuple[str, ...]
    layout: str  # "ploop" or "simfs"
    template: str
    memory: int | None  # MiB; None: unlimited beancounters
    cpus: int | None
    cpulimit: int | None  # percent of one core
    disk: int  # MiB
    status: str  # "running", "stopped", "mounted" or "suspended"
    uptime: float  # seconds, when the fleet starts


class NodePlan(NamedTuple):
    """One node of a new fleet."""

    name: str
    number: int
    hardware: Hardware
    group: str
    tags: tuple[str, ...]
    containers: tuple[Container, ...]


def plan(nodes: int, containers: int) -> list[NodePlan]:
    """A healthy fleet of `nodes` nodes with `containers` containers each; the same each time."""
    fleet = []
    for number in range(1, nodes + 1):
        fleet.append(
            NodePlan(
                name=f"hn{number:02}",
                number=number,
                hardware=HARDWARE[(number - 1) % len(HARDWARE)],
                group="eu" if number % 2 else "us",
                tags=("production",) if number == 1 else (),
                containers=tuple(_container(number, place) for place in range(containers)),
            )
        )
    return fleet


def _container(node: int, place: int) -> Container:
    kind = KINDS[(place * 3 + node) % len(KINDS)]
    customer = CUSTOMERS[(place + 2 * node) % len(CUSTOMERS)]
    serial = place // len(CUSTOMERS) + 1
    load = workload.KINDS[kind]
    name: str | None = f"{kind}-{customer}" + (f"-{serial}" if serial > 1 else "")
    if place % 14 == 5:
        name = f"{customer} {kind} {serial}"  # a legacy name may hold blanks
    elif place % 14 == 9:
        name = None
    ips = [f"10.{node}.{place // 200}.{10 + place % 200}"]
    if place % 14 == 2:
        ips += [f"192.0.2.{(node * 16 + place) % 250}", f"2001:db8:{node}::{place:x}", f"10.{node}.200.{place % 250}"]
    elif place % 14 == 6:
        ips.append(f"2001:db8:{node}::{place:x}")
    status = "running"
    if place % 15 == 3:
        status = "stopped"
    elif place % 15 == 7 and node % 2:
        status = "suspended"
    elif place % 15 == 11 and node == 2:
        status = "mounted"
    return Container(
        ctid=node * 1000 + 1 + place,
        kind=kind,
        name=name,
        hostname=f"{kind}{serial}.{customer}.example",
        ips=tuple(ips),
        layout="simfs" if place % 3 == 1 else "ploop",
        template=TEMPLATES[(place + node) % len(TEMPLATES)],
        memory=None if place % 15 == 10 else _limit(load.memory),
        cpus=4 if kind in ("ci", "db", "shop") else None,
        cpulimit=200 if kind == "ci" else None,
        disk=_limit(load.disk),
        status=status,
        uptime=3600.0 + (place * 7919 + node * 104729) * 613 % LONGEST_UPTIME,
    )


def _limit(used: int) -> int:
    """A round limit that leaves a healthy container below 70 % of it."""
    size = 512
    while used > size * 0.64:
        size += size // 2 if size & (size - 1) == 0 else size // 3
    return size


# Files


def conf_text(container: Container) -> str:
    """The configuration file of a new container."""
    conf = Conf("# Created by the demo\n")
    if container.memory is None:
        for key, value in BASIC_UBC.items():
            conf.set(key, "unlimited" if key in ("PRIVVMPAGES", "KMEMSIZE") else value)
        conf.set("PHYSPAGES", "0:unlimited")
        conf.set("SWAPPAGES", "0:unlimited")
    else:
        conf.set("PHYSPAGES", f"0:{container.memory}M")
        conf.set("SWAPPAGES", f"0:{container.memory // 2}M")
    conf.set("DISKSPACE", f"{container.disk}M:{container.disk * 11 // 10}M")
    conf.set("DISKINODES", "800000:880000")
    conf.set("QUOTATIME", "0")
    conf.set("CPUUNITS", "1000")
    if container.cpulimit:
        conf.set("CPULIMIT", str(container.cpulimit))
    if container.cpus:
        conf.set("CPUS", str(container.cpus))
    conf.set("VE_ROOT", "/vz/root/$VEID")
    conf.set("VE_PRIVATE", "/vz/private/$VEID")
    conf.set("VE_LAYOUT", container.layout)
    conf.set("OSTEMPLATE", container.template)
    conf.set("ORIGIN_SAMPLE", "vswap-1g")
    conf.set("HOSTNAME", container.hostname)
    conf.set("IP_ADDRESS", " ".join(container.ips))
    conf.set("NAMESERVER", "192.0.2.53")
    conf.set("ONBOOT", "no" if container.status == "stopped" else "yes")
    if container.name:
        conf.set("NAME", container.name)
    return conf.text()


#: The tools that stand on PATH of a node, and those inside a container.
NODE_TOOLS = ("vzlist", "vzctl", "ploop")
INSIDE_TOOLS = ("ps", "ip", "ifconfig", "free", "hostname", "uptime", "top", "df")
_SOURCES = Path(__file__).resolve().parents[2]


def shim(module: str, *words: str) -> str:
    """A script that runs `main` of a module of the demo. Isolated, and without site-packages, so that it starts fast."""
    program = f"import sys; sys.path.insert(0, {str(_SOURCES)!r}); from backends.demo.{module} import main; main()"
    quoted = " ".join(_quote(word) for word in (sys.executable, "-I", "-S", "-c", program, *words))
    return f'#!/bin/sh\nexec {quoted} "$@"\n'


def _quote(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def write_tools(tree: Tree) -> None:
    """The programs of a node and of its containers."""
    for name in NODE_TOOLS:
        _write(tree.root / "bin" / name, shim(name), 0o755)
    for name in INSIDE_TOOLS:
        _write(tree.root / ".sim/inside" / name, shim("inside", name), 0o755)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.write(descriptor, text.encode())
    os.close(descriptor)


_DIRECTORIES = (
    *(".sim/ct", ".sim/wake", ".sim/inside", "bin", "tmp", "root", "run", "var/log", "var/lib", "vz/lock", "vz/dump"),
    *("vz/root", "vz/private", "vz/template/cache", "etc/vz/conf", "etc/vz/names", "etc/vz/dists"),
    *("proc/vz", "proc/bc", "proc/net", "proc/sys/kernel"),
)


def write_frame(tree: Tree, settings: dict[str, object], layout: str = "ploop") -> None:
    """The part of a node's tree that does not depend on its containers."""
    for name in _DIRECTORIES:
        (tree.root / name).mkdir(parents=True, exist_ok=True)
    _write(tree.root / ".sim/node.json", json.dumps(settings))
    _write(tree.root / "etc/vz/vz.conf", VZ_CONF.format(layout=layout))
    _write(tree.root / "etc/vz/conf/0.conf", 'ONBOOT="no"\nUBC="yes"\n')
    for name, text in sample_files():
        _write(tree.root / "etc/vz/conf" / name, text)
    _write(tree.path(LOG_FILE), "")
    write_tools(tree)


def write_node(root: Path, node: NodePlan) -> Tree:
    """Write the tree of one node, with its containers as they are when the fleet starts."""
    tree = Tree(root)
    hardware = node.hardware
    settings = {
        "personality": OPENVZ,
        "hostname": node.name,
        "number": node.number,
        "cores": hardware.cores,
        "memory": hardware.memory,
        "swap": hardware.swap,
        "kernel": hardware.kernel,
        "mem_available": hardware.mem_available,
        "booted": time.time() - LONGEST_UPTIME - 86400 * 7 * node.number,
    }
    write_frame(tree, settings)
    _write(root / "etc/redhat-release", f"{hardware.release}\n")
    _write(root / "etc/hostname", f"{node.name}\n")
    version = hardware.release.split()[2]
    _write(root / "etc/os-release", f'NAME="CentOS"\nVERSION_ID="{version}"\nPRETTY_NAME="{hardware.release}"\n')
    _write(root / "proc/sys/kernel/osrelease", f"{hardware.kernel}\n")
    _write(root / "proc/sys/kernel/hostname", f"{node.name}\n")
    _write(root / "proc/version", f"Linux version {hardware.kernel} (root@kbuild-rh6-x64) #1 SMP\n")
    for name in OPENVZ_ONLY:
        _write(root / "proc" / name, "")
    for name in ("default", "centos", "debian", "ubuntu"):
        _write(root / "etc/vz/dists" / f"{name}.conf", f"# {name}\n")
    for template in TEMPLATES:
        _write(root / "vz/template/cache" / f"{template}.tar.gz", "")
    for container in node.containers:
        write_container(tree, container)
    return tree


#: Files whose presence says what an OpenVZ kernel can do: memory and swap limits, checkpoints, ploop.
OPENVZ_ONLY = ("vz/vswap", "vz/version", "vz/ploop_minor", "cpt", "rst")


def write_container(tree: Tree, container: Container) -> None:
    """Configuration, state and the bare private area of one container."""
    text = conf_text(container)
    _write(tree.conf_path(container.ctid), text)
    if container.name:
        os.symlink(f"{CONF_DIR}/{container.ctid}.conf", tree.root / "etc/vz/names" / container.name)  # noqa: PTH211
    private = tree.root / f"vz/private/{container.ctid}"
    (tree.root / f"vz/root/{container.ctid}").mkdir()
    private.mkdir()
    if container.layout == "ploop":
        ploop_image.create(private / "root.hdd", container.disk * 2048)
    workload.write(private, workload.KINDS[container.kind])
    state = State()
    state.status = container.status
    if container.status == "suspended":
        state.status = "stopped"
        _write(tree.dump_file(container.ctid), json.dumps({"uptime": container.uptime, "live": {}}))
    elif container.status == "running":
        state.started = time.time() - container.uptime
        state.live = dict(Conf(text).values)
    _write(tree.root / f".sim/ct/{container.ctid}.json", state.to_json())


def fill_private(tree: Tree, container: Container) -> None:
    """The files inside a container: a small system, enough to look around, to copy and to compare."""
    private = tree.root / f"vz/private/{container.ctid}"
    if container.layout == "ploop":
        ploop_image.fill(private / "root.hdd", system_files(container.hostname, container.template))
        if container.status in ("running", "mounted"):
            ploop_image.mount(private / "root.hdd", tree.root / f"vz/root/{container.ctid}")
    else:
        for name, text in system_files(container.hostname, container.template).items():
            path = private / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, text)


def system_files(hostname: str, template: str) -> dict[str, str]:
    """Path and text of the files of a new container."""
    system, _, version = template.removesuffix("-x86_64").partition("-")
    return {
        "etc/hostname": f"{hostname}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:99:99:nobody:/:/sbin/nologin\n",
        "etc/os-release": f'NAME="{system.title()}"\nVERSION_ID="{version}"\nID={system}\n',
        "etc/resolv.conf": "nameserver 192.0.2.53\n",
        "etc/ssh/ssh_host_rsa_key.pub": f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC{hostname.encode().hex()} {hostname}\n",
        "etc/machine-id": f"{hostname.encode().hex():0<32.32}\n",
        "root/.profile": "# a container of the demo\n",
        "tmp/.keep": "",
        "home/.keep": "",
        "var/log/messages": f"kernel: {hostname} is up\n",
        "var/www/index.html": f"<h1>{hostname}</h1>\n",
    }


def fleet_file(directory: Path, plans: Sequence[NodePlan], ports: dict[str, int]) -> str:
    """Text of `fleet.yaml`, in the form that every other fleet file has."""
    lines = [
        "# A simulated fleet. It is gone when the demo ends.",
        "ssh_config: none",
        f"known_hosts: [{directory}/known_hosts]",
        # the shims are OpenVZ's; what else this machine has (LXC) is no part of the simulated nodes
        f"defaults: {{user: root, identity_file: {directory}/id, backends: [openvz]}}",
        "nodes:",
    ]
    for node in plans:
        tags = f", tags: [{', '.join(node.tags)}]" if node.tags else ""
        lines.append(f"  {node.name}: {{host: 127.0.0.1, port: {ports[node.name]}, group: {node.group}{tags}}}")
    return "\n".join(lines) + "\n"
