"""What the keys of the deck do with the row under the cursor, and with marked rows: mark, copy, look into, and the menus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backends.model import Key
from tui.actions import ACTIONS, BY_ID, Action, Danger, Group, Needs
from tui.propose import change_refused
from tui.rows import Rows, View
from tui.widgets.panes import Panes

from .change_actions import ChangeActions, lacks, power_refused

if TYPE_CHECKING:
    from tui.app import Deck
    from tui.screens.picker import Item


class RowActions(ChangeActions):
    """Mixed into the deck's screen, which owns what is named here."""

    app: Deck
    view: View
    rows: Rows
    panes: Panes
    range_from: Key | None = None

    def say(self, text: str) -> None:
        raise NotImplementedError

    def say_error(self, text: str, remedy: str = "") -> None:
        raise NotImplementedError

    def paint(self) -> None:
        raise NotImplementedError

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

        row = self.panes.active.row
        reason = self.reason_against(BY_ID[name])
        if row is None or (reason and (name != "shell" or row.container is None)):
            self.say(reason)
            return
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

            refused = shell_refused(self.app, row.key)
            return refused.partition(": ")[2] or refused
        if row.container is None:
            return ""
        if action.capability and self.app.fleet is not None and (why := lacks(self.app, row.key, action.capability)):
            return why
        if action.danger in (Danger.CHANGES, Danger.DESTROYS) and (why := change_refused(self.app, row.key)):
            return why
        return power_refused(self.app, action.id, row.container) if action.id in ("restart", "destroy") else ""

    # -- change

    def targets(self) -> Sequence[Key]:
        """All marked containers, also those that the filter hides; else the one under the cursor."""
        marked = [self.rows.containers[key] for key in self.view.marks if key in self.rows.containers]
        if marked:
            return [row.key for row in sorted(marked, key=lambda other: other.order)]
        key = self.one()
        return () if key is None else (key,)

    def one(self) -> Key | None:
        row = self.panes.active.row
        return row.key if row is not None and row.container is not None else None

    # -- menus

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
        looks_first = sorted(ACTIONS, key=lambda action: action.group not in (Group.LOOK, Group.CHANGE))
        items = [self._item(action) for action in looks_first if action.needs is not Needs.NOTHING]
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
