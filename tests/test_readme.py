"""The README's table of keys is the table of actions. CTDECK_UPDATE_README=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

from tui.actions import ACTIONS
from tui.keymap import Keymap

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "| key | name | |\n|---|---|---|\n", "\n\n"


def table() -> str:
    keymap = Keymap()
    rows = []
    for action in ACTIONS:
        keys = keymap.shown(action, all_keys=True).replace("|", "\\|")
        rows.append(f"| `{keys}` | `{action.id}` | {action.help} |")
    return "\n".join(rows)


def test_keys_are_those_of_the_deck() -> None:
    text = README.read_text(encoding="utf-8")
    start = text.index(BEGIN) + len(BEGIN)
    end = text.index(END, start)
    if os.environ.get("CTDECK_UPDATE_README"):
        README.write_text(text[:start] + table() + text[end:], encoding="utf-8")
        return
    assert text[start:end] == table()


def test_pictures_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for part in text.split("](")[1:]:
        path = part.partition(")")[0]
        if not path.startswith(("http", "#")):
            assert (README.parent / path).is_file(), path
