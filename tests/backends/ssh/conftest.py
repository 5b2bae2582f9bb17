from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import need

from .servers import Keys, Sshd, sshd


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    need.tools("ssh-keygen")
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[Sshd]:
    """A plain sshd that no test changes."""
    with sshd(tmp_path_factory.mktemp("sshd"), keys, extra="MaxStartups 100") as running:
        yield running


@pytest.fixture
def known(server: Sshd, tmp_path: Path) -> Path:
    """A known_hosts file with the key of `server`."""
    return server.known_hosts(tmp_path / "known_hosts")
