"""One series over time as bars, by the Line API: a title, a y axis with units, a time axis with clock labels.

`render` is pure and does all of the drawing; `Graph` only repaints the lines that became different.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

#: (time, value); times in seconds of one clock, oldest first. A NaN value is a gap.
Points = Iterable[tuple[float, float]]

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_HASHES = " ....####"
#: Distances of the labels of the time axis, in seconds.
_TICKS = (60, 120, 300, 600, 900, 1800, 3600)
#: Columns that a clock label needs, with a blank on each side.
_LABEL_ROOM = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """What a graph covers. `start` and `end` are times of the points; `epoch` is the wall clock (seconds since 1970) of
    time 0, for the labels; `hold` is how many seconds a point stands for while no other comes."""

    start: float
    end: float
    epoch: float
    hold: float = 10.0


def columns(points: Points, width: int, frame: Frame) -> list[float]:
    """The series in `width` columns: the highest value of each (a peak is what matters), NaN where there is none."""
    span = frame.end - frame.start
    cells = [math.nan] * width
    if width < 1 or span <= 0:
        return cells
    previous_at, previous = -math.inf, math.nan
    drawn = 0  # columns that are decided
    for at, value in points:
        if at > frame.end:
            break
        column = int((at - frame.start) / span * width)
        column = min(column, width - 1)
        if column >= 0:
            _hold(cells, drawn, column, previous_at, previous, width, frame)
            if value == value:  # not a NaN
                cells[column] = value if cells[column] != cells[column] else max(cells[column], value)
            drawn = column + 1
        previous_at, previous = at, value
    _hold(cells, drawn, width, previous_at, previous, width, frame)
    return cells


def _hold(cells: list[float], first: int, after: int, at: float, value: float, width: int, frame: Frame) -> None:
    """A point stands for the columns after it, until the next one comes or it is too old."""
    span = frame.end - frame.start
    for column in range(first, after):
        if frame.start + column * span / width - at > frame.hold:
            return
        cells[column] = value


def nice_top(peak: float, limit: float | None, *, binary: bool = False) -> float:
    """Top of the y axis: the limit when the peak comes near it, else a round figure some tenth above the peak."""
    if limit and limit > 0 and limit / 4 <= peak <= limit:
        return limit
    want = max(peak * 1.1, 1048576.0 if binary else 10.0)  # a quiet series is not blown up to fill the graph
    base = 1024.0 if binary else 10.0
    power = base ** math.floor(math.log(want, base))
    steps = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if binary else (1, 2, 4, 6, 8, 10)
    return next((step * power for step in steps if step * power >= want), want)


def render(
    points: Points,
    width: int,
    height: int,
    frame: Frame,
    *,
    label: Callable[[float], str],
    limit: float | None = None,
    binary: bool = False,
    ascii_only: bool = False,
) -> list[str]:
    """`height` lines of exactly `width` cells: bars over an x axis over a line of clock labels.

    `label` writes a value of the y axis with its unit. `limit` is drawn as a line where it lies within the scale;
    `binary` chooses round figures of 1024 (bytes). Every known value has a bar, be it 0; a gap has none.
    """
    if height < 4 or width < 16:
        return [" " * width] * height
    rows = height - 2
    series = list(points)
    peak = max((value for at, value in series if value == value and at >= frame.start), default=0.0)
    top = nice_top(peak, limit, binary=binary)
    marks = {0: label(top), rows: label(0.0)}
    if rows >= 4 and rows % 2 == 0:
        marks[rows // 2] = label(top / 2)
    gutter = max(len(text) for text in marks.values()) + 1
    cells = columns(series, width - gutter - 1, frame)
    axis = "|++-" if ascii_only else "┤┼┬─"
    limit_row = -1
    if limit is not None and 0 < limit <= top:
        limit_row = min(rows - 1, int((top - limit) / top * rows))
    lines = []
    for row in range(rows):
        bars = _bars(cells, row, rows, top, ascii_only)
        if row == limit_row:
            bars = bars.replace(" ", "-" if ascii_only else "╌")
        lines.append(f"{marks.get(row, ''):>{gutter - 1}} {axis[0]}{bars}")
    return [*lines, *_time_axis(frame, width, gutter, marks[rows], axis)]


def _bars(cells: Sequence[float], row: int, rows: int, top: float, ascii_only: bool) -> str:
    """One line of the bars, the highest line is row 0."""
    blocks = _HASHES if ascii_only else _EIGHTHS
    below = (rows - 1 - row) * 8
    line = []
    for value in cells:
        if value != value:
            line.append(" ")
            continue
        eighths = max(1, math.ceil(value / top * rows * 8 - 1e-6)) - below
        line.append(blocks[min(8, max(0, eighths))])
    return "".join(line)


def _time_axis(frame: Frame, width: int, gutter: int, zero: str, axis: str) -> tuple[str, str]:
    """The x axis with its ticks at round times of the clock, and their labels below."""
    plot = width - gutter - 1
    span = frame.end - frame.start
    rule = [axis[3]] * plot
    labels = [" "] * width
    if span > 0:
        every = next((tick for tick in _TICKS if tick / span * plot >= _LABEL_ROOM), _TICKS[-1])
        offset = time.localtime(frame.epoch + frame.end).tm_gmtoff
        first = math.ceil((frame.epoch + frame.start + offset) / every) * every - offset
        while first <= frame.epoch + frame.end:
            column = min(plot - 1, int((first - frame.epoch - frame.start) / span * plot))
            text = time.strftime("%H:%M", time.localtime(first))
            place = min(width - len(text), gutter + 1 + column - len(text) // 2)
            rule[column] = axis[2]
            if all(cell == " " for cell in labels[max(0, place - 1) : place + len(text) + 1]):
                labels[place : place + len(text)] = text
            first += every
    return f"{zero:>{gutter - 1}} {axis[1]}{''.join(rule)}", "".join(labels)


class Graph(Widget, can_focus=False):
    """Shows what `render` draws, under a title; gets everything through `update`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"graph--title", "graph--axis", "graph--bar", "graph--limit"}
    DEFAULT_CSS = """
    Graph {
        height: 9;
        & > .graph--title { color: $text; }
        & > .graph--axis { color: $text-muted; }
        & > .graph--bar { color: $accent; }
        & > .graph--limit { color: $warning; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[str] = []
        self._draw: Callable[[int, int], list[str]] | None = None
        self._title = ""

    def show(self, title: str, draw: Callable[[int, int], list[str]]) -> None:
        """`draw(width, height)` gives the lines under the title (see `render`). Only lines that differ are painted."""
        self._title, self._draw = title, draw
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.size
        if self._draw is None or width < 1 or height < 2:
            return
        lines = [self._title[:width].ljust(width), *self._draw(width, height - 1)]
        if len(lines) != len(self._lines):
            self._lines = lines
            self.refresh()
            return
        changed = [Region(0, y, width, 1) for y, line in enumerate(lines) if line != self._lines[y]]
        self._lines = lines
        if changed:
            self.refresh(*changed)

    def on_resize(self) -> None:
        self._lines = []
        self._redraw()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[y]
        if y == 0:
            return Strip([Segment(line, self.get_component_rich_style("graph--title"))], width)
        return Strip(self._segments(line), width)

    def _segments(self, line: str) -> list[Segment]:
        """The line in runs of one colour, told by what is drawn."""
        styles = [self.get_component_rich_style(f"graph--{part}") for part in ("axis", "bar", "limit")]
        segments: list[Segment] = []
        run, kind = "", 0
        plot = False
        for char in line:
            now = 0
            if plot:
                now = 1 if char in "▁▂▃▄▅▆▇█#." else 2 if char in "╌-" else 0
            elif char in "┤|":
                plot = True
            if now != kind and run:
                segments.append(Segment(run, styles[kind]))
                run = ""
            run, kind = run + char, now
        if run:
            segments.append(Segment(run, styles[kind]))
        return segments
