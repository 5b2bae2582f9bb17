"""The table that `ctdeck ls` prints for people: as many columns as the terminal has room for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from backends.model import Container
from backends.store import Store
from tui import format as text

_GAP = 2
#: Cells below which a column that can be cut is no longer of use.
_NARROW = 10


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `priority` 0 never drops, the highest drops first. `wide`: only when asked for all."""

    title: str
    priority: int
    of: Callable[[Container], str]
    right: bool = False
    wide: bool = False


def _addresses(container: Container) -> str:
    return " ".join(address.partition("/")[0] for address in container.ips) or text.UNKNOWN


def _state(container: Container) -> str:
    return f"{container.state} locked" if container.lock else str(container.state)


COLUMNS = (
    Column("NODE", 0, lambda c: c.key.node),
    Column("ID", 0, lambda c: c.key.id),
    Column("NAME", 0, lambda c: c.name or text.UNKNOWN),
    Column("STATE", 0, _state),
    Column("CPU%", 0, lambda c: text.number(c.usage.cpu_percent), right=True),
    Column("MEM", 1, lambda c: text.size(c.usage.memory_used), right=True),
    Column("LIMIT", 2, lambda c: text.size(c.limits.memory), right=True),
    Column("IP", 3, _addresses),
    Column("DISK", 4, lambda c: text.share_of(c.usage.disk_used, c.limits.disk), right=True),
    Column("PROCS", 6, lambda c: text.number(c.usage.processes), right=True),
    Column("LOAD", 7, lambda c: text.load(c.usage.load), right=True),
    Column("UPTIME", 5, lambda c: text.span(c.usage.uptime), right=True),
    Column("FAILCNT", 8, lambda c: text.number(c.usage.failcnt), right=True, wide=True),
    Column("HOSTNAME", 9, lambda c: c.hostname or text.UNKNOWN, wide=True),
    Column("LAYOUT", 10, lambda c: c.layout or text.UNKNOWN, wide=True),
    Column("TEMPLATE", 11, lambda c: c.template or text.UNKNOWN, wide=True),
    Column("BACKEND", 12, lambda c: c.key.backend, wide=True),
)


def print_table(store: Store, containers: Sequence[Container], *, wide: bool, ascii_only: bool) -> None:
    """Print `containers`, or a sentence if there are none. Fitted to a terminal, whole into a pipe."""
    if not containers:
        if any(node.answered is not None for node in store.nodes.values()):
            seen = len(store.containers)
            print(
                f"ctdeck: none of {seen} containers passes the filter." if seen else "ctdeck: no containers.",
                file=sys.stderr,
            )
        return
    room = None if wide or not (sys.stdout.isatty() or "COLUMNS" in os.environ) else shutil.get_terminal_size().columns
    ellipsis = "~" if ascii_only or not _writes("…") else "…"
    for line in table(containers, room=room, wide=wide, ellipsis=ellipsis):
        print(line)


def _writes(sign: str) -> bool:
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def table(containers: Sequence[Container], *, room: int | None, wide: bool, ellipsis: str) -> list[str]:
    """Lines of at most `room` cells: columns drop by priority, then IP and NAME are cut."""
    columns = [column for column in COLUMNS if wide or not column.wide]
    cells = {column.title: [text.safe(column.of(each)) for each in containers] for column in columns}
    widths = {
        column.title: max(len(column.title), *(cell_len(cell) for cell in cells[column.title])) for column in columns
    }
    if room is not None:
        columns = _fitted(columns, widths, room)
    lines = [_line([column.title for column in columns], columns, widths, ellipsis)]
    for place in range(len(containers)):
        lines.append(_line([cells[column.title][place] for column in columns], columns, widths, ellipsis))
    return lines


def _fitted(columns: list[Column], widths: dict[str, int], room: int) -> list[Column]:
    """The columns that stay; `widths` of those that are cut shrink."""
    columns = list(columns)
    while (over := sum(widths[each.title] + _GAP for each in columns) - _GAP - room) > 0:
        titles = [each.title for each in columns]
        cut = next((t for t in ("IP", "NAME", "ID") if t in titles and widths[t] - over >= _NARROW), None)
        drop = max(columns, key=lambda each: each.priority)
        if cut is not None and drop.priority <= 3:
            widths[cut] -= over
        elif drop.priority > 0:
            columns.remove(drop)
        else:
            widths["NAME"] = max(4, widths["NAME"] - over)
            break
    return columns


def _line(cells: Sequence[str], columns: Sequence[Column], widths: dict[str, int], ellipsis: str) -> str:
    fitted = (
        text.fit(cell, widths[column.title], right=column.right, ellipsis=ellipsis)
        for cell, column in zip(cells, columns, strict=True)
    )
    return (" " * _GAP).join(fitted).rstrip()
