"""Trees of nodes are many small files, so tests put them where the demo puts them: in memory, if the machine lets them."""

from __future__ import annotations

import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.demo import ploop, vzctl, vzlist
from backends.demo.run import memory_directory
from backends.demo.tree import ROOT_VARIABLE, SPEED_VARIABLE, Tree

from .worlds import Call, Done


def _directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ctdeck-test-", dir=memory_directory()))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """An empty directory of this test."""
    yield from _directory()


TOOLS = {"vzctl": vzctl.main, "vzlist": vzlist.main, "ploop": ploop.main}


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a tool's `main` here: hundreds of new processes would take long. The tests of servers run the programs."""

    def call(tree: Tree, command: str) -> Done:
        words = shlex.split(command)
        monkeypatch.setenv(ROOT_VARIABLE, str(tree.root))
        monkeypatch.setenv(SPEED_VARIABLE, "1000")
        monkeypatch.setattr(sys, "argv", words)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                TOOLS[words[0]]()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        stdout, stderr = capfd.readouterr()
        return Done(int(ended.value.code or 0), stdout, stderr)

    return call


@pytest.fixture(scope="session")
def worlds_path() -> Iterator[Path]:
    """An empty directory of the whole run."""
    yield from _directory()
