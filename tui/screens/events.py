"""What happened while we watched (`E`): the newest first, with the time since; typing filters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from backends.events import Event, Events, Kind, actions
from tui.describe import tone_of_event
from tui.format import fit, safe, span
from tui.theme.tones import Tone
from tui.widgets.lines import line, wrap
from tui.widgets.surface import Line

from .page import Page

_AGE, _KIND = 5, 9
#: Seconds between two looks into the audit.
_AUDIT_EVERY = 5.0
_TONES = MappingProxyType({Kind.CALM: Tone.DIM, Kind.BACK: Tone.DIM, Kind.ACTION: Tone.ACCENT})


class EventsPage(Page[None], inherit_bindings=False):
    """Letters are the filter here, so it moves by the arrow keys only."""

    ACTIONS: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "down", show=False),
        Binding("up", "up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("home", "top", show=False),
        Binding("end", "bottom", show=False),
        Binding("backspace", "erase", show=False),
        Binding("escape", "back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.search = ""

    @property
    def feed(self) -> Events:
        return self.app.deck_screen.rows.triage.events

    def on_mount(self) -> None:
        super().on_mount()
        self._read_audit()
        self.set_interval(_AUDIT_EVERY, self._read_audit)

    def _read_audit(self) -> None:
        self.run_worker(self._take_actions(), group="audit", exclusive=True, description="read the audit")

    async def _take_actions(self) -> None:
        """What this account did since we watch, from whatever screen or command line."""
        began = self.view.wall - (self.view.now - self.app.store.started)
        self.feed.merge(await asyncio.to_thread(actions, began))
        self.show()

    def title_lines(self) -> Sequence[Line]:
        typed = f"/{self.search}" if self.search else "type to filter: words, !not"
        return [(("events  ", Tone.STRONG), (typed, Tone.ACCENT if self.search else Tone.DIM))]

    def content(self) -> Sequence[Line]:
        found = [event for event in self.feed if _matches(event, self.search)]
        if not found:
            watched = span(self.view.now - self.app.store.started)
            text = f"nothing matches /{self.search}" if self.search else f"nothing has happened in {watched}"
            return [line(text, Tone.DIM)]
        room = max((len(safe(event.where)) for event in found), default=0)
        where = min(room, max(8, self.view.width // 4))
        return [row for event in found for row in self._rows(event, where)]

    def _rows(self, event: Event, width: int) -> list[Line]:
        indent = _AGE + _KIND + width + 6
        first, *rest = wrap(safe(event.text), max(10, self.view.width - indent - 1))
        tone = _TONES.get(event.kind) or tone_of_event(event)
        age = fit(span(max(0.0, self.view.wall - event.at)), _AGE, right=True)
        head = (
            (f"{age}  ", Tone.DIM),
            (fit(event.kind.value, _KIND) + "  ", tone),
            (fit(safe(event.where), width, ellipsis=self.view.glyphs.ellipsis) + "  ", Tone.NORMAL),
        )
        return [(*head, (first, tone)), *(line(" " * indent + row, tone) for row in rest)]

    def hints(self) -> Sequence[tuple[str, str]]:
        return (("PgUp PgDn", "scroll"), ("Esc", "back"))

    def on_key(self, event: events.Key) -> None:
        if event.character and event.is_printable and len(self.search) < 60:
            event.stop()
            self._find(self.search + event.character)

    def action_erase(self) -> None:
        self._find(self.search[:-1])

    def _find(self, search: str) -> None:
        self.search = search.lstrip()
        self.scroll_lines("top")
        self.show()

    def action_back(self) -> None:
        if self.search:
            self._find("")
        else:
            self.dismiss(None)


def _matches(event: Event, search: str) -> bool:
    """All words are in it, and none of those behind a `!`."""
    text = f"{event.kind} {event.where} {event.text}".lower()
    for word in search.lower().split():
        if word.startswith("!"):
            if word[1:] and word[1:] in text:
                return False
        elif word not in text:
            return False
    return True
