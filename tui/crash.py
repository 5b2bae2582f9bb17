"""What a person is told when a command fails: one sentence; the details of our own mistakes go to a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import traceback
from pathlib import Path

from backends import errors
from backends.plans import plan

from . import __version__

#: Bytes. What is older is dropped when the file is longer.
_LIMIT = 1 << 20


def told(error: Exception) -> tuple[str, int]:
    """The sentence for an error, and the exit code. With CTDECK_DEBUG=1 the traceback is printed first."""
    if os.environ.get("CTDECK_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, errors.ConfigError):
        return str(error), 2
    if isinstance(error, errors.Fault):
        return str(error), 3
    if isinstance(error, plan.Refused):
        return str(error), 4
    if isinstance(error, plan.Misused):
        return str(error), 2
    if isinstance(error, errors.CtdeckError):
        return str(error), 1
    what = f"a mistake of ctdeck itself ({type(error).__name__})"
    try:
        return f"{what}. The details are in {_written(error)}", 1
    except OSError:
        return f"{what}. Run it again with CTDECK_DEBUG=1 for the details", 1


class _Log(logging.Handler):
    """What the program logs. Nothing may reach the terminal by itself: the deck is drawn there."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            _append(self.format(record) + "\n")


def keep_log() -> None:
    """From now on warnings and errors of all libraries go to the file; with CTDECK_DEBUG=1 to standard error, as always."""
    root = logging.getLogger()
    if os.environ.get("CTDECK_DEBUG") != "1" and not any(isinstance(handler, _Log) for handler in root.handlers):
        root.addHandler(_Log(logging.WARNING))


def _written(error: Exception) -> Path:
    return _append("".join(traceback.format_exception(error)))


def _append(text: str) -> Path:
    from backends import paths

    path = paths.state() / "crash.log"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > _LIMIT:
        flags |= os.O_TRUNC
    with os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8", errors="backslashreplace") as log:
        now = time.strftime("%Y-%m-%d %H:%M:%S %z")
        log.write(f"== {now} ctdeck {__version__} python {sys.version.split()[0]} {sys.platform}\n{text}")
    return path
