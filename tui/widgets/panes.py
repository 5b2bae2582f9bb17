"""One table over all nodes, or two to four node panes with the same columns, filter and order: side by side, below 100
columns one above the other, below 60 one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget

from tui.rows import Listing, Rows, View

from .fleet_table import FleetTable

if TYPE_CHECKING:
    from tui.app import Deck
    from tui.screens.deck import DeckScreen

MOST = 4
SIDE_BY_SIDE = 100
STACKED = 60
#: Cells that a pane needs to be of use beside another.
PANE = 48


class Panes(Widget):
    """The tables. Always at least one; `active` is the one that the keys move in."""

    app: Deck
    can_focus = False

    def __init__(self, deck: DeckScreen, rows: Rows, view: View) -> None:
        super().__init__(id="panes")
        self.deck = deck
        self.rows = rows
        self.view = view
        self.tables = [FleetTable(deck, Listing(rows, view))]
        self.zoomed = False
        self._active = 0

    def compose(self) -> ComposeResult:
        yield from self.tables

    @property
    def active(self) -> FleetTable:
        return self.tables[self._active]

    @property
    def is_split(self) -> bool:
        return len(self.tables) > 1

    @property
    def alone(self) -> bool:
        """Only the active pane is seen: zoomed, or the screen is too narrow for more."""
        return self.is_split and (self.zoomed or self.size.width < STACKED)

    @property
    def which(self) -> str:
        return f"pane {self._active + 1} of {len(self.tables)}"

    def use(self, rows: Rows) -> None:
        """The fleet is loaded: show its rows."""
        self.rows = rows
        for table in self.tables:
            table.listing.rows = rows

    def split(self, nodes: list[str]) -> None:
        """One pane for each of these nodes (two to four), or with none the one table again."""
        keep, held = self.active.cursor, self.active.held
        gone = self.tables
        self.tables = [FleetTable(self.deck, Listing(self.rows, self.view, node)) for node in nodes[:MOST]] or [
            FleetTable(self.deck, Listing(self.rows, self.view))
        ]
        self._active = 0
        for place, table in enumerate(self.tables):
            table.cursor, table.held = keep, held
            if keep is not None and table.listing.node == keep.node:
                self._active = place
        self.zoomed = False
        for table in gone:
            table.remove()
        self.mount(*self.tables)
        self.lay_out()
        self.arrange_rows()

    def show_node(self, node: str) -> None:
        """The active pane shows another node."""
        self.active.listing.node = node
        self.active.go_to(0)

    def next(self) -> None:
        self.activate((self._active + 1) % len(self.tables))

    def activate(self, place: int) -> None:
        self._active = place
        self.lay_out()
        self.paint()

    def activate_table(self, table: FleetTable) -> None:
        if table in self.tables:
            self.activate(self.tables.index(table))

    def lay_out(self) -> None:
        """Side by side, stacked, or one at a time, after the width of now."""
        width = self.size.width or self.app.size.width
        alone = self.zoomed or width < STACKED
        side = width >= SIDE_BY_SIDE
        self.styles.layout = "horizontal" if side else "vertical"
        for place, table in enumerate(self.tables):
            table.active = place == self._active
            table.display = table.active or not alone
            table.lead = self.app.glyphs.bar if side and place and not alone else ""

    def arrange_rows(self) -> None:
        for table in self.tables:
            table.arrange_rows()
        self.paint()

    def paint(self) -> None:
        for table in self.tables:
            if table.display:
                table.paint()

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()
