"""How the kernel writes its files: numbers in, text out. Layouts as of an OpenVZ 2.6.32 kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .resources import KERNEL_ORDER, SWAPPAGES, UNLIMITED

#: held, maxheld, barrier, limit, failcnt
Counter = tuple[int, int, int, int, int]

_VESTAT_COLUMNS = (
    *("VEID", "user", "nice", "system", "uptime", "idle"),
    *("strv", "uptime", "used", "maxlat", "totlat", "numsched"),
)
_VESTAT_HEAD = f"{'Version: 2.2':<251}\n" + " ".join(f"{name:>20}" for name in _VESTAT_COLUMNS) + "\n"
_UBC_HEAD = "Version: 2.5\n       uid  resource                     held              maxheld              barrier                limit              failcnt\n"  # noqa: E501
_UNLIMITED: Counter = (0, 0, UNLIMITED, UNLIMITED, 0)


def _row(name: str, values: Counter) -> str:
    held, maxheld, barrier, limit, failcnt = values
    return f"            {name:<12} {held:>20} {maxheld:>20} {barrier:>20} {limit:>20} {failcnt:>20}\n"


_DUMMY = _row("dummy", (0, 0, 0, 0, 0))


def vestat(rows: Iterable[tuple[int, int, int, int, int]]) -> str:
    """/proc/vz/vestat. Rows: id, CPU used by users and by the system (ns), uptime (ns), idle (ns). HZ is 1000."""
    lines = [_VESTAT_HEAD]
    for ctid, user, system, uptime, idle in rows:
        cells = (
            ctid,
            user // 1000000,
            0,
            system // 1000000,
            uptime // 1000000,
            idle,
            0,
            uptime,
            user + system,
            0,
            0,
            0,
        )
        lines.append(" ".join([f"{cell:>20}" for cell in cells]) + "\n")
    return "".join(lines)


def veinfo(rows: Iterable[tuple[int, int, Sequence[str]]]) -> str:
    """/proc/vz/veinfo. Rows: id, processes, IPs in the order in which they were added (the kernel lists the newest first)."""
    return "".join(
        f"{ctid:>10} {0:>5} {processes:>5}" + "".join(f"  {address}" for address in reversed(ips)) + "\n"
        for ctid, processes, ips in rows
    )


def scheduler(ctid: int, settings: Mapping[str, str]) -> dict[str, str]:
    """Files of the fair scheduler (a cgroup, kernel/fairsched.c) and of the IO priority of one container: path and text.

    Units of CPU become a weight and then shares, in whole numbers (src/lib/cpu.c of vzctl); 1024 is the rate of one core.
    """

    def number(key: str, default: int) -> int:
        text = settings.get(key, "").removesuffix("%")
        return int(text) if text.isdigit() else default

    shares = 512000 // max(1, 500000 // max(8, number("CPUUNITS", 1000)))
    return {
        f"proc/vz/fairsched/{ctid}/cpu.nr_cpus": f"{number('CPUS', 0)}\n",
        f"proc/vz/fairsched/{ctid}/cpu.rate": f"{number('CPULIMIT', 0) * 1024 // 100}\n",
        f"proc/vz/fairsched/{ctid}/cpu.shares": f"{shares}\n",
        f"proc/bc/{ctid}/ioprio": f"prio: {number('IOPRIO', 4)}\n",
    }


def counters(ctid: int, values: Mapping[str, Counter]) -> str:
    """One container's part of /proc/user_beancounters."""
    lines = [_DUMMY if name == "dummy" else _row(name, values.get(name, _UNLIMITED)) for name in KERNEL_ORDER]
    lines[0] = f"{ctid:>9}:  {lines[0][12:]}"
    return "".join(lines)


def swap_counter(values: Mapping[str, Counter]) -> str:
    """The line that a container's part of /proc/bc/resources has besides."""
    return _row(SWAPPAGES, values.get(SWAPPAGES, _UNLIMITED))


def beancounters(parts: Iterable[str]) -> str:
    """The whole file from the parts of the containers; 0, the host, comes last."""
    return _UBC_HEAD + "".join(parts)


def vzquota(rows: Iterable[tuple[int, str, Counter, Counter]]) -> str:
    """/proc/vz/vzquota. Rows: id, private area, space (usage, soft, hard in KiB, 0, 0), inodes (the same)."""
    lines = ["qid: path\t\t\tusage\t\tsoftlimit\thardlimit\ttime\texpire\n"]
    for ctid, private, space, inodes in rows:
        lines.append(f"{ctid}: {private}\n")
        for name, values in (("1k-blocks", space), ("inodes", inodes)):
            lines.append(f"\t\t{name:>10}" + "".join(f"\t{value:>10}" for value in values) + "\n")
    return "".join(lines)


def loadavg(load: Sequence[float], running: int, processes: int, last_pid: int) -> str:
    return f"{load[0]:.2f} {load[1]:.2f} {load[2]:.2f} {running}/{processes} {last_pid}\n"


def stat(cores: Sequence[tuple[int, int, int, int]], booted: float, processes: int, running: int) -> str:
    """/proc/stat. Cores: user, system, idle, iowait in hundredths of a second."""
    total = [sum(core[place] for core in cores) for place in range(4)]
    lines = [f"cpu  {total[0]} 0 {total[1]} {total[2]} {total[3]} 0 0 0 0\n"]
    lines += [
        f"cpu{number} {user} 0 {system} {idle} {wait} 0 0 0 0\n"
        for number, (user, system, idle, wait) in enumerate(cores)
    ]
    lines.append(
        f"intr 0\nctxt 0\nbtime {int(booted)}\nprocesses {processes}\nprocs_running {running}\nprocs_blocked 0\n"
    )
    return "".join(lines)


def meminfo(values: Mapping[str, int]) -> str:
    """/proc/meminfo. Values in KiB, in the order in which they shall stand."""
    return "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in values.items())


def net_dev(interfaces: Iterable[tuple[str, int, int]]) -> str:
    """/proc/net/dev. Interfaces: name, bytes received, bytes sent."""
    lines = [
        "Inter-|   Receive                                                |  Transmit\n",
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",  # noqa: E501
    ]
    for name, received, sent in interfaces:
        lines.append(
            f"{name:>6}:{received} {received // 700} 0 0 0 0 0 0 {sent} {sent // 700} 0 0 0 0 0 0\n",
        )
    return "".join(lines)
