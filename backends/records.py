"""Files of JSON lines that are only ever added to: the journal of what was sent, the audit of what was done."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def append(path: Path, record: dict[str, Any]) -> None:
    """Add one record and see it on the disk before returning. 0600; locked while it is written. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = json.dumps(record, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace") + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        written = 0
        while written < len(line):
            written += os.write(file, line[written:])
        os.fsync(file)
    finally:
        os.close(file)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """All records, oldest first; a torn line (the disk was full) is passed over."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
