"""Run by tests in a terminal of its own: the deck on the hostile fleet of `test_frames`, with nothing that moves."""

from __future__ import annotations

from tests.tui.deck.test_frames import hostile
from tui.app import Deck, Options

if __name__ == "__main__":
    fleet = hostile()
    app = Deck(fleet.inventory, Options())
    app._load = lambda: app.use(fleet)  # type: ignore[method-assign,assignment,arg-type]
    app.run(mouse=False)
