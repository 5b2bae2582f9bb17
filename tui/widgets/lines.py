"""Lines that scroll, and what makes lines: what details, help, logs and the like are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import chop_cells

from tui.format import cells
from tui.theme.tones import Tone

from .surface import Line, Span, Surface, width_of

EMPTY: Line = ()


def line(text: str, tone: Tone = Tone.NORMAL) -> Line:
    return ((text, tone),)


def plain(lines: Iterable[Line]) -> list[str]:
    """The text alone."""
    return ["".join(text for text, _ in spans) for spans in lines]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at blanks where there are some. At least one line."""
    lines = [""]
    for word in text.split(" "):
        parts = chop_cells(word, width) if cells(word) > width > 1 else [word]
        for part in parts:
            if not lines[-1]:
                lines[-1] = part
            elif len(parts) == 1 and cells(lines[-1]) + 1 + cells(part) <= width:
                lines[-1] += f" {part}"
            else:
                lines.append(part)
    return lines


def without_start(spans: Line, skip: int) -> Line:
    """A line from its cell `skip` on. Half of a wide character becomes a blank."""
    kept: list[Span] = []
    for text, tone in spans:
        size = cells(text)
        if skip >= size:
            skip -= size
            continue
        while skip > 0:
            skip -= cells(text[0])
            text = text[1:]
        kept.append((" " * -skip + text, tone))
        skip = 0
    return tuple(kept)


class Lines(Surface):
    """Shows a window of many lines; `go` moves it."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []
        self.top = 0
        self.left = 0
        self.at: int | None = None  # the line under the cursor, where there is one

    def show(self, lines: Sequence[Line], at: int | None = None) -> None:
        self.lines = list(lines)
        self.at = at
        self._place()

    def _place(self) -> None:
        height = self.size.height
        self.top = max(0, min(self.top, len(self.lines) - height))
        window = self.lines[self.top : self.top + height]
        self.left = max(0, min(self.left, max(map(width_of, self.lines), default=0) - self.size.width))
        cursor = None if self.at is None else self.at - self.top
        self.draw([without_start(spans, self.left) for spans in window] if self.left else window, cursor)

    def on_resize(self) -> None:
        self._place()

    def reveal(self, row: int) -> None:
        """Scroll as little as needed to show that line."""
        self.top = min(self.top, row) if row < self.top + self.size.height else row - self.size.height + 1
        self._place()

    @property
    def place(self) -> str:
        """The last line that is seen, and how many there are: `20/64`; nothing when all are."""
        height = self.size.height
        if len(self.lines) <= height:
            return ""
        return f"{min(len(self.lines), self.top + height)}/{len(self.lines)}"

    def go(self, where: str) -> None:
        """Scroll by the action of that id: down, up, page-down, page-up, top, bottom, left, right."""
        page = max(1, self.size.height - 1)
        if where in ("left", "right"):
            self.left += -8 if where == "left" else 8
        else:
            steps = {
                "down": 1,
                "up": -1,
                "page-down": page,
                "page-up": -page,
                "top": -self.top,
                "bottom": len(self.lines),
            }
            self.top += steps[where]
        self._place()
