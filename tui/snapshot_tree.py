"""Snapshots as a tree of lines, with the place where the container is now. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Twig:
    """One line. `snapshot` None: "you are here"."""

    branch: str  # `├─ `, as deep as it is
    snapshot: dict[str, Any] | None

    @property
    def name(self) -> str:
        """Its name, or its id where it has none."""
        return str(self.snapshot.get("name") or self.snapshot.get("id")) if self.snapshot else "you are here"


def tree(snapshots: Sequence[dict[str, Any]], *, ascii_only: bool = False) -> list[Twig]:
    """Oldest first, children below their parent. Without parents, as LXC has it, a flat list.

    A snapshot whose parent is not there, or that is its own ancestor, stands at the root: none is ever left out.
    """
    known = {str(snapshot.get("id")) for snapshot in snapshots}
    children: dict[str, list[dict[str, Any]]] = {}
    for snapshot in snapshots:
        parent = str(snapshot.get("parent") or "")
        children.setdefault(parent if parent in known else "", []).append(snapshot)
    middle, last, through, blank = ("|- ", "`- ", "|  ", "   ") if ascii_only else ("├─ ", "└─ ", "│  ", "   ")
    twigs: list[Twig] = []
    seen: set[int] = set()
    current = any(snapshot.get("current") for snapshot in snapshots)

    def grow(items: list[dict[str, Any] | None], indent: str, *, root: bool) -> None:
        for place, item in enumerate(items):
            end = place == len(items) - 1
            branch = "" if root else indent + (last if end else middle)
            if item is None:
                twigs.append(Twig(branch, None))
                continue
            if id(item) in seen:
                continue
            seen.add(id(item))
            twigs.append(Twig(branch, item))
            below: list[dict[str, Any] | None] = [None] if item.get("current") else []
            below += children.get(str(item.get("id")), [])
            grow(below, "" if root else indent + (blank if end else through), root=False)

    roots: list[dict[str, Any] | None] = [*children.get("", [])]
    grow(roots, "", root=True)
    grow([snapshot for snapshot in snapshots if id(snapshot) not in seen], "", root=True)
    return twigs if current or not snapshots else [*twigs, Twig("", None)]


def date_text(value: object) -> str:
    """`2026-11-20 22:10`, whether it is told so or as seconds since the epoch; empty where it is not known."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M")
    return str(value)[:16].replace("T", " ") if value else ""
