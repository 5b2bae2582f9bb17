from __future__ import annotations

import pytest

from tui.screens.dialog import Dialog


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, the terminal has colours, and dialogs take keys soon."""
    monkeypatch.setattr("tui.widgets.header.clock", lambda: "12:41")
    monkeypatch.setattr(Dialog, "GUARD", 0.02)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
