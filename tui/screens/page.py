"""A screen of lines under a title, with its keys at the bottom: the frame of details, help, logs and the like."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual._path import CSSPathType
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from backends.store import Changes
from tui.actions import DECK, LIST
from tui.describe import View
from tui.theme.tones import Tone
from tui.widgets.lines import Lines, line, wrap
from tui.widgets.surface import Line, Span, Surface, cut, justify, width_of

if TYPE_CHECKING:
    from tui.app import Deck

Result = TypeVar("Result")


class Page(Screen[Result]):
    """Subclasses say what the `title`, the `content` and the `hints` are now. Drawn again on each tick and each resize;
    what has not changed is not sent."""

    app: Deck
    CSS_PATH: ClassVar[CSSPathType | None] = "page.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [("q", "back", "back")]
    #: Actions of the deck that work here too, by their own keys; with none, not even those that move.
    ACTIONS: ClassVar[tuple[str, ...]] = ("help", "ascii", "redraw")

    def __init__(self) -> None:
        super().__init__()
        if self.ACTIONS:
            keymap = self.app.keymap
            for binding in (*keymap.bindings(LIST), *keymap.bindings(DECK, only=self.ACTIONS)):
                self._bindings.bind(binding.key, binding.action, binding.description, show=False)
        self._message = ""
        self._bad = False

    @property
    def view(self) -> View:
        return View(self.app.size.width, self.app.glyphs, time.monotonic(), time.time())

    # What a subclass says

    def title_lines(self) -> Sequence[Line]:
        raise NotImplementedError

    def content(self) -> Sequence[Line]:
        raise NotImplementedError

    def hints(self) -> Sequence[tuple[str, str]]:
        """(key, what it does), the most useful first."""
        return (("Esc", "back"),)

    # The frame

    def compose(self) -> ComposeResult:
        yield Surface(id="head")
        yield from self.middle()
        yield Lines(id="body")
        yield Surface(id="foot")

    def middle(self) -> ComposeResult:
        """Widgets between the title and the lines."""
        yield from ()

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def on_screen_resume(self) -> None:
        self.show()

    def store_changed(self, changes: Changes) -> None:
        self.show()

    def show(self) -> None:
        """Draw everything as it is now."""
        surface = self.query_one_optional("#head", Surface)
        if surface is None:  # coming or going: the deck's tick knows nothing of that
            return
        width = self.app.size.width
        head = [*(cut(row, width, self.app.glyphs.ellipsis) for row in self.title_lines())]
        head.append(line(self.app.glyphs.rule * width, Tone.RULE))
        surface.styles.height = len(head)
        surface.draw(head)
        self.query_one(Lines).show(self.content())
        self._foot()

    def _foot(self) -> None:
        width = self.app.size.width
        place = self.query_one(Lines).place
        rows = self._message_lines(width)
        if not rows:
            rows = [justify(self._hint_line(width - len(place) - 1), line(place, Tone.DIM), width)]
        surface = self.query_one("#foot", Surface)
        surface.styles.height = len(rows)
        surface.draw(rows)

    def _hint_line(self, width: int) -> Line:
        """As many hints as fit whole, the last one (how to leave) always."""
        hints = [((key, Tone.ACCENT), (f" {what}  ", Tone.DIM)) for key, what in self.hints()]
        spans: list[Span] = []
        for number, hint in enumerate(hints):
            rest = width_of(hints[-1]) if number < len(hints) - 1 else 0
            if not rest or width_of((*spans, *hint)) + rest <= width:
                spans += hint
        return tuple(spans)

    def _message_lines(self, width: int) -> list[Line]:
        """The message in full, on as many lines as it needs."""
        if not self._message:
            return []
        sign = f"{self.app.glyphs.trouble} " if self._bad else ""
        tone = Tone.WARN if self._bad else Tone.NORMAL
        return [line(row, tone) for row in wrap(sign + self._message, width)]

    def say(self, text: str) -> None:
        """A sentence in the place of the hints, until Esc."""
        self._message, self._bad = text, False
        self._foot()

    def say_error(self, text: str, remedy: str = "") -> None:
        """The same, for what went wrong."""
        self._message, self._bad = f"{text}. {remedy}" if remedy else text, True
        self._foot()

    # Keys

    def scroll_lines(self, where: str) -> None:
        self.query_one(Lines).go(where)
        self._foot()

    def action_down(self) -> None:
        self.scroll_lines("down")

    def action_up(self) -> None:
        self.scroll_lines("up")

    def action_top(self) -> None:
        self.scroll_lines("top")

    def action_bottom(self) -> None:
        self.scroll_lines("bottom")

    def action_page_down(self) -> None:
        self.scroll_lines("page-down")

    def action_page_up(self) -> None:
        self.scroll_lines("page-up")

    def action_back(self) -> None:
        """One step back: the message, then the screen."""
        if self._message:
            self._message = ""
            self._foot()
            return
        self.dismiss(self.result())

    def result(self) -> Result | None:
        """What the screen below gets when this one goes."""
        return None

    def action_help(self) -> None:
        from .help import Help

        self.app.push_screen(Help())

    def action_ascii(self) -> None:
        self.app.toggle_ascii()

    def action_redraw(self) -> None:
        self.app.redraw()

    def key(self, action: str) -> str:
        """The key of an action, for the hints."""
        return self.app.keymap.shown(action)
