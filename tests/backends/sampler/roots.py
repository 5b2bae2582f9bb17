"""Simulated roots for the sampler: the files of a node below a prefix, and stand-ins for the few tools that it calls.

Contents are from real nodes where one could be run (cgroup v1 and v2, vzlist 4.11.1); the kernel files of OpenVZ follow
the kernel's own format strings (kernel/bc/proc.c, kernel/ve/vecalls.c).
"""

from __future__ import annotations

from pathlib import Path

MOUNTS_V1 = (
    "".join(
        f"cgroup /sys/fs/cgroup/{name} cgroup rw,relatime,{name} 0 0\n"
        for name in ("cpu", "cpuacct", "cpuset", "memory", "freezer", "pids")
    )
    + "cgroup /sys/fs/cgroup/systemd cgroup rw,none,name=systemd 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
)
MOUNTS_V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,relatime 0 0\n"

NODE = {
    "proc/stat": "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0 0 0\ncpu1 50 0 25 400 25 0 0 0 0 0\nintr 1\n",
    "proc/meminfo": "MemTotal:        8000000 kB\nMemFree:         1000000 kB\nBuffers:          100000 kB\n"
    "Cached:          2000000 kB\nSwapCached: 0 kB\nSwapTotal:       1000000 kB\nSwapFree:         900000 kB\nShmem:  0 kB\n",
    "proc/loadavg": "1.50 1.20 0.90 2/300 4242\n",
    "proc/uptime": "1000.00 1800.00\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
}

_STAT = "807 (init (x) y) S 1 " + " ".join(["0"] * 17) + " 90000 0 0\n"

_LXC = {
    "proc/net/unix": "Num RefCount Protocol\n"
    "ffff: 00000002 00000000 00010000 0001 01 4711 @/var/lib/lxc/web-1/command\n"
    "ffff: 00000002 00000000 00010000 0001 01 4712 @/tmp/other/command\n",
    "proc/807/stat": _STAT,
    "proc/807/mounts": "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n",
    "proc/807/net/fib_trie": "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.77.1.101\n        /32 host LOCAL\n"
    "     |-- 127.0.0.1\n        /32 host LOCAL\nLocal:\n     |-- 10.77.1.101\n        /32 host LOCAL\n",
    "proc/807/net/if_inet6": "00000000000000000000000000000001 01 80 10 80       lo\n"
    "20010db8000000000000000000000101 02 40 00 80     eth0\n"
    "fe80000000000000021632fffe000001 02 40 20 80     eth0\n",
    "proc/807/root/etc/hostname": "web-1\n",
    "var/lib/lxc/web-1/config": 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.uts.name = "web-1.example"\n'
    "lxc.start.auto = 1\nlxc.rootfs.path = dir:/var/lib/lxc/web-1/rootfs\n",
    "var/lib/lxc/old_2/config": "lxc.net.0.ipv4.address = 10.77.1.9/16 10.77.255.255\nlxc.net.0.ipv6.address = fd00::9/64\n"
    "lxc.rootfs.path = overlay:/var/lib/lxc/base/rootfs:/var/lib/lxc/old_2/delta0\n",
    "var/lib/lxc/bad name/config": "lxc.uts.name = x\n",
    "var/lib/lxc/empty/other": "",
}

_FAST_V1 = {
    "cpuacct/lxc.payload.web-1/cpuacct.usage": "2092014295\n",
    "memory/lxc.payload.web-1/memory.usage_in_bytes": "872448\n",
    "memory/lxc.payload.web-1/memory.limit_in_bytes": "67108864\n",
    "memory/lxc.payload.web-1/memory.memsw.limit_in_bytes": "100663296\n",
    "memory/lxc.payload.web-1/memory.stat": "cache 20480\ninactive_file 1\ntotal_cache 20480\ntotal_shmem 4096\n"
    "total_swap 0\ntotal_inactive_file 12288\n",
    "cpu/lxc.payload.web-1/cpu.cfs_quota_us": "50000\n",
    "cpu/lxc.payload.web-1/cpu.cfs_period_us": "100000\n",
    "cpu/lxc.payload.web-1/cpu.shares": "1024\n",
    "cpu/lxc.payload.web-1/cpu.stat": "nr_periods 100\nnr_throttled 10\nthrottled_time 5\n",
    "cpuset/lxc.payload.web-1/cpuset.cpus": "0-1\n",
    "pids/lxc.payload.web-1/pids.current": "5\n",
    "pids/lxc.payload.web-1/pids.max": "max\n",
    "freezer/lxc.payload.web-1/freezer.state": "THAWED\n",
}

LXC_V1 = {
    **NODE,
    **_LXC,
    "proc/self/mounts": MOUNTS_V1,
    "proc/807/cgroup": "".join(
        f"{place}:{name}:/lxc.payload.web-1\n"
        for place, name in enumerate(("cpu", "cpuacct", "cpuset", "memory", "freezer", "pids", "name=systemd"), 2)
    )
    + "0::/lxc.payload.web-1\n",
    **{f"sys/fs/cgroup/{path}": text for path, text in _FAST_V1.items()},
}

_GROUP_V2 = "sys/fs/cgroup/lxc.payload.web-1-1/"
LXC_V2 = {
    **NODE,
    **_LXC,
    "proc/self/mounts": MOUNTS_V2,
    "proc/807/cgroup": "0::/lxc.payload.web-1-1/init.scope\n",
    _GROUP_V2
    + "cpu.stat": "usage_usec 2092014\nuser_usec 1\nsystem_usec 1\nnr_periods 100\nnr_throttled 10\nthrottled_usec 5\n",
    _GROUP_V2 + "memory.current": "573440\n",
    _GROUP_V2
    + "memory.stat": "anon 204800\nfile 16384\nkernel 352256\nshmem 16384\ninactive_anon 204800\ninactive_file 4096\n",
    _GROUP_V2 + "memory.swap.current": "8192\n",
    _GROUP_V2 + "memory.max": "67108864\n",
    _GROUP_V2 + "memory.swap.max": "33554432\n",
    _GROUP_V2 + "pids.current": "5\n",
    _GROUP_V2 + "pids.max": "max\n",
    _GROUP_V2 + "cpu.max": "50000 100000\n",
    _GROUP_V2 + "cpu.weight": "100\n",
    _GROUP_V2 + "cpuset.cpus.effective": "0-1\n",
    _GROUP_V2 + "cgroup.events": "populated 1\nfrozen 0\n",
}

UNLIMITED = 9223372036854775807


def vestat(*rows: tuple[str, int, int]) -> str:
    """/proc/vz/vestat of kernel/ve/vecalls.c; rows of CTID, CPU used and uptime in ns."""
    words = "VEID user nice system uptime idle strv uptime used maxlat totlat numsched".split()
    lines = ["Version: 2.2", "".join(f"{word:>20} " for word in words)]
    for ctid, used, uptime in rows:
        lines.append("".join(f"{word:>20} " for word in (ctid, 0, 0, 10, 8909, 17801483569, 0, uptime, used, 0, 0, 0)))
    return "\n".join(lines) + "\n"


def beancounters(*rows: tuple[str, int, int, int]) -> str:
    """/proc/bc/resources of kernel/bc/proc.c; rows of CTID, physpages held and limit, failcnt of privvmpages."""
    lines = [
        "Version: 2.5",
        "       uid  resource        "
        + "".join(f" {word:>20}" for word in ("held", "maxheld", "barrier", "limit", "failcnt")),
    ]
    for ctid, held, limit, failcnt in rows:
        resources = [
            ("kmemsize", 3145728, 3200000, 14372700, 14790164, 0),
            ("privvmpages", 249, 260, 65536, 69632, failcnt),
            ("dummy", 0, 0, 0, 0, 0),
            ("numproc", 3, 9, 240, 240, 0),
            ("physpages", held, held, 0, limit, 0),
            ("numfile", 7, 8, UNLIMITED, UNLIMITED, 0),
            ("swappages", 11, 12, 0, 2048, 0),
        ]
        for place, (name, *numbers) in enumerate(resources):
            start = f"{ctid:>10}:" if place == 0 else " " * 11
            lines.append(f"{start} {name:<16}" + "".join(f" {number:>20}" for number in numbers))
    return "\n".join(lines) + "\n"


OPENVZ = {
    **NODE,
    "proc/vz/vestat": vestat(("101", 18516430, 8909999999), ("102", 5, 9000000000)),
    "proc/vz/vswap": "",
    "proc/vz/vzquota": "qid: path  usage softlimit hardlimit time expire\n"
    "101: /vz/private/101\n      1k-blocks         4272    2097152    2306867 0 0\n"
    "         inodes          300     131072     144179 0 0\n",
    "proc/bc/resources": beancounters(("101", 346, UNLIMITED, 0), ("102", 292, 65536, 3), ("0", 1, UNLIMITED, 0)),
    "etc/vz/vz.conf": 'LOCKDIR=/vz/lock\nVE_PRIVATE="/vz/private/$VEID"\n',
    "etc/vz/conf/0.conf": 'ONBOOT="no"\n',
    "etc/vz/conf/101.conf": 'ONBOOT="yes"\nHOSTNAME="ct101.example.com"\nDISKSPACE="2097152:2306867"\nOSTEMPLATE="busybox"\n',
    "etc/vz/conf/102.conf": 'ONBOOT="no"\nNAME="web-1"\nPHYSPAGES="0:65536"\nDISKSPACE="2G:2G"\n',
    "etc/vz/conf/103.conf": 'ONBOOT="no"\nNAME="my server"\nIP_ADDRESS="10.0.0.3/24 2001:db8::3"\n'
    'DISKSPACE="1G"\nDISKINODES="1000:1100"\n',
    "etc/vz/conf/999.conf": 'ONBOOT="no"\n',
    "vz/lock/102.lck": "4242\nstopping\n",
    "proc/4242/cmdline": "vzdump\x00--suspend\x00102\x00",
    "vz/private/keep": "",
}

#: What `vzlist -a -j -o ...` says for the root above, in vzlist's own shape; the hostname of 103 is hostile.
VZLIST = """[
  {
    "ctid": 101,
    "status": "running",
    "ip": ["10.0.0.101", "2001:db8::101"],
    "hostname": "ct101.example.com",
    "name": null,
    "ostemplate": "busybox-1-x86_64",
    "onboot": true,
    "layout": "simfs",
    "cpulimit": 0,
    "cpuunits": 1000,
    "physpages": {
      "held": 346,
      "maxheld": 379,
      "barrier": 0,
      "limit": 9223372036854775807,
      "failcnt": 0
    },
    "cpus": 0,
    "ioprio": 0
  },
  {
    "ctid": 102,
    "status": "running",
    "ip": [],
    "hostname": null,
    "name": "web-1",
    "ostemplate": "busybox-1-x86_64",
    "onboot": false,
    "layout": "ploop",
    "cpulimit": 150,
    "cpuunits": 2000,
    "cpus": 2,
    "ioprio": 4
  },
  {
    "ctid": 103,
    "status": "suspended",
    "ip": ["10.0.0.3/24", "2001:db8::3"],
    "hostname": "a"b\\n [red]",
    "name": "my server",
    "ostemplate": "busybox-1-x86_64",
    "onboot": false,
    "layout": "simfs",
    "cpulimit": 0,
    "cpuunits": 1000,
    "cpus": 0
  }
]"""

VZLIST_RUNNING = """[
  {
    "ctid": 101,
    "diskspace": {
      "usage": 4272,
      "softlimit": 2097152,
      "hardlimit": 2306867
    },
    "diskinodes": {
      "usage": 300,
      "softlimit": 131072,
      "hardlimit": 144179
    },
    "laverage": [2.96, 2.79, 2.43],
    "uptime": 85.060
  }
]"""


def build(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tool(bin_dir: Path, name: str, script: str) -> None:
    bin_dir.mkdir(parents=True, exist_ok=True)
    path = bin_dir / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def lxc_tools(bin_dir: Path) -> None:
    tool(bin_dir, "lxc-info", 'case "$*" in *--version*) echo 5.0.2 ;; *web-1*) echo 807 ;; esac\n')
    tool(bin_dir, "lxc-config", "echo /var/lib/lxc\n")


def openvz_tools(bin_dir: Path) -> None:
    tool(bin_dir, "vzctl", 'echo "vzctl version 4.11.1"\n')
    tool(
        bin_dir,
        "vzlist",
        f"case \"$*\" in *-a*) cat <<'X'\n{VZLIST}\nX\n;; *) cat <<'X'\n{VZLIST_RUNNING}\nX\n;; esac\n",
    )
