"""Which columns fit a screen, and where they stand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .columns import COLUMNS, Column

#: Cells before the first column: the cursor and the mark.
SIGNS = 2

#: Below this width columns stand one cell apart instead of two.
NARROW = 72

#: WHY grows to this width before other columns get more room, and takes what they leave.
WHY_FIRST = 44

#: How wide these become at first; to their longest value only when the other columns have their place.
FIRST = {"node": 12, "id": 10, "name": 16}


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on a screen: `x` from the left edge, in cells."""

    column: Column
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns from left to right, the cells between them, and how many more there are to the right when wide."""

    placed: tuple[Placed, ...] = ()
    gap: int = 2
    more: int = 0

    def at(self, x: int) -> Column | None:
        """The column at a cell."""
        return next((p.column for p in self.placed if p.x <= x < p.x + p.width + self.gap), None)


def arrange(
    width: int,
    allowed: frozenset[str],
    needed: Mapping[str, int],
    *,
    one_node: bool = False,
    wide: bool = False,
    skip: int = 0,
) -> Layout:
    """Columns that fit into `width` cells.

    `needed`: how wide the longest value of a growing column is. Columns of priority 0 never drop (NODE does where there
    is `one_node`); the others come by priority while they fit; what is left goes to those that can use it. `wide`: every
    column in order, `skip` of the dropping ones scrolled away to the left.
    """
    gap = 2 if width >= NARROW else 1
    core = [column for column in COLUMNS if column.priority == 0 and not (one_node and column.id == "node")]
    widths = {column.id: min(_wanted(column, needed), max(column.width, FIRST.get(column.id, 0))) for column in core}
    room = width - SIGNS - sum(widths.values()) - gap * (len(core) - 1)
    if room < 0:
        squeezed = max(4, widths["name"] + room)
        room += widths["name"] - squeezed
        widths["name"] = squeezed
    others = [column for column in COLUMNS if column.priority and (wide or column.id in allowed)]
    picked = _in_order(others[skip:], room, gap) if wide else _by_priority(others, room, gap)
    for column in picked:
        widths[column.id] = column.width
        room -= column.width + gap
    for column, want in _growth(core, picked, needed, width):
        extra = max(0, min(room, want - widths[column.id]))
        widths[column.id] += extra
        room -= extra
    placed = []
    x = SIGNS
    for column in [*core, *(column for column in COLUMNS if column in picked)]:
        placed.append(Placed(column, x, widths[column.id]))
        x += widths[column.id] + gap
    return Layout(tuple(placed), gap, len(others) - skip - len(picked) if wide else 0)


def _growth(
    core: list[Column], picked: list[Column], needed: Mapping[str, int], width: int
) -> list[tuple[Column, int]]:
    """Which column may become how wide, in the order in which they are served."""
    why = next((column for column in picked if column.id == "why"), None)
    wants = [(why, why.wish)] if why else []
    wants += [(column, _wanted(column, needed)) for column in core if column.id != "trend"]
    wants += [(why, WHY_FIRST)] if why else []
    wants += [(column, column.grow) for column in core if column.id == "trend" and width >= 2 * NARROW]
    wants += [(column, _wanted(column, needed)) for column in sorted(picked, key=lambda column: column.priority)]
    return [*wants, (why, width)] if why else wants


def _wanted(column: Column, needed: Mapping[str, int]) -> int:
    return min(max(column.width, needed.get(column.id, 0)), max(column.grow, column.width))


def _in_order(columns: list[Column], room: int, gap: int) -> list[Column]:
    picked = []
    for column in columns:
        room -= column.width + gap
        if room < 0:
            break
        picked.append(column)
    return picked


def _by_priority(columns: list[Column], room: int, gap: int) -> list[Column]:
    picked: list[Column] = []
    wishes = 0
    for column in sorted(columns, key=lambda column: column.priority):
        if room - wishes < column.width + gap:
            continue
        picked.append(column)
        room -= column.width + gap
        wishes += max(0, column.wish - column.width)
    return picked
