"""Who changed what, from where, when, with which commands, and how it ended: `audit.jsonl` of this account, 0600, only added to.

The node's syslog has a line at the beginning and the end of each job beside (`logger -t ctdeck`).
"""

from __future__ import annotations

import getpass
import os
import platform
import time
from collections.abc import Iterator
from typing import Any

from . import paths, records


def me() -> dict[str, str]:
    """Who we are: account, machine, and where the login came from."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError):
        account = str(os.getuid())
    found = {"who": os.environ.get("SUDO_USER") or account, "host": platform.node()}
    if connection := os.environ.get("SSH_CONNECTION", "").split(" ")[0]:
        found["from"] = connection
    return found


def write(event: str, **fields: Any) -> None:
    """One line of the audit. Raises OSError: what cannot be audited must not be done."""
    records.append(paths.state() / "audit.jsonl", {"at": round(time.time(), 3), "event": event, **me(), **fields})


def entries() -> Iterator[dict[str, Any]]:
    """The whole audit of this account, oldest first."""
    return records.read(paths.state() / "audit.jsonl")
