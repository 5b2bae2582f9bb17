"""What a test needs of the machine. Where CTDECK_REQUIRE_LAB=1 (the CI), a need that is not met fails instead of skipping."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def unmet(reason: str) -> NoReturn:
    """Skip the test, with the reason; fail it where everything is required."""
    if os.environ.get("CTDECK_REQUIRE_LAB") == "1":
        pytest.fail(f"required here: {reason}", pytrace=False)
    pytest.skip(reason)


def tools(*names: str) -> None:
    """The test runs these programs."""
    if missing := [name for name in names if shutil.which(name) is None]:
        unmet(f"not installed: {', '.join(missing)}")


def root() -> None:
    """The test does what only root may."""
    if os.geteuid() != 0:
        unmet("needs root")
