"""Run by tests in a terminal of its own: the deck on the hostile fleet of `test_frames`, with nothing that moves."""

from __future__ import annotations

import os

from tests.tui.deck.test_frames import hostile
from tui.app import Deck, Options

if __name__ == "__main__":
    fleet = hostile()
    app = Deck(fleet.inventory, Options())
    app._load = lambda: app.use(fleet)  # type: ignore[method-assign,assignment,arg-type]
    if "BREAK" in os.environ:
        app.toggle_ascii = lambda: 1 / 0  # type: ignore[method-assign,return-value,assignment]
    app.run(mouse=False)
    print("ended with", app.return_code)
