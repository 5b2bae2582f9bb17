"""The menu of states (`S`): start, stop, restart, suspend, resume, destroy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.model import Key
from tui.describe import place

from .change_actions import power_refused
from .picker import Item, Picker

if TYPE_CHECKING:
    from tui.app import Deck

_HELP = {
    "start": "start it",
    "stop": "its init shuts down; killed when it takes too long",
    "fast stop": "kill everything in it at once",
    "restart": "stop and start; the time that it is down is measured",
    "suspend": "its memory to disk; resume goes on from there",
    "resume": "go on from where it was suspended",
    "destroy": "it and its data are gone",
}


def power_menu(app: Deck, keys: tuple[Key, ...], chosen: Callable[[str], None]) -> None:
    """`chosen` gets the verb. What makes no sense for any of them is there with its reason, and cannot be picked."""
    containers = [app.store.containers[key] for key in keys if key in app.store.containers]
    if not containers:
        return
    items = []
    for verb, words in _HELP.items():
        reasons = [power_refused(app, verb.removeprefix("fast "), container) for container in containers]
        refused = reasons[0] if all(reasons) else ""
        items.append(Item(verb, verb, "", words, refused=refused))
    title = place(containers[0]) if len(containers) == 1 else f"{len(containers)} marked containers"
    first = next((item.value for item in items if not item.refused), "")

    def picked(value: object) -> None:
        if isinstance(value, str):
            chosen(value)

    app.push_screen(Picker(f"state of {title}", items, at=first), picked)
