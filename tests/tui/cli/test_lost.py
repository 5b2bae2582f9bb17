"""The connection breaks in the middle of a change: the truth or UNKNOWN, and never anything twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backends.errors import Fault, FaultKind
from backends.local import LocalTransport
from backends.transport import Completed
from tests.wait import until_blocking

from .toys import Toys

Breaks = Callable[[str], bool]


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Commands on the node are lost: those before which `before` says so never get there, of those after `after` the answer."""
    run = LocalTransport.run

    def set_up(before: Breaks = lambda script: False, after: Breaks = lambda script: False) -> None:
        async def broken(self: LocalTransport, script: str, *args: str, **more: Any) -> Completed:
            if before(script):
                raise Fault(FaultKind.LOST, "n1 is gone")
            done = await run(self, script, *args, **more)
            if after(script):
                raise Fault(FaultKind.LOST, "n1 is gone")
            return done

        monkeypatch.setattr(LocalTransport, "run", broken)

    monkeypatch.setattr("backends.change.SILENCE", 1.0)
    monkeypatch.setattr("backends.change.SETTLE", 0.1)
    return set_up


def sends(script: str) -> bool:
    """Whether a script puts a job onto the node."""
    return script.startswith("ID=")


def looks(script: str) -> bool:
    return "no such toy" in script


def once(what: Breaks) -> Breaks:
    """True only for the first one."""
    seen: list[str] = []

    def first(script: str) -> bool:
        if not what(script) or seen:
            return False
        seen.append(script)
        return True

    return first


def test_the_answer_is_lost_but_not_the_job(toys: Toys, breaking: Callable[..., None]) -> None:
    breaking(after=once(sends))
    done = toys.ctdeck("stop", "n1/101", "--yes")
    assert (done.returncode, done.stdout) == (0, "stop of n1/101: done and verified\n")
    assert toys.was_done == ["stop"]


def test_the_job_never_got_there(toys: Toys, breaking: Callable[..., None]) -> None:
    breaking(before=sends)
    done = toys.ctdeck("stop", "n1/101", "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "never reached n1: nothing was done" in done.stderr
    assert (toys.was_done, toys.job_ids, len(toys.sent)) == ([], [], 1)


def test_nobody_can_tell_until_the_node_is_back(toys: Toys, breaking: Callable[..., None]) -> None:
    gone: list[bool] = []

    def after_sending(script: str) -> bool:
        if sends(script):
            gone.append(True)
        return False

    breaking(before=lambda script: bool(gone), after=after_sending)
    done = toys.ctdeck("stop", "n1/101", "--yes")
    assert (done.returncode, done.stdout) == (5, "")
    (job_id,) = toys.job_ids
    assert f"UNKNOWN, n1 does not answer; `ctdeck jobs {job_id}` tells" in done.stderr
    assert toys.audited[-1]["ended"] == "unknown"
    gone.clear()
    until_blocking(lambda: toys.ended(job_id), 60, "the job went on")
    told = toys.ctdeck("jobs", job_id)
    assert told.stdout.startswith("stop of n1/101: done and verified\n")
    assert toys.was_done == ["stop"]
    assert toys.audited[-1]["ended"] == "done"


def test_done_but_not_verified_is_unknown(toys: Toys, breaking: Callable[..., None]) -> None:
    sent: list[str] = []

    def after(script: str) -> bool:
        sent.extend([script] if sends(script) else [])
        return bool(sent) and looks(script)

    breaking(after=after)
    done = toys.ctdeck("stop", "n1/101", "--yes", "--json")
    assert done.returncode == 5
    assert (done.json["outcome"]["ended"], done.json["outcome"]["verified"]) == ("unknown", False)
    assert toys.is_in("101") == "stopped"


def test_a_container_that_cannot_be_looked_at(toys: Toys, breaking: Callable[..., None]) -> None:
    breaking(before=looks)
    done = toys.ctdeck("stop", "n1/101", "--yes")
    assert (done.returncode, done.stdout, toys.sent) == (3, "", [])
    assert "n1 is gone" in done.stderr
