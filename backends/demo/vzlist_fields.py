"""The columns of `vzlist`: how each value looks in a table and in JSON. Strings in JSON are not escaped, as in the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .resources import COUNTERS, UNLIMITED
from .vzlist_rows import Row


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
