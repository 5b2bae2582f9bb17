"""Lines of text in tones, drawn by the Line API. What has not changed is not sent: a line that differs is repainted from
its first to its last different cell only. The table, the header and every bar are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.format import cells, fit
from tui.theme.tones import Tone

if TYPE_CHECKING:
    from tui.app import Deck

#: A piece of text, and a whole line of them. Text is plain: nothing is ever read as markup.
Span = tuple[str, Tone]
Line = tuple[Span, ...]


def width_of(line: Line) -> int:
    return sum(cells(text) for text, _ in line)


def justify(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at their sides of `width` cells. Where both do not fit, the end of `left` is cut."""
    free = width - width_of(right)
    if free <= 0:
        return cut(right, width)
    kept = cut(left, free - 1)
    return (*kept, (" " * (free - width_of(kept)), Tone.NORMAL), *right)


def cut(line: Line, width: int, ellipsis: str = "…") -> Line:
    """`line` in at most `width` cells."""
    if width_of(line) <= width:
        return line
    kept: list[Span] = []
    room = max(0, width)
    for text, tone in line:
        size = cells(text)
        if size <= room and not (size == room and size < width_of(line)):
            kept.append((text, tone))
            room -= size
            continue
        kept.append((fit(text + " ", room, ellipsis=ellipsis), tone))
        break
    return tuple(kept)


class Surface(Widget):
    """Some lines of text. `draw` says what they are now; it is cheap to call when nothing has changed."""

    app: Deck
    can_focus = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: list[Line] = []
        self._cursor: int | None = None

    def draw(self, lines: Sequence[Line], cursor: int | None = None) -> None:
        """`cursor`: the line that is shown as being under the cursor."""
        old, was = self._drawn, self._cursor
        if old == lines and was == cursor:
            return
        self._drawn, self._cursor = list(lines), cursor
        if len(old) != len(lines):
            self.refresh()
            return
        regions = []
        width = self.size.width
        for y, (before, now) in enumerate(zip(old, lines, strict=True)):
            if was != cursor and y in (was, cursor):
                regions.append(Region(0, y, width, 1))
            elif before != now:
                regions.append(_difference(before, now, y, width))
        if regions:
            self.refresh(*regions)

    def redraw(self) -> None:
        """Paint all again, in the tones and signs of now."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        tones = self.app.cursor_tones if y == self._cursor else self.app.tones
        if y >= len(self._drawn):
            return Strip.blank(width, tones[Tone.NORMAL])
        segments = []
        length = 0
        run: list[str] = []
        last: Tone | None = None
        for text, tone in self._drawn[y]:
            length += cells(text)
            if tone is not last and run:
                segments.append(Segment("".join(run), tones[last or Tone.NORMAL]))
                run = []
            last = tone
            run.append(text)
        if run:
            segments.append(Segment("".join(run), tones[last or Tone.NORMAL]))
        if length < width:
            segments.append(Segment(" " * (width - length), tones[Tone.NORMAL]))
            length = width
        strip = Strip(segments, length)
        return strip if length == width else strip.crop(0, width)


def _difference(before: Line, now: Line, y: int, width: int) -> Region:
    """The part of a line between its first and its last different cell, by whole spans."""
    left = start = 0
    while start < len(before) and start < len(now) and before[start] == now[start]:
        left += cells(now[start][0])
        start += 1
    if width_of(before) != width_of(now):
        return Region(left, y, max(1, width - left), 1)
    right = width_of(now)
    end = 1
    while end <= min(len(before), len(now)) - start and before[-end] == now[-end]:
        right -= cells(now[-end][0])
        end += 1
    return Region(left, y, max(1, right - left), 1)
