"""One series over time as bars, by the Line API: a title, a y axis with units, a time axis with clock labels.

`render` is pure and does all of the drawing; of `Graph` only what became different is painted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from tui.theme.tones import Tone

from .surface import Line, Span, Surface

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


def summary(
    name: str,
    points: Points,
    now: float | None,
    frame: Frame,
    label: Callable[[float | None], str],
    usual: float | None = None,
) -> list[str]:
    """Title of a graph in parts, the most telling first: what it is, the value now, the peak and its time, the usual
    (where nobody knows it better, the median of what is shown)."""
    shown = [(at, value) for at, value in points if value == value and at >= frame.start]
    parts = [name, f"now {label(now)}"]
    if shown:
        at, peak = max(shown, key=lambda point: point[1])
        parts.append(f"peak {label(peak)} {time.strftime('%H:%M', time.localtime(frame.epoch + at))}")
    if usual is None and len(shown) >= 10:
        usual = median(value for _, value in shown)
    if usual is not None:
        parts.append(f"usual {label(usual)}")
    return parts


class Graph(Surface):
    """Shows what `render` draws, under a title."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title: Sequence[str] = ()
        self._lines: Callable[[int, int], list[str]] | None = None

    def show(self, title: Sequence[str], lines: Callable[[int, int], list[str]]) -> None:
        """`title`: parts, of which those that fit are shown. `lines(width, height)` gives what stands below it."""
        self._title, self._lines = title, lines
        self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        width, height = self.size
        if self._lines is None or width < 1 or height < 2:
            return
        name, *rest = self._title or ("",)
        title: list[Span] = [(name, Tone.STRONG)]
        room = width - len(name)
        for part in rest:
            room -= len(part) + 2
            if room < 0:
                break
            title.append((f"  {part}", Tone.NORMAL))
        self.draw([tuple(title), *map(_toned, self._lines(width, height - 1))])


_BARS = frozenset("▁▂▃▄▅▆▇█#.")
_LIMIT = frozenset("╌-")


def _toned(text: str) -> Line:
    """A drawn line in runs of one tone, told by what is drawn."""
    axis = max(text.find("┤"), text.find("|"))
    if axis < 0:
        return ((text, Tone.DIM),)
    spans: list[Span] = [(text[: axis + 1], Tone.DIM)]
    for tone, run in groupby(text[axis + 1 :], _tone):
        spans.append(("".join(run), tone))
    return tuple(spans)


def _tone(char: str) -> Tone:
    return Tone.ACCENT if char in _BARS else Tone.WARN if char in _LIMIT else Tone.DIM
