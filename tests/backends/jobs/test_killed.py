"""kill -9 of the worker, the supervisor, or both, in every step of a freeze, copy, thaw: nothing is done twice, nothing stays
frozen, and what is told afterwards is true. The oracle is what the steps left behind."""

from __future__ import annotations

import pytest

from backends.plans.plan import Plan, Step
from tests.wait import until_blocking

from .test_run import Node, held, node, plan, times

__all__ = ["node"]  # the fixture


def held_everywhere() -> Plan:
    """Each step does its work, says so, and then waits to be let go."""
    return plan(
        Step(
            "freeze",
            ': >"$WORLD/frozen"; echo x >>"$WORLD/froze"\n' + held("go1"),
            thaw='rm -f "$WORLD/frozen"\n',
            thaw_after=30,
        ),
        Step("copy", 'echo x >>"$WORLD/copied"; : >"$WORLD/copy"\n' + held("go2"), undo='rm -f "$WORLD/copy"\n'),
        Step("thaw", 'rm -f "$WORLD/frozen"; echo x >>"$WORLD/thawed"\n' + held("go3"), thaws=1),
    )


@pytest.mark.parametrize("victim", ["worker", "supervisor", "both"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_killed_in_every_step(node: Node, step: int, victim: str) -> None:
    node.start(held_everywhere())
    for before in range(1, step):
        until_blocking(lambda number=before: node.file(f"{number}.pid"))
        (node.world / f"go{before}").touch()
    marks = {1: "froze", 2: "copied", 3: "thawed"}
    until_blocking(lambda: times(node, marks[step]) == 1 and node.file(f"{step}.pid"), what=f"step {step} at work")
    for name in ("supervisor", "worker") if victim == "both" else (victim,):
        node.kill(name)
    for number in range(step, 4):
        (node.world / f"go{number}").touch()
    if victim == "both":
        until_blocking(lambda: node.file(f"{step}.rc"))
        until_blocking(lambda: not node.has("frozen"), timeout=20, what="the dead man's hand")
        node.visit("recover")
    result = node.wait()
    # without its supervisor the worker goes on to the end; a worker's last step may have been done when it died
    finished = victim == "supervisor" or step == 3
    assert result == ("done" if finished else f"failed {step} as-is killed")
    assert not node.has("frozen")
    assert times(node, "froze") == 1
    assert times(node, "copied") == (1 if finished or step > 1 else 0)
    assert times(node, "thawed") == (1 if finished else 0)
    assert node.has("copy") == finished
