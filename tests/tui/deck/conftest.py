from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def half_past_twelve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header's clock stands still, and the terminal has colours."""
    monkeypatch.setattr("tui.widgets.header.clock", lambda: "12:41")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
