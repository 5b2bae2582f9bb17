"""Which key does what: the table of actions, with the person's own keys over it. Clashes are refused at start."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from textual.binding import Binding
from textual.keys import _character_to_key

from backends.errors import ConfigError

from .actions import ACTIONS, BY_ID, LIST, Action

#: Keys that terminals, tmux and screen keep for themselves, or whose slip would be dear (end of input, suspend).
FORBIDDEN = frozenset({f"ctrl+{letter}" for letter in "abdkqszc"} | {"ctrl+backslash", "ctrl+\\"})

#: How keys are named to a person where Textual's name is longer.
_SHOWN = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "tab": "Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "delete": "Del",
    "backspace": "Backspace",
}


class Keymap:
    """The keys of every action, after `keys` of the fleet file (action id -> keys, separated by blanks)."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        """Raises ConfigError for an unknown action, a key that must not be used, or one used twice."""
        self.keys: dict[str, tuple[str, ...]] = {action.id: action.keys for action in ACTIONS}
        for name, keys in (own or {}).items():
            if name not in BY_ID:
                near = difflib.get_close_matches(name, BY_ID, 1, 0.5)
                hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(BY_ID)}"
                raise ConfigError(f"keys: there is no action {name!r}", hint)
            self.keys[name] = tuple(keys.split())
        self._refuse_clashes()

    def _refuse_clashes(self) -> None:
        taken: dict[str, str] = {}
        for name, keys in self.keys.items():
            if not keys:
                raise ConfigError(f"keys: {name!r} has no key", "Give it one, such as `F9`")
            for key in keys:
                internal = internal_name(key)
                if internal in FORBIDDEN:
                    raise ConfigError(
                        f"keys: {name!r} cannot use {key}", "Terminals and multiplexers keep that key for themselves"
                    )
                if internal in taken:
                    raise ConfigError(
                        f"keys: {key} is used twice, for {taken[internal]!r} and {name!r}",
                        f"Give {taken[internal]!r} another key too",
                    )
                taken[internal] = name

    def bindings(self, where: str, only: Iterable[str] = ()) -> list[Binding]:
        """Textual bindings of a screen: `where` is `deck` or `list`. `only` limits them to those actions."""
        wanted = frozenset(only)
        return [
            Binding(internal_name(key), f"{action.method}({place})" if action.each else action.method, show=False)
            for action in ACTIONS
            if (action.where in (where, LIST)) and (not wanted or action.id in wanted)
            for place, key in enumerate(self.keys[action.id], 1)
        ]

    def shown(self, action: Action | str, *, all_keys: bool = False) -> str:
        """The key of an action for people: `Ctrl-R`, `Enter`, `?`; with `all_keys` every one of them."""
        keys = self.keys[action if isinstance(action, str) else action.id]
        if isinstance(action, Action) and action.each and all_keys and keys == tuple("123456789"):
            return "1-9"
        return " ".join(map(shown_name, keys)) if all_keys else shown_name(keys[0])


def internal_name(key: str) -> str:
    """Textual's name of a key as a person writes it: `?` is `question_mark`, `F5` is `f5`, `Ctrl-R` is `ctrl+r`."""
    if len(key) == 1:
        return _character_to_key(key)
    lower = key.lower().replace("ctrl-", "ctrl+").replace("alt-", "alt+").replace("shift-", "shift+")
    return {"esc": "escape", "pgdn": "pagedown", "pgup": "pageup", "del": "delete", "return": "enter"}.get(lower, lower)


def shown_name(key: str) -> str:
    if key.startswith("ctrl+"):
        return f"Ctrl-{key[5:].upper()}"
    if len(key) > 1 and key[0] in "fF" and key[1:].isdigit():
        return key.upper()
    return _SHOWN.get(key, key)
