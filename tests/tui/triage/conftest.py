"""As for the deck: the clock stands still, and the terminal has colours."""

from tests.tui.deck.conftest import half_past_twelve

__all__ = ["half_past_twelve"]
