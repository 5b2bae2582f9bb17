"""Trees of nodes are many small files, so tests put them where the demo puts them: in memory, if the machine lets them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.demo.run import memory_directory


def _directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ctdeck-test-", dir=memory_directory()))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """An empty directory of this test."""
    yield from _directory()


@pytest.fixture(scope="session")
def worlds_path() -> Iterator[Path]:
    """An empty directory of the whole run."""
    yield from _directory()
