"""What a container does all day. Kept inside its private area, so that a copy of the files is a copy of the behaviour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from .tree import read_text, write_file

NAME = "demo.workload"


class Workload(NamedTuple):
    """Mean figures of one container; the simulation lets them sway."""

    kind: str = "idle"
    cpu: float = 1.0  # percent of one core
    memory: int = 96  # MiB that it would like to use
    processes: int = 8
    connections: int = 4
    traffic: int = 4  # KiB per second, sent
    disk: int = 600  # MiB
    inodes: int = 14000


KINDS: dict[str, Workload] = {
    "web": Workload("web", 16, 780, 42, 90, 260, 7200, 96000),
    "shop": Workload("shop", 34, 1900, 58, 140, 420, 14500, 180000),
    "db": Workload("db", 41, 4700, 31, 36, 140, 52000, 31000),
    "mail": Workload("mail", 7, 940, 66, 48, 60, 21000, 410000),
    "cron": Workload("cron", 3, 170, 14, 3, 5, 2300, 27000),
    "dev": Workload("dev", 6, 820, 37, 9, 12, 9100, 220000),
    "dns": Workload("dns", 2, 130, 12, 5, 30, 900, 16000),
    "cache": Workload("cache", 11, 2600, 11, 120, 310, 1400, 15000),
    "proxy": Workload("proxy", 14, 260, 18, 310, 900, 1900, 17000),
    "ci": Workload("ci", 52, 1500, 49, 12, 90, 26000, 350000),
}


def directory(private: Path) -> Path:
    """The directory that is copied with the container's files: that of the ploop image, or the root of a simfs one."""
    image = private / "root.hdd"
    return image if image.is_dir() else private


def read(private: Path) -> Workload:
    """The workload of a private area; an idle system where none was put."""
    text = read_text(directory(private) / NAME)
    return Workload(*json.loads(text)) if text else Workload()


def write(private: Path, workload: Workload) -> None:
    write_file(directory(private) / NAME, json.dumps(workload))
