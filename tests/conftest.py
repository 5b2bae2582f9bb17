"""Every test runs with an empty home, so that it is the same on every machine and touches nothing of the person who runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: Set by people to change what programs do; a test that means one of them sets it.
PERSONAL = (
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "NO_COLOR",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "TMUX",
    "EDITOR",
    "PAGER",
    "PYTHONUNBUFFERED",
)


def pytest_configure() -> None:
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where sshd is, and people without root do not look


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty home of this test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name, directory in (
        ("CONFIG", ".config"),
        ("STATE", ".local/state"),
        ("DATA", ".local/share"),
        ("CACHE", ".cache"),
    ):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / directory))
    for name in PERSONAL:
        monkeypatch.delenv(name, raising=False)
    return home
