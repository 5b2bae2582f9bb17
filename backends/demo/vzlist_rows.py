"""What `vzlist` knows of containers, and from where: the kernel's files for what runs, the configuration for what does not."""

from __future__ import annotations

import json
import os
from typing import Any

from . import workload
from .personality import UPSTREAM
from .resources import COUNTERS, kibibytes, pair
from .tree import CONF_DIR, DUMP_DIR, Tree, read_text
from .vzconf import Conf, Configuration

VEINFO = "/proc/vz/veinfo"
BEANCOUNTERS = "/proc/user_beancounters"

_TEXTS = ("HOSTNAME", "DESCRIPTION", "OSTEMPLATE", "MOUNT_OPTS", "ORIGIN_SAMPLE", "NAMESERVER", "SEARCHDOMAIN")


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
