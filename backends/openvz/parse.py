"""Lines of the OpenVZ sampler fragment as raw values. Pure; the line kinds are described in sampler.awk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..leashes import take
from ..model import Beancounter, Leash, Lock
from ..text import number
from .conf import bounded, unquote
from .vzlist import Value, read_vzlist


@dataclass(slots=True, frozen=True)
class Counters:
    """Beancounters of the fast part: held and limit in the kernel's unit (pages, items); None where the kernel has none."""

    physpages: tuple[int | None, int | None]
    swappages: tuple[int | None, int | None]
    numproc: tuple[int | None, int | None]
    privvmpages: tuple[int | None, int | None]
    failcnt: int


@dataclass(slots=True)
class Fast:
    cpu: dict[str, tuple[int, int]] = field(default_factory=dict)  # CTID -> CPU used, uptime; same unit (ns)
    counters: dict[str, Counters] = field(default_factory=dict)
    locked: dict[str, int | None] = field(default_factory=dict)  # CTID -> pid
    odd: int = 0


@dataclass(slots=True)
class SlowPart:
    listed: dict[str, dict[str, Value]] = field(default_factory=dict)  # CTID -> fields of vzlist
    disks: dict[str, dict[str, Value]] = field(default_factory=dict)  # CTID -> fields of the running ones
    quota: dict[str, tuple[int, int]] = field(default_factory=dict)  # CTID -> bytes, inodes in use (simfs)
    conf: dict[str, dict[str, str]] = field(default_factory=dict)
    beancounters: dict[str, dict[str, Beancounter]] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    leashes: dict[str, tuple[Leash, ...]] = field(default_factory=dict)
    disk: tuple[int, int] | None = None  # used and total bytes of the container area
    vswap: bool = True
    vzlist_ok: bool = False
    trouble: set[str] = field(default_factory=set)
    odd: int = 0


def parse_fast(lines: Iterable[str]) -> Fast:
    """`v`, `b` and `L` lines; all others are passed over. A line that cannot be read is counted in `odd`."""
    fast = Fast()
    for line in lines:
        kind = line[:2]
        if kind == "v ":
            word = line.split(" ")
            used, uptime = (number(word[2]), number(word[3])) if len(word) == 4 else (None, None)
            if used is None or uptime is None:
                fast.odd += 1
            else:
                fast.cpu[word[1]] = (used, uptime)
        elif kind == "b ":
            word = line.split(" ")
            value = [number(text) for text in word[2:]]
            if len(value) != 9:
                fast.odd += 1
                continue
            pairs = list(zip(value[0:8:2], value[1:8:2], strict=True))
            fast.counters[word[1]] = Counters(pairs[0], pairs[1], pairs[2], pairs[3], value[8] or 0)
        elif kind == "L ":
            word = line.split(" ")
            fast.locked[word[1]] = number(word[2]) if len(word) > 2 else None
    return fast


def has_slow(lines: Iterable[str]) -> bool:
    return any(line.startswith("w ") for line in lines)


def parse_slow(lines: Sequence[str]) -> SlowPart:
    """All lines but those of the fast part."""
    part = SlowPart()
    listing: list[str] = []
    running: list[str] = []
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "z":
            listing.append(rest)
        elif kind == "y":
            running.append(rest)
        elif kind == "t":
            _read_text(rest, part)
        elif kind == "o":
            _read_conf(rest, part)
        elif kind == "B":
            _read_beancounters(rest, part)
        elif kind == "K":
            _read_lock(rest, part)
        elif kind == "h":
            take(rest, part.leashes)
        elif kind == "q":
            word = rest.split()
            space, inodes = (number(word[1]), number(word[3])) if len(word) == 5 else (None, None)
            if space is not None and inodes is not None:
                part.quota[word[0]] = (space * 1024, inodes)
        elif kind == "a":
            sizes = [number(text) for text in rest.split()]
            if len(sizes) == 3 and None not in sizes:
                blocks, free, size = (value or 0 for value in sizes)
                part.disk = ((blocks - free) * size, blocks * size)
        elif kind == "w":
            part.vswap = rest.strip() == "yes"
        elif kind == "!":
            part.trouble.add(rest)
    if listing and listing[-1].startswith("rc "):
        # exit 0 with nothing at all is what vzlist does on a kernel without OpenVZ: no list, and not an empty one
        part.vzlist_ok = any(text.strip() for text in listing[:-1])
        part.listed.update(_by_id(read_vzlist(listing)))
    part.disks = _by_id(read_vzlist(running))
    return part


def _by_id(found: list[dict[str, Value]]) -> dict[str, dict[str, Value]]:
    # legacy prints the id as a number, OpenVZ 7 as a string
    return {str(entry["ctid"]): entry for entry in found if entry.get("ctid") not in (None, "")}


def _read_text(rest: str, part: SlowPart) -> None:
    word = rest.split()
    if len(word) == 2:
        part.listed[word[0]] = {"ctid": word[0], "status": word[1]}
        part.vzlist_ok = True
    else:
        part.odd += 1


def _read_conf(rest: str, part: SlowPart) -> None:
    file, colon, setting = rest.partition(".conf:")
    key, equals, value = setting.partition("=")
    if colon and equals and file != "0":
        part.conf.setdefault(file, {})[key] = unquote(value)


def _read_beancounters(rest: str, part: SlowPart) -> None:
    word = rest.split()
    counters: dict[str, Beancounter] = {}
    for text in word[1:]:
        name, *value = text.split(":")
        if len(value) != 5:
            part.odd += 1
            continue
        held, maxheld, barrier, limit, failcnt = map(number, value)
        counters[name] = Beancounter(held or 0, maxheld or 0, bounded(barrier), bounded(limit), failcnt or 0)
    if word:
        part.beancounters[word[0]] = counters


def _read_lock(rest: str, part: SlowPart) -> None:
    head, _, command = rest.partition(" | ")
    word = head.rstrip(" |").split()
    if len(word) < 4:
        part.odd += 1
        return
    container, since, alive, pid = word[:4]
    when = number(since)
    status = " ".join(word[4:]).strip("- ")
    part.locks[container] = Lock(
        by=command.strip() or status,
        pid=number(pid),
        since=None if when is None else float(when),
        alive=alive == "yes",
    )
