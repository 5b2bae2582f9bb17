"""A container's configuration file, as it is on its node (`x`)."""

from __future__ import annotations

from typing import ClassVar

from backends.backend import Files, Script
from tui.theme.tones import Tone
from tui.widgets.lines import line
from tui.widgets.surface import Line

from .remote_text import RemoteText


class Raw(RemoteText):
    what: ClassVar[str] = "configuration"

    def script(self, files: Files) -> Script:
        return files.raw_config(self.key_shown.id)

    def toned(self, text: str) -> Line:
        if text.lstrip().startswith("#"):
            return line(text, Tone.DIM)
        name, equals, value = text.partition("=")
        return ((name + equals, Tone.ACCENT), (value, Tone.NORMAL)) if equals else line(text)
