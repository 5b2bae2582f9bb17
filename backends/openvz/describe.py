"""What vzlist and the .conf file say of one container, as the model has it."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Container, Limits, State
from .conf import amount, bounded, integer, limit_pages, pages
from .vzlist import Value

#: Words of `vzlist -o status` (legacy 4.11; "paused" and "unknown" in OpenVZ 7).
STATES = {
    "running": State.RUNNING,
    "stopped": State.STOPPED,
    "mounted": State.MOUNTED,
    "suspended": State.SUSPENDED,
    "paused": State.FROZEN,
}

_LAYOUTS = {"simfs": "simfs", "ploop": "ploop", "5": "ploop"}


def _int(value: Value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Value) -> str | None:
    # legacy prints null for a name that is not set, OpenVZ 7 the string "-"; a name of digits comes as a number
    if value is None or value in ("-", ""):
        return None
    return str(value)


def _part(entry: Mapping[str, Value], field: str, name: str) -> int | None:
    value = entry.get(field)
    return value.get(name) if isinstance(value, dict) else None


def _limit(entry: Mapping[str, Value], field: str) -> int | None:
    """Limit of a beancounter; a stopped container has none of them, and vzlist prints 0."""
    return bounded(_part(entry, field, "limit")) or None


def listed_from_conf(conf: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Value]]:
    """Stand-in for vzlist where it tells nothing: everything stopped until the kernel says that it runs."""
    return {ctid: {"ctid": ctid, "status": "stopped"} for ctid in conf}


def describe(container: Container, entry: Mapping[str, Value], conf: Mapping[str, str], *, vswap: bool) -> None:
    """Set everything that is no live figure. `entry` of vzlist comes first, the .conf file fills the gaps."""
    status = _text(entry.get("status")) or ""
    container.state = STATES.get(status, State.UNKNOWN)
    container.note = "" if status in STATES else f"vzlist calls its state {status!r}"
    container.name = _text(entry.get("name")) or conf.get("NAME") or None
    container.hostname = _text(entry.get("hostname")) or conf.get("HOSTNAME") or None
    container.template = _text(entry.get("ostemplate")) or conf.get("OSTEMPLATE") or None
    layout = _text(entry.get("layout")) or conf.get("VE_LAYOUT")
    container.layout = _LAYOUTS.get(layout, layout) if layout else None
    on_boot = entry.get("onboot")
    container.on_boot = on_boot if isinstance(on_boot, bool) else _yes(conf.get("ONBOOT"))
    addresses = entry.get("ip", entry.get("configured_ip"))
    if isinstance(addresses, list):
        container.ips = tuple(str(address) for address in addresses)
    elif isinstance(addresses, str):
        container.ips = tuple(word for word in addresses.split() if word != "-")
    else:
        container.ips = tuple(conf.get("IP_ADDRESS", "").split())
    container.ips_configured = tuple(conf.get("IP_ADDRESS", "").split())
    container.limits = _limits(entry, conf, vswap=vswap)


def _yes(text: str | None) -> bool | None:
    return None if text is None else text.lower() == "yes"


def _limits(entry: Mapping[str, Value], conf: Mapping[str, str], *, vswap: bool) -> Limits:
    # 0 means "not limited" for cpulimit, cpus, iolimit and iopslimit
    def setting(field: str, key: str) -> int | None:
        value = _int(entry.get(field))
        return value if value is not None else integer(conf.get(key))

    memory = pages(_limit(entry, "physpages"))
    if memory is None:
        memory = limit_pages(conf.get("PHYSPAGES"))
    if memory is None and not vswap:
        memory = limit_pages(conf.get("PRIVVMPAGES"))
    swap = pages(_limit(entry, "swappages"))
    return Limits(
        cpus=setting("cpus", "CPUS") or None,
        cpu_percent=setting("cpulimit", "CPULIMIT") or None,
        cpu_weight=setting("cpuunits", "CPUUNITS"),
        memory=memory,
        swap=swap if swap is not None else limit_pages(conf.get("SWAPPAGES")),
        disk=amount(conf.get("DISKSPACE"), 1024),
        disk_hard=amount((conf.get("DISKSPACE") or "").split(":")[-1], 1024),
        inodes=integer(conf.get("DISKINODES")),
        processes=_limit(entry, "numproc"),
        io_priority=setting("ioprio", "IOPRIO"),
        io_bytes=setting("iolimit", "IOLIMIT") or None,
        iops=setting("iopslimit", "IOPSLIMIT") or None,
    )


def disk_in_use(container: Container, entry: Mapping[str, Value] | None, quota: tuple[int, int] | None) -> None:
    """Disk of a running container: from vzlist, else from the quota file of simfs. Usage 0 is vzlist's word for unknown."""
    usage, limits = container.usage, container.limits
    usage.disk_used, usage.inodes_used = quota if quota is not None else (None, None)
    if entry is None:
        return
    space, inodes = _part(entry, "diskspace", "usage"), _part(entry, "diskinodes", "usage")
    if space:
        usage.disk_used = space * 1024
    if inodes:
        usage.inodes_used = inodes
    soft, hard = _part(entry, "diskspace", "softlimit"), _part(entry, "diskspace", "hardlimit")
    if soft and bounded(soft) is not None:
        limits.disk = soft * 1024
    if hard and bounded(hard) is not None:
        limits.disk_hard = hard * 1024
    limits.inodes = bounded(_part(entry, "diskinodes", "softlimit")) or limits.inodes
    load = entry.get("laverage")
    if isinstance(load, list) and len(load) == 3:
        one, five, fifteen = (float(value) for value in load)
        usage.load = (one, five, fifteen)
