"""A dialog with one field; what cannot be is said below it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from backends.errors import CtdeckError
from tui.format import safe

from .dialog import Dialog


class Entry(Dialog[str | None]):
    """Gives the text once `check` finds nothing wrong with it (it raises CtdeckError); None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "back")]

    def __init__(
        self, title: str, label: str, check: Callable[[str], object], *, value: str = "", lines: Sequence[str] = ()
    ) -> None:
        super().__init__(title)
        self.label = label
        self.check = check
        self.value = value
        self.lines = tuple(lines)

    def body(self) -> ComposeResult:
        for text in self.lines:
            yield self.line(safe(text), "muted")
        with Horizontal(classes="ask"):
            yield self.line(f"{self.label} ")
            yield Input(self.value, max_length=400, disabled=True, select_on_focus=False)
        yield self.line(" ", "warn said")
        yield self.line("Enter plan   Esc leave", "muted")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self.check(event.value)
        except CtdeckError as error:
            self.query_one(".said", Static).update(safe(str(error)))
            return
        self.dismiss(event.value)

    def action_leave(self) -> None:
        self.dismiss(None)
