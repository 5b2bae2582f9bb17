"""The addresses of a container, as they are and as they are configured (`i`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from backends.model import Key, State
from backends.plans.plan import Misused
from backends.plans.request import Addresses, address, bare
from tui.format import cells, fit, safe
from tui.proposal import Proposal
from tui.propose import propose
from tui.theme.tones import Tone
from tui.widgets.lines import line
from tui.widgets.surface import Line

from .entry import Entry
from .inspected import InspectedPage


class AddressList(InspectedPage):
    """One line per address; what is only live or only configured is told."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("a,i", "add", "add"),
        ("d", "remove", "remove"),
        ("r", "replace", "replace all"),
        ("space", "mark", "mark"),
    ]

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.marked: set[str] = set()

    @property
    def config(self) -> tuple[str, ...]:
        """Configured addresses, with their prefix where it is written."""
        return tuple(self.values.get("ips.config") or ()) if self.values else ()

    @property
    def live(self) -> tuple[str, ...]:
        return tuple(self.values.get("ips.live") or ()) if self.values else ()

    @property
    def all(self) -> list[str]:
        """Each address once: the configured ones as they are written, then those that are only live."""
        known = {bare(ip) for ip in self.config}
        return [*self.config, *(ip for ip in self.live if bare(ip) not in known)]

    def choices(self) -> int:
        return len(self.all)

    def title_lines(self) -> Sequence[Line]:
        head = line(f"    {'address':{self._width}}  inside  in its configuration", Tone.HEAD)
        return [*super().title_lines(), head]

    @property
    def _width(self) -> int:
        return min(self.view.width - 38, max([18, *(cells(safe(ip)) for ip in self.all)]))

    def content(self) -> Sequence[Line]:
        if self.values is None:
            return [
                line(f"  {self.wrong or 'reading ' + self.app.glyphs.ellipsis}", Tone.WARN if self.wrong else Tone.DIM)
            ]
        glyphs = self.app.glyphs
        live = {bare(ip) for ip in self.live}
        config = {bare(ip) for ip in self.config}
        running = self.container.state is State.RUNNING
        rows = []
        for ip in self.all:
            inside = "yes" if bare(ip) in live else "no" if running else "-"
            written = "yes" if bare(ip) in config else "no: gone after a restart"
            odd = running and (bare(ip) in live) != (bare(ip) in config)
            mark = glyphs.mark if ip in self.marked else " "
            tone = Tone.WARN if odd else Tone.NORMAL
            text = fit(safe(ip), self._width, ellipsis=glyphs.ellipsis)
            rows.append(((f"  {mark} ", Tone.ACCENT), (text, tone), (f"  {inside:6}  {written}", tone)))
        return rows or [line("  it has no address", Tone.DIM)]

    def hints(self) -> Sequence[tuple[str, str]]:
        return (
            ("a", "add"),
            ("d", "remove"),
            ("r", "replace all"),
            ("Space", "mark"),
            (self.key("undo"), "undo"),
            (self.key("jobs"), "jobs"),
            ("Esc", "back"),
        )

    # Keys

    def action_mark(self) -> None:
        if self.all:
            self.marked ^= {self.all[self.at]}
            self.scroll_lines("down")

    def action_add(self) -> None:
        self._ask("add", "")

    def action_replace(self) -> None:
        if self.values is not None:
            self._ask("set", " ".join(self.config))

    def action_remove(self) -> None:
        if self.may_change() and self.all:
            chosen = tuple(ip for ip in self.all if ip in self.marked) or (self.all[self.at],)
            self._propose("del", tuple(map(bare, chosen)))

    def _ask(self, verb: str, value: str) -> None:
        if not self.may_change():
            return
        title = {"add": "add addresses to", "set": "replace all addresses of"}[verb]
        where = f"{self.key_shown.node}/{self.key_shown.id}"
        lines = ("IPv4 or IPv6, several with blanks between; without /prefix it takes that of its interface",)

        def typed(text: str | None) -> None:
            if text is not None:
                self._propose(verb, addresses(text), text)

        self.app.push_screen(Entry(f"{title} {where}", "addresses", addresses, value=value, lines=lines), typed)

    def _propose(self, verb: str, ips: tuple[str, ...], text: str | None = None) -> None:
        """In the deck an address that could not be looked for everywhere is a warning in the plan, which a person reads."""
        request = Addresses(verb, ips, allow_unasked=True)
        edit = None if text is None else lambda: self._ask(verb, text)
        propose(self.app, Proposal(f"ip {verb}", (self.key_shown,), request), edit=edit, applied=self.marked.clear)


def addresses(text: str) -> tuple[str, ...]:
    """Addresses with blanks or commas between them. Raises `Misused`."""
    words = text.replace(",", " ").split()
    if not words:
        raise Misused("No address is given", "Write it like 10.0.0.5, 10.0.0.5/24 or 2001:db8::5/64")
    found = [address(word) for word in words]
    bares = [bare(ip) for ip in found]
    for ip in bares:
        if bares.count(ip) > 1:
            raise Misused(f"{ip} is given twice")
    return tuple(found)
