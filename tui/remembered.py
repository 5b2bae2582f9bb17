"""What was chosen on the screen and holds for the next run: sort and columns, in `ui.yaml` of the state directory.

Never the filter: last week's would hide tonight's culprit. What cannot be read is as if it were not there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import yaml

from backends import paths

from .columns import BY_ID
from .rows import TROUBLE


@dataclass(frozen=True, slots=True)
class Remembered:
    """`columns` None: those of the fleet file."""

    sort: str = TROUBLE
    inverted: bool = False
    columns: frozenset[str] | None = None


def recall(fleet_columns: Sequence[str]) -> Remembered:
    """Of the last run. Columns that were chosen over another `columns:` of the fleet file are forgotten."""
    try:
        found = yaml.safe_load(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return Remembered()
    if not isinstance(found, dict):
        return Remembered()
    sort, columns = found.get("sort"), found.get("columns")
    known = isinstance(sort, str) and (sort == TROUBLE or (sort in BY_ID and BY_ID[sort].sort is not None))
    if not isinstance(columns, list) or found.get("over") != list(fleet_columns):
        columns = None
    return Remembered(
        sort=str(sort) if known else TROUBLE,
        inverted=known and found.get("inverted") is True,
        columns=None
        if columns is None
        else frozenset(each for each in columns if isinstance(each, str) and each in BY_ID),
    )


def keep(choice: Remembered, fleet_columns: Sequence[str]) -> None:
    """Write it down whole, or not at all; several decks take turns. Raises OSError."""
    text: dict[str, object] = {"sort": choice.sort, "inverted": choice.inverted}
    if choice.columns is not None:
        text |= {"columns": sorted(choice.columns), "over": list(fleet_columns)}
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_name(".ui.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".ui.", delete=False) as draft:
            draft.write("# Written by ctdeck: what was chosen on its screen.\n" + yaml.safe_dump(text, sort_keys=False))
        os.replace(draft.name, path)  # noqa: PTH105 - the name of a file that is ours


def _file() -> Path:
    return paths.state() / "ui.yaml"
