"""A list to pick from, by arrows or by typing a part of a word: palette, menu, sort order, columns and copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.format import cells, fit, safe
from tui.theme.tones import Tone
from tui.widgets.surface import Line, Span, Surface

if TYPE_CHECKING:
    from tui.app import Deck


@dataclass(slots=True)
class Item:
    """One line. `value` is what picking gives; `refused` says why it cannot be picked; `checked` None: has no box."""

    value: str
    label: str
    key: str = ""
    help: str = ""
    refused: str = ""
    checked: bool | None = None

    def matches(self, words: Sequence[str]) -> bool:
        text = f"{self.label} {self.help} {self.key}".lower()
        return all(word in text for word in words)


class Picker(ModalScreen["str | frozenset[str] | None"]):
    """Gives the value that was picked; with boxes, the set of checked values; None when left."""

    app: Deck
    CSS_PATH = "picker.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "pick", show=False),
        Binding("down,ctrl+n,tab", "move(1)", show=False),
        Binding("up,ctrl+p,shift+tab", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("home", "move(-10000)", show=False),
        Binding("end", "move(10000)", show=False),
        Binding("backspace", "erase", show=False),
    ]

    def __init__(self, title: str, items: Sequence[Item], *, at: str = "", several: bool = False) -> None:
        super().__init__()
        self.heading = title
        self.set_class(self.app.glyphs.ascii, "-ascii")
        self.items = list(items)
        self.several = several
        self.typed = ""
        self.shown = self.items
        self.place = next((place for place, item in enumerate(items) if item.value == at), 0)

    def compose(self) -> ComposeResult:
        with Widget(id="box"):
            yield Surface(id="list")

    def on_mount(self) -> None:
        self._fit_box()

    def on_resize(self) -> None:
        self._fit_box()

    def _fit_box(self) -> None:
        labels = max((cells(item.label) for item in self.items), default=10)
        keys = max((cells(item.key) for item in self.items), default=0)
        helps = max((cells(item.refused or item.help) for item in self.items), default=0)
        width = min(self.app.size.width - 2, max(40, labels + keys + helps + 12))
        height = min(self.app.size.height - 2, len(self.items) + 4)
        box = self.query_one("#box")
        box.styles.width, box.styles.height = max(10, width), max(3, height)
        self.call_after_refresh(self.paint)

    def paint(self) -> None:
        """Draw the list; the item under the cursor is in sight."""
        surface = self.query_one("#list", Surface)
        width, height = surface.size
        room = max(1, height - 2)
        top = max(0, min(self.place - room // 2, len(self.shown) - room))
        entry: Line = ((fit(f" {self.typed}", max(0, width - 1)), Tone.STRONG),) if self.typed else self._hint()
        lines: list[Line] = [((f" {self.heading}", Tone.ACCENT),), entry]
        label = max((cells(item.label) for item in self.items), default=0)
        key = max((cells(item.key) for item in self.items), default=0)
        for item in self.shown[top : top + room]:
            lines.append(self._item_line(item, label, key, width))
        if not self.shown:
            lines.append(((" nothing has these words", Tone.DIM),))
        surface.draw(lines, self.place - top + 2 if self.shown else None)

    def _hint(self) -> Line:
        return ((" Space on or off, Enter keeps, Esc leaves" if self.several else " type to find", Tone.DIM),)

    def _item_line(self, item: Item, label: int, key: int, width: int) -> Line:
        glyphs = self.app.glyphs
        tone = Tone.DIM if item.refused else Tone.NORMAL
        spans: list[Span] = [(" ", tone)]
        if item.checked is not None:
            spans.append((f"{glyphs.checked if item.checked else glyphs.unchecked} ", Tone.ACCENT))
        spans.append((fit(safe(item.label), label + 2, ellipsis=glyphs.ellipsis), tone))
        if key:
            spans.append((fit(item.key, key + 2), Tone.DIM if item.refused else Tone.ACCENT))
        used = sum(cells(text) for text, _ in spans)
        words = safe(item.refused or item.help)
        spans.append((fit(words, max(0, width - used - 1), ellipsis=glyphs.ellipsis), Tone.DIM))
        return tuple(spans)

    def on_key(self, event: events.Key) -> None:
        if event.character is None or not event.is_printable:
            return
        event.stop()
        if event.character == " " and self.several:
            self._toggle()
            return
        self._find(self.typed + event.character)

    def _find(self, query: str) -> None:
        self.typed = query.lstrip()
        words = self.typed.lower().split()
        self.shown = [item for item in self.items if item.matches(words)]
        self.shown.sort(key=lambda item: not item.label.lower().startswith(self.typed.lower()))
        self.place = 0
        self.paint()

    def _toggle(self) -> None:
        if self.shown:
            item = self.shown[self.place]
            item.checked = not item.checked
            self.paint()

    def action_erase(self) -> None:
        self._find(self.typed[:-1])

    def action_move(self, step: int) -> None:
        self.place = max(0, min(self.place + step, len(self.shown) - 1))
        self.paint()

    def action_pick(self) -> None:
        if self.several:
            self.dismiss(frozenset(item.value for item in self.items if item.checked))
        elif self.shown and not self.shown[self.place].refused:
            self.dismiss(self.shown[self.place].value)

    def action_leave(self) -> None:
        self.dismiss(None)
