"""`vzlist` of vzctl 4.11: what it prints, and how it fails.

Its figures come from where the real one takes them: the kernel's files for what runs, the configuration for what does
not, and `.sim/ioctl.json` in place of what the real one asks the kernel directly (load, uptime, the disk use of images).
Strings in JSON are not escaped, as in the real one.
"""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from . import workload
from .personality import UPSTREAM
from .resources import COUNTERS, UNLIMITED, kibibytes, pair
from .tree import CONF_DIR, DUMP_DIR, Tree, read_text
from .vzconf import Conf, Configuration

VEINFO = "/proc/vz/veinfo"
BEANCOUNTERS = "/proc/user_beancounters"

USAGE = (  # tabs as in the real one
    "Usage:\tvzlist [-a | -S] [-n] [-H] [-o field[,field...] | -1] [-s [-]field]\n"
    "\t       [-h pattern] [-N pattern] [-d pattern] [CTID [CTID ...]]\n"
    "\tvzlist -L | --list\n"
    "\n"
    "Options:\n"
    "\t-a, --all\t\tlist all containers\n"
    "\t-S, --stopped\t\tlist stopped containers\n"
    "\t-n, --name\t\tdisplay containers' names\n"
    "\t-H, --no-header\t\tsuppress columns header\n"
    "\t-t, --no-trim\t\tdo not trim long values\n"
    "\t-j, --json\t\toutput in JSON format\n"
    "\t-o, --output\t\toutput only specified fields\n"
    "\t-1\t\t\tsynonym for -H -octid\n"
    "\t-s, --sort\t\tsort by the specified field\n"
    "\t\t\t\t('-field' to reverse sort order)\n"
    "\t-h, --hostname\t\tfilter CTs by hostname pattern\n"
    "\t-N, --name_filter\tfilter CTs by name pattern\n"
    "\t-d, --description\tfilter CTs by description pattern\n"
    "\t-L, --list\t\tget possible field names\n"
)


class Row:
    """One container, as far as vzlist knows it."""

    def __init__(self, ctid: int, status: str) -> None:
        self.ctid = ctid
        self.status = status
        self.ips: str | None = None  # separated by blanks
        self.counters: dict[str, list[int]] | None = None  # held, maxheld, barrier, limit, failcnt
        self.quota: dict[str, tuple[int, int, int]] | None = None
        self.load: list[float] | None = None
        self.uptime: float | None = None
        self.values: dict[str, str | None] = {}

    @property
    def running(self) -> bool:
        return self.status == "running"


class Field(NamedTuple):
    """One column: `width` below 0 is left-aligned; `part` selects a part of a value, and is not available in JSON."""

    name: str
    header: str
    width: int
    text: Callable[[Row, bool], str]  # the second argument: whether the value may be long (last column, or -t)
    json: Callable[[Row], str] | None
    key: Callable[[Row], Any] | None = None
    part: int = 0


# How values look


def _quoted(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def _string(key: str, width: int) -> Callable[[Row, bool], str]:
    def text(row: Row, long: bool) -> str:
        value = row.values.get(key)
        cell = f"{'-' if value is None else value:<{width}}"
        return cell if long else cell[:width]

    return text


def _plain(name: str, header: str, width: int, header_width: int = 0) -> Field:
    return Field(
        name,
        header,
        header_width or -width,
        _string(name, width),
        lambda row: _quoted(row.values.get(name)),
        lambda row: row.values.get(name) or "",
    )


def _list(name: str, header: str, value: Callable[[Row], str | None]) -> Field:
    def text(row: Row, long: bool) -> str:
        items = value(row) or "-"
        return f"{items:<15}" if long else f"{items.split(' ')[0]:<15}"[:15]

    def as_json(row: Row) -> str:
        return "[" + ", ".join(f'"{item}"' for item in (value(row) or "").split()) + "]"

    return Field(name, header, -15, text, as_json, lambda row: value(row) or "")


def _number(name: str, header: str, width: int, none: str, value: Callable[[Row], int | None]) -> Field:
    """A number of which 0 or nothing is `none` in JSON and `-` in a table."""

    def text(row: Row, long: bool) -> str:
        number = value(row)
        return f"{'-' if number is None else number:>{width}}"

    def as_json(row: Row) -> str:
        number = value(row)
        return none if number is None else str(number)

    return Field(name, header, width, text, as_json, lambda row: value(row) or 0)


def _setting(key: str, zero: bool = False) -> Callable[[Row], int | None]:
    """A number of the configuration; 0 is nothing, unless `zero`."""

    def value(row: Row) -> int | None:
        text = row.values.get(key) or ""
        return int(text) if text.isdigit() and (zero or int(text)) else None

    return value


def _cpu(key: str) -> Callable[[Row], int | None]:
    def value(row: Row) -> int | None:
        both = [row.values.get(name) for name in ("CPULIMIT", "CPUUNITS")]
        if both == [None, None]:
            return None
        text = row.values.get(key) or "0"
        return int(text) if text.isdigit() else 0

    return value


def _flag(name: str, header: str, width: int, value: Callable[[Row], bool | None]) -> Field:
    def text(row: Row, long: bool) -> str:
        state = value(row)
        return f"{'-' if state is None else 'yes' if state else 'no':>{width}}"

    def as_json(row: Row) -> str:
        state = value(row)
        return "null" if state is None else "true" if state else "false"

    return Field(name, header, width, text, as_json)


def _switches(name: str, header: str) -> Field:
    """A list of `name:on` pairs (features, capabilities)."""

    def text(row: Row, long: bool) -> str:
        value = (row.values.get(name) or "-").replace(" ", ",")
        return f"{value:<15}" if long else f"{value:<15}"[:15]

    def as_json(row: Row) -> str:
        value = row.values.get(name)
        if not value:
            return "null"
        pairs = (item.partition(":") for item in value.split())
        inner = ",\n".join(f'      "{key}": {"true" if state == "on" else "false"}' for key, _, state in pairs)
        return f"{{\n{inner}\n    }}"

    return Field(name, header, -15, text, as_json)


def _counter(name: str, header: str) -> list[Field]:
    def text_of(index: int) -> Callable[[Row, bool], str]:
        def text(row: Row, long: bool) -> str:
            if row.counters is None or (not row.running and index in (0, 1, 4)):
                return f"{'-':>10}"
            return f"{row.counters[name][index]:>10}"

        return text

    def as_json(row: Row) -> str:
        if row.counters is None:
            return "null"
        held, maxheld, barrier, limit, failcnt = row.counters[name]
        if not row.running:
            held = maxheld = failcnt = 0
        return (
            f'{{\n      "held": {held},\n      "maxheld": {maxheld},\n      "barrier": {barrier},\n'
            f'      "limit": {limit},\n      "failcnt": {failcnt}\n    }}'
        )

    def key_of(index: int) -> Callable[[Row], int]:
        return lambda row: row.counters[name][index] if row.counters else -1

    fields = []
    for index, suffix in enumerate(("", "m", "b", "l", "f")):
        dot = f".{suffix}" if suffix else ""
        fields.append(
            Field(f"{name}{dot}", header + dot.upper(), 10, text_of(index), as_json, key_of(index), index),
        )
    return fields


def _quota(name: str, header: str) -> list[Field]:
    def text_of(index: int) -> Callable[[Row, bool], str]:
        def text(row: Row, long: bool) -> str:
            values = row.quota.get(name) if row.quota else None
            if values is None or (index == 0 and values[0] == 0):
                return f"{'-':>10}"
            return f"{values[index]:>10}"

        return text

    def as_json(row: Row) -> str:
        values = row.quota.get(name) if row.quota else None
        if values is None:
            return "null"
        return (
            f'{{\n      "usage": {values[0]},\n      "softlimit": {values[1]},\n      "hardlimit": {values[2]}\n    }}'
        )

    def key_of(index: int) -> Callable[[Row], int]:
        return lambda row: row.quota[name][index] if row.quota else -1

    return [
        Field(f"{name}{suffix}", header + suffix.upper(), 10, text_of(index), as_json, key_of(index), index)
        for index, suffix in enumerate(("", ".s", ".h"))
    ]


def _smart_name(row: Row, long: bool) -> str:
    name = row.values.get("name")
    return f"{row.ctid if name is None else name:>10}" if long or name is None else f"{name:>10}"[:10]


def _load(row: Row, long: bool) -> str:
    return f"{'-':>14}" if row.load is None else "/".join(f"{value:1.2f}" for value in row.load)


def _uptime(row: Row, long: bool) -> str:
    if row.uptime is None:
        return f"{'-':>15}"
    minutes, seconds = divmod(int(row.uptime), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:03}d{hours:02}h:{minutes:02}m:{seconds:02}s"


def _vswap(row: Row) -> bool:
    limit = row.counters["physpages"][3] if row.counters else 0
    return row.counters is not None and limit not in (UNLIMITED, 2147483647)


def _ctid(name: str) -> Field:
    return Field(name, "CTID", 10, lambda row, long: f"{row.ctid:>10}", lambda row: str(row.ctid), lambda row: row.ctid)


_COUNTER_HEADERS = {
    "kmemsize": "KMEMSIZE",
    "lockedpages": "LOCKEDP",
    "privvmpages": "PRIVVMP",
    "shmpages": "SHMP",
    "numproc": "NPROC",
    "physpages": "PHYSP",
    "vmguarpages": "VMGUARP",
    "oomguarpages": "OOMGUARP",
    "numtcpsock": "NTCPSOCK",
    "numflock": "NFLOCK",
    "numpty": "NPTY",
    "numsiginfo": "NSIGINFO",
    "tcpsndbuf": "TCPSNDB",
    "tcprcvbuf": "TCPRCVB",
    "othersockbuf": "OTHSOCKB",
    "dgramrcvbuf": "DGRAMRB",
    "numothersock": "NOTHSOCK",
    "dcachesize": "DCACHESZ",
    "numfile": "NFILE",
    "numiptent": "NIPTENT",
    "swappages": "SWAPP",
}

FIELDS: list[Field] = [
    _ctid("ctid"),
    _ctid("veid"),
    _ctid("vpsid"),
    _plain("private", "PRIVATE", 32),
    _plain("root", "ROOT", 32),
    _plain("mount_opts", "MOUNT_OPTS", 16),
    _plain("origin_sample", "ORIGIN_SAMPLE", 32, 32),
    _plain("hostname", "HOSTNAME", 32),
    _plain("name", "NAME", 32),
    Field(
        "smart_name",
        "SMARTNAME",
        10,
        _smart_name,
        lambda row: _quoted(row.values["name"]) if row.values.get("name") is not None else str(row.ctid),
        lambda row: row.values.get("name") or "",
    ),
    _plain("description", "DESCRIPTION", 32),
    _plain("ostemplate", "OSTEMPLATE", 32),
    _list("ip", "IP_ADDR", lambda row: row.ips),
    _list("nameserver", "NAMESERVER", lambda row: row.values.get("nameserver")),
    _list("searchdomain", "SEARCHDOMAIN", lambda row: row.values.get("searchdomain")),
    Field(
        "status",
        "STATUS",
        -9,
        lambda row, long: f"{row.status:<9}",
        lambda row: _quoted(row.status),
        lambda row: ("running", "mounted", "stopped", "suspended").index(row.status),
    ),
    *(field for name in COUNTERS for field in _counter(name, _COUNTER_HEADERS[name])),
    *_quota("diskspace", "DSPACE"),
    *_quota("diskinodes", "DINODES"),
    Field(
        "laverage",
        "LAVERAGE",
        14,
        _load,
        lambda row: "null" if row.load is None else "[" + ", ".join(f"{value:1.2f}" for value in row.load) + "]",
        lambda row: row.load or [],
    ),
    Field("uptime", "UPTIME", 15, _uptime, lambda row: f"{row.uptime or 0:.3f}", lambda row: -(row.uptime or 0)),
    _number("cpulimit", "CPULIM", 7, "null", _cpu("CPULIMIT")),
    _number("cpuunits", "CPUUNI", 7, "null", _cpu("CPUUNITS")),
    _number("cpus", "CPUS", 5, "0", _setting("CPUS")),
    _number("ioprio", "IOP", 3, "0", _setting("IOPRIO", zero=True)),
    _number("iolimit", "IOLIMIT", 10, "0", _setting("IOLIMIT")),
    _number("iopslimit", "IOPS", 4, "0", _setting("IOPSLIMIT")),
    _flag("onboot", "ONBOOT", 6, lambda row: {None: None, "yes": True}.get(row.values.get("ONBOOT"), False)),
    _number("bootorder", "BOOTORDER", 10, "null", _setting("BOOTORDER", zero=True)),
    Field(
        "layout", "LAYOUT", 6, lambda row, long: f"{row.values['layout']:<6}", lambda row: _quoted(row.values["layout"])
    ),
    _switches("features", "FEATURES"),
    _flag("vswap", "VSWAP", 5, _vswap),
    _flag("disabled", "DISABL", 6, lambda row: row.values.get("DISABLED") == "yes"),
    _number("vm_overcommit", "VM_OVC", 6, "0", _setting("VM_OVERCOMMIT")),
    _plain("netfilter", "NETFILTER", 9),
    _switches("capability", "CAPABILITY"),
]
BY_NAME = {field.name: field for field in FIELDS}

DEFAULT = "ctid,numproc,status,ip,hostname"
WITH_NAMES = "smart_name,numproc,status,ip,hostname"


_TEXTS = ("HOSTNAME", "DESCRIPTION", "OSTEMPLATE", "MOUNT_OPTS", "ORIGIN_SAMPLE", "NAMESERVER", "SEARCHDOMAIN")


class Wrong(Exception):
    """What goes to stderr before vzlist ends with 1; `usage` first where it is true."""

    def __init__(self, message: str, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


class Options:
    """What the command line says."""

    def __init__(self) -> None:
        self.all = self.stopped = self.json = self.list = False
        self.header = self.trim = True
        self.output: str | None = None
        self.sort: str | None = None
        self.reverse = False
        self.patterns: dict[str, str] = {}
        self.operands: list[str] = []


_LONG = {
    "no-header": "H",
    "no-trim": "t",
    "stopped": "S",
    "all": "a",
    "name": "n",
    "json": "j",
    "list": "L",
    "help": "e",
    "name_filter": "N",
    "hostname": "h",
    "description": "d",
    "output": "o",
    "sort": "s",
}
_ARGUMENT = frozenset("Nhdos")
_PATTERNS = {"h": "hostname", "N": "name", "d": "description"}


def parse(words: Sequence[str]) -> Options:
    """The command line, in the manner of getopt_long: options and operands in any order."""
    options = Options()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.operands += rest
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            letter = _long(name)
            if letter in _ARGUMENT:
                if not equals:
                    if not rest:
                        raise Wrong(f"vzlist: option '--{name}' requires an argument", usage=True)
                    value = rest.pop(0)
                _apply(options, letter, value)
            else:
                _apply(options, letter, "")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in _ARGUMENT:
                    if not letters and not rest:
                        raise Wrong(f"vzlist: option requires an argument -- '{letter}'", usage=True)
                    _apply(options, letter, letters or rest.pop(0))
                    break
                if letter not in "HtSanjLe1":
                    raise Wrong(f"vzlist: invalid option -- '{letter}'", usage=True)
                _apply(options, letter, "")
        else:
            options.operands.append(word)
    return options


def _long(name: str) -> str:
    found = [letter for full, letter in _LONG.items() if full == name] or [
        letter for full, letter in _LONG.items() if full.startswith(name)
    ]
    if len(found) != 1:
        raise Wrong(f"vzlist: unrecognized option '--{name}'", usage=True)
    return found[0]


def _apply(options: Options, letter: str, value: str) -> None:
    if letter == "a":
        options.all = True
    elif letter == "S":
        options.stopped = True
    elif letter == "j":
        options.json = True
    elif letter == "L":
        options.list = True
    elif letter == "H":
        options.header = False
    elif letter == "t":
        options.trim = False
    elif letter == "n":
        options.output = WITH_NAMES
    elif letter == "1":
        options.output, options.header = "veid", False
    elif letter == "o":
        options.output = value
    elif letter == "s":
        options.reverse, options.sort = value.startswith("-"), value.removeprefix("-")
        if options.sort not in BY_NAME:
            raise Wrong(f"Invalid sort field name: {value}")
    elif letter in _PATTERNS:
        options.patterns[_PATTERNS[letter]] = value
    else:
        raise Wrong("", usage=True)


def chosen(options: Options) -> list[Field]:
    """The columns."""
    if options.output is None and options.json:
        return [field for field in FIELDS if not field.part]
    fields = []
    for name in (options.output or DEFAULT).split(","):
        if len(name) > 30:
            raise Wrong(f"Invalid field: {name}")
        field = BY_NAME.get(name)
        if field is None:
            raise Wrong(f"Unknown field: {name}")
        if options.json and field.part:
            raise Wrong(f"Field `{name}' is not available in JSON output")
        fields.append(field)
    return fields


class Collector:
    """Reads a node's files into rows. `complaints` go to stderr."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.rows: dict[int, Row] = {}
        self.complaints: list[str] = []

    def collect(self, everything: bool, stopped: bool, only: set[int] | None) -> bool:
        """Find the containers. False where the kernel has no beancounters: vzlist then prints nothing at all."""
        if everything:
            names = os.listdir(self.tree.path(CONF_DIR))  # noqa: PTH208 - names, not paths
            for stem in (entry[:-5] for entry in names if entry.endswith(".conf")):
                if stem.isdigit() and (only is None or int(stem) in only):
                    self.rows[int(stem)] = Row(int(stem), "stopped")
        self._running(only)
        if not stopped and not self._counters():
            return False
        for row in self.rows.values():
            self._settings(row)
        return True

    def finish(self, quota: bool) -> None:
        """Status, layout, load and disk of what was found."""
        known: dict[str, Any] = json.loads(read_text(self.tree.root / ".sim/ioctl.json") or "{}")
        quotas = self._quotas() if quota else {}
        for row in list(self.rows.values()):
            if not self._status(row):
                del self.rows[row.ctid]
                continue
            answer = known.get(str(row.ctid)) if row.running else None
            if answer is not None:
                row.load, row.uptime = answer["laverage"], answer["uptime"]
            if quota:
                self._disk(row, quotas, answer)

    def _running(self, only: set[int] | None) -> None:
        text = read_text(self.tree.path(VEINFO))
        if text is None:
            self.complaints.append(f"Unable to open {VEINFO}: No such file or directory")
            return
        for line in text.splitlines():
            ctid, _, _, *ips = line.split()
            if ctid == "0" or (only is not None and int(ctid) not in only):
                continue
            row = self.rows.setdefault(int(ctid), Row(int(ctid), "running"))
            row.status = "running"
            row.ips = "".join(f"{ip} " for ip in reversed(ips)) or None  # with a blank at the end, as -t shows

    def _counters(self) -> bool:
        text = read_text(self.tree.path("/proc/bc/resources")) or read_text(self.tree.path(BEANCOUNTERS))
        if text is None:
            self.complaints.append(f"Unable to open {BEANCOUNTERS}: No such file or directory")
            return False
        row: Row | None = None
        for line in text.splitlines():
            ctid, colon, rest = line.partition(":")
            if colon and ctid.strip().isdigit():
                row = self.rows.get(int(ctid))
                if row is not None and row.running:
                    row.counters = {name: [0] * 5 for name in COUNTERS}
            cells = (rest if colon else line).split()
            if row is not None and row.counters is not None and len(cells) == 6 and cells[0] in row.counters:
                row.counters[cells[0]] = [int(cell) for cell in cells[1:]]
        return True

    def _settings(self, row: Row) -> None:
        conf = Configuration(self.tree, row.ctid)
        own = conf.own
        live = self.tree.state(row.ctid).live if row.running else {}
        if row.counters is None:
            row.counters = {name: [0] * 5 for name in COUNTERS}
            for name in COUNTERS:
                limits = pair(name, own.get(name.upper()) or "")
                if limits is not None:
                    row.counters[name][2:4] = limits
        if row.ips is None and not row.running:
            row.ips = own.get("IP_ADDRESS")
        for key in _TEXTS:
            row.values[key.lower()] = conf.get(key)
        own_name = own.get("NAME")
        row.values["name"] = own_name if own_name and self.tree.named(own_name) == row.ctid else None
        row.values["root"], row.values["private"] = conf.root, conf.private
        for key in ("CPULIMIT", "CPUUNITS", "CPUS", "IOPRIO", "IOLIMIT", "IOPSLIMIT", "DISKSPACE", "DISKINODES"):
            row.values[key] = live.get(key) or conf.get(key)
        for key in ("ONBOOT", "BOOTORDER", "DISABLED", "VM_OVERCOMMIT"):
            row.values[key] = conf.get(key)
        row.values["netfilter"] = conf.get("NETFILTER") or "stateless"
        row.values["features"] = own.get("FEATURES")
        row.values["capability"] = own.get("CAPABILITY")

    def _status(self, row: Row) -> bool:
        """Set the status of what does not run. False: it is not shown, since its files are gone."""
        private = self.tree.path(row.values.get("private") or "")
        ploop = (private / "root.hdd/DiskDescriptor.xml").exists()
        row.values["layout"] = "ploop" if ploop else "simfs"
        if row.running:
            return True
        if row.ctid == 0 or not private.is_dir():
            return False
        dumps = Conf.read(self.tree.root / "etc/vz/vz.conf") or Conf()
        if self.tree.path(f"{dumps.get('DUMPDIR') or DUMP_DIR}/Dump.{row.ctid}").exists():
            row.status = "suspended"
        if not self.tree.path(row.values.get("root") or "").exists():
            self.complaints.append(f"stat({row.values['root']}): No such file or directory")
        elif self.tree.state(row.ctid).status in ("mounted", "running"):
            row.status = "mounted"
        return True

    def _quotas(self) -> dict[int, dict[str, tuple[int, int, int]]]:
        """/proc/vz/vzquota: usage, soft and hard limit of containers whose quota is on."""
        found: dict[int, dict[str, tuple[int, int, int]]] = {}
        current: dict[str, tuple[int, int, int]] = {}
        for line in (read_text(self.tree.path("/proc/vz/vzquota")) or "").splitlines():
            ctid, colon, _ = line.partition(":")
            if colon:
                current = found.setdefault(int(ctid), {}) if ctid.isdigit() else {}
                continue
            cells = line.split()
            if len(cells) == 6:
                current["diskspace" if cells[0] == "1k-blocks" else "diskinodes"] = (*map(int, cells[1:4]),)  # type: ignore[assignment]
        return found

    def _disk(
        self, row: Row, quotas: dict[int, dict[str, tuple[int, int, int]]], answer: dict[str, list[int]] | None
    ) -> None:
        space = kibibytes(row.values.get("DISKSPACE") or "")
        inodes = kibibytes(row.values.get("DISKINODES") or "")
        row.quota = quotas.get(row.ctid)
        if row.quota is None and space and inodes:
            row.quota = {"diskspace": (0, *space), "diskinodes": (0, *inodes)}
        if row.values["layout"] != "ploop":
            return
        if not self.tree.path("/proc/vz/ploop_minor").exists():
            return
        if self.tree.node().get("personality") == UPSTREAM:
            self.complaints.append("Error in ploop_getdevice (ploop.c:880): Can't get ploop minor ''")
            return
        if answer is not None:
            used, used_inodes = answer["disk"][0], answer["inodes"][0]
        else:
            work = workload.read(self.tree.path(row.values.get("private") or ""))
            used, used_inodes = work.disk * 1024, work.inodes
        size = space[0] if space else 0
        row.quota = {"diskspace": (used, size, size), "diskinodes": (used_inodes, size // 16, size // 16)}


def table(rows: Iterable[Row], fields: Sequence[Field], header: bool, trim: bool) -> str:
    lines = []
    if header:
        cells = [
            f"{field.header:<{-field.width}}" if field.width < 0 else f"{field.header:>{field.width}}"
            for field in fields
        ]
        lines.append(" ".join(cells).rstrip())
    for row in rows:
        last = len(fields) - 1
        cells = [field.text(row, not trim or place == last) for place, field in enumerate(fields)]
        lines.append(" ".join(cells).rstrip())
    return "".join(f"{line}\n" for line in lines)


def document(rows: Iterable[Row], fields: Sequence[Field]) -> str:
    objects = []
    for row in rows:
        members = ",\n".join(f'    "{field.name}": {field.json(row)}' for field in fields if field.json)
        objects.append(f"\n  {{\n{members}\n  }}")
    return "[" + ",".join(objects) + "\n]\n"


def run(tree: Tree, words: Sequence[str]) -> int:
    """Print what `vzlist WORDS` prints on this node; its exit code."""
    options = parse(words)
    if options.list:
        print("".join(f"{field.name:<15} {field.header:<15}\n" for field in FIELDS), end="")
        return 0
    only: set[int] | None = None
    for word in options.operands:
        ctid = int(word) if word.isdigit() and int(word) else tree.named(word)
        if ctid is None:
            raise Wrong(f"CT ID {word} is invalid.")
        only = {*(only or ()), ctid}
    fields = chosen(options)
    if os.getuid() != tree.root.stat().st_uid:  # root of a simulated node is whoever started it
        raise Wrong("This program can only be run under root.")

    collector = Collector(tree)
    complete = collector.collect(options.all or options.stopped or only is not None, options.stopped, only)
    wants_quota = any(field.name.startswith("disk") and field.name != "disabled" for field in fields)
    none_found = complete and not collector.rows
    if complete:
        collector.finish(wants_quota)
    for complaint in collector.complaints:
        print(complaint, file=sys.stderr)
    if none_found:
        print("[]" if options.json else "Container(s) not found", file=sys.stdout if options.json else sys.stderr)
    if none_found or not complete:
        return 1 if only is not None else 0

    rows = [collector.rows[ctid] for ctid in sorted(collector.rows)]
    rows = [row for row in rows if _wanted(row, options)]
    if options.sort not in (None, "ctid"):
        key = BY_NAME[options.sort or "ctid"].key
        if key is not None:
            rows.sort(key=key)
    if options.reverse:
        rows.reverse()
    text = document(rows, fields) if options.json else table(rows, fields, options.header, options.trim)
    sys.stdout.write(text)
    return 0


def _wanted(row: Row, options: Options) -> bool:
    if options.stopped and row.running:
        return False
    return all(
        row.values.get(key) is not None and fnmatch.fnmatchcase(row.values[key] or "", pattern)
        for key, pattern in options.patterns.items()
    )


def main() -> None:
    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    try:
        code = run(Tree.from_environment(), sys.argv[1:])
    except Wrong as wrong:
        if str(wrong):
            print(wrong, file=sys.stderr)
        if wrong.usage:
            print(USAGE, end="")
        code = 1
    except BrokenPipeError:
        os._exit(141)
    sys.exit(code)
