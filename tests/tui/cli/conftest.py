"""Nodes with toys for the verbs that change containers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .toys import Toys


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    toys = Toys(tmp_path / "node", tmp_path / "home")
    monkeypatch.syspath_prepend(toys.site)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 (nobody to ask, wherever the tests run)
    for name, value in toys.changed.items():
        monkeypatch.setenv(name, value)
    yield toys
    toys.end()
