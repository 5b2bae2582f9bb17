"""The fleet table: only the rows on the screen are formatted, only what differs is sent (10,000 rows cost like 50).

The cursor stays on its container, not on its place: sorting moves both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from backends.model import Container, Key
from backends.trouble import Severity
from tui.arrange import SIGNS, Layout, arrange
from tui.cells import Paint
from tui.columns import BY_ID
from tui.format import cells, fit, safe
from tui.rows import TROUBLE, Listing, Row
from tui.theme.tones import Tone

from .node_strip import node_chip
from .surface import Line, Span, Surface, cut

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

_NODE_WORDS = {
    "connecting": "wait",
    "up": "busy",
    "stale": "stale",
    "down": "down",
    "blocked": "blocked",
    "broken": "broken",
}


class FleetTable(Surface):
    """One pane's rows. `listing` is filtered and sorted by `arrange_rows`; everything else only moves and paints."""

    class Activated(Message):
        """A row was clicked twice."""

    class Pressed(Message):
        """The table was clicked: this pane is the active one now."""

        def __init__(self, table: FleetTable) -> None:
            super().__init__()
            self.table = table

    class SortAsked(Message):
        """The title of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, deck: DeckScreen, listing: Listing, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.deck = deck
        self.listing = listing
        self.active = True
        self.lead = ""  # a bar between this pane and the one to its left
        self.cursor: Key | None = None
        self.held: Key | None = None  # where the person has put the cursor; None: not yet, it stays on the first row
        self.top = 0
        self.skip = 0  # columns scrolled away to the left, when wide
        self._place = 0
        self._layout = Layout()
        self._laid_out_for: tuple[object, ...] = ()

    # -- rows

    @property
    def heads(self) -> int:
        """Lines above the rows: the titles, and in a node's pane the node."""
        return 2 if self.listing.node is not None else 1

    @property
    def page(self) -> int:
        """Rows that fit below the titles."""
        return max(1, self.size.height - self.heads)

    @property
    def place(self) -> int:
        """Where the cursor is, from 0."""
        return self._place

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        order = self.listing.order
        return order[self._place] if 0 <= self._place < len(order) else None

    def arrange_rows(self) -> None:
        """Filter and sort anew; the cursor stays on its row. Where that is hidden it stands on the same place meanwhile."""
        view = self.listing.view
        if view.sort == TROUBLE:
            self.listing.rebuild()
        else:
            column = BY_ID[view.sort]
            self.listing.rebuild(column.sort, descending=column.descending)
        if self.held is None:
            self._settle(0)
            return
        places = (self.listing.place(key) for key in (self.held, self.cursor))
        self._settle(next((place for place in places if place is not None), self._place))

    def move(self, step: int) -> None:
        self._go(self._place + step)

    def go_to(self, place: int) -> None:
        """To a row by its place; -1 is the last."""
        self._go(len(self.listing) - 1 if place < 0 else place)

    def go_to_key(self, key: Key) -> bool:
        place = self.listing.place(key)
        if place is None:
            return False
        self.go_to(place)
        return True

    def _go(self, place: int) -> None:
        self._settle(place)
        self.held = self.cursor
        self.paint()

    def _settle(self, place: int) -> None:
        """Put the cursor on a place that exists, and scroll so that it is seen."""
        count = len(self.listing)
        self._place = max(0, min(place, count - 1))
        self.cursor = self.listing.order[self._place].key if count else None
        page = self.page
        if self._place < self.top:
            self.top = self._place
        elif self._place >= self.top + page:
            self.top = self._place - page + 1
        self.top = max(0, min(self.top, count - page))

    # -- painting

    def paint(self) -> None:
        """Show what is true now."""
        width, height = self.size.width - len(self.lead), self.size.height
        if width <= 0 or height <= 0:
            return
        self._place_columns(width)
        store = self.app.store
        paint = Paint(self.app.glyphs, store, time.monotonic())
        lines = [*self._node_title(paint, width), self._titles()]
        visible = self.listing.order[self.top : self.top + self.page]
        cursor = None
        for place, row in enumerate(visible, self.top):
            here = place == self._place and self.active
            if here:
                cursor = len(lines)
            lines.append(self._row_line(row, paint, width, here))
        if not visible:
            lines += [(), (("  " + fit(self.deck.why_empty(), width - 2).rstrip(), Tone.DIM),)]
        if self.lead:
            lead = (self.lead, Tone.RULE)
            lines += [()] * (height - len(lines))
            lines = [(lead, *line) for line in lines]
        self.draw(lines, cursor)

    def _place_columns(self, width: int) -> None:
        deck, one_node = self.deck, self.listing.node is not None
        wanted = (width, deck.columns, deck.widths, one_node, deck.wide, self.skip)
        if wanted != self._laid_out_for:
            self._laid_out_for = wanted
            self._layout = arrange(
                width, deck.columns, dict(deck.widths), one_node=one_node, wide=deck.wide, skip=self.skip
            )

    @property
    def more(self) -> int:
        """Columns to the right that have no room, when wide."""
        return self._layout.more

    def scroll_columns(self, step: int) -> None:
        """Wide: the next columns to the right, or back."""
        if not self.deck.wide or (step > 0 and not self.more):
            return
        self.skip = max(0, self.skip + step)
        self.paint()

    def _node_title(self, paint: Paint, width: int) -> list[Line]:
        name = self.listing.node
        if name is None or name not in paint.store.nodes:
            return []
        node = paint.store.nodes[name]
        chip = node_chip(node, paint.store, self.listing.rows.nodes[name].reasons, paint.now, paint.glyphs)
        tone = Tone.ACCENT if self.active else Tone.STRONG
        return [cut(((" ", tone), (chip[0][0], tone), *chip[1:]), width, paint.glyphs.ellipsis)]

    def _titles(self) -> Line:
        view, glyphs = self.listing.view, self.app.glyphs
        spans: list[Span] = [("  ", Tone.HEAD)]
        for place in self._layout.placed:
            column = place.column
            text = fit(column.title, place.width, right=column.right)
            tone, gap = Tone.HEAD, " " * self._layout.gap
            if column.id == view.sort or (column.id == "why" and view.sort == TROUBLE):
                tone = Tone.ACCENT
                down = (view.sort == TROUBLE or column.descending) != view.inverted
                arrow = glyphs.descending if down else glyphs.ascending
                text, gap = _with_arrow(text, column.right, arrow, gap)
            spans.append((text + gap, tone))
        return tuple(spans)

    def _row_line(self, row: Row, paint: Paint, width: int, here: bool) -> Line:
        self.listing.rows.refresh(row)
        glyphs = paint.glyphs
        marked = row.key in self.listing.view.marks
        signs = (glyphs.cursor if here else " ") + (glyphs.mark if marked else " ")
        spans: list[Span] = [(signs, Tone.ACCENT)]
        if row.container is None:
            spans += self._node_spans(row, paint, width)
        else:
            spans += self._container_spans(row, row.container, paint)
        return tuple(spans)

    def _container_spans(self, row: Row, container: Container, paint: Paint) -> list[Span]:
        spans: list[Span] = []
        ellipsis = paint.glyphs.ellipsis
        stale = row.stale
        gap = " " * self._layout.gap
        for place in self._layout.placed:
            column = place.column
            text = column.text(row, container, paint, place.width)
            tone = column.tone(row, container)
            if stale and tone < Tone.WARN:
                tone = Tone.DIM
            # The gap has the tone of its cell: fewer changes of colour are fewer bytes.
            spans.append((fit(text, place.width, right=column.right, ellipsis=ellipsis) + gap, tone))
        return spans

    def _node_spans(self, row: Row, paint: Paint, width: int) -> list[Span]:
        """A node in trouble: its name, how it is, and then one sentence over all other columns."""
        glyphs, node = paint.glyphs, row.node
        tone = Tone.CRIT if row.severity >= Severity.GRAVE else Tone.WARN
        sign = glyphs.trouble if node.state == "up" else glyphs.nodes[node.state]
        spans: list[Span] = []
        gap = " " * self._layout.gap
        x = SIGNS
        for place in self._layout.placed:
            match place.column.id:
                case "node":
                    text, kind = (f"{safe(node.name)} P" if node.production else safe(node.name)), tone
                case "id":
                    text, kind = sign, tone
                case "name":
                    text, kind = "(node)", Tone.DIM
                case "state":
                    text, kind = _NODE_WORDS[node.state], tone
                case _:
                    break
            spans.append((fit(text, place.width, ellipsis=glyphs.ellipsis) + gap, kind))
            x = place.x + place.width + len(gap)
        why = ", ".join(safe(reason.text) for reason in row.reasons)
        spans.append((fit(why, max(0, width - x), ellipsis=glyphs.ellipsis), tone if row.severity < 3 else Tone.WARN))
        return spans

    # -- events

    def on_resize(self, event: events.Resize) -> None:
        self._settle(self._place)
        self.paint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-3)

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Pressed(self))
        if event.y == self.heads - 1:
            column = self._layout.at(event.x)
            if column is not None:
                self.post_message(self.SortAsked(column.id))
            return
        place = self.top + event.y - self.heads
        if self.top <= place < len(self.listing):
            again = place == self._place and event.chain > 1
            self.go_to(place)
            if again:
                self.post_message(self.Activated())


def _with_arrow(title: str, right: bool, arrow: str, gap: str) -> tuple[str, str]:
    """The arrow stands behind the title; where that has no room, in the gap."""
    if right or title[-1:] != " ":
        return title, arrow + gap[1:]
    bare = title.rstrip()
    return bare + arrow + title[len(bare) + 1 :], gap


def needed_widths(rows: list[Row]) -> dict[str, int]:
    """How wide the longest value of each growing column is, in cells."""
    widths = dict.fromkeys(("node", "id", "name", "ip", "hostname", "os", "lock"), 0)
    for row in rows:
        container = row.container
        if container is None:
            continue
        for name, text in (
            ("id", row.key.id),
            ("name", container.name or ""),
            ("hostname", container.hostname or ""),
            ("os", container.template or ""),
            ("ip", (container.ips[0] + " +1" if len(container.ips) > 1 else container.ips[0]) if container.ips else ""),
            ("lock", container.lock.by if container.lock else ""),
        ):
            widths[name] = max(widths[name], cells(text))
    return widths
