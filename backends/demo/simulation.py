"""What the kernel of a simulated node would count: CPU, memory, beancounters, load, disk and traffic over time.

Nothing is decided here: which containers run, and with which limits, is read from the files that the tools write; what
they do all day from their workload; what goes wrong from the effects that a scenario puts on them. A kernel's own
memory is only its counters.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import kernel_files, workload
from .kernel_files import Counter
from .resources import COUNTERS, PAGE, SWAPPAGES, UNLIMITED, kibibytes, pair
from .tree import State, Tree, alive, write_file

MIB = 1 << 20
_PAGES_OF_MIB = MIB // PAGE
_LOAD_SPANS = (60.0, 300.0, 900.0)  # seconds of the three load averages
_SETTLED = 30.0  # seconds after its start in which a container boots


class Effect:
    """What a scenario does to one container. None leaves a figure to the workload.

    It ends with the life of the container that it was put on (a restart heals), unless it `lasts`.
    """

    __slots__ = ("cpu", "disk", "failcnt", "failing", "lasts", "memory", "processes", "started", "traffic")

    def __init__(self) -> None:
        self.cpu: float | None = None  # percent of one core
        self.memory: float | None = None  # MiB
        self.processes: int | None = None
        self.traffic: float | None = None  # KiB per second, sent
        self.disk: float | None = None  # MiB
        self.failing: str | None = None  # a beancounter that refuses
        self.failcnt = 0.0  # refusals per second
        self.lasts = False
        self.started: float | None = None


class Cell:
    """The kernel's counters of one running container, from its start on."""

    def __init__(self, ctid: int, state: State, work: workload.Workload, now: float) -> None:
        self.ctid = ctid
        self.state = state
        self.work = work
        self.limits = limits_of(state.live)
        age = max(0.0, now - state.started)
        self.uptime = int(age * 1e9)
        self.used = int(age * 1e9 * work.cpu / 100)
        self.cpu = 0.0  # percent of a core that it gets now
        self.demand = work.cpu
        steady = work.cpu / 100 * 1.1 if age > _SETTLED else 0.0
        self.load = [steady, steady, steady]
        self.counters: dict[str, Counter] = {}
        self.maxheld: dict[str, int] = {}
        self.failcnt: dict[str, float] = {}
        self.sent = 0.0  # bytes in the last step
        self.processes = work.processes
        self.disk = work.disk * 1024  # KiB
        self.phase = random.Random(ctid).random() * 100

    @property
    def settings(self) -> Mapping[str, str]:
        return self.state.live

    def wish(self, now: float, effect: Effect | None) -> float:
        """Percent of one core that it would use if nothing held it back."""
        if self.state.frozen:
            return 0.0
        if effect is not None and effect.cpu is not None:
            return effect.cpu * (1 + 0.02 * math.sin(now))
        turn = now + self.phase * 7
        sway = 1 + 0.28 * math.sin(turn / 9) + 0.17 * math.sin(turn / 2.3) + 0.08 * math.sin(turn * 1.7)
        if self.work.kind in ("cron", "ci"):  # comes and goes
            sway *= 1.7 if math.sin(turn / 6) > 0.2 else 0.45
        boot = 60.0 if self.uptime < 4e9 else 0.0
        return self.work.cpu * max(0.05, sway) + boot

    def allowed(self, cores: int) -> float:
        """Percent of one core that its settings leave it."""
        most = 100.0 * cores
        limit = self.settings.get("CPULIMIT", "")
        if limit.isdigit() and 0 < int(limit) < most:
            most = float(limit)
        cpus = self.settings.get("CPUS", "")
        if cpus.isdigit() and 0 < int(cpus) * 100 < most:
            most = int(cpus) * 100.0
        return most

    def advance(self, seconds: float, now: float, effect: Effect | None) -> None:
        """Let `seconds` pass, with the CPU that it was given."""
        self.uptime += int(seconds * 1e9)
        self.used += int(seconds * 1e7 * self.cpu)
        runnable = self.demand / 100 * 1.1
        for place, span in enumerate(_LOAD_SPANS):
            self.load[place] += (runnable - self.load[place]) * (1 - math.exp(-seconds / span))
        traffic = effect.traffic if effect and effect.traffic is not None else self.work.traffic
        self.sent = 0.0 if self.state.frozen else seconds * 1024 * traffic * (1 + 0.3 * math.sin(now / 5 + self.phase))
        processes = effect.processes if effect and effect.processes is not None else self.work.processes
        grown = min(1.0, 0.2 + self.uptime / 8e9)
        self.processes = max(1, round(processes * grown))
        if effect and effect.disk is not None:
            self.disk = int(effect.disk * 1024)
        self._count(seconds, now, effect, grown)

    def _count(self, seconds: float, now: float, effect: Effect | None, grown: float) -> None:
        """Bring the beancounters up to now."""
        sway = 1 + 0.025 * math.sin((now + self.phase) / 13)
        wanted = (effect.memory if effect and effect.memory is not None else self.work.memory) * sway * grown
        pages = int(wanted * _PAGES_OF_MIB)
        limit = self.limits.get("physpages", (0, UNLIMITED))[1]
        swap_limit = self.limits.get(SWAPPAGES, (0, UNLIMITED))[1]
        held = min(pages, limit - limit // 100 if limit < UNLIMITED else limit)
        swapped = min(pages - held, int(swap_limit * 0.98))
        if pages - held - swapped > 0:
            self._refuse("physpages", seconds * 6)
        if effect and effect.failing:
            self._refuse(effect.failing, seconds * effect.failcnt)
        connections = self.work.connections + max(0, self.processes - self.work.processes) // 2
        values = {
            "kmemsize": 1_100_000 + self.processes * 61_000,
            "privvmpages": held + held // 3,
            "shmpages": 640 + self.processes * 9,
            "numproc": self.processes,
            "physpages": held,
            "oomguarpages": held,
            "numtcpsock": connections,
            "numflock": 6,
            "numpty": 1,
            "tcpsndbuf": connections * 17_400,
            "tcprcvbuf": connections * 16_384,
            "othersockbuf": self.processes * 4_624,
            "numothersock": self.processes * 2,
            "dcachesize": 190_000 + self.processes * 2_100,
            "numfile": self.processes * 17,
            "numiptent": 14,
            SWAPPAGES: swapped,
        }
        for name, held in values.items():
            barrier, most = self.limits.get(name, (UNLIMITED, UNLIMITED))
            if held > most:
                self._refuse(name, seconds * 2)
                held = most
            peak = max(held, self.maxheld.get(name, 0))
            self.maxheld[name] = peak
            self.counters[name] = (held, peak, barrier, most, int(self.failcnt.get(name, 0)))
        for name, (barrier, most) in self.limits.items():
            if name not in values:
                self.counters[name] = (0, 0, barrier, most, int(self.failcnt.get(name, 0)))

    def _refuse(self, name: str, times: float) -> None:
        self.failcnt[name] = self.failcnt.get(name, 0.0) + times

    @property
    def memory(self) -> int:
        """Pages that it holds."""
        return self.counters["physpages"][0] if self.counters else 0

    @property
    def swap(self) -> int:
        """Pages that it has swapped out."""
        return self.counters[SWAPPAGES][0] if self.counters else 0


def limits_of(live: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Barrier and limit of each beancounter that the settings name."""
    limits = {}
    for key, value in live.items():
        name = key.lower()
        if name in _COUNTED and (found := pair(name, value)):
            limits[name] = found
    return limits


_COUNTED = frozenset(COUNTERS)


class Kernel:
    """The kernel of one node. `tick` lets the time pass and writes what it would show."""

    def __init__(self, tree: Tree, clock: Callable[[], float] = time.time) -> None:
        self.tree = tree
        self.clock = clock
        settings: dict[str, Any] = tree.node()
        self.cores: int = settings["cores"]
        self.memory: int = settings["memory"]
        self.swap: int = settings["swap"]
        self.mem_available: bool = settings["mem_available"]
        self.booted: float = settings["booted"]
        self.effects: dict[int, Effect] = {}
        self.extra = 12.0  # percent of one core that the host itself uses
        self.waiting = 0.0  # tasks that wait for the disk
        self.cells: dict[int, Cell] = {}
        self._seen: dict[int, tuple[int, int]] = {}
        self._disks: dict[str, list[int]] = {}
        self._last = clock()
        uptime = self._last - self.booted
        self._busy = uptime * 0.15 * self.cores  # seconds of CPU since boot, all cores
        self._wait = uptime * 0.002 * self.cores
        self._load: list[float] | None = None
        self._forks = 400_000
        self._received = 3.1e11
        self._sent = 1.2e12
        self._inside = 1.1e12  # bytes that the containers sent, through venet0
        self._processes = 180

    # What the tools wrote

    def read(self) -> None:
        """Take up what was started, stopped or set since the last time."""
        present: dict[int, tuple[int, int]] = {}
        directory = self.tree.root / ".sim/ct"
        for entry in os.scandir(directory):
            stem, _, suffix = entry.name.partition(".")
            if suffix != "json" or not stem.isdigit():
                continue
            status = os.stat(entry.path)  # noqa: PTH116 - many a second
            present[int(stem)] = (status.st_mtime_ns, status.st_ino)
        for ctid in self._seen.keys() - present.keys():
            self._end(ctid)
        for ctid, stamp in present.items():
            if self._seen.get(ctid) != stamp:
                self._take(ctid)
        self._seen = present

    def _take(self, ctid: int) -> None:
        state = self.tree.state(ctid)
        if not state.running:
            self._end(ctid)
            return
        cell = self.cells.get(ctid)
        if cell is None or cell.state.started != state.started:
            private = self.tree.root / f"vz/private/{ctid}"
            cell = self.cells[ctid] = Cell(ctid, state, workload.read(private), self.clock())
        cell.state = state
        cell.limits = limits_of(state.live)

    def _end(self, ctid: int) -> None:
        self.cells.pop(ctid, None)

    def effect(self, cell: Cell) -> Effect | None:
        """What a scenario does to this container, unless its life has ended since."""
        effect = self.effects.get(cell.ctid)
        if effect is None:
            return None
        if effect.started is None:
            effect.started = cell.state.started
        if effect.started != cell.state.started and not effect.lasts:
            del self.effects[cell.ctid]
            return None
        return effect

    # Time

    def tick(self) -> None:
        """Let the time since the last call pass, then write every file."""
        notes = os.listdir(self.tree.root / ".sim/wake")  # noqa: PTH208 - many a second
        self.read()
        now = self.clock()
        seconds = max(0.0, now - self._last)
        self._last = now
        effects = {ctid: self.effect(cell) for ctid, cell in self.cells.items()}
        self._share(now, effects)
        for ctid, cell in self.cells.items():
            cell.advance(seconds, now, effects[ctid])
        self._host(seconds, now)
        self._write(now)
        for note in notes:
            (self.tree.root / ".sim/wake" / note).unlink(missing_ok=True)

    def bury(self) -> None:
        """Remove what is left in /proc of tools that were killed while they held a lock."""
        for entry in (self.tree.root / "proc").iterdir():
            if entry.name.isdigit() and not alive(int(entry.name)):
                shutil.rmtree(entry, ignore_errors=True)

    def _share(self, now: float, effects: Mapping[int, Effect | None]) -> None:
        """Give each container the CPU that it asks for, within its limit and the cores that there are."""
        total = self.extra
        for ctid, cell in self.cells.items():
            cell.demand = cell.wish(now, effects[ctid])
            cell.cpu = min(cell.demand, cell.allowed(self.cores))
            total += cell.cpu
        most = 98.0 * self.cores
        if total > most:
            for cell in self.cells.values():
                cell.cpu *= most / total

    def _host(self, seconds: float, now: float) -> None:
        used = sum(cell.cpu for cell in self.cells.values()) + min(self.extra, 98.0 * self.cores)
        used = min(used, 99.0 * self.cores)
        self._busy += seconds * used / 100
        self._wait += seconds * min(self.waiting, self.cores - used / 100)
        runnable = (sum(cell.demand for cell in self.cells.values()) + self.extra) / 100 * 1.05 + self.waiting
        if self._load is None:
            self._load = [runnable, runnable * 0.97, runnable * 0.95]
        for place, span in enumerate(_LOAD_SPANS):
            self._load[place] += (runnable - self._load[place]) * (1 - math.exp(-seconds / span))
        sent = sum(cell.sent for cell in self.cells.values())
        self._sent += sent + seconds * 2000
        self._received += sent * 0.3 + seconds * 3000
        self._inside += sent
        self._forks += int(seconds * 11) + 1
        self._processes = 180 + sum(cell.processes for cell in self.cells.values())

    def rush(self, load: float) -> None:
        """Set the load averages at once, as if it had been like this for a while."""
        self._load = [load, load * 0.98, load * 0.9]

    # Files

    def _write(self, now: float) -> None:
        files = {
            "proc/stat": self._stat(now),
            "proc/meminfo": self._meminfo(),
            "proc/loadavg": self._loadavg(),
            "proc/uptime": f"{now - self.booted:.2f} {(now - self.booted) * self.cores - self._busy:.2f}\n",
            "proc/net/dev": self._net(),
            "proc/vz/vestat": self._vestat(),
            "proc/vz/veinfo": self._veinfo(),
            "proc/vz/vzquota": self._quota(),
            ".sim/ioctl.json": self._ioctl(),
        }
        parts, wide = [], []
        for ctid, values in [*((ctid, self.cells[ctid].counters) for ctid in sorted(self.cells)), (0, {})]:
            part = kernel_files.counters(ctid, values)
            parts.append(part)
            wide.append(part + kernel_files.swap_counter(values))
        files["proc/user_beancounters"] = kernel_files.beancounters(parts)
        files["proc/bc/resources"] = kernel_files.beancounters(wide)
        for name, text in files.items():
            write_file(Path(f"{self.tree.root}/{name}"), text)

    def _stat(self, now: float) -> str:
        uptime = (now - self.booted) * 100
        busy, wait = self._busy * 100 / self.cores, self._wait * 100 / self.cores
        core = (int(busy * 0.78), int(busy * 0.22), max(0, int(uptime - busy - wait)), int(wait))
        running = max(1, round(sum(cell.cpu for cell in self.cells.values()) / 100))
        return kernel_files.stat([core] * self.cores, self.booted, self._forks, running)

    def _meminfo(self) -> str:
        total = self.memory * 1024
        held = sum(cell.memory for cell in self.cells.values()) * 4
        swapped = sum(cell.swap for cell in self.cells.values()) * 4
        held = min(held + 1_300_000, int(total * 0.97))
        free_and_cache = total - held
        cached = int(free_and_cache * 0.55)
        buffers = int(free_and_cache * 0.06)
        values = {"MemTotal": total, "MemFree": free_and_cache - cached - buffers}
        if self.mem_available:
            values["MemAvailable"] = int(free_and_cache * 0.96)
        values |= {"Buffers": buffers, "Cached": cached, "SwapCached": 0, "SwapTotal": self.swap * 1024}
        values |= {"SwapFree": max(0, self.swap * 1024 - swapped), "Shmem": 48_000, "SReclaimable": 310_000}
        return kernel_files.meminfo(values)

    def _loadavg(self) -> str:
        running = max(1, round(sum(cell.demand for cell in self.cells.values()) / 100))
        return kernel_files.loadavg(self._load or (0, 0, 0), running, self._processes, self._forks % 32768)

    def _net(self) -> str:
        return kernel_files.net_dev(
            (
                ("lo", 918_273_645, 918_273_645),
                ("eth0", int(self._received), int(self._sent)),
                ("venet0", int(self._inside), int(self._inside * 0.3)),
            )
        )

    def _vestat(self) -> str:
        rows = []
        for ctid in sorted(self.cells):
            cell = self.cells[ctid]
            system = cell.used // 5
            idle = max(0, cell.uptime * self.cores - cell.used)
            rows.append((ctid, cell.used - system, system, cell.uptime, idle))
        return kernel_files.vestat(rows)

    def _veinfo(self) -> str:
        rows: list[tuple[int, int, list[str]]] = []
        for ctid in sorted(self.cells, reverse=True):
            cell = self.cells[ctid]
            addresses = [address.partition("/")[0] for address in cell.settings.get("IP_ADDRESS", "").split()]
            rows.append((ctid, cell.processes, addresses))
        return kernel_files.veinfo([*rows, (0, 180, [])])

    def _quota(self) -> str:
        rows = []
        for ctid in sorted(self.cells):
            cell = self.cells[ctid]
            space, inodes = self._disk(cell)
            if cell.settings.get("VE_LAYOUT", "simfs") != "ploop":
                rows.append((ctid, f"/vz/private/{ctid}", space, inodes))
        return kernel_files.vzquota(rows)

    def _disk(self, cell: Cell) -> tuple[Counter, Counter]:
        """Space (KiB) and inodes: usage, soft, hard."""
        space = kibibytes(cell.settings.get("DISKSPACE", "")) or (0, 0)
        inodes = kibibytes(cell.settings.get("DISKINODES", "")) or (0, 0)
        ploop = cell.settings.get("VE_LAYOUT") == "ploop"
        used = min(cell.disk, space[0 if ploop else 1] or cell.disk)
        return (used, *space, 0, 0), (cell.work.inodes, *inodes, 0, 0)

    def _ioctl(self) -> str:
        """What the tools get from the kernel without a file: load and uptime; and statfs of the mounted images."""
        answer: dict[int, dict[str, Any]] = {}
        for ctid, cell in self.cells.items():
            space, inodes = self._disk(cell)
            answer[ctid] = {
                "laverage": [round(value, 2) for value in cell.load],
                "uptime": cell.uptime / 1e9,
                "disk": space[:3],
                "inodes": inodes[:3],
            }
        return json.dumps(answer)
