"""The lab as fixtures: one for all tests of a run (all in one xdist worker), whole again after each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import need
from tests.lab.lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("lab"))


def make(prefix: str, *, nodes: int = 3, containers: int = 2) -> Lab:
    """A lab that is not up yet. Skips the test where the machine cannot have one."""
    need.root()
    lab = Lab(prefix, nodes=nodes, containers=containers)
    if reason := lab.check():
        need.unmet(reason)
    return lab


@pytest.fixture(scope="session")
def whole_lab() -> Iterator[Lab]:
    lab = make(f"ctlab{os.getpid()}")
    lab.up()
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab(whole_lab: Lab) -> Iterator[Lab]:
    """Three real nodes with two running containers each, and one stopped on n3."""
    yield whole_lab
    whole_lab.restore()
