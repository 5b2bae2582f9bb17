"""What happened while we watched: a bounded feed, the newest last. Told by the judgement (`backends.trouble`) and the audit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from . import audit
from .text import clean

#: So many are kept; the oldest go.
KEPT = 2000


class Kind(StrEnum):
    """What an event is about."""

    STARTED = "started"
    STOPPED = "stopped"
    RESTARTED = "restarted"
    STATE = "state"  # suspended, mounted, frozen ...
    GONE = "gone"
    TROUBLE = "trouble"  # a threshold was crossed
    CALM = "calm"  # and left again
    LOST = "lost"  # a node
    BACK = "back"
    ACTION = "action"  # of this account, from the audit


class Event(NamedTuple):
    """One thing that happened. `text` is plain and clean."""

    at: float  # seconds since the epoch
    kind: Kind
    node: str
    id: str | None  # of a container; None: the node itself
    text: str
    severity: int = 0  # as backends.trouble has it; 0: nothing is wrong with that

    @property
    def where(self) -> str:
        return self.node if self.id is None else f"{self.node}/{self.id}"


class Events:
    """The feed. Iterating gives the newest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self.count = 0  # that ever happened: tells whether there is something new

    def add(self, at: float, kind: Kind, node: str, identifier: str | None, text: str, severity: int = 0) -> None:
        self._events.append(Event(at, kind, node, identifier, text, severity))
        self.count += 1

    def merge(self, others: Iterable[Event]) -> None:
        """Take over events that were written down elsewhere, in the order of their times; known ones are passed over."""
        known = set(self._events)
        new = [event for event in others if event not in known]
        if new:
            self._events = deque(sorted([*self._events, *new], key=lambda event: event.at), self._events.maxlen)
            self.count += len(new)

    def of(self, node: str, identifier: str | None) -> Iterator[Event]:
        """Of one container or node, the newest first."""
        return (event for event in self if event.node == node and event.id == identifier)

    def __iter__(self) -> Iterator[Event]:
        return reversed(self._events)

    def __len__(self) -> int:
        return len(self._events)


def actions(since: float) -> list[Event]:
    """What this account began and ended after `since` (epoch), from its audit. Reads a file: not in the event loop."""
    found = []
    try:
        for entry in audit.entries():
            at, node, event = entry.get("at"), entry.get("node"), entry.get("event")
            if not isinstance(at, float | int) or at < since or not isinstance(node, str):
                continue
            ended = entry.get("ended")
            text = f"{entry.get('action', 'a change')} {event}" + (f": {ended}" if ended else "")
            severity = 2 if ended is not None and ended != "done" else 0
            found.append(
                Event(
                    at,
                    Kind.ACTION,
                    clean(node),
                    clean(str(entry.get("id"))),
                    clean(f"{text}, by {_who(entry)}"),
                    severity,
                )
            )
    except OSError:
        return found
    return found


def _who(entry: Mapping[str, object]) -> str:
    return str(entry.get("who", "somebody"))
