"""The question before every change: what exactly would be done, to what, and what speaks against it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual._path import CSSPathType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from backends.change import Consent
from backends.errors import CtdeckError
from backends.model import Key
from backends.plans.plan import Danger, Plan, Verdict
from backends.store import Changes
from tui.changing import AT_ONCE
from tui.describe import place
from tui.format import cells, fit, safe
from tui.planned import plan_lines, refused_lines, target_line
from tui.proposal import Approved, Left, Proposal
from tui.theme.tones import Tone
from tui.widgets.lines import EMPTY, Lines, line
from tui.widgets.surface import Line, Span, Surface, justify

from .dialog import Dialog

#: The dialog is no wider than this: longer lines are hard to read.
WIDEST = 110


@dataclass(slots=True)
class Target:
    """One container of a proposal: its plan, or why there is none; neither while it is being prepared."""

    key: Key
    label: str
    plan: Plan | None = None
    error: CtdeckError | None = None

    @property
    def trouble(self) -> int:
        """Sorts those first of which there is something to say."""
        if self.error is not None or (self.plan is not None and self.plan.refused):
            return 0
        warned = self.plan is not None and any(check.verdict is not Verdict.OK for check in self.plan.checks)
        return 1 if warned else 2


@dataclass(slots=True)
class Choice:
    """One key of the dialog."""

    key: str
    label: str
    action: str


class PlanDialog(Dialog["Approved | Left"]):
    """Opens at once; takes no key but those that leave or scroll until `GUARD` seconds after the last check is in."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "plan.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "apply", show=False),
        Binding("n,escape", "leave", show=False),
        Binding("e", "edit", show=False),
        Binding("c", "copy", show=False),
        Binding("a", "arm", show=False),
        Binding("s", "stop_or_go_on", show=False),
        Binding("enter", "choose", show=False),
        Binding("tab,right", "next(1)", show=False),
        Binding("shift+tab,left", "next(-1)", show=False),
        Binding("down", "scroll_to('down')", show=False),
        Binding("up", "scroll_to('up')", show=False),
        Binding("pagedown", "scroll_to('page-down')", show=False),
        Binding("pageup", "scroll_to('page-up')", show=False),
        Binding("home", "scroll_to('top')", show=False),
        Binding("end", "scroll_to('bottom')", show=False),
        Binding("ctrl+l", "app.redraw", show=False),
    ]
    #: What can be done while the plan is not there yet.
    ALWAYS: ClassVar[frozenset[str]] = frozenset({"leave", "scroll_to", "redraw"})

    def __init__(self, proposal: Proposal) -> None:
        super().__init__("")
        self.proposal = proposal
        self.targets = [Target(key, self._label(key)) for key in proposal.keys]
        self.stop = True
        self.choice = 0
        self._seen = False  # open long enough for a key that leaves
        self._prepared = False
        self._locked = self.locked
        for option in proposal.options:
            self._bindings.bind(option.key, f"option('{option.key}')", show=False)

    def _label(self, key: Key) -> str:
        container = self.app.store.containers.get(key)
        return place(container) if container is not None else f"{key.node}/{key.id}"

    # -- what is shown

    def compose(self) -> ComposeResult:
        with Widget(id="box"):
            yield Lines(id="facts")
            with Horizontal(id="ask", classes="ask"):
                yield Static("", markup=False)
                yield Input(disabled=True, compact=True)
            yield Surface(id="said")
            yield Surface(id="keys")

    def on_mount(self) -> None:
        self._show()
        self._prepare()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def store_changed(self, changes: Changes) -> None:
        """Once a tick: arming ends by itself."""
        if self.locked != self._locked:
            self._show()
            if not self.to_type:
                self.set_focus(None)

    @property
    def many(self) -> bool:
        return len(self.targets) > 1

    @property
    def production(self) -> list[str]:
        """The production nodes that it is about."""
        nodes = self.app.store.nodes
        return list(
            dict.fromkeys(t.key.node for t in self.targets if t.key.node in nodes and nodes[t.key.node].production)
        )

    @property
    def locked(self) -> list[str]:
        """Those of them that are not armed."""
        return [name for name in self.production if not self.app.changing.armed_left(name)]

    @property
    def applicable(self) -> list[Plan]:
        """Plans to which a yes may be said now."""
        if not self._prepared:
            return []
        locked = self.locked
        return [t.plan for t in self.targets if t.plan is not None and not t.plan.refused and t.key.node not in locked]

    @property
    def to_type(self) -> str:
        """What has to be typed instead of `y`; empty where `y` will do, or nothing can be done."""
        plans = self.applicable
        if not plans:
            return ""
        if self.many:
            return str(len(plans))
        plan = plans[0]
        return plan.target if plan.production or plan.danger is Danger.DESTRUCTIVE else ""

    def _show(self) -> None:
        box = self.query_one_optional("#box")
        if box is None:
            return
        self._locked = self.locked
        width = max(20, min(self.app.size.width, WIDEST))
        inner = width - 4
        rows = self._facts(inner)
        box.border_title = Content(fit(self._title(), min(cells(self._title()), inner), ellipsis=self._ellipsis))
        self.set_class(any(t.plan is not None and t.plan.danger is Danger.DESTRUCTIVE for t in self.targets), "-danger")
        asks = bool(self.to_type)
        ask = self.query_one("#ask")
        ask.display = asks
        if asks:
            out = len(self.targets) - len(self.applicable)
            words = f" ({out} {'is' if out == 1 else 'are'} left out)" if out else ""
            self.query_one(Static).update(Content(f"type {self.to_type}{words} to go on: "))
        height = min(self.app.size.height, len(rows) + 4 + asks)
        box.styles.width, box.styles.height = width, max(5, height)
        self.query_one(Lines).show(rows)
        self._show_keys()
        self.call_after_refresh(self._show_keys)

    @property
    def _ellipsis(self) -> str:
        return self.app.glyphs.ellipsis

    def _title(self) -> str:
        tail = " · PRODUCTION" if self.production else ""
        tail = tail.replace("·", self.app.glyphs.dot)
        if not self.many:
            return f"{self.proposal.what} of {self.targets[0].label}{tail}"
        nodes = len({target.key.node for target in self.targets})
        return f"{self.proposal.what} of {len(self.targets)} containers on {nodes} node{'s' * (nodes > 1)}{tail}"

    def _facts(self, width: int) -> list[Line]:
        glyphs = self.app.glyphs
        rows: list[Line] = []
        locked = self.locked
        if self.many:
            for target in sorted(self.targets, key=lambda target: target.trouble):
                why = "a locked production node" if target.key.node in locked else ""
                rows.append(target_line(target.plan, target.error, target.label, why, glyphs))
        else:
            (target,) = self.targets
            if target.error is not None:
                rows += refused_lines(target.error, width, glyphs)
            elif target.plan is None:
                rows.append(line(f"{glyphs.ellipsis} looking at it now", Tone.DIM))
            else:
                rows += plan_lines(target.plan, width, glyphs)
        for node in locked:
            rows.append(
                line(f"{glyphs.lock} {safe(node)} is PRODUCTION and locked: a arms it for 10 minutes", Tone.WARN)
            )
        return [*rows, EMPTY]

    def choices(self) -> list[Choice]:
        """The keys that do something now; the first one changes nothing, and is where the focus starts."""
        found = [Choice("n", "cancel", "leave")]
        if not self._prepared:
            return found
        if self.applicable and not self.to_type:
            found.append(Choice("y", "apply", "apply"))
        if self.proposal.editable:
            found.append(Choice("e", "edit", "edit"))
        if any(target.plan is not None for target in self.targets):
            found.append(Choice("c", "copy the commands", "copy"))
        if self.locked:
            found.append(Choice("a", "arm", "arm"))
        for option in self.proposal.options:
            sign = self.app.glyphs.checked if option.on else self.app.glyphs.unchecked
            found.append(Choice(option.key, f"{sign} {option.label}", f"option('{option.key}')"))
        if self.many:
            label = "stop at the first failure" if self.stop else "go on after a failure"
            found.append(Choice("s", label, "stop_or_go_on"))
        return found

    def _show_keys(self) -> None:
        surface = self.query_one_optional("#keys", Surface)
        if surface is None:
            return
        spans: list[Span] = []
        choices = self.choices()
        self.choice = min(self.choice, len(choices) - 1)
        typing = isinstance(self.focused, Input)
        for number, choice in enumerate(choices):
            here = number == self.choice and not typing
            sign = self.app.glyphs.cursor if here else " "
            live = self.ready or choice.action == "leave"
            key = "Esc" if typing and choice.action == "leave" else choice.key
            if typing and choice.action != "leave":
                continue
            spans.append((f"{sign}{key}", Tone.ACCENT if live else Tone.DIM))
            spans.append((f" {choice.label}  ", Tone.STRONG if here and live else Tone.DIM))
        if typing:
            spans.append((" Tab other keys", Tone.DIM))
        where = self.query_one(Lines).place
        right = line(f"{where} {self.app.glyphs.descending}" if where else "", Tone.DIM)
        surface.draw([justify(tuple(spans), right, surface.size.width)])

    def _say(self, text: str, tone: Tone = Tone.WARN) -> None:
        self.query_one("#said", Surface).draw([line(safe(text), tone)])

    # -- the plan

    def _prepare(self) -> None:
        """Look at all targets now, without waiting here."""
        self._prepared = False
        self._switch(on=False)
        for target in self.targets:
            target.plan = target.error = None
        self._show()
        self.run_worker(self._look(), group="prepare", exclusive=True, description="prepare the plan")

    async def _look(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        by_node: dict[str, list[Target]] = {}
        for target in self.targets:
            by_node.setdefault(target.key.node, []).append(target)

        async def one_node(targets: Sequence[Target]) -> None:
            async with gate:
                for target in targets:
                    try:
                        target.plan = await self._planned(target.key)
                    except CtdeckError as error:
                        target.error = error
                    if self.many:
                        self._show()

        await asyncio.gather(*map(one_node, by_node.values()))
        self._prepared = True
        self._show()
        self._guard_anew()

    def _planned(self, key: Key) -> Awaitable[Plan]:
        if self.proposal.planned is not None:
            return self.proposal.planned(key)
        changer = self.app.changing.changer
        request = self.proposal.asked
        return changer.undo_plan(key) if request is None else changer.prepare(key, request)

    # -- keys count only when everything is there and has been seen

    def _guard_anew(self) -> None:
        if self.app.screen is not self:
            return  # a dialog lies above: the guard begins when it goes
        if self._guard is not None:
            self._guard.stop()
        self._switch(on=False)
        self._guard = self.set_timer(self.GUARD, self._arm)

    def _arm(self) -> None:
        self._seen = True
        if self._prepared:
            super()._arm()
        self._show_keys()

    def _switch(self, *, on: bool) -> None:
        self.ready = on
        entry = self.query_one_optional(Input)
        if entry is None:
            return
        entry.disabled = not (on and self.to_type)
        if on and self.to_type:
            entry.focus()
        self.call_after_refresh(self._show_keys)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.ALWAYS or (action == "choose" and not self._prepared):  # then it can only cancel
            return self._seen
        return self.ready

    # -- keys

    def action_leave(self) -> None:
        self.dismiss(Left.CANCEL)

    def action_edit(self) -> None:
        if self.proposal.editable:
            self.dismiss(Left.EDIT)

    def action_apply(self) -> None:
        """`y`. Does nothing where something has to be typed, or nothing can be done."""
        if self.to_type:
            self._say(f"not by y: type {self.to_type}")
        elif self.applicable:
            self._approve("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wanted = self.to_type
        if not self.ready or not wanted:
            return
        if event.value == wanted:
            self._approve(event.value)
            return
        event.input.value = ""
        self._say(f"nothing was done: that is not {wanted}")

    def _approve(self, typed: str) -> None:
        plans = tuple(self.applicable)
        changing = self.app.changing
        try:
            for plan in plans:
                # of many, the count was typed, which stands for each of the names
                confirmed = plan.target if typed and typed == self.to_type else ""
                armed = bool(changing.armed_left(plan.key.node))
                changing.changer.consent(plan, Consent(confirmed, armed), read_only=self.app.read_only)
        except CtdeckError as error:
            self._say(str(error))
            return
        self.dismiss(Approved(plans, stop=self.many and self.stop))

    def action_choose(self) -> None:
        action = self.choices()[self.choice].action
        self.call_later(self.run_action, action)

    def action_next(self, step: int) -> None:
        """Along the keys; with something to type, the entry is one of the stops."""
        entry, count = self.query_one(Input), len(self.choices())
        if isinstance(self.focused, Input):
            self.set_focus(None)
            self.choice = 0 if step > 0 else count - 1
        elif self.to_type and not 0 <= self.choice + step < count:
            entry.focus()
        else:
            self.choice = (self.choice + step) % count
        self.call_after_refresh(self._show_keys)

    def action_scroll_to(self, where: str) -> None:
        self.query_one(Lines).go(where)
        self._show_keys()

    def action_copy(self) -> None:
        scripts = list(self._scripts())
        if scripts:
            self.app.copy_to_clipboard("\n".join(scripts))
            self._say("copied, if the terminal lets us", Tone.ACCENT)

    def _scripts(self) -> Iterator[str]:
        for target in self.targets:
            if target.plan is not None:
                yield target.plan.as_script()

    def action_arm(self) -> None:
        """Production nodes of this plan may be changed for some minutes."""
        for node in self.locked:
            self.app.changing.arm(node)
        self.app.deck_screen.paint_bars()
        self._show()
        self._guard_anew()

    def action_stop_or_go_on(self) -> None:
        self.stop = not self.stop
        self._show_keys()

    def action_option(self, key: str) -> None:
        for option in self.proposal.options:
            if option.key == key:
                option.on = not option.on
                self._prepare()
