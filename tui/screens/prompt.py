"""Short questions: a secret that is never shown, and a yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from backends.text import clean

from .dialog import Dialog

if TYPE_CHECKING:
    from tui.app import Deck


class Masked(Input):
    """An entry that shows a sign for each character; Textual's own sign is no ASCII."""

    app: Deck

    @property
    def _value(self) -> Text:
        return Text(("*" if self.app.glyphs.ascii else "•") * len(self.value), no_wrap=True, overflow="ignore", end="")


class Secret(Dialog[str | None]):
    """A passphrase or password; None when the person gives up. Never echoed, never kept here."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up", "give up")]

    def __init__(self, title: str, what: str, waiting: int = 0) -> None:
        """`what` names the key file, or the login: it is shown as it is. `waiting`: how many more questions come."""
        super().__init__(title)
        self.what = what
        self.waiting = waiting

    def body(self) -> ComposeResult:
        yield self.line(clean(self.what))
        if self.waiting:
            yield self.line(f"{self.waiting} more question{'s' if self.waiting > 1 else ''} after this one", "muted")
        with Horizontal(classes="ask"):
            yield Masked(password=True, disabled=True)
            yield self.line("  Enter go on   Esc give up", "muted")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_give_up(self) -> None:
        self.dismiss(None)


class Question(Dialog[bool | None]):
    """Yes or no. `y` is yes and nothing else is; Enter decides nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "answer(True)", "yes"), ("n,escape", "answer(False)", "no")]

    def __init__(
        self, title: str, lines: Sequence[str], *, yes: str = "yes", no: str = "no", danger: bool = False
    ) -> None:
        super().__init__(title)
        self.lines = tuple(lines)
        self.hint = f"y {yes}    n {no}"
        self.set_class(danger, "-danger")

    def body(self) -> ComposeResult:
        for text in self.lines:
            yield self.line(text)
        yield self.line(self.hint, "muted gap")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
