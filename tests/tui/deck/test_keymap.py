"""The table of actions and the keys of the person."""

from __future__ import annotations

import re

import pytest

from backends.errors import ConfigError
from tui.actions import ACTIONS, BY_ID, DECK, FOOTER, LIST
from tui.keymap import FORBIDDEN, Keymap, internal_name
from tui.screens.deck import DeckScreen


def test_every_action_has_its_method_on_the_deck_and_every_key_but_one_meaning() -> None:
    keys = [internal_name(key) for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert not FORBIDDEN & set(keys)
    for action in ACTIONS:
        assert callable(getattr(DeckScreen, f"action_{action.method}")), action.id
    assert set(FOOTER) <= set(BY_ID)


def test_the_bindings_of_a_list_are_those_that_move() -> None:
    listed = {binding.action for binding in Keymap().bindings(LIST)}
    assert {"down", "up", "top", "bottom", "page_down", "page_up", "back"} == listed
    assert listed < {binding.action for binding in Keymap().bindings(DECK)}
    assert {binding.action for binding in Keymap().bindings(DECK, only=["help"])} == {"help"}


def test_own_keys_take_the_place_of_the_given_ones() -> None:
    keymap = Keymap({"sort": "F9 |", "split": "z"})
    assert keymap.shown("sort") == "F9"
    assert keymap.shown("sort", all_keys=True) == "F9 |"
    bound = {binding.key: binding.action for binding in keymap.bindings(DECK)}
    assert bound["f9"] == bound["vertical_line"] == "sort"
    assert bound["z"] == "split"
    assert "o" not in bound


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"sortt": "z"}, "no action 'sortt'.*Did you mean 'sort'"),
        ({"sort": "ctrl+d"}, "'sort' cannot use ctrl\\+d"),
        ({"sort": "Ctrl-A"}, "'sort' cannot use Ctrl-A"),
        ({"sort": "j"}, "j is used twice, for 'down' and 'sort'"),
        ({"sort": "?"}, "\\? is used twice"),
        ({"sort": ""}, "'sort' has no key"),
    ],
)
def test_keys_that_cannot_be(keys: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        Keymap(keys)
    assert re.search(words, str(error.value)), str(error.value)
