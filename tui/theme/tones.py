"""Tones: what a piece of text means. Colour only repeats what a sign or a word already says.

Two dresses. RGB, for terminals that have 256 colours or more; and the terminal's own sixteen colours, for the others and
under NO_COLOR (Textual then drops the colours and keeps bold, dim and reverse, which alone still tell the cursor).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from rich.style import Style

if TYPE_CHECKING:
    from textual.theme import Theme


class Tone(IntEnum):
    """Meaning of a piece of text."""

    NORMAL = 0
    DIM = 1  # fine, or of no news
    STRONG = 2  # names and titles
    ACCENT = 3  # where the person is: key names, the filter, marks
    WARN = 4
    CRIT = 5
    RULE = 6
    HEAD = 7  # titles of columns


_BACKGROUND = "#10151b"
_FOREGROUND = "#c3ccd5"
_DIM = "#76838f"
_ACCENT = "#62b5c4"
_WARN = "#e3b163"
_CRIT = "#f2777a"
_RULE = "#33404c"
_CURSOR = "#22303d"

Styles = Mapping[Tone, Style]

RGB: Styles = {
    Tone.NORMAL: Style(color=_FOREGROUND, bgcolor=_BACKGROUND),
    Tone.DIM: Style(color=_DIM, bgcolor=_BACKGROUND),
    Tone.STRONG: Style(color="#f0f4f7", bgcolor=_BACKGROUND, bold=True),
    Tone.ACCENT: Style(color=_ACCENT, bgcolor=_BACKGROUND),
    Tone.WARN: Style(color=_WARN, bgcolor=_BACKGROUND),
    Tone.CRIT: Style(color=_CRIT, bgcolor=_BACKGROUND, bold=True),
    Tone.RULE: Style(color=_RULE, bgcolor=_BACKGROUND),
    Tone.HEAD: Style(color=_DIM, bgcolor=_BACKGROUND, bold=True),
}
RGB_CURSOR: Styles = {tone: style + Style(bgcolor=_CURSOR) for tone, style in RGB.items()}

ANSI: Styles = {
    Tone.NORMAL: Style(color="default", bgcolor="default"),
    Tone.DIM: Style(color="default", bgcolor="default", dim=True),
    Tone.STRONG: Style(color="default", bgcolor="default", bold=True),
    Tone.ACCENT: Style(color="cyan", bgcolor="default"),
    Tone.WARN: Style(color="yellow", bgcolor="default"),
    Tone.CRIT: Style(color="red", bgcolor="default", bold=True),
    Tone.RULE: Style(color="default", bgcolor="default", dim=True),
    Tone.HEAD: Style(color="default", bgcolor="default", dim=True),
}
ANSI_CURSOR: Styles = {
    tone: Style(color="default", bgcolor="default", reverse=True, bold=style.bold) for tone, style in ANSI.items()
}


def has_rgb() -> bool:
    """Whether the terminal has 256 colours or more and the person did not ask for none."""
    environment = os.environ
    if "NO_COLOR" in environment:
        return False
    return environment.get("COLORTERM") in {"truecolor", "24bit"} or "256color" in environment.get("TERM", "")


def theme(*, rgb: bool) -> Theme:
    """The Textual theme that goes with the tones; its variables are what style sheets use ($background, $rule, $dim ...)."""
    from textual.theme import Theme

    if rgb:
        return Theme(
            name="ctdeck",
            primary=_ACCENT,
            secondary=_ACCENT,
            accent=_ACCENT,
            warning=_WARN,
            error=_CRIT,
            success=_FOREGROUND,
            foreground=_FOREGROUND,
            background=_BACKGROUND,
            surface=_BACKGROUND,
            panel=_CURSOR,
            variables={"dim": _DIM, "rule": _RULE, "cursor": _CURSOR, **_scrollbars(_RULE, _BACKGROUND)},
        )
    return Theme(
        name="ctdeck-ansi",
        ansi=True,
        primary="ansi_cyan",
        secondary="ansi_cyan",
        accent="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_default",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        variables={
            "dim": "ansi_default",
            "rule": "ansi_default",
            "cursor": "ansi_default",
            "ansi-background": "ansi_default",
            "ansi-foreground": "ansi_default",
            "input-cursor-text-style": "reverse",
            **_scrollbars("ansi_white", "ansi_default"),
        },
    )


def _scrollbars(bar: str, trough: str) -> dict[str, str]:
    return {
        "scrollbar": bar,
        "scrollbar-hover": bar,
        "scrollbar-active": bar,
        "scrollbar-background": trough,
        "scrollbar-background-hover": trough,
        "scrollbar-background-active": trough,
        "scrollbar-corner-color": trough,
    }
