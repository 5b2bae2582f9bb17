"""A page whose lines can be chosen: the cursor moves, the keys mean the line under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tui.widgets.lines import Lines
from tui.widgets.surface import Line

from .page import Page

Result = TypeVar("Result")


class ListPage(Page[Result]):
    """Subclasses say how many `choices` there are and on which of the `content` lines each stands."""

    at = 0  # number of the choice under the cursor

    def choices(self) -> int:
        raise NotImplementedError

    def line_of(self, choice: int) -> int:
        """The line of `content` on which a choice stands."""
        return choice

    def content(self) -> Sequence[Line]:
        raise NotImplementedError

    def show(self) -> None:
        super().show()
        lines = self.query_one_optional("#body", Lines)
        if lines is None:
            return
        self.at = max(0, min(self.at, self.choices() - 1))
        place = self.line_of(self.at) if self.choices() else None
        lines.show(self.content(), place)
        if place is not None:
            lines.reveal(place)
        self._foot()

    def scroll_lines(self, where: str) -> None:
        page = max(1, self.query_one(Lines).size.height - 1)
        steps = {"down": 1, "up": -1, "page-down": page, "page-up": -page, "top": -self.at, "bottom": self.choices()}
        self.at = max(0, min(self.at + steps[where], self.choices() - 1))
        self.show()
