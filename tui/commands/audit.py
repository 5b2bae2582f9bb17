"""`ctdeck audit`: the changes of this account from this machine, oldest first."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from backends.audit import entries
from backends.errors import CtdeckError

from .look import table


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--last", type=int, metavar="N", help="only so many of the newest")


def run(options: argparse.Namespace) -> int:
    try:
        found = list(entries())
    except OSError as error:
        raise CtdeckError(f"the audit cannot be read: {error}") from None
    if options.json:
        print(json.dumps({"entries": _newest(found, options.last)}, indent=1))
        return 0
    rows = _newest(_rows(found), options.last)
    if rows:
        print("\n".join(table([("WHEN", "WHO", "WHAT", "WHERE", "ENDED", "JOB"), *rows])))
    return 0


def _newest(found: list[Any], count: int | None) -> list[Any]:
    return found if count is None else found[-count:] if count > 0 else []


def _rows(found: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row for each change, with its last known end."""
    changes: dict[str, dict[str, Any]] = {}
    for place, entry in enumerate(found):
        job = str(entry.get("job") or place)
        first = changes.get(job, entry)
        changes[job] = {**entry, "at": first.get("at")}
    return [_row(entry) for entry in changes.values()]


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    at = entry.get("at")
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if isinstance(at, int | float) else "?"
    who = f"{entry.get('who', '?')}@{entry.get('from') or entry.get('host', '?')}"
    what = str(entry.get("action") or entry.get("event", "?"))
    where = f"{entry.get('node', '?')}/{entry.get('id', '?')}"
    return (when, who, what, where, str(entry.get("ended") or "not known"), str(entry.get("job", "-")))
