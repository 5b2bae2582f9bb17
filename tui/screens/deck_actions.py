"""What the keys of the deck do: one method for each action of `tui.actions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from backends.model import Key
from tui.actions import ACTIONS, BY_ID, Action, Danger, Group, Needs
from tui.columns import COLUMNS
from tui.filter import Filter, compile_filter
from tui.rows import TROUBLE, Rows, View
from tui.widgets.panes import MOST, PANE, SIDE_BY_SIDE, Panes

if TYPE_CHECKING:
    from tui.app import Deck
    from tui.screens.picker import Item
    from tui.widgets.filter_bar import FilterBar
    from tui.widgets.status_line import Messages


class DeckActions(Screen[None]):
    """Mixed into the deck's screen, which owns what is named here."""

    app: Deck
    view: View
    rows: Rows
    panes: Panes
    messages: Messages
    columns: frozenset[str]
    wide = False
    alone = False
    range_from: Key | None = None
    last_filter: Filter = compile_filter("")

    def say(self, text: str) -> None:
        raise NotImplementedError

    def say_error(self, text: str, remedy: str = "") -> None:
        raise NotImplementedError

    def paint(self) -> None:
        raise NotImplementedError

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
        self.rearrange()

    def action_trouble(self) -> None:
        self.view.sort, self.view.inverted = TROUBLE, False
        self.rearrange()

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
                self.columns = frozenset(value | core)
                self.paint()

        title = "columns (they come onto the screen as it has room)"
        self.app.push_screen(Picker(title, items, several=True), picked)

    # -- marks and copy

    def action_mark(self) -> None:
        row = self.panes.active.row
        if row is None or row.container is None:
            self.say("only containers can be marked")
            return
        self.view.marks ^= {row.key}
        self.panes.active.move(1)
        self.paint()

    def action_mark_range(self) -> None:
        if self.range_from is not None:
            self.range_from = None
        elif (row := self.panes.active.row) is not None:
            self.range_from = row.key
            self._mark_range()
        self.paint()

    def _mark_range(self) -> None:
        listing = self.panes.active.listing
        start, end = listing.place(self.range_from), listing.place(self.panes.active.cursor)
        if start is not None and end is not None:
            rows = listing.order[min(start, end) : max(start, end) + 1]
            self.view.marks |= {row.key for row in rows if row.container is not None}
        self.paint()

    def action_mark_all(self) -> None:
        shown = {row.key for row in self.panes.active.listing.order if row.container is not None}
        if shown <= self.view.marks:
            self.view.marks -= shown
        else:
            self.view.marks |= shown
        self.paint()

    def action_copy(self) -> None:
        from tui.copying import choices

        from .picker import Item, Picker

        row = self.panes.active.row
        if row is None:
            self.say("there is no row")
            return
        app = self.app
        spec = (
            next((spec for spec in app.inventory.nodes if spec.name == row.key.node), None) if app.inventory else None
        )
        shell = app.fleet.backend(row.key.backend).shell(row.key.id) if app.fleet and row.container else ()
        marked = [self.rows.containers[key] for key in self.view.marks if key in self.rows.containers]
        texts = choices(row, spec, shell, sorted(marked, key=lambda other: other.order))
        items = [Item(str(place), what, "", text.replace("\n", " ")) for place, (what, text) in enumerate(texts)]

        def picked(value: object) -> None:
            if isinstance(value, str):
                what, text = texts[int(value)]
                app.copy_to_clipboard(text)
                self.say(f"copied, if the terminal lets us: {what}  {text.splitlines()[0]}")

        app.push_screen(Picker("copy", items), picked)

    # -- look into one

    def action_details(self) -> None:
        self._look("details")

    def action_history(self) -> None:
        self._look("history")

    def action_shell(self) -> None:
        self._look("shell")

    def action_logs(self) -> None:
        self._look("logs")

    def action_raw(self) -> None:
        self._look("raw")

    def action_beancounters(self) -> None:
        self._look("beancounters")

    def action_node_info(self) -> None:
        self._look("node-info")

    def _look(self, name: str) -> None:
        """Open the screen of an action on the row under the cursor; say why where that cannot be."""
        from tui.look import look, look_at_node

        if reason := self.reason_against(BY_ID[name]):
            self.say(reason)
            return
        row = self.panes.active.row
        assert row is not None
        if row.container is None or name == "node-info":
            look_at_node(self, row.node.name)
            return

        def order() -> list[Key]:
            return [other.key for other in self.panes.active.listing.order if other.container is not None]

        def back(key: object) -> None:
            if isinstance(key, Key):
                self.panes.active.go_to_key(key)

        look(self, name, row.key, order, back)

    def reason_against(self, action: Action) -> str:
        """Why an action cannot be done on the row under the cursor; empty where it can."""
        if action.needs is Needs.NOTHING:
            return ""
        row = self.panes.active.row
        if row is None:
            return "there is no row"
        if row.container is None and action.needs is Needs.CONTAINER:
            return f"{row.node.name} is a node: {action.label} is for a container"
        if action.danger is Danger.ENTERS:
            from tui.look import shell_refused

            return shell_refused(self.app, row.key)
        if action.capability and self.app.fleet is not None and row.container is not None:
            backend = self.app.fleet.backend(row.key.backend)
            if action.capability not in backend.capabilities:
                return backend.absent.get(action.capability, f"{backend.label} has no {action.label}")
        return ""

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

    def action_help(self) -> None:
        from .help import Help

        self.app.push_screen(Help())

    def action_palette(self) -> None:
        """Every action by its name; moving, which needs no list, at the end."""
        by_use = sorted(ACTIONS, key=lambda action: action.group is Group.MOVE)
        self._pick_action("command", [self._item(action) for action in by_use if action.id != "palette"])

    def action_menu(self) -> None:
        """What can be done with this row; what cannot, with the reason."""
        row = self.panes.active.row
        if row is None:
            self.say("there is no row")
            return
        name = (row.container.name or row.key.id) if row.container else "(node)"
        items = [self._item(action) for action in ACTIONS if action.needs is not Needs.NOTHING]
        self._pick_action(f"{row.key.node}/{row.key.id} {name}" if row.container else row.node.name, items)

    def _item(self, action: Action) -> Item:
        from .picker import Item

        key = self.app.keymap.shown(action, all_keys=action.each)
        return Item(action.id, action.label, key, action.help, refused=self.reason_against(action))

    def _pick_action(self, title: str, items: list[Item]) -> None:
        from .picker import Picker

        def picked(value: object) -> None:
            if isinstance(value, str):
                action = BY_ID[value]
                self.call_later(self.run_action, f"{action.method}(1)" if action.each else action.method)

        self.app.push_screen(Picker(title, items), picked)

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

        self.app.push_screen(Quit(), answered)
