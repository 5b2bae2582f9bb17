"""What every dialog has in common: a box in the middle, and no answer by keys that were typed before it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual._path import CSSPathType
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from tui.app import Deck

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A modal box. Subclasses give its `title` and `body`; all of their text is taken literally, never as markup.

    For the first `GUARD` seconds on top no key counts, so that typing ahead decides nothing: bindings and inputs are off.
    """

    app: Deck
    GUARD: ClassVar[float] = 0.4
    AUTO_FOCUS = None
    CSS_PATH: ClassVar[CSSPathType | None] = "dialog.tcss"

    def __init__(self, title: str) -> None:
        super().__init__()
        self.heading = title
        self.ready = False
        self.set_class(self.app.glyphs.ascii, "-ascii")
        self._expired = False
        self._gone = False
        self._guard: Timer | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box", can_focus=False) as box:
            box.border_title = Content(self.heading)
            yield from self.body()

    def body(self) -> ComposeResult:
        """The lines and inputs inside of the box."""
        raise NotImplementedError

    def line(self, text: str, classes: str = "") -> Static:
        return Static(Content(text), classes=classes, markup=False)

    def expire(self) -> None:
        """Nobody waits for the answer any more: go, at once or as soon as nothing lies above."""
        if not self._expired:
            self._expired = True
            self._go_if_expired()

    def _go_if_expired(self) -> None:
        # not `is_current`, which a screen under a dialog is too: that would dismiss the dialog above
        if self._expired and self.app.screen is self and not self._gone:
            self._gone = True
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        self._go_if_expired()
        self._switch(on=False)
        if self._guard is not None:
            self._guard.stop()
        self._guard = self.set_timer(self.GUARD, self._arm)

    def on_screen_suspend(self) -> None:
        if self._guard is not None:
            self._guard.stop()
        self._switch(on=False)

    def _arm(self) -> None:
        self._switch(on=True)

    def _switch(self, *, on: bool) -> None:
        """From now on keys count, or no longer."""
        self.ready = on
        for entry in self.query(Input):
            entry.disabled = not on
            if on:
                entry.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.ready
