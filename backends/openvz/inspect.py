"""One OpenVZ container, looked at closely: how it is asked (state.sh, inspect.sh), and what the answer says.

Beside what every backend tells (see `plans.plan.Inspection`), the values have:

    bc.NAME.live, bc.NAME.config   [barrier, limit] of a beancounter in the kernel's unit; LONG_MAX: unlimited
    snapshot.ids, snapshot.current sorted ids; the one that the present state goes on from ("" for none)
    ips.written                    configured addresses as they stand in the file, in its order
    leash.NAME                     {"old", "value", "until"} (unit of the limit, None: unlimited; seconds since the epoch)
    marks                          KIND -> NAME -> the live value as the kernel writes it, which a leash compares
    kernel                         of "kernel", "vz/vswap", "cpt" (it can checkpoint): what the node's kernel has
    room, room.dumps               bytes free where its files are, and where a checkpoint would be written
    pair.disk, pair.inodes         configured soft and hard limit, bytes and items
    disabled, stop_timeout (seconds)
    snapshots.broken               why Snapshots.xml cannot be read; absent when it can
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from ..backend import Script
from ..errors import Fault, FaultKind
from ..jobs.start import PLACES
from ..model import State
from ..plans.plan import Inspection, Misused
from ..plans.request import address
from ..text import clean, number
from .conf import PAGE, amount, integer, unquote
from .counters import COUNTERS, UNLIMITED, pair
from .settings import source
from .snapshot_tree import read_tree

_ID = re.compile(r"[1-9][0-9]{0,9}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARK = re.compile(r"[0-9]{1,10} [0-9]{1,20}")

#: Cgroup files of the scheduler. 1024 of cpu.rate is one core (`fairsched_rate` in src/lib/cpu.c of vzctl).
_RATE_OF_CORE = 1024


def checked_id(container_id: str) -> str:
    """The id, if it can be one: a number, or a UUID in OpenVZ 7. Raises `Misused`."""
    if not _ID.fullmatch(container_id):
        raise Misused(f"{clean(container_id, 80)!r} is no id of an OpenVZ container")
    return container_id


@cache
def text_of(name: str) -> str:
    """A shell text of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8").replace("@PLACES@", " ".join(PLACES))


def inspect(container_id: str) -> Script:
    return Script(text_of("state.sh") + text_of("inspect.sh"), (checked_id(container_id),))


def check(container_id: str) -> str:
    """Shell text that prints what the fingerprint is of."""
    return f"set -- {shlex.quote(checked_id(container_id))}\n{text_of('state.sh')}fixed\n"


def inspection(container_id: str, output: bytes) -> Inspection:
    lines = output.decode("utf-8", "replace").split("\n")
    if not _MARK.fullmatch(lines[0]):
        raise Fault(
            FaultKind.DATA, f"The answer about container {container_id} cannot be read: {clean(lines[0], 80)!r}"
        )
    parts: dict[str, list[str]] = {}
    for line in lines[1:]:
        if line[1:2] == " ":
            parts.setdefault(line[0], []).append(line[2:])
    if "S" not in parts or "W" not in parts:
        raise Fault(FaultKind.DATA, f"The answer about container {container_id} was cut")
    return Inspection(lines[0], check(container_id), _values(parts))


def _settings(lines: Iterable[str]) -> dict[str, str]:
    """`KEY="value"` lines; the last one counts, as for vzctl."""
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {key.strip(): unquote(value) for key, sign, value in pairs if sign}


def _values(parts: dict[str, list[str]]) -> dict[str, Any]:
    conf, node = _settings(parts.get("C", ())), _settings(parts.get("V", ()))
    kernel = sorted(set(parts.get("K", ())) - {"ploop", "vz"})
    storage = "ploop" if "ploop" in parts.get("K", ()) else "simfs"
    state = _state(parts["S"][0])
    tree = read_tree(parts)
    room = [number(word) for word in " ".join(parts.get("A", ())).split()]
    timeout = integer(conf.get("STOP_TIMEOUT")) or integer(node.get("STOP_TIMEOUT")) or 120
    values: dict[str, Any] = {
        "state": str(state),
        "hostname": clean(conf.get("HOSTNAME", "")) or None,
        "storage": storage,
        "lock": _lock(parts.get("L", ())),
        "kernel": kernel,
        "room": room[0] if room else None,
        "room.dumps": room[1] if len(room) > 1 else None,
        "disabled": conf.get("DISABLED", "").lower() == "yes",
        "stop_timeout": timeout,
        "snapshots": tree.snapshots,
        "snapshot.ids": sorted(snapshot["id"] for snapshot in tree.snapshots),
        "snapshot.current": tree.current,
    }
    if tree.broken:
        values["snapshots.broken"] = tree.broken
    values |= _addresses(parts.get("I", ()), conf, state == State.RUNNING)
    vswap = "vz/vswap" in kernel
    counters = _counters(parts.get("B", ()))
    values |= _configured(conf, storage, vswap)
    marks: dict[str, dict[str, str]] = {"counter": {}, "path": {}, "quota": {}}
    if state == State.RUNNING:
        values |= _live_counters(counters, vswap)
        marks["counter"] = {name: f"{row[2]}:{row[3]}" for name, row in counters.items()}
        values |= _scheduled(parts.get("U", ()), marks["path"])
        values |= _disk(parts, storage, marks["quota"])
    values["marks"] = marks
    values |= _leashes(parts.get("H", ()), parts["W"][0].partition(" ")[2], marks, vswap)
    return values


def _state(status: str) -> str:
    """`CTID 101 exist mounted running`, in OpenVZ 7 `VEID ...`; a container whose files are gone is `deleted`."""
    words = status.split()[2:]
    if "deleted" in words or not words:
        return State.UNKNOWN
    for word, state in (("running", State.RUNNING), ("paused", State.FROZEN), ("suspended", State.SUSPENDED)):
        if word in words:
            return state
    return State.MOUNTED if "mounted" in words else State.STOPPED if "down" in words else State.UNKNOWN


def _lock(lines: Iterable[str]) -> str:
    """Who holds it; a lock whose holder is gone holds nobody up, since vzctl removes it."""
    for line in lines:
        pid, alive, _, command = [*line.split(" ", 3), "", "", ""][:4]
        if alive == "yes":
            return clean(f"{command.strip() or 'somebody'} (pid {pid})", 200)
    return ""


def _short(text: str) -> str:
    try:
        return address(text)
    except Misused:
        return clean(text)


def _addresses(lines: Iterable[str], conf: dict[str, str], running: bool) -> dict[str, Any]:
    written = [clean(word) for word in conf.get("IP_ADDRESS", "").split()]
    live = sorted(_short(line.strip()) for line in lines if line.strip()) if running else []
    return {"ips.live": live, "ips.config": sorted(map(_short, written)), "ips.written": written}


def _counters(lines: Iterable[str]) -> dict[str, tuple[int, int, int, int]]:
    """Name -> held, maxheld, barrier, limit."""
    found = {}
    for line in lines:
        name, *rest = line.split(" ")
        row = [number(word) for word in rest[:4]]
        if name in COUNTERS and len(row) == 4 and None not in row:
            found[name] = (row[0] or 0, row[1] or 0, row[2] or 0, row[3] or 0)
    return found


def _bounded(value: int | None, unit: int = 1) -> int | None:
    """A limit of the kernel in its unit as a number, or None where it means that there is none."""
    return None if value is None or value >= UNLIMITED // PAGE or value == 2147483647 else value * unit


def _live_counters(counters: dict[str, tuple[int, int, int, int]], vswap: bool) -> dict[str, Any]:
    values: dict[str, Any] = {f"bc.{name}.live": [row[2], row[3]] for name, row in counters.items()}
    memory = "physpages" if vswap else "privvmpages"
    for name, counter, unit in (("memory", memory, PAGE), ("swap", "swappages", PAGE), ("processes", "numproc", 1)):
        if counter in counters and (name != "swap" or vswap):
            held, _, _, limit = counters[counter]
            values[f"limits.{name}.live"] = _bounded(limit, unit)
            values[f"use.{name}"] = held * unit
    return values


def _configured(conf: dict[str, str], storage: str, vswap: bool) -> dict[str, Any]:
    """Limits that the configuration file has. A setting that is not there is the kernel's default."""
    values: dict[str, Any] = {}
    for name in COUNTERS:
        found = pair(name, conf.get(name.upper(), ""))
        if found is not None:
            values[f"bc.{name}.config"] = list(found)
    memory = "physpages" if vswap else "privvmpages"
    for name, counter, unit in (("memory", memory, PAGE), ("swap", "swappages", PAGE), ("processes", "numproc", 1)):
        if name != "swap" or vswap:
            values[f"limits.{name}.config"] = _bounded(values.get(f"bc.{counter}.config", [0, UNLIMITED])[1], unit)
    for name, key in (
        ("cpus", "CPUS"),
        ("cpu_limit", "CPULIMIT"),
        ("io_limit", "IOLIMIT"),
        ("iops_limit", "IOPSLIMIT"),
    ):
        values[f"limits.{name}.config"] = integer(conf.get(key)) or None
    values["limits.cpu_weight.config"] = integer(conf.get("CPUUNITS"))
    values["limits.io_priority.config"] = integer(conf.get("IOPRIO"))
    values["limits.on_boot.config"] = 1 if conf.get("ONBOOT", "").lower() == "yes" else 0
    for name, key, unit in (("disk", "DISKSPACE", 1024), ("inodes", "DISKINODES", 1)):
        soft, _, hard = conf.get(key, "").partition(":")
        limits = [
            None if limit is None else limit // unit * unit
            for limit in (amount(soft, unit), amount(hard or soft, unit))
        ]
        if None not in limits:
            values[f"pair.{name}"] = limits
        if name == "disk" or storage == "simfs":
            values[f"limits.{name}.config"] = limits[1]
    if storage == "simfs":
        values["limits.quota_time.config"] = integer(conf.get("QUOTATIME"))
    return values


def _scheduled(lines: Iterable[str], marks: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for line in lines:
        path, _, text = line.partition(" ")
        value = number(text.strip())
        if value is None:
            continue
        marks[path] = text.strip()
        name = path.rpartition("/")[2]
        if name == "cpu.nr_cpus":
            values["limits.cpus.live"] = value or None
        elif name == "cpu.rate":
            values["limits.cpu_limit.live"] = round(value * 100 / _RATE_OF_CORE) or None
        elif name == "cpu.shares":
            values["limits.cpu_weight.live"] = round(value * 1000 / 1024)
        elif name == "ioprio":
            values["limits.io_priority.live"] = value
    return values


def _disk(parts: dict[str, list[str]], storage: str, marks: dict[str, str]) -> dict[str, Any]:
    """Disk of a running one: /proc/vz/vzquota knows simfs, vzlist the images. Usage 0 is vzlist's word for unknown."""
    values: dict[str, Any] = {}
    if storage == "ploop":
        words = [number(word) for word in " ".join(parts.get("D", ())).split()]
        if len(words) == 2 and words[0]:
            values["use.disk"] = words[0] * 1024
        return values
    for line in parts.get("Q", ()):
        name, *rest = line.split(" ")
        row = [number(word) for word in rest]
        if len(row) == 3 and None not in row:
            marks[name] = f"{row[1]}:{row[2]}"
            if name == "1k-blocks":
                values["use.disk"], values["limits.disk.live"] = (row[0] or 0) * 1024, (row[2] or 0) * 1024 or None
            else:
                values["use.inodes"], values["limits.inodes.live"] = row[0], row[2] or None
    return values


def _leashes(lines: Iterable[str], boot: str, marks: dict[str, dict[str, str]], vswap: bool) -> dict[str, Any]:
    """Leashes that hold: of this boot, and the live value is still theirs."""
    values: dict[str, Any] = {}
    for line in lines:
        path, *words = line.split(" ")
        name = path.rpartition("/")[2].partition(".")[2]
        until = number(words[2]) if len(words) == 6 else None
        if until is None or words[3] != boot.strip():
            continue
        kind, where = source(name, marks, vswap)
        if marks.get(kind, {}).get(where) == words[4]:
            values[f"leash.{name}"] = {"old": _leashed(words[0]), "value": _leashed(words[1]), "until": until}
    return values


def _leashed(word: str) -> Any:
    """A number, a pair of a beancounter, or None for `unlimited`."""
    if ":" in word:
        return [number(part) for part in word.split(":")]
    return number(word)
