"""What the keys of the deck do with the deck: move, filter, sort, panes, columns. The rest is in `row_actions`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from tui.columns import COLUMNS
from tui.filter import Filter, compile_filter
from tui.rows import TROUBLE
from tui.widgets.panes import MOST, PANE, SIDE_BY_SIDE

from .row_actions import RowActions

if TYPE_CHECKING:
    from tui.widgets.filter_bar import FilterBar
    from tui.widgets.status_line import Messages


class DeckActions(RowActions):
    """Mixed into the deck's screen, which owns what is named here."""

    messages: Messages
    columns: frozenset[str]
    _keeping: asyncio.Lock
    own_columns: frozenset[str] | None = None  # chosen on the screen
    wide = False
    alone = False
    last_filter: Filter = compile_filter("")

    def rearrange(self) -> None:
        raise NotImplementedError

    # -- move

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_page_down(self) -> None:
        self._move(self.panes.active.page)

    def action_page_up(self) -> None:
        self._move(-self.panes.active.page)

    def action_top(self) -> None:
        self.panes.active.go_to(0)
        self._moved()

    def action_bottom(self) -> None:
        self.panes.active.go_to(-1)
        self._moved()

    def _move(self, step: int) -> None:
        self.panes.active.move(step)
        self._moved()

    def _moved(self) -> None:
        if self.range_from is not None:
            self._mark_range()

    def action_right(self) -> None:
        self._scroll_columns(1)

    def action_left(self) -> None:
        self._scroll_columns(-1)

    def _scroll_columns(self, step: int) -> None:
        if not self.wide:
            self.say(f"{self.app.keymap.shown('wide')} shows all columns; then the arrows scroll them")
            return
        for table in self.panes.tables:
            table.scroll_columns(step)
        self.paint()

    def action_next_match(self) -> None:
        self._match(1)

    def action_previous_match(self) -> None:
        self._match(-1)

    def _match(self, step: int) -> None:
        """The filter stays the search, also after it has been taken off."""
        table = self.panes.active
        order = table.listing.order
        if not self.last_filter:
            self.say(f"nothing to find yet: {self.app.keymap.shown('filter')} filters")
            return
        for distance in range(1, len(order) + 1):
            row = order[(table.place + step * distance) % len(order)]
            if row.container is not None and self.last_filter(row.container, row.node):
                table.go_to_key(row.key)
                self._moved()
                return
        self.say(f"nothing matches /{self.last_filter.text}")

    # -- what is shown

    async def action_filter(self) -> None:
        from tui.widgets.filter_bar import FilterBar

        await self.mount(FilterBar(self.view.filter), before="#bottom")

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        self.set_filter(event.filter)

    async def on_filter_bar_done(self) -> None:
        await self.query("#filter").remove()

    def on_filter_bar_moved(self, event: FilterBar.Moved) -> None:
        self._move(event.step)

    def set_filter(self, found: Filter) -> None:
        self.view.filter = found
        if found:
            self.last_filter = found
        self.rearrange()

    def action_sort(self) -> None:
        from .picker import Item, Picker

        items = [Item(TROUBLE, "trouble", "", "worst first")]
        items += [
            Item(column.id, column.label, "", column.help) for column in COLUMNS if column.sort and column.id != "why"
        ]

        def picked(value: object) -> None:
            if isinstance(value, str):
                self.sort_by(value)

        self.app.push_screen(Picker("sort by (the same again inverts)", items, at=self.view.sort), picked)

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same one again, the other way round."""
        column = TROUBLE if column == "why" else column
        self.view.inverted = not self.view.inverted if self.view.sort == column else False
        self.view.sort = column
        self._remember()
        self.rearrange()

    def action_trouble(self) -> None:
        self.view.sort, self.view.inverted = TROUBLE, False
        self._remember()
        self.rearrange()

    def _remember(self) -> None:
        """Sort and columns, for the next run."""
        self.run_worker(self._keep(), group="remember", description="remember sort and columns")

    async def _keep(self) -> None:
        """Each takes its turn, and writes what is chosen by then."""
        from tui.remembered import Remembered, keep

        columns = self.app.inventory.columns if self.app.inventory else ()
        async with self._keeping:
            choice = Remembered(self.view.sort, self.view.inverted, self.own_columns)
            with contextlib.suppress(OSError):  # a home that is full or read-only is no reason to complain at each sort
                await asyncio.to_thread(keep, choice, columns)

    def action_faults(self) -> None:
        self.view.faults = not self.view.faults
        self.rearrange()

    def action_all_nodes(self) -> None:
        self.view.node = None
        if self.panes.is_split:
            self.panes.split([])
        self.rearrange()

    def action_node(self, number: int) -> None:
        names = list(self.app.store.nodes)
        if number > len(names):
            self.say(f"there are only {len(names)} nodes")
            return
        if self.panes.is_split:
            self.panes.show_node(names[number - 1])
        else:
            self.view.node = names[number - 1]
        self.rearrange()

    def action_split(self) -> None:
        """One pane more, up to what the screen holds; then the one table again."""
        names = list(self.app.store.nodes)
        if len(names) < 2:
            self.say("there is only one node to show")
            return
        width = self.app.size.width
        room = min(MOST, max(2, width // PANE) if width >= SIDE_BY_SIDE else 2)
        shown = [table.listing.node for table in self.panes.tables if table.listing.node]
        if len(shown) >= min(room, len(names)):
            self.panes.split([])
        else:
            row = self.panes.active.row
            first = [row.key.node] if row is not None and not shown else []
            worst = [troubled.node.name for troubled in self.rows.troubled_nodes()]
            wanted = [name for name in dict.fromkeys([*shown, *first, *worst, *names]) if name]
            chosen = wanted[: max(2, len(shown) + 1)]
            self.panes.split(sorted(chosen, key=names.index) if not shown else chosen)
        self.rearrange()

    def action_next_pane(self) -> None:
        if self.panes.is_split:
            self.panes.next()
            self.paint()

    def action_zoom(self) -> None:
        """One pane alone; or, with one table, the table alone."""
        if self.panes.is_split:
            self.panes.zoomed = not self.panes.zoomed
            self.panes.lay_out()
        else:
            self.alone = not self.alone
        self.paint()
        self.call_after_refresh(self.paint)

    def action_wide(self) -> None:
        self.wide = not self.wide
        for table in self.panes.tables:
            table.skip = 0
        self.paint()

    def action_columns(self) -> None:
        from .picker import Item, Picker

        items = [
            Item(column.id, column.label, "", column.help, checked=column.id in self.columns)
            for column in COLUMNS
            if column.priority
        ]

        def picked(value: object) -> None:
            if isinstance(value, frozenset):
                core = {column.id for column in COLUMNS if not column.priority}
                self.columns = self.own_columns = frozenset(value | core)
                self._remember()
                self.paint()

        title = "columns (they come onto the screen as it has room)"
        self.app.push_screen(Picker(title, items, several=True), picked)

    # -- the deck

    def action_refresh(self) -> None:
        if self.app.fleet is None:
            return
        self.app.fleet.refresh()
        self.say("asking all nodes now")

    def action_pause(self) -> None:
        fleet = self.app.fleet
        if fleet is not None:
            fleet.paused = not fleet.paused
            self.paint()

    def action_mouse(self) -> None:
        on = self.app.toggle_mouse()
        self.say("mouse on: click a row, a title; Shift-drag selects" if on else "mouse off: the terminal selects")

    def action_ascii(self) -> None:
        self.app.toggle_ascii()

    def action_redraw(self) -> None:
        self.app.redraw()

    def action_events(self) -> None:
        from .events import EventsPage

        self.app.push_screen(EventsPage())

    def action_help(self) -> None:
        from .help import Help

        self.app.push_screen(Help())

    def action_back(self) -> None:
        """One step back at a time, from what is most in the way. Never quits."""
        if self.messages.read():
            pass
        elif self.range_from is not None:
            self.range_from = None
        elif self.view.filter:
            self.view.filter = compile_filter("")
            self.rearrange()
        elif self.view.marks:
            self.view.marks.clear()
        elif self.view.faults:
            self.view.faults = False
            self.rearrange()
        elif self.panes.zoomed or self.alone:
            self.action_zoom()
        elif self.panes.is_split or self.view.node is not None:
            self.action_all_nodes()
        self.paint()

    def action_quit(self) -> None:
        from .quit import Quit

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.exit()

        self.app.push_screen(Quit(len(self.app.changing.running)), answered)
