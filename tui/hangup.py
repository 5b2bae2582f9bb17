"""Whether our terminal is gone. Without a controlling terminal (`su -c`, `setsid`) no signal tells, and Textual spins."""

from __future__ import annotations

import select
import sys


def terminal_is_gone() -> bool:
    """Whether the other end of the terminal on our standard input has been closed. False where there is none to watch."""
    try:
        watch = select.poll()
        watch.register(sys.__stdin__.fileno(), 0)  # type: ignore[union-attr]  # None has no fileno
        return any(event & select.POLLHUP for _, event in watch.poll(0))
    except (AttributeError, OSError, ValueError):
        return False
