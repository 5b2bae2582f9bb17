"""Try a command (`T` in the snapshots): what it says while it runs, how it ended, and the question: keep it, or revert?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from backends.attempt import Attempt, command_line, whole
from backends.model import Key
from backends.plans.plan import Plan
from backends.plans.request import RevertSnapshot
from backends.store import Changes
from tui.describe import place
from tui.format import safe
from tui.proposal import Proposal
from tui.propose import change_refused, propose
from tui.theme.tones import Tone
from tui.trying import Trying
from tui.widgets.lines import line, wrap
from tui.widgets.surface import Line

from .entry import Entry
from .page import Page

if TYPE_CHECKING:
    from tui.app import Deck


class TrialPage(Page[None]):
    """Keeping is what happens by itself: Esc and Enter keep, only `R` and its plan revert."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "keep", "keep"), ("R", "revert", "revert")]

    def __init__(self, trying: Trying) -> None:
        super().__init__()
        self.trying = trying
        self._told = False

    @property
    def where(self) -> str:
        key = self.trying.attempt.key
        container = self.app.store.containers.get(key)
        return place(container) if container is not None else f"{key.node}/{key.id}"

    def title_lines(self) -> Sequence[Line]:
        return [
            (("try of ", Tone.DIM), (self.where, Tone.STRONG), (f"  {self.trying.attempt.name}", Tone.DIM)),
            line(safe(self.trying.command)),
            self._state(),
        ]

    def _state(self) -> Line:
        trying, glyphs = self.trying, self.app.glyphs
        if trying.found is not None:
            good = trying.found.exit == 0
            sign, tone = (glyphs.ok, Tone.ACCENT) if good else (glyphs.bad, Tone.CRIT)
            return ((f"{sign} {safe(trying.found.sentence)}", tone), ("  keep it, or revert?", Tone.STRONG))
        if trying.over:
            return line(f"{glyphs.bad} it has not come to its end", Tone.CRIT)
        return line(f"{glyphs.cursor} {'the command runs' if trying.at_command else 'the snapshot first'}", Tone.ACCENT)

    def content(self) -> Sequence[Line]:
        trying, width = self.trying, self.view.width
        rows = [line(row) for text in trying.output for row in wrap(safe(text), width)]
        if not rows and trying.found is not None:
            rows = [line("it has said nothing", Tone.DIM)]
        troubles = [trying.wrong, str(trying.found.wrong or "") if trying.found is not None else ""]
        for text in filter(None, troubles):
            rows += [line(row, Tone.CRIT) for row in wrap(safe(text), width)]
        return rows

    def hints(self) -> Sequence[tuple[str, str]]:
        if not self.trying.over:
            return (("Esc", "leave it running"),)
        if not self.trying.at_command:
            return (("Esc", "back"),)
        return (("R", "revert to before"), ("Esc", "keep"))

    def store_changed(self, changes: Changes) -> None:
        super().store_changed(changes)
        ended = self.trying.over and not self._told
        if ended or not self.trying.over:
            self._told = self.trying.over
            self.scroll_lines("bottom")

    # Keys

    def action_back(self) -> None:
        if self._message:
            super().action_back()
        else:
            self._leave()

    def action_keep(self) -> None:
        if self.trying.over:
            self._leave()

    def action_revert(self) -> None:
        trying, key = self.trying, self.trying.attempt.key
        if not trying.over or not trying.at_command:
            self.say("there is nothing to revert yet" if not trying.over else "there is nothing to revert")
            return
        if why := change_refused(self.app, key):
            self.say_error(why)
            return
        name = trying.attempt.name
        proposal = Proposal(f"revert to {name}", (key,), RevertSnapshot(name))
        propose(self.app, proposal, applied=self._close)

    def _close(self) -> None:
        self.trying.left = True
        self.dismiss(None)

    def _leave(self) -> None:
        trying, below = self.trying, self.app.screen_stack[-2]
        self._close()
        if isinstance(below, Page) and trying.at_command:
            how = "kept" if trying.over else "it goes on"
            below.say(f"{how}: the snapshot {trying.attempt.name} is there, R reverts to it, D deletes it")


def try_command(app: Deck, key: Key, text: str = "") -> None:
    """Ask for the command, then for the plan of snapshot and command together, then run both."""

    def typed(said: str | None) -> None:
        if said is None:
            return
        attempt = Attempt(app.changing.changer, key, command_line(said))

        async def planned(_: Key) -> Plan:
            return whole(await attempt.plans(), attempt.name)

        def apply(plans: tuple[Plan, ...]) -> None:
            trying = Trying(app, attempt, armed=bool(app.changing.armed_left(key.node)))
            trying.begin()
            app.push_screen(TrialPage(trying))

        proposal = Proposal("try", (key,), None, planned=planned)
        propose(app, proposal, apply=apply, edit=lambda: try_command(app, key, said))

    lines = ("A snapshot is taken before. Afterwards you keep what came of it, or revert.",)
    where = f"{key.node}/{key.id}"
    app.push_screen(Entry(f"try a command in {where}", "command", command_line, value=text, lines=lines), typed)
