"""From what a person wants done to the plan dialog, and from its yes to the change: one place for the deck and the pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.backend import Planner
from backends.model import Key, NodeState

if TYPE_CHECKING:
    from backends.plans.plan import Plan

    from .app import Deck
    from .proposal import Approved, Left, Proposal


def change_refused(app: Deck, key: Key) -> str:
    """Why this container cannot be changed now, whatever the change; empty where it can be planned."""
    if app.read_only:
        return "ctdeck was started read-only"
    node = app.store.nodes[key.node]
    if node.read_only:
        return f"{node.name} is read-only here"
    if app.fleet is None:
        return "the fleet is not connected yet"
    if key not in app.store.containers:
        return f"{key.node}/{key.id} is no longer there"
    backend = app.fleet.backend(key.backend)
    if not isinstance(backend, Planner):
        return f"ctdeck cannot change {backend.label} containers yet"
    if node.state is not NodeState.UP:
        return node.error or f"{node.name} is {node.state.value}"
    return ""


def propose(
    app: Deck,
    proposal: Proposal,
    *,
    apply: Callable[[tuple[Plan, ...]], None] | None = None,
    edit: Callable[[], None] | None = None,
    applied: Callable[[], None] | None = None,
    left: Callable[[], None] | None = None,
) -> None:
    """Ask, and after a yes begin. `edit` opens the form again, `applied` is told of a yes, `left` of a no.

    `apply` begins what is more than to run the plans.
    """
    from .proposal import Approved, Left
    from .screens.plan import PlanDialog

    proposal.editable = edit is not None

    def answered(answer: Approved | Left | None) -> None:
        if isinstance(answer, Approved):
            if apply is not None:
                apply(answer.plans)
            else:
                app.changing.apply(answer.plans, stop=answer.stop)
            if applied is not None:
                applied()
        elif answer is Left.EDIT and edit is not None:
            edit()
        elif left is not None:
            left()

    app.push_screen(PlanDialog(proposal), answered)
