"""The line in which a filter is typed. It filters while it is typed; what cannot be understood is said where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.filter import Filter, FilterError, compile_filter
from tui.format import fit
from tui.theme.tones import Tone

from .surface import Surface

if TYPE_CHECKING:
    from tui.app import Deck


class FilterBar(Widget):
    """`/` and an input. Enter keeps the filter, Esc puts the one from before back."""

    app: Deck
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]
    DEFAULT_CSS: ClassVar[str] = """
    FilterBar { height: 1; layout: horizontal; background: $background; }
    FilterBar > #slash { width: 2; height: 1; }
    FilterBar > Input { width: 3fr; height: 1; border: none; padding: 0; background: $background; }
    FilterBar > Input:focus { border: none; background: $background; }
    FilterBar > #said { width: 2fr; height: 1; }
    """

    class Changed(Message):
        """The text is a filter."""

        def __init__(self, found: Filter) -> None:
            super().__init__()
            self.filter = found

    class Done(Message):
        """Enter or Esc."""

    class Moved(Message):
        """An arrow: the table below moves while the filter is typed."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, before: Filter) -> None:
        super().__init__(id="filter")
        self.before = before

    def compose(self) -> ComposeResult:
        yield Surface(id="slash")
        entry = Input(self.before.text, select_on_focus=False, compact=True)
        entry.cursor_blink = False
        yield entry
        yield Surface(id="said")

    def on_mount(self) -> None:
        self.query_one("#slash", Surface).draw([((" /", Tone.ACCENT),)])
        self.screen.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._read(event.value):
            self.post_message(self.Done())

    def action_leave(self) -> None:
        self.post_message(self.Changed(self.before))
        self.post_message(self.Done())

    def action_move(self, step: int) -> None:
        self.post_message(self.Moved(step))

    def _read(self, text: str) -> bool:
        said = self.query_one("#said", Surface)
        try:
            found = compile_filter(text)
        except FilterError as error:
            glyphs = self.app.glyphs
            start, there = text[: error.position][-12:], text[error.position : error.position + 12]
            words = f" {start}[{there or ' '}] {error.message}"
            said.draw([((fit(words, max(4, said.size.width), ellipsis=glyphs.ellipsis), Tone.WARN),)])
            return False
        said.draw([()])
        self.post_message(self.Changed(found))
        return True
