"""Leaving ctdeck (`q` on the deck)."""

from __future__ import annotations

from .prompt import Question


class Quit(Question):
    """Asks once. True to leave."""

    def __init__(self, running_jobs: int = 0) -> None:
        """`running_jobs`: work that goes on on the nodes without us."""
        lines = ["Nothing on the nodes stops when you leave."]
        if running_jobs:
            lines.append(f"{running_jobs} job{'s' if running_jobs > 1 else ''} of yours will go on there.")
        super().__init__("leave ctdeck?", lines, yes="leave", no="stay")
