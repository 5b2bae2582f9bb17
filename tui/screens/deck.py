"""The deck: totals, nodes, the table, what there is to say, and the keys. Everything on it comes from the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from backends.model import Container
from backends.store import Changes
from tui.actions import ACTIONS, DECK
from tui.columns import COLUMNS, chosen
from tui.rows import Row, Rows, View
from tui.widgets.fleet_table import FleetTable, needed_widths
from tui.widgets.header import header_line, rule_line
from tui.widgets.jobs_line import jobs_line
from tui.widgets.node_strip import strip_line
from tui.widgets.panes import Panes
from tui.widgets.status_line import Messages, footer_line
from tui.widgets.surface import Line, Surface

from .deck_actions import DeckActions

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.app import Deck

_METHODS = frozenset(action.method for action in ACTIONS)

#: Seconds between two sorts by figures that move, so that rows can be read; and quiet after a key, so that none jumps
#: away from under a finger.
SORT_EVERY = 3.0
QUIET = 1.0
#: Seconds between two slices of judging, while a huge fleet waits for its verdicts.
SLICE_GAP = 0.05


class DeckScreen(DeckActions, Screen[None]):
    """What the keys do is in `deck_actions`; here is what is shown, and when."""

    app: Deck
    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        app = self.app
        for binding in app.keymap.bindings(DECK):
            # With priority a key has done its work before the next one is looked at: what is typed ahead after `/` or `:`
            # goes into the line that it opens, not to the deck.
            self._bindings.bind(binding.key, binding.action, show=False, priority=True)
        self.view = View()
        self.rows = Rows(app.store, app.inventory.thresholds if app.inventory else None)
        self.columns = chosen(app.inventory.columns if app.inventory else ())
        self.widths: tuple[tuple[str, int], ...] = ()
        self.wide = False
        self.alone = False
        self.messages = Messages()
        self.panes = Panes(self, self.rows, self.view)
        self._sorted_at = 0.0
        self._key_at = 0.0
        self._judging: Timer | None = None
        self._keeping = asyncio.Lock()

    def compose(self) -> ComposeResult:
        yield Surface(id="top")
        yield self.panes
        yield Surface(id="bottom")

    # -- what changes

    def fleet_loaded(self) -> None:
        """The store of the fleet has taken the place of the empty one."""
        inventory = self.app.inventory
        assert inventory is not None
        self.columns = chosen(inventory.columns)
        self._recall(inventory.columns)
        self.rows = Rows(self.app.store, inventory.thresholds)
        self.panes.use(self.rows)
        self._measure()
        self.rearrange()

    def _recall(self, columns: Sequence[str]) -> None:
        """Sort and columns of the last run."""
        from tui.remembered import recall

        last = recall(columns)
        self.view.sort, self.view.inverted, self.own_columns = last.sort, last.inverted, last.columns
        if last.columns is not None:
            self.columns = frozenset(last.columns | {column.id for column in COLUMNS if not column.priority})

    def store_changed(self, changes: Changes) -> None:
        """Once a tick. Rows that are not on the screen cost nothing here but a mark."""
        self.rows.update(changes)
        if changes.structure:
            self._measure()
        moved = self._judge()
        if not self.seen:
            return
        now = time.monotonic()
        due = (moved or now - self._sorted_at >= SORT_EVERY) and now - self._key_at >= QUIET
        if changes.structure or due:
            self.arrange_now()
        else:
            self.paint()

    def _judge(self) -> bool:
        """True when something came into trouble, or out of it. What takes longer than a slice goes on a moment later."""
        moved = self.rows.judge()
        if self.rows.triage.waiting and self._judging is None:
            self._judging = self.set_timer(SLICE_GAP, self._judge_on)
        return moved

    def _judge_on(self) -> None:
        self._judging = None
        if self._judge() and self.seen:
            self._sorted_at = 0.0  # the next tick sorts

    @property
    def seen(self) -> bool:
        """Nothing lies over it, or only dialogs."""
        stack = self.app.screen_stack
        return self.is_mounted and all(screen.is_modal for screen in stack[stack.index(self) + 1 :])

    def rearrange(self) -> None:
        """Judge, filter and sort anew, then paint."""
        self.rows.judge()
        self.arrange_now()

    def arrange_now(self) -> None:
        """Filter and sort anew by what was judged, then paint."""
        self._sorted_at = time.monotonic()
        self.panes.arrange_rows()
        self.paint()

    def _measure(self) -> None:
        """Columns become as wide as their longest value, and never narrower again: a table that breathes is no calm one."""
        store = self.app.store
        widths = needed_widths(self.rows.ordered)
        tag = 2 if any(node.production for node in store.nodes.values()) else 0
        widths["node"] = max((len(name) + tag for name in store.nodes), default=0)
        for name, width in self.widths:
            widths[name] = max(widths[name], width)
        self.widths = tuple(widths.items())

    def paint(self) -> None:
        """Show what is true now. Sends what differs, and nothing where nothing does."""
        if not self.is_mounted:
            return
        self.panes.paint()
        self.paint_bars()

    def paint_bars(self) -> None:
        app, width, glyphs = self.app, self.size.width, self.app.glyphs
        table = self.panes.active
        listing = table.listing
        reasons = {name: row.reasons for name, row in self.rows.nodes.items() if row.reasons}
        rule = rule_line(
            self.view,
            width,
            glyphs,
            shown=listing.containers,
            of=listing.of,
            marked=listing.marked(),
            place=self._where(),
            more=table.more if self.wide else 0,
        )
        top = [rule]
        if not self.alone:
            header = header_line(
                app.store, self.rows.trouble, width, glyphs, flags=self._flags(), starting=app.starting
            )
            strip = strip_line(app.store, reasons, time.monotonic(), width, glyphs, armed=app.changing.armed)
            top = [header, strip, rule]
        self._set("#top", top)
        changing = app.changing
        jobs = jobs_line(
            changing.at_work,
            changing.waiting,
            changing.unread,
            time.monotonic(),
            width,
            glyphs,
            app.keymap.shown("jobs"),
        )
        bottom = [jobs] if jobs else []
        bottom += [self.messages.line(width, glyphs)] if self.messages else []
        self._set("#bottom", [*bottom, footer_line(app.keymap, width)])

    def _set(self, which: str, lines: list[Line]) -> None:
        surface = self.query_one_optional(which, Surface)
        if surface is None:  # leaving: the parts go before the screen does, and a tick may fall between
            return
        if surface.styles.height is None or surface.styles.height.value != len(lines):
            surface.styles.height = len(lines)
        surface.draw(lines)

    def _where(self) -> str:
        """Which node or pane, where only one is seen."""
        if self.panes.is_split:
            return self.panes.which if self.panes.alone else ""
        node = self.view.node
        if node is None:
            return ""
        return f"node {node} ({list(self.app.store.nodes).index(node) + 1} of {len(self.app.store.nodes)})"

    def _flags(self) -> list[str]:
        flags = []
        if self.app.read_only:
            flags.append("READ-ONLY")
        if self.app.paused:
            flags.append("PAUSED")
        if self.range_from is not None:
            flags.append("RANGE")
        return flags

    def why_empty(self) -> str:
        """What an empty table says."""
        app, view = self.app, self.view
        key = app.keymap.shown
        if app.starting:
            return app.starting
        if view.filter:
            return f"nothing matches /{view.filter.text}   {key('back')} clears the filter"
        if view.faults:
            return f"nothing is in trouble   {key('faults')} shows all"
        if any(node.state == "connecting" for node in app.store.nodes.values()):
            return "connecting"
        return "no containers here"

    # -- what is under the cursor

    @property
    def table(self) -> FleetTable:
        return self.panes.active

    @property
    def row(self) -> Row | None:
        return self.table.row

    @property
    def container(self) -> Container | None:
        row = self.row
        return row.container if row else None

    # -- events

    def on_mount(self) -> None:
        self.paint()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.paint)

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self.rearrange()

    def key_pressed(self) -> None:
        """Some key, on this screen or above it: what was noted has been seen."""
        self._key_at = time.monotonic()
        if self.messages.key_pressed():
            self.paint_bars()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a filter is typed, its keys are letters."""
        return not self.query("#filter") if action in _METHODS else True

    def say(self, text: str) -> None:
        """A note, until the next key."""
        self.messages.note(text)
        self.paint_bars()

    def say_error(self, text: str, remedy: str = "") -> None:
        """An error, until it is read."""
        self.messages.error(text, remedy)
        self.paint_bars()

    def say_result(self, text: str, *, good: bool) -> None:
        """How a change has ended, until it is read."""
        self.messages.result(text, good=good)
        self.paint_bars()

    def on_fleet_table_pressed(self, event: FleetTable.Pressed) -> None:
        self.panes.activate_table(event.table)

    def on_fleet_table_activated(self) -> None:
        self.action_details()

    def on_fleet_table_sort_asked(self, event: FleetTable.SortAsked) -> None:
        self.sort_by(event.column)
