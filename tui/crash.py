"""What a person is told when a command fails: one sentence; the details of our own mistakes go to a file."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from backends import errors

from . import __version__

#: Bytes. Older crashes are dropped when the file is longer.
_LIMIT = 1 << 20


def told(error: Exception) -> tuple[str, int]:
    """The sentence for an error, and the exit code. With CTDECK_DEBUG=1 the traceback is printed first."""
    if os.environ.get("CTDECK_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, errors.ConfigError):
        return str(error), 2
    if isinstance(error, errors.Fault):
        return str(error), 3
    if isinstance(error, errors.CtdeckError):
        return str(error), 1
    what = f"a mistake of ctdeck itself ({type(error).__name__})"
    try:
        return f"{what}. The details are in {_written(error)}", 1
    except OSError:
        return f"{what}. Run it again with CTDECK_DEBUG=1 for the details", 1


def _written(error: Exception) -> Path:
    from backends import paths

    path = paths.state() / "crash.log"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if path.exists() and path.stat().st_size > _LIMIT:
        flags |= os.O_TRUNC
    with os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8", errors="backslashreplace") as log:
        now = time.strftime("%Y-%m-%d %H:%M:%S %z")
        log.write(f"== {now} ctdeck {__version__} python {sys.version.split()[0]} {sys.platform}\n")
        log.writelines(traceback.format_exception(error))
    return path
