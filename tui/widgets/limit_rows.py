"""The lines of the form of limits: one limit with its use and a field for the new value, and what is switched by keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.describe import share_tone
from tui.format import fit, meter
from tui.theme.tones import Tone

from .surface import Line, Surface, justify

if TYPE_CHECKING:
    from tui.app import Deck

_LABEL, _FIGURE = 15, 10
#: Width of the field, with its brackets.
ENTRY = 20


def meter_width(width: int) -> int:
    """Cells of a meter on a screen of that width; none where there is no room beside the field."""
    return 20 if width >= 100 else 14 if width >= 78 else 0


def heading(width: int, arrow: str) -> str:
    """The titles over the figures."""
    meters = meter_width(width)
    use = 2 + _LABEL + (meters + 5 if meters else 0) + _FIGURE
    return f"{'use':>{use}}{'limit':>{_FIGURE}}  {arrow} new"


class LimitRow(Widget):
    """`name` is the limit. The field is checked while it is typed; what is wrong stands in place of the figures."""

    app: Deck

    def __init__(self, name: str, label: str, check: Callable[[str], str], hint: str = "") -> None:
        super().__init__()
        self.limit = name
        self.label = label
        self.check = check
        self.hint = hint
        self.wrong = ""
        self._figures: tuple[str, str, float | None] = ("", "", None)

    def compose(self) -> ComposeResult:
        yield Surface()
        yield Input(max_length=48, compact=True, select_on_focus=False)
        yield Static("]", markup=False)

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def show(self, use: str, limit: str, share: float | None) -> None:
        """Figures as text, and what share of the limit is used."""
        self._figures = (use, limit, share)
        self._draw()

    def _draw(self) -> None:
        surface = self.query_one_optional(Surface)
        if surface is None:
            return
        focused = self.query_one(Input).has_focus
        name = (fit(f"  {self.label}", _LABEL + 2), Tone.STRONG if focused else Tone.NORMAL)
        glyphs = self.app.glyphs
        room = max(0, surface.size.width - _LABEL - 4)
        if self.wrong:
            text = fit(f"{glyphs.trouble} {self.wrong}", room, ellipsis=glyphs.ellipsis)
            self._draw_line((name, (text, Tone.WARN)))
            return
        use, limit, share = self._figures
        if focused and not self.text and self.hint:
            meters = meter_width(self.app.size.width)
            hint = fit(f"write it like {self.hint}", _FIGURE + (meters + 5 if meters else 0), ellipsis=glyphs.ellipsis)
            self._draw_line((name, (hint, Tone.DIM), *self._limit(limit)))
            return
        spans: Line = (name,)
        if width := meter_width(self.app.size.width):
            bar = " " * (width + 5)
            if share is not None:
                filled = meter(share, 1, width, glyphs.full, glyphs.empty)
                bar = f"{filled}{fit(f'{100 * share:.0f}%', 5, right=True)}"
            tone = share_tone(share)
            spans = (*spans, (bar, tone if tone is not Tone.NORMAL else Tone.ACCENT))
        spans = (*spans, (fit(use, _FIGURE, right=True), share_tone(share)), *self._limit(limit))
        self._draw_line(spans)

    def _draw_line(self, spans: Line) -> None:
        """The bracket before the field stands at the end."""
        surface = self.query_one(Surface)
        surface.draw([justify(spans, (("[", Tone.DIM),), surface.size.width)])

    def _limit(self, limit: str) -> Line:
        return ((fit(limit, _FIGURE, right=True), Tone.NORMAL),)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.wrong = self.check(event.value)
        self._draw()

    def on_descendant_focus(self) -> None:
        self._draw()
        self.scroll_visible(animate=False)

    def on_descendant_blur(self) -> None:
        self._draw()


class Switch(Surface):
    """One of some values, by Space, Left and Right."""

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "turn(1)", show=False),
        Binding("left", "turn(-1)", show=False),
    ]

    def __init__(self, label: str, values: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.label = label
        self.values = tuple(values)
        self.place = 0

    @property
    def value(self) -> str:
        return self.values[self.place]

    def action_turn(self, step: int) -> None:
        self.place = (self.place + step) % len(self.values)
        self.show()

    def show(self) -> None:
        spans: list[tuple[str, Tone]] = [(fit(f"  {self.label}", 17), Tone.STRONG if self.has_focus else Tone.NORMAL)]
        for place, value in enumerate(self.values):
            here = place == self.place
            spans.append((f"{'[' if here else ' '}{value}{']' if here else ' '} ", Tone.ACCENT if here else Tone.DIM))
        if self.has_focus:
            spans.append((" Space changes", Tone.DIM))
        self.draw([tuple(spans)], 0 if self.has_focus else None)

    def on_mount(self) -> None:
        self.show()

    def on_focus(self, event: events.Focus) -> None:
        self.show()

    def on_blur(self, event: events.Blur) -> None:
        self.show()


class Fold(Surface):
    """A line that shows or hides what is below it, by Space or Enter."""

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter,right,left", "fold", show=False)]

    class Turned(Message):
        """It was opened or closed."""

    def __init__(self, text: str, tone: Tone) -> None:
        super().__init__(id="fold")
        self.text = text
        self.tone = tone
        self.open = False

    def action_fold(self) -> None:
        self.open = not self.open
        self.show()
        self.post_message(self.Turned())

    def show(self) -> None:
        glyphs = self.app.glyphs
        sign = glyphs.descending if self.open else glyphs.arrow
        words = "Space hides them" if self.open else "Space shows them"
        tail = (f"   {words}", Tone.DIM) if self.has_focus else ("", Tone.DIM)
        self.draw([((f"  {sign} {self.text}", self.tone), tail)], 0 if self.has_focus else None)

    def on_mount(self) -> None:
        self.show()

    def on_focus(self, event: events.Focus) -> None:
        self.show()

    def on_blur(self, event: events.Blur) -> None:
        self.show()
