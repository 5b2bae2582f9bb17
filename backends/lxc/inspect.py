"""What `inspect.sh` printed of one LXC container, read. Pure; the kinds of lines are described in check.sh and inspect.sh."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from ipaddress import ip_interface
from typing import Any

from ..backend import Script
from ..errors import Fault, FaultKind
from ..model import State
from ..plans.plan import Inspection, Misused
from ..plans.request import LIMITS
from ..text import clean, number
from . import cgroup

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")
_AREA = re.compile(r"/[A-Za-z0-9._/-]*")
_LINK = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_STATES = {"RUNNING": State.RUNNING, "STOPPED": State.STOPPED, "FROZEN": State.FROZEN}


@dataclass(slots=True)
class Facts:
    """What plans of LXC need beside the values that all backends have. Sizes in bytes; None: not known.

    `config` has the lines as they are, `limits` the lines of each cgroup file that the kernel has.
    """

    area: str = ""
    config: list[str] = field(default_factory=list)
    linked: bool = False  # the configuration file is a symbolic link
    partial: bool = False  # liblxc is still making it
    boot: str = ""
    cgroup: str = "v1"
    limits: dict[str, list[str]] = field(default_factory=dict)
    net: str = ""  # "own", "node" (shares the node's), "unseen"; "" when it does not run
    links: list[str] = field(default_factory=list)
    addresses: list[list[str]] = field(default_factory=list)  # [link, address/prefix] of global scope
    routes: list[list[str]] = field(default_factory=list)  # [link, gateway]: where the default routes go
    taken: list[str] = field(default_factory=list)  # names in the folder of snapshots, whole snapshots or not
    roots: dict[str, str] = field(default_factory=dict)  # lxc.rootfs.path of each snapshot
    left: list[str] = field(default_factory=list)
    mounted: list[str] = field(default_factory=list)
    needed: bool = False  # clones stand on its root
    leashes: dict[str, list[str]] = field(default_factory=dict)  # the lines of their files, by limit
    tools: list[str] = field(default_factory=list)
    cpus: str = ""  # of the node, as a list such as 0-3,6
    pid_max: int | None = None
    memory: int | None = None  # of the node
    swap: int | None = None  # of the node
    memsw: bool = False  # the node's kernel counts swap (v1)
    device: str = ""  # MAJOR:MINOR of the disk below its root
    free: int | None = None  # where it lies
    sizes: dict[str, int] = field(default_factory=dict)  # of snapshots

    @classmethod
    def of(cls, found: Inspection) -> Facts:
        return cls(**found.values["lxc"])

    def settings(self) -> list[tuple[str, str]]:
        """Keys and values of the configuration, in order; one pair of quotes around a value is taken away."""
        pairs = []
        for line in self.config:
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                value = value.strip()
                quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
                pairs.append((key.strip(), value[1:-1] if quoted else value))
        return pairs

    def setting(self, key: str) -> str | None:
        """The last value of a key; None where it has none."""
        values = [value for name, value in self.settings() if name == key]
        return values[-1] if values else None

    def lines_of(self, key: str) -> list[str]:
        """The lines of the configuration that set a key, as they are."""
        return [line for line in self.config if line.partition("=")[0].strip() == key]


def valid(container_id: str) -> str:
    """The id, when it can be one (see lxc-create: it names a directory). Raises `Misused`."""
    if not _NAME.fullmatch(container_id):
        raise Misused(f"{clean(container_id, 60)!r} is no name that an LXC container can have")
    return container_id


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def inspect(container_id: str) -> Script:
    text = "ctdeck_check() {\n" + _text("check.sh") + "}\n" + _text("inspect.sh")
    return Script(text, (valid(container_id),))


def check(container_id: str) -> str:
    """The shell text whose output the fingerprint is the `cksum` of."""
    return f"set -- {shlex.quote(valid(container_id))}\n" + _text("check.sh")


def inspection(container_id: str, output: bytes) -> Inspection:
    fingerprint, _, rest = output.partition(b"\n")
    if not re.fullmatch(rb"[0-9]+ [0-9]+", fingerprint.strip()):
        raise Fault(FaultKind.DATA, f"The inspection of {container_id} cannot be read", "Try it again")
    facts = Facts()
    values: dict[str, Any] = {}
    snapshots: dict[str, dict[str, Any]] = {}
    for line in rest.decode("utf-8", "replace").split("\n"):
        word, _, value = line.partition(" ")
        _read(word, value, facts, values, snapshots)
    if not _AREA.fullmatch(facts.area):
        raise Fault(FaultKind.DATA, f"The inspection of {container_id} names no directory of containers")
    values["snapshots"] = _snapshots(snapshots, facts)
    values["snapshot.ids"] = sorted(snapshots)
    _describe(facts, values)
    values["lxc"] = asdict(facts)
    return Inspection(fingerprint.decode().strip(), check(container_id), values)


def _read(word: str, value: str, facts: Facts, values: dict[str, Any], snapshots: dict[str, dict[str, Any]]) -> None:
    name, _, rest = value.partition(" ")
    parts = value.split()
    if word == "config":
        facts.config.append(value)
    elif word == "state":
        values["state"] = str(_STATES.get(value, State.UNKNOWN))
    elif word in ("area", "boot", "cgroup", "net", "cpus", "device"):
        setattr(facts, word, value)
    elif word in ("linked", "partial", "needed", "memsw"):
        setattr(facts, word, True)
    elif word in ("pid_max", "memory", "swap", "free"):
        setattr(facts, word, number(value))
    elif word == "key":
        facts.limits.setdefault(value, [])
    elif word == "limit":
        facts.limits.setdefault(name, []).append(rest)
    elif word == "link" and _LINK.fullmatch(value):
        facts.links.append(value)
    elif word == "address" and len(parts) == 4 and parts[3] == "global" and _LINK.fullmatch(parts[0]):
        if written := _interface(parts[2]):
            facts.addresses.append([parts[0], written])
    elif word == "route" and len(parts) == 2 and _LINK.fullmatch(parts[0]) and _interface(parts[1]):
        facts.routes.append(parts)
    elif word in ("left", "mounted"):
        getattr(facts, word).append(clean(value))
    elif word in ("tool", "taken"):
        (facts.tools if word == "tool" else facts.taken).append(clean(value))
    elif word == "use" and (used := number(rest)) is not None:
        values[f"use.{name}"] = used
    elif word == "snapshot" and _NAME.fullmatch(name):
        snapshots[name] = {"id": name, "name": "", "date": _date(rest)}
    elif word == "comment" and name in snapshots:
        snapshots[name]["name"] = clean(rest)
    elif word == "root" and name in snapshots:
        facts.roots[name] = rest
    elif word == "size" and (size := number(rest)) is not None:
        facts.sizes[name] = size
    elif word == "leash" and name in LIMITS:
        facts.leashes.setdefault(name, []).append(clean(rest))


def _interface(text: str) -> str:
    """An address with its prefix, shortest; empty for anything else."""
    try:
        found = ip_interface(text)
    except ValueError:
        return ""
    return f"{found.ip}/{found.network.prefixlen}"


def _date(text: str) -> str:
    """liblxc's `2026:11:22 13:23:51` as `2026-11-22 13:23:51`; empty for anything else."""
    found = re.fullmatch(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", text.strip())
    return "-".join(found.group(1, 2, 3)) + " " + found[4] if found else ""


def _snapshots(snapshots: Mapping[str, dict[str, Any]], facts: Facts) -> list[dict[str, Any]]:
    found = [
        {**one, "parent": None, "current": False, "size": facts.sizes.get(str(one["id"])), "memory": False}
        for one in snapshots.values()
    ]
    return sorted(found, key=lambda one: (one["date"], len(one["id"]), one["id"]))


def _describe(facts: Facts, values: dict[str, Any]) -> None:
    """What follows from the facts, by the names that all backends have."""
    live = values.get("state") in (State.RUNNING, State.FROZEN)
    kind, colon, _ = (facts.setting("lxc.rootfs.path") or "").partition(":")
    values["storage"] = {"overlayfs": "overlay"}.get(clean(kind), clean(kind)) if colon else "dir"
    values["hostname"] = clean(facts.setting("lxc.uts.name") or "")
    values["lock"] = "liblxc, which has not finished to make it" if facts.partial else ""
    values["ips.config"] = configured(facts.settings())
    if not live:
        values["ips.live"] = []
    elif facts.net == "own":
        values["ips.live"] = sorted({address.partition("/")[0] for _, address in facts.addresses})
    kernel = cgroup.Kernel(facts.cgroup, facts.cpus, facts.device)
    if live:
        values.update({f"limits.{name}.live": value for name, value in cgroup.limits(kernel, facts.limits).items()})
    written = cgroup.limits(kernel, cgroup.written(kernel, facts.settings()))
    if facts.cgroup == "v1" and not facts.memsw:
        del written["swap"]
    values.update({f"limits.{name}.config": value for name, value in written.items()})
    values["limits.on_boot.config"] = 1 if facts.setting("lxc.start.auto") == "1" else 0
    values["leashed"] = []
    for name, lines in sorted(facts.leashes.items()):
        leash = _leash(lines, facts.boot)
        if (
            leash and values.get(f"limits.{name}.live", "none") == leash["value"]
        ):  # else it will find nothing to put back
            values[f"leash.{name}"] = leash
            values["leashed"].append(name)
    values["leftovers"] = facts.left


def configured(settings: list[tuple[str, str]]) -> list[str]:
    """The addresses among settings, as they are written (a broadcast address behind one is left out)."""
    found = []
    for key, value in settings:
        if re.fullmatch(r"lxc\.net\.\d+\.ipv[46]\.address", key):
            word = (value.split() or [""])[0]
            found += [(_interface(word) if "/" in word else _interface(word).partition("/")[0]) or clean(word)]
    return sorted(address for address in found if address)


def _leash(lines: list[str], boot: str) -> dict[str, Any] | None:
    """A leash of this boot of the node: older ones went with the limits that they held."""
    said = dict(line.partition(" ")[::2] for line in lines)
    if said.get("boot") != boot:
        return None
    old, value = (None if said.get(word) == "none" else _float(said.get(word, "")) for word in ("old", "value"))
    return {"old": old, "value": value, "until": number(said.get("until", ""))}


def _float(text: str) -> float | None:
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        return None
    value = float(text)
    return int(value) if value == int(value) else value
