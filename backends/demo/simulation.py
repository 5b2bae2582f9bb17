"""What the kernel of a simulated node would count: CPU, memory, beancounters, load, disk and traffic over time.

Nothing is decided here: which containers run, and with which limits, is read from the files that the tools write; what
they do all day from their workload; what goes wrong from the effects that a scenario puts on them. A kernel's own
memory is only its counters.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import kernel_files, workload
from .cell import LOAD_SPANS, Cell, Effect, limits_of
from .kernel_files import Counter
from .resources import kibibytes
from .tree import Tree, alive, write_file


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
        for name, text in kernel_files.scheduler(ctid, state.live).items():
            path = self.tree.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, text)

    def _end(self, ctid: int) -> None:
        if self.cells.pop(ctid, None) is not None:
            for name in ("vz/fairsched", "bc"):
                shutil.rmtree(self.tree.root / f"proc/{name}/{ctid}", ignore_errors=True)

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
        for place, span in enumerate(LOAD_SPANS):
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
