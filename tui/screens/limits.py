"""New limits for a container, or for all marked ones: use, limit, and a field for the new value of each (`e`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual._path import CSSPathType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from backends.errors import CtdeckError
from backends.model import Beancounter, Container, Key, State
from backends.plans.request import SetLimits, duration
from backends.plans.spoken import beancounter
from tui.describe import by_trouble, fullness, place
from tui.format import safe, span
from tui.limit_fields import FIELDS, bound, counter_text, counter_wrong, values, wrong
from tui.proposal import Proposal
from tui.propose import propose
from tui.theme.tones import Tone
from tui.widgets.limit_rows import Fold, LimitRow, Switch, heading
from tui.widgets.lines import line
from tui.widgets.surface import Line

from .page import Page

ALWAYS = "always"
LIVE_ONLY = "live only"
_SPANS = (ALWAYS, "15m", "1h", "4h")


class LimitsForm(Page[None], inherit_bindings=False):
    """Enter makes the plan; the form stays below it, so that `e` there comes back to it as it was."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["page.tcss", "limits.tcss"]
    ACTIONS: ClassVar[tuple[str, ...]] = ()  # its letters go into the fields
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("enter", "plan", show=False),
        Binding("down,tab", "next", show=False),
        Binding("up,shift+tab", "previous", show=False),
        Binding("ctrl+l", "redraw", show=False),
    ]

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.keys = keys
        self._last = {key: self.app.store.containers[key] for key in keys if key in self.app.store.containers}
        self.leashes: dict[str, dict[str, Any]] = {}  # limit -> old, value, until
        self.set_class(not self.app.rgb, "-ansi")

    @property
    def container(self) -> Container | None:
        """The one that it is about; None when there are several."""
        if len(self.keys) > 1:
            return None
        key = self.keys[0]
        return self.app.store.containers.get(key) or self._last.get(key)

    @property
    def counters(self) -> dict[str, Beancounter]:
        container = self.container
        return container.beancounters if container is not None else {}

    # -- what is shown

    def middle(self) -> ComposeResult:
        with VerticalScroll(id="rows", can_focus=False):
            for field in FIELDS:
                yield LimitRow(field.id, field.label, lambda text, name=field.id: wrong(name, text), field.hint)  # type: ignore[misc]
            if self.counters:
                failing = sum(bool(counter.failcnt) for counter in self.counters.values())
                text = f"beancounters  {len(self.counters)}, {failing or 'none'} failing   barrier:limit"
                yield Fold(text, Tone.WARN if failing else Tone.DIM)
            yield Switch("for", _SPANS, id="span")
            yield Switch("where", self._where(), id="where")

    def _where(self) -> tuple[str, ...]:
        container = self.container
        if container is not None and container.state is not State.RUNNING:
            return ("after its next start",)
        return ("live and after a restart", LIVE_ONLY)

    def on_mount(self) -> None:
        super().on_mount()
        self.query(Input).first().focus()
        if len(self.keys) == 1:
            self.run_worker(self._look(), group="look", exclusive=True, description="look for leashes")

    async def _look(self) -> None:
        """Limits that hold for a while only; the store does not have them."""
        try:
            values = (await self.app.changing.changer.look(self.keys[0])).values
        except CtdeckError:
            return  # the plan, which looks too, will say it
        self.leashes = {
            name.removeprefix("leash."): leash
            for name, leash in values.items()
            if name.startswith("leash.") and isinstance(leash, dict)
        }
        self.show()

    def _leash_lines(self) -> list[Line]:
        fields = {field.id: field for field in FIELDS}
        rows = []
        for name, leash in self.leashes.items():
            field, until = fields.get(name), leash.get("until")
            label = safe(field.label if field else name)
            old = leash.get("old")
            back = "unlimited" if old is None else field.figure(old) if field else safe(str(old))
            left = f"for {span(until - self.view.wall)} more" if isinstance(until, (int, float)) else "for a while"
            text = f"{self.app.glyphs.lock} {label} is on a leash {left}, then {back} again; a new value here ends it"
            rows.append(line(text, Tone.WARN))
        return rows

    def title_lines(self) -> Sequence[Line]:
        container = self.container
        name = place(container) if container is not None else f"{len(self.keys)} marked containers"
        production = any(self.app.store.nodes[key.node].production for key in self.keys)
        tail = f" {self.app.glyphs.dot} PRODUCTION" if production else ""
        title: Line = ((name, Tone.STRONG), (tail, Tone.WARN), (f" {self.app.glyphs.dot} limits", Tone.DIM))
        return [title, *self._leash_lines(), line(heading(self.app.size.width, self.app.glyphs.arrow), Tone.HEAD)]

    def content(self) -> Sequence[Line]:
        return ()

    def show(self) -> None:
        super().show()
        container = self.container
        if container is None:
            return
        node = self.app.store.nodes[container.key.node]
        rows = {row.limit: row for row in self.query(LimitRow)}
        for field in FIELDS:
            use, most = field.use(container), bound(field, container, node)
            share = use / most if use is not None and most else None
            if field.id in rows:
                rows[field.id].show(field.figure(use), field.figure(field.limit(container)), share)
        for name, counter in self.counters.items():
            if name in rows:
                failed = f"fail {counter.failcnt}" if counter.failcnt else ""
                rows[name].show(str(counter.held), failed, fullness(counter) or None)

    def hints(self) -> Sequence[tuple[str, str]]:
        return (("Enter", "plan"), ("Up Down", "field"), ("Esc", "leave"), ("", "2G  1.5 cores  50%  unlimited"))

    async def on_fold_turned(self, event: Fold.Turned) -> None:
        """The beancounters are there while the fold is open; those that fail come first."""
        fold = self.query_one(Fold)
        shown = [row for row in self.query(LimitRow) if row.has_class("counter")]
        if not fold.open:
            for row in shown:
                row.display = False
        elif shown:
            for row in shown:
                row.display = True
        else:
            rows = []
            for name in by_trouble(self.counters, {}):
                counter = self.counters[name]
                hint = counter_text(counter.barrier, counter.limit)
                row = LimitRow(name, f"  {safe(name)}", lambda text, name=name: counter_wrong(name, text), hint)  # type: ignore[misc]
                row.add_class("counter")
                rows.append(row)
            await self.query_one("#rows").mount_all(rows, after=fold)
        self.show()

    # -- keys

    def action_next(self) -> None:
        self.focus_next()

    def action_previous(self) -> None:
        self.focus_previous()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_plan()

    @property
    def request(self) -> SetLimits | None:
        """What was typed; None, and the cursor there, where something is wrong with it."""
        typed: dict[str, str] = {}
        counters: dict[str, tuple[int, int]] = {}
        for row in self.query(LimitRow):
            text = row.text.strip()
            if row.wrong:
                row.query_one(Input).focus()
                self.say_error(row.wrong)
                return None
            if text and row.has_class("counter"):
                name, pair = beancounter(f"{row.limit}={text}")
                counters[name] = pair
            elif text:
                typed[row.limit] = text
        if not typed and not counters:
            self.say("nothing is to be changed yet: type a new value")
            return None
        while_, where = self.query_one("#span", Switch).value, self.query_one("#where", Switch).value
        seconds = 0 if while_ == ALWAYS else duration(while_)
        return SetLimits(values(typed), counters, live_only=where == LIVE_ONLY, for_seconds=seconds)

    def action_plan(self) -> None:
        request = self.request
        if request is None:
            return
        self._message = ""
        propose(self.app, Proposal("limits", self.keys, request), edit=self.show, applied=self._done, left=self._done)

    def _done(self) -> None:
        self.dismiss(None)
