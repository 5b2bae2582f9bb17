"""One running container in the simulation: what it wants, what it gets, and what the kernel counts of it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from . import workload
from .kernel_files import Counter
from .resources import COUNTERS, PAGE, SWAPPAGES, UNLIMITED, pair
from .tree import State

MIB = 1 << 20
_PAGES_OF_MIB = MIB // PAGE
LOAD_SPANS = (60.0, 300.0, 900.0)  # seconds of the three load averages
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
        for place, span in enumerate(LOAD_SPANS):
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
