"""The sampler itself, under the shells and awks that this machine has, on simulated roots."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backends.model import Leash, State
from tests import need

from . import roots
from .node import sampled

SHELLS = {"sh": ("/bin/sh",), "dash": ("dash",), "bash": ("bash",), "busybox": ("busybox", "sh")}
AWKS = {"mawk": "mawk", "gawk": "gawk", "posix": "gawk --posix", "busybox": "busybox awk", "original": "original-awk"}


@pytest.fixture(params=sorted(AWKS))
def awk(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder for PATH in which `awk` is one of the known ones."""
    command = AWKS[request.param]
    program = shutil.which(command.split()[0])
    if program is None:
        need.unmet(f"{command.split()[0]} is not installed")
    bin_dir = tmp_path / "bin"
    roots.tool(bin_dir, "awk", f'exec {program} {" ".join(command.split()[1:])} "$@"\n')
    return bin_dir


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    words = SHELLS[request.param]
    if shutil.which(words[0]) is None:
        need.unmet(f"{words[0]} is not installed")
    return (*words, "-s")


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_lxc_figures_are_the_kernels(awk: Path, tmp_path: Path, version: str) -> None:
    root = tmp_path / "root"
    roots.build(root, roots.LXC_V1 if version == "v1" else roots.LXC_V2)
    roots.lxc_tools(awk)
    async with sampled(root, awk) as node:
        containers = node.containers("lxc")
        assert containers.keys() == {"web-1", "old_2"}
        web, old = containers["web-1"], containers["old_2"]
        assert (web.state, web.hostname, web.on_boot, web.layout) == (State.RUNNING, "web-1.example", True, "dir")
        assert web.ips == ("10.77.1.101", "2001:db8::101")
        assert web.usage.memory_used == (872448 - 12288 if version == "v1" else 573440 - 4096)
        assert web.usage.swap_used == (0 if version == "v1" else 8192)
        assert web.usage.processes == 5
        assert web.usage.uptime == pytest.approx(1000 - 90000 / node.facts.ticks)
        assert web.usage.cpu_percent is None  # one sample is no rate
        assert (web.limits.memory, web.limits.swap, web.limits.cpu_percent) == (67108864, 33554432, 50.0)
        assert (web.limits.processes, web.limits.cpus) == (None, None)  # no limit; the cpuset is all of the node's
        assert web.limits.cpu_weight == (1024 if version == "v1" else 100)
        assert (old.state, old.usage.memory_used, old.ips) == (State.STOPPED, None, ("10.77.1.9/16", "fd00::9/64"))
        assert old.layout == "overlay"
        assert any("bad name" in note for note in node.readings["lxc"].notes)

        cpu = "cpuacct/lxc.payload.web-1/cpuacct.usage" if version == "v1" else "lxc.payload.web-1-1/cpu.stat"
        used = "3092014295\n" if version == "v1" else "usage_usec 3092014\nnr_periods 110\nnr_throttled 15\n"
        (root / "sys/fs/cgroup" / cpu).write_text(used)
        (root / "proc/uptime").write_text("1002.00 1800.00\n")
        await node.ask()
        assert node.containers("lxc")["web-1"].usage.cpu_percent == pytest.approx(50.0)

        (root / "sys/fs/cgroup" / cpu).unlink()
        reading = (await node.ask())["lxc"]
        assert reading.want_slow
        assert node.containers("lxc")["web-1"].state is State.STOPPED


async def test_openvz_figures_are_the_kernels(awk: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    roots.build(root, roots.OPENVZ)
    roots.openvz_tools(awk)
    async with sampled(root, awk) as node:
        assert node.facts.tools["vzctl"] == "4.11.1"
        assert node.facts.memory_used == (8000000 - 1000000 - 100000 - 2000000) * 1024  # no MemAvailable
        one, two, three = (node.containers("openvz")[ctid] for ctid in ("101", "102", "103"))
        assert (one.state, two.state, three.state) == (State.RUNNING, State.RUNNING, State.SUSPENDED)
        assert three.hostname == 'a"b\\n [red]'
        assert (three.name, three.ips) == ("my server", ("10.0.0.3/24", "2001:db8::3"))
        assert (three.limits.disk, three.limits.inodes, three.usage.disk_used) == (1 << 30, 1000, None)
        assert (one.usage.memory_used, one.limits.memory) == (346 * 4096, None)
        assert (two.usage.memory_used, two.limits.memory) == (292 * 4096, 65536 * 4096)
        assert (one.usage.swap_used, one.limits.swap) == (11 * 4096, 2048 * 4096)
        assert (one.usage.processes, one.limits.processes) == (3, 240)
        assert (one.usage.disk_used, one.limits.disk, one.limits.disk_hard) == (
            4272 << 10,
            2097152 << 10,
            2306867 << 10,
        )
        assert (one.usage.inodes_used, one.limits.inodes) == (300, 131072)
        assert one.usage.load == (2.96, 2.79, 2.43)
        assert one.usage.uptime == pytest.approx(8.909999999)
        assert (two.limits.cpu_percent, two.limits.cpus, two.limits.cpu_weight, two.limits.io_priority) == (
            150,
            2,
            2000,
            4,
        )
        assert (one.limits.cpu_percent, one.limits.cpus) == (None, None)
        assert (two.layout, two.on_boot, one.on_boot) == ("ploop", False, True)
        assert one.beancounters["numfile"].limit is None
        assert one.beancounters["kmemsize"].limit == 14790164
        assert "dummy" not in one.beancounters
        assert one.beancounters["swappages"].held == 11
        assert two.lock is not None
        assert (two.lock.by, two.lock.pid, two.lock.alive) == ("vzdump --suspend 102", 4242, True)
        assert two.lock.since is not None
        assert one.lock is None
        assert any("999" in note for note in node.readings["openvz"].notes)

        (root / "proc/vz/vestat").write_text(roots.vestat(("101", 518516430, 9909999999), ("102", 5, 1000)))
        (root / "proc/bc/resources").write_text(
            roots.beancounters(("101", 400, roots.UNLIMITED, 0), ("102", 1, 65536, 9))
        )
        (root / "vz/lock/102.lck").unlink()
        reading = (await node.ask())["openvz"]
        one, two = node.containers("openvz")["101"], node.containers("openvz")["102"]
        assert one.usage.cpu_percent == pytest.approx(50.0)
        assert one.usage.memory_used == 400 * 4096
        assert (two.usage.failcnt, two.usage.failcnt_growth) == (9, 6)
        assert two.usage.cpu_percent is None  # its uptime went back: another life
        assert two.lock is None
        assert reading.want_slow

        (root / "proc/vz/vestat").write_text(roots.vestat(("101", 618516430, 10909999999)))
        reading = (await node.ask())["openvz"]
        assert reading.want_slow
        assert node.containers("openvz")["102"].state is State.STOPPED
        assert node.containers("openvz")["102"].usage.memory_used is None


def leash(root: Path, name: str, text: str) -> Path:
    path = root / name
    roots.build(root, {name: text.replace("BOOT", Path("/proc/sys/kernel/random/boot_id").read_text().strip())})
    return path


async def test_a_leash_is_seen_and_goes(awk: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    roots.build(root, {**roots.LXC_V1, **roots.OPENVZ})
    roots.lxc_tools(awk)
    roots.openvz_tools(awk)
    leashes = "var/lib/ctdeck/leashes/"
    line = "1 2 1700000000 BOOT 0:5 7.7\n"
    files = [
        leash(root, f"{leashes}openvz-101.cpu_limit", line),
        leash(root, f"{leashes}openvz-101.cpu_limit.sh", "echo\n"),
        leash(root, f"{leashes}openvz-101.memory.tmp", line),
        leash(root, f"{leashes}openvz-103.memory", line),  # suspended: nothing of it is live
        leash(root, f"{leashes}lxc-web-1.memory", "token 7.7\nboot BOOT\nuntil 1700000060\nkey memory.max\n"),
        leash(root, f"{leashes}lxc-web-1.swap.new", "token 7.7\nboot BOOT\nuntil 1700000060\n"),
    ]
    leash(root, f"{leashes}openvz-101.swap", line.replace("BOOT", "another-boot"))
    leash(root, f"{leashes}lxc-web-1.processes", "token 7.7\nboot another-boot\nuntil 1700000060\n")
    leash(root, "var/tmp/ctdeck/leashes/openvz-102.bc.numfile", line)
    async with sampled(root, awk) as node:
        vz, lxc = node.containers("openvz"), node.containers("lxc")
        assert vz["101"].leashes == (Leash("cpu_limit", 1700000000),)
        assert vz["102"].leashes == (Leash("bc.numfile", 1700000000),)
        assert vz["103"].leashes == ()
        assert lxc.keys() == {"web-1", "old_2"}
        assert lxc["web-1"].leashes == (Leash("memory", 1700000060),)
        for path in files:
            path.unlink()
        await node.ask(slow=True)
        assert node.containers("openvz")["101"].leashes == ()
        assert node.containers("lxc")["web-1"].leashes == ()


async def test_every_shell_starts_it(shell: tuple[str, ...], tmp_path: Path) -> None:
    root, bin_dir = tmp_path / "root", tmp_path / "bin"
    roots.build(root, {**roots.LXC_V1, **roots.OPENVZ})
    roots.lxc_tools(bin_dir)
    roots.openvz_tools(bin_dir)
    async with sampled(root, bin_dir, shell) as node:
        assert node.sampler.hello.backends == ("lxc", "openvz")
        assert len(node.containers("lxc")) == 2
        assert len(node.containers("openvz")) == 3
        assert node.facts.system == "Debian GNU/Linux 12 (bookworm)"


async def test_a_kernel_without_openvz_is_broken_and_not_empty(tmp_path: Path) -> None:
    root, bin_dir = tmp_path / "root", tmp_path / "bin"
    roots.build(root, roots.NODE)
    roots.openvz_tools(bin_dir)
    roots.tool(bin_dir, "vzlist", 'echo "Unable to open /proc/vz/veinfo: No such file" >&2\n')
    async with sampled(root, bin_dir) as node:
        reading = node.readings["openvz"]
        assert "no OpenVZ" in reading.broken
        assert not reading.whole


async def test_without_vzlist_names_come_from_the_conf_files(tmp_path: Path) -> None:
    root, bin_dir = tmp_path / "root", tmp_path / "bin"
    roots.build(root, roots.OPENVZ)
    roots.openvz_tools(bin_dir)
    roots.tool(bin_dir, "vzlist", "exit 1\n")
    async with sampled(root, bin_dir) as node:
        containers = node.containers("openvz")
        assert containers["101"].state is State.RUNNING
        assert (containers["103"].state, containers["103"].name) == (State.STOPPED, "my server")
        assert containers["103"].ips == ("10.0.0.3/24", "2001:db8::3")
        assert any("vzlist told nothing" in note for note in node.readings["openvz"].notes)


async def test_it_ends_with_its_input(tmp_path: Path) -> None:
    root, bin_dir = tmp_path / "root", tmp_path / "bin"
    roots.build(root, roots.OPENVZ)
    roots.openvz_tools(bin_dir)
    async with sampled(root, bin_dir) as node:
        await node.ask()
        node.sampler.close()
        assert await node.pipe.wait() == 0
