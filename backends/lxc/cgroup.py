"""Limits and the cgroup files that hold them: version 1 and 2, as the kernel has them and as configurations write them.

Sources: Documentation/admin-guide/cgroup-v1/{memory,cpusets,blkio-controller}.rst and cgroup-v2.rst of the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from ..plans.plan import Refused
from ..plans.request import UNLIMITED
from .parse import limit

#: The lines of each file; a file without lines is there, and says that nothing is limited.
Raw = Mapping[str, list[str]]

PAGE = 4096  # bytes; the kernel rounds a memory limit down to whole pages
PERIOD = 100000  # microseconds; the kernel's own when nobody sets another

_FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "v1": {
        "memory": ("memory.limit_in_bytes",),
        "swap": ("memory.memsw.limit_in_bytes",),
        "cpus": ("cpuset.cpus",),
        "cpu_limit": ("cpu.cfs_quota_us",),
        "cpu_weight": ("cpu.shares",),
        "processes": ("pids.max",),
        "io_limit": ("blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"),
        "iops_limit": ("blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device"),
    },
    "v2": {
        "memory": ("memory.max",),
        "swap": ("memory.swap.max",),
        "cpus": ("cpuset.cpus",),
        "cpu_limit": ("cpu.max",),
        "cpu_weight": ("cpu.weight",),
        "processes": ("pids.max",),
        "io_limit": ("io.max",),
        "iops_limit": ("io.max",),
    },
}
_IO_WORDS = {"io_limit": ("rbps", "wbps"), "iops_limit": ("riops", "wiops")}
#: What a container has when nobody sets a weight, and what a weight may be.
WEIGHTS = {"v1": (1024, 2, 262144), "v2": (100, 1, 10000)}
_UNLIMITED_TEXT = {"v1": "-1", "v2": "max"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a container's kernel can do: cgroup "v1" or "v2", the node's CPUs, the disk below its root ("" for none)."""

    version: str
    cpus: str
    device: str

    @property
    def prefix(self) -> str:
        """What the keys of a configuration begin with."""
        return "lxc.cgroup." if self.version == "v1" else "lxc.cgroup2."

    def files(self, name: str) -> tuple[str, ...]:
        """The files that hold a limit; none where there is no such notion."""
        return _FILES[self.version].get(name, ())


@dataclass(frozen=True, slots=True)
class Write:
    """One value for one cgroup file. `before` puts it back; `lifts`: it is what a container has without any setting."""

    key: str
    value: str
    before: str
    lifts: bool = False


# --- reading


def limits(kernel: Kernel, raw: Raw) -> dict[str, float | None]:
    """The limits that `raw` has files for, by their names; None: not limited."""
    found: dict[str, float | None] = {}
    for name in _FILES[kernel.version]:
        if all(key in raw for key in kernel.files(name)):
            if name in _IO_WORDS and not kernel.device:
                continue
            found[name] = _limit(kernel, raw, name)
    return found


def written(kernel: Kernel, settings: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The settings of a configuration as `limits` reads them."""
    raw: dict[str, list[str]] = {key: [] for keys in _FILES[kernel.version].values() for key in keys}
    for key, value in settings:
        if key.startswith(kernel.prefix) and value:
            raw.setdefault(key.removeprefix(kernel.prefix), []).append(value)
    return raw


def _limit(kernel: Kernel, raw: Raw, name: str) -> float | None:
    last = _last(raw, kernel.files(name)[0])
    if name == "memory":
        return _bytes(last)
    if name == "swap":
        return _swap(kernel, raw)
    if name == "cpus":
        own, all_of = expand(last), expand(kernel.cpus)
        return None if not own or set(own) >= set(all_of) else len(own)
    if name == "cpu_limit":
        quota, period = _quota(kernel, raw)
        return None if quota is None else 100.0 * quota / period
    if name in _IO_WORDS:
        values = [value for value in _io(kernel, raw, name) if value is not None]
        return min(values) if values else None
    return limit(last)


def _last(raw: Raw, key: str) -> str:
    lines = raw.get(key) or [""]
    return lines[-1].strip()


def _bytes(text: str) -> int | None:
    found = re.fullmatch(r"([0-9]{1,20})([KMGT]?)B?", text.upper())
    if not found:
        return None
    return limit(str(int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[found[2]]))


def _swap(kernel: Kernel, raw: Raw) -> int | None:
    value = _bytes(_last(raw, kernel.files("swap")[0]))
    if kernel.version == "v2" or value is None:
        return value
    memory = _bytes(_last(raw, kernel.files("memory")[0]))
    return None if memory is None else max(0, value - memory)  # v1 limits the sum of both


def _quota(kernel: Kernel, raw: Raw) -> tuple[int | None, int]:
    """Microseconds of CPU time in a period of so many; None: not limited."""
    if kernel.version == "v1":
        quota, period = _last(raw, "cpu.cfs_quota_us"), _last(raw, "cpu.cfs_period_us")
    else:
        quota, _, period = _last(raw, "cpu.max").partition(" ")
    return limit(quota), limit(period.strip()) or PERIOD


def _io(kernel: Kernel, raw: Raw, name: str) -> tuple[int | None, int | None]:
    """What may be read and written in a second on the container's disk."""
    if kernel.version == "v1":
        read, write = (_of_device(kernel, raw, key) for key in kernel.files(name))
        return limit(read) or None, limit(write) or None
    words = dict(word.partition("=")[::2] for word in _of_device(kernel, raw, "io.max").split())
    read, write = (words.get(word, "") for word in _IO_WORDS[name])
    return limit(read), limit(write)


def _of_device(kernel: Kernel, raw: Raw, key: str) -> str:
    found = ""
    for line in raw.get(key) or []:
        device, _, value = line.strip().partition(" ")
        if device == kernel.device:
            found = value.strip()
    return found


def expand(cpus: str) -> list[int]:
    """`0-1,3` as numbers; empty for anything else."""
    found: list[int] = []
    for part in cpus.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,5})(?:-([0-9]{1,5}))?\s*", part)
        if not match:
            return []
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def collapse(cpus: Iterable[int]) -> str:
    """Numbers as `0-1,3`."""
    spans: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


# --- writing


def writes(kernel: Kernel, raw: Raw, wanted: Mapping[str, float], seed: str = "") -> list[Write]:
    """What has to be written so that `raw` becomes as wanted, in an order that the kernel takes. Raises `Refused`.

    `seed` (the container's name) spreads those who get fewer CPUs than there are.
    """
    found: list[Write] = []
    if "memory" in wanted or "swap" in wanted:
        found += _memory(kernel, raw, wanted)
    for name, value in wanted.items():
        if name == "cpus":
            found += _one(kernel, raw, name, _cpuset(kernel, raw, value, seed), lifts=value == UNLIMITED)
        elif name == "cpu_limit":
            period = _quota(kernel, raw)[1]
            quota = _UNLIMITED_TEXT[kernel.version] if value == UNLIMITED else str(round(value * period / 100))
            text = quota if kernel.version == "v1" else f"{quota} {period}"
            found += _one(kernel, raw, name, text, lifts=value == UNLIMITED)
        elif name == "cpu_weight":
            weight = WEIGHTS[kernel.version][0] if value == UNLIMITED else value
            found += _one(kernel, raw, name, str(int(weight)), lifts=value == UNLIMITED)
        elif name == "processes":
            found += _one(kernel, raw, name, "max" if value == UNLIMITED else str(int(value)), lifts=value == UNLIMITED)
    if "io_limit" in wanted or "iops_limit" in wanted:
        found += _throttles(kernel, raw, wanted)
    return found


def _one(kernel: Kernel, raw: Raw, name: str, value: str, *, lifts: bool) -> list[Write]:
    key = kernel.files(name)[0]
    before = _last(raw, key) or (kernel.cpus if name == "cpus" else _UNLIMITED_TEXT[kernel.version])
    return [Write(key, value, before, lifts)]


def _memory(kernel: Kernel, raw: Raw, wanted: Mapping[str, float]) -> list[Write]:
    memory_key, swap_key = kernel.files("memory")[0], kernel.files("swap")[0]
    old_memory, old_swap = _bytes(_last(raw, memory_key)), _swap(kernel, raw)
    memory = _page(wanted["memory"]) if "memory" in wanted else old_memory
    swap = _page(wanted["swap"]) if "swap" in wanted else old_swap

    def write(key: str, value: int | None) -> Write:
        unlimited = _UNLIMITED_TEXT[kernel.version]
        text = unlimited if value is None else str(value)
        return Write(key, text, _last(raw, key) or unlimited, value is None)

    if kernel.version == "v2":
        names = {"memory": (memory_key, memory), "swap": (swap_key, swap)}
        return [write(*pair) for name, pair in names.items() if name in wanted]
    if swap_key not in raw:
        return [write(memory_key, memory)]
    if memory is None and "swap" in wanted and swap is not None:
        raise Refused("Swap cannot be limited without a memory limit: this kernel limits the sum", "Set --memory too")
    old_sum = _bytes(_last(raw, swap_key))
    both = None if memory is None or swap is None else memory + swap
    if old_sum is not None and old_memory is None and memory is not None and "swap" not in wanted:
        both = max(old_sum, memory)  # somebody has limited the sum alone
    if old_sum is None and both is None:
        return [write(memory_key, memory)]
    # memory may never be above the sum: the sum goes first when it grows, last when it shrinks
    grows = both is None or (old_sum is not None and both >= old_sum)
    pair = [write(swap_key, both), write(memory_key, memory)]
    return pair if grows else pair[::-1]


def _page(value: float) -> int | None:
    return None if value == UNLIMITED else int(value) // PAGE * PAGE


def _cpuset(kernel: Kernel, raw: Raw, count: float, seed: str) -> str:
    all_of = expand(kernel.cpus)
    if count == UNLIMITED:
        return kernel.cpus
    own = [cpu for cpu in expand(_last(raw, "cpuset.cpus")) if cpu in all_of]
    if not own or set(own) == set(all_of):
        first = crc32(seed.encode()) % max(1, len(all_of))
        own = all_of[first:] + all_of[:first]
    return collapse((own + [cpu for cpu in all_of if cpu not in own])[: int(count)])


def _throttles(kernel: Kernel, raw: Raw, wanted: Mapping[str, float]) -> list[Write]:
    pairs = {name: value for name, value in wanted.items() if name in _IO_WORDS}
    if kernel.version == "v1":
        return [
            Write(
                key,
                f"{kernel.device} {0 if value == UNLIMITED else int(value)}",
                f"{kernel.device} {_of_device(kernel, raw, key) or 0}",
                value == UNLIMITED,
            )
            for name, value in pairs.items()
            for key in kernel.files(name)
        ]
    before = {"rbps": "max", "wbps": "max", "riops": "max", "wiops": "max"}
    before.update(word.partition("=")[::2] for word in _of_device(kernel, raw, "io.max").split() if "=" in word)
    after = dict(before)
    for name, value in pairs.items():
        after.update(dict.fromkeys(_IO_WORDS[name], "max" if value == UNLIMITED else str(int(value))))

    def spelled(words: Mapping[str, str]) -> str:
        return " ".join([kernel.device, *(f"{word}={words[word]}" for word in ("rbps", "wbps", "riops", "wiops"))])

    lifts = set(after.values()) == {"max"}
    return [Write("io.max", spelled(after), spelled(before), lifts)]


def after(raw: Raw, done: Iterable[Write]) -> dict[str, list[str]]:
    """`raw` as it is when all is written."""
    found = {key: list(lines) for key, lines in raw.items()}
    for write in done:
        if write.key in found:
            found[write.key].append(write.value)
    return found
