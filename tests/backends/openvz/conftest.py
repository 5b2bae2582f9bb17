"""Simulated OpenVZ nodes; their many small files are in memory, if the machine lets them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.demo.run import memory_directory

from .node import VzNode


@pytest.fixture
def node() -> Iterator[VzNode]:
    root = Path(tempfile.mkdtemp(prefix="ctdeck-vz-", dir=memory_directory()))
    node = VzNode(root)
    yield node
    node.end()
    shutil.rmtree(root, ignore_errors=True)
