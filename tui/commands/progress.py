"""What a command says meanwhile: one line on standard error that is written over, at a terminal only."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TextIO

from tui.format import fit, safe


class Progress:
    """The one line. Everything else that is printed goes through `tell`, so that it never stands behind that line."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        if not self._wanted or text == self._shown:
            return
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{fit(safe(text), width).rstrip()}", end="", file=sys.stderr, flush=True)
        self._shown = text

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = ""

    def tell(self, text: str, stream: TextIO) -> None:
        """A line that stays."""
        self.clear()
        with contextlib.suppress(BrokenPipeError):  # who read us is gone; the work is not, and goes on
            print(text, file=stream, flush=True)
