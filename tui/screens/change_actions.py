"""The keys that change containers, on the deck and on the pages about one container: all lead to the plan dialog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.screen import Screen

from backends.backend import Capability
from backends.model import Container, Key, State
from backends.plans.request import Power, Request
from tui.actions import BY_ID
from tui.propose import change_refused, propose

if TYPE_CHECKING:
    from tui.app import Deck
    from tui.proposal import Option, Proposal


class ChangeActions(Screen[Any]):
    """Mixed into a screen, which owns what is named here."""

    app: Deck
    #: Ids of the actions that this module does.
    CHANGES: ClassVar[tuple[str, ...]] = (
        "power",
        "restart",
        "destroy",
        "addresses",
        "limits",
        "snapshots",
        "undo",
        "jobs",
    )

    def targets(self) -> Sequence[Key]:
        """The containers that a change is meant for: the marked ones, or the one that is looked at."""
        raise NotImplementedError

    def one(self) -> Key | None:
        """The container that is looked at, whatever is marked."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        raise NotImplementedError

    def _may_change(self, action: str) -> tuple[Key, ...]:
        """The targets of an action, where at least one of them can be changed; else says why not."""
        keys = tuple(self.targets())
        if not keys:
            self.say(f"{BY_ID[action].label} is for a container")
            return ()
        reasons = [change_refused(self.app, key) for key in keys]
        if all(reasons):
            self.say(reasons[0])
            return ()
        return keys

    def _power(self, verb: str, keys: tuple[Key, ...]) -> None:
        propose(self.app, power_proposal(verb, keys))

    def action_power(self) -> None:
        """The states that it could be brought into; those that make no sense, with the reason."""
        from .power import power_menu

        if keys := self._may_change("power"):
            power_menu(self.app, keys, lambda verb: self._power(verb, keys))

    def action_restart(self) -> None:
        if keys := self._may_change("restart"):
            self._power("restart", keys)

    def action_destroy(self) -> None:
        if keys := self._may_change("destroy"):
            self._power("destroy", keys)

    def action_undo(self) -> None:
        from tui.proposal import Proposal

        if not (keys := self._may_change("undo")):
            return
        if len(keys) > 1:
            self.say("undo is for one container at a time: clear the marks")
            return
        propose(self.app, Proposal("undo", keys, None))

    def action_addresses(self) -> None:
        from .addresses import AddressList

        key = self._only("addresses")
        if key is not None:
            self.app.push_screen(AddressList(key))

    def action_snapshots(self) -> None:
        from .snapshots import SnapshotList, new_snapshot

        keys = tuple(self.targets())
        if len(keys) > 1:
            if self._may_change("snapshots"):
                new_snapshot(self.app, keys)
            return
        key = self._only("snapshots")
        if key is None:
            return
        if why := lacks(self.app, key, Capability.SNAPSHOT):
            self.say(why)
            return
        self.app.push_screen(SnapshotList(key))

    def action_limits(self) -> None:
        from .limits import LimitsForm

        if keys := self._may_change("limits"):
            self.app.push_screen(LimitsForm(keys))

    def action_jobs(self) -> None:
        from .jobs import JobList

        self.app.push_screen(JobList())

    def _only(self, action: str) -> Key | None:
        """The one container of an action that is for one only."""
        key = self.one()
        if key is None:
            self.say(f"{BY_ID[action].label} is for a container")
        elif key not in self.app.store.containers:
            self.say(f"{key.node}/{key.id} is no longer there")
        elif self.app.fleet is None:
            self.say("the fleet is not connected yet")
        else:
            return key
        return None


class OneContainer(ChangeActions):
    """For a page about one container."""

    key_shown: Key

    def targets(self) -> Sequence[Key]:
        return (self.key_shown,)

    def one(self) -> Key | None:
        return self.key_shown


def lacks(app: Deck, key: Key, capability: Capability) -> str:
    """Why the container's backend cannot do it; empty where it can."""
    if app.fleet is None:
        return "the fleet is not connected yet"
    backend = app.fleet.backend(key.backend)
    if capability in backend.capabilities:
        return ""
    return backend.absent.get(capability, f"{backend.label} has no {capability.value}")


def power_refused(app: Deck, verb: str, container: Container) -> str:
    """Why a change of state makes no sense for a container as it is; empty where it does."""
    if verb in ("suspend", "resume") and (why := lacks(app, container.key, Capability.SUSPEND)):
        return why
    state = container.state
    wanted = _FROM[verb]
    if state is State.UNKNOWN or not wanted or state in wanted:
        return ""
    return f"it is {state.value}"


_FROM: dict[str, frozenset[State]] = {
    "start": frozenset({State.STOPPED, State.MOUNTED}),
    "stop": frozenset({State.RUNNING, State.FROZEN}),
    "restart": frozenset({State.RUNNING, State.FROZEN}),
    "suspend": frozenset({State.RUNNING}),
    "resume": frozenset({State.SUSPENDED}),
    "destroy": frozenset(),
}


def power_proposal(verb: str, keys: tuple[Key, ...]) -> Proposal:
    """`fast stop` is a verb here."""
    from tui.proposal import Option, Proposal

    options: tuple[Option, ...] = ()
    if verb in ("stop", "fast stop"):
        options = (Option("f", "fast", _fast, on=verb != "stop"),)
    elif verb == "restart":
        options = (Option("f", "fast", _fast), Option("v", "evidence first", _evidence))
    verb = verb.removeprefix("fast ")
    return Proposal(verb, keys, Power(verb), options)


def _fast(request: Request, on: bool) -> Request:
    assert isinstance(request, Power)
    return replace(request, fast=on)


def _evidence(request: Request, on: bool) -> Request:
    assert isinstance(request, Power)
    return replace(request, evidence=on)
