"""The newest lines that the node has about a container (`l`): what its tools logged, not what runs inside."""

from __future__ import annotations

import re
from typing import ClassVar

from backends.backend import Files, Script
from tui.theme.tones import Tone
from tui.widgets.lines import line
from tui.widgets.surface import Line

from .remote_text import RemoteText

_BAD = re.compile(r"\b(error|failed|failure|unable|cannot|can't|fatal|crit|alert|emerg)\b", re.IGNORECASE)


class Logs(RemoteText):
    """Opens at the newest line; lines that speak of a failure stand out."""

    what: ClassVar[str] = "logs"
    from_the_end: ClassVar[bool] = True

    def script(self, files: Files) -> Script:
        return files.logs(self.key_shown.id)

    def toned(self, text: str) -> Line:
        return line(text, Tone.WARN if _BAD.search(text) else Tone.NORMAL)
