"""The model as plain dicts: what `ctdeck ls --json` prints. Keys may be added, never renamed; the README documents them.

Sizes in bytes, CPU in percent of one core (a node of 8 cores has 800), times in seconds, null where not known, or where
the backend has no such notion.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from .model import Container, Node
from .store import Store


def fleet(store: Store, containers: Iterable[Container]) -> dict[str, Any]:
    """All nodes of `store`, and those of its `containers`."""
    now = time.monotonic()
    return {
        "nodes": [node(each, now) for each in store.nodes.values()],
        "containers": [container(each) for each in containers],
    }


def node(node: Node, now: float) -> dict[str, Any]:
    """One node. `now`: our monotonic clock."""
    facts = node.facts
    cpu = None if facts.cpu_percent is None or facts.cpus is None else facts.cpu_percent * facts.cpus
    return {
        "name": node.name,
        "state": str(node.state),
        "fault": None if node.fault is None else str(node.fault),
        "error": node.error or None,
        "remedy": node.remedy or None,
        "age_seconds": None if node.answered is None else round(max(0.0, now - node.answered), 3),
        "backends": list(node.backends),
        "group": node.group,
        "production": node.production,
        "read_only": node.read_only,
        "hostname": facts.hostname,
        "kernel": facts.kernel,
        "system": facts.system,
        "tools": dict(facts.tools),
        "cpus": facts.cpus,
        "cpu_percent": _rounded(cpu),
        "load": _load(facts.load),
        "memory_total": facts.memory_total,
        "memory_used": facts.memory_used,
        "swap_total": facts.swap_total,
        "swap_used": facts.swap_used,
        "disk_total": facts.disk_total,
        "disk_used": facts.disk_used,
        "uptime_seconds": facts.uptime,
        "sampler_ms": _rounded(facts.sampler_ms),
        "rtt_ms": None if node.rtt is None else _rounded(node.rtt * 1000),
        "notes": list(node.notes),
    }


def container(container: Container) -> dict[str, Any]:
    """One container."""
    usage, limits = container.usage, container.limits
    return {
        "node": container.key.node,
        "backend": container.key.backend,
        "id": container.key.id,
        "name": container.name,
        "hostname": container.hostname,
        "state": str(container.state),
        "lock": _lock(container),
        "leashes": [{"limit": leash.limit, "until": leash.until} for leash in container.leashes],
        "ips": list(container.ips),
        "cpu_percent": _rounded(usage.cpu_percent),
        "cpu_limit_percent": limits.cpu_percent,
        "throttled_percent": _rounded(usage.throttled_percent),
        "cpus": limits.cpus,
        "cpu_weight": limits.cpu_weight,
        "memory_used": usage.memory_used,
        "memory_limit": limits.memory,
        "swap_used": usage.swap_used,
        "swap_limit": limits.swap,
        "disk_used": usage.disk_used,
        "disk_limit": limits.disk,
        "disk_hard_limit": limits.disk_hard,
        "inodes_used": usage.inodes_used,
        "inodes_limit": limits.inodes,
        "processes": usage.processes,
        "processes_limit": limits.processes,
        "load": _load(usage.load),
        "uptime_seconds": usage.uptime,
        "rx_bytes": usage.rx_bytes,
        "tx_bytes": usage.tx_bytes,
        "io_priority": limits.io_priority,
        "io_bytes_limit": limits.io_bytes,
        "iops_limit": limits.iops,
        "failcnt": usage.failcnt,
        "failcnt_growth": usage.failcnt_growth,
        "beancounters": _beancounters(container),
        "on_boot": container.on_boot,
        "layout": container.layout,
        "template": container.template,
        "note": container.note or None,
    }


def _rounded(value: float | None) -> float | None:
    """Figures from two counters and a clock are not good to more than some digits."""
    return None if value is None else round(value, 2)


def _load(load: tuple[float, float, float] | None) -> list[float] | None:
    return None if load is None else list(load)


def _lock(container: Container) -> dict[str, Any] | None:
    lock = container.lock
    if lock is None:
        return None
    return {"by": lock.by or None, "pid": lock.pid, "since": lock.since, "alive": lock.alive}


def _beancounters(container: Container) -> dict[str, dict[str, int | None]] | None:
    """In the kernel's own units; barrier and limit are null when unlimited."""
    return {
        name: {
            "held": counter.held,
            "maxheld": counter.maxheld,
            "barrier": counter.barrier,
            "limit": counter.limit,
            "failcnt": counter.failcnt,
        }
        for name, counter in container.beancounters.items()
    } or None
