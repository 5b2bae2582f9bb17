"""The snapshots of a container as a tree (`p`): new, revert, delete; and a command that is tried on top of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from backends.model import Key, State
from backends.plans.plan import Misused
from backends.plans.request import CreateSnapshot, DeleteSnapshot, Request, RevertSnapshot
from tui.format import cells, fit, safe, size
from tui.proposal import Option, Proposal
from tui.propose import propose
from tui.snapshot_tree import Twig, date_text, tree
from tui.theme.tones import Tone
from tui.widgets.lines import line
from tui.widgets.surface import Line, justify

from .entry import Entry
from .inspected import InspectedPage
from .trial import try_command

if TYPE_CHECKING:
    from tui.app import Deck


class SnapshotList(InspectedPage):
    """The cursor goes over the snapshots only; "you are here" is no choice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("n", "new", "new"),
        ("R", "revert", "revert"),
        ("D", "delete", "delete"),
        ("T", "try_command", "try a command"),
    ]

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        return list(self.values.get("snapshots") or ()) if self.values else []

    @property
    def twigs(self) -> list[Twig]:
        return tree(self.snapshots, ascii_only=self.app.glyphs.ascii)

    @property
    def chosen(self) -> dict[str, Any] | None:
        twigs = [twig for twig in self.twigs if twig.snapshot is not None]
        return twigs[min(self.at, len(twigs) - 1)].snapshot if twigs else None

    def choices(self) -> int:
        return len(self.snapshots)

    def line_of(self, choice: int) -> int:
        return [place for place, twig in enumerate(self.twigs) if twig.snapshot is not None][choice]

    def title_lines(self) -> Sequence[Line]:
        sizes = [snapshot.get("size") for snapshot in self.snapshots]
        known = [value for value in sizes if isinstance(value, (int, float))]
        told = f"{len(self.snapshots)} snapshot{'' if len(self.snapshots) == 1 else 's'}"
        told += f", {size(sum(known))} held" if known else ""
        right = line(told if self.values is not None else "", Tone.DIM)
        return [*super().title_lines(), justify(line("snapshots", Tone.HEAD), right, self.view.width)]

    def content(self) -> Sequence[Line]:
        if self.values is None:
            return [
                line(f"  {self.wrong or 'reading ' + self.app.glyphs.ellipsis}", Tone.WARN if self.wrong else Tone.DIM)
            ]
        twigs = self.twigs
        if not self.snapshots:
            return [line("  it has no snapshot: n makes one", Tone.DIM)]
        glyphs = self.app.glyphs
        width = max(cells(twig.branch) + cells(safe(twig.name)) for twig in twigs) + 2
        width = min(width, self.view.width - 40)
        rows: list[Line] = []
        for twig in twigs:
            name = twig.branch + (safe(twig.name) if twig.snapshot else f"{glyphs.states[State.RUNNING]} you are here")
            text = f"  {fit(name, width, ellipsis=glyphs.ellipsis)}"
            if twig.snapshot is None:
                rows.append(line(text, Tone.ACCENT))
                continue
            held = twig.snapshot.get("size")
            figure = size(held) if isinstance(held, (int, float)) else "-"
            memory = "   with memory" if twig.snapshot.get("memory") else ""
            rest = f"  {date_text(twig.snapshot.get('date')):16}  {figure:>8}"
            rows.append(((text, Tone.NORMAL), (safe(rest), Tone.DIM), (memory, Tone.NORMAL)))
        return rows

    def hints(self) -> Sequence[tuple[str, str]]:
        return (
            ("n", "new"),
            ("R", "revert"),
            ("D", "delete"),
            ("T", "try a command"),
            (self.key("undo"), "undo"),
            (self.key("jobs"), "jobs"),
            ("Esc", "back"),
        )

    # Keys

    def action_new(self) -> None:
        if self.may_change():
            new_snapshot(self.app, (self.key_shown,))

    def action_revert(self) -> None:
        chosen = self.chosen
        if chosen is None or not self.may_change():
            return
        request = RevertSnapshot(str(chosen.get("id")))
        option = Option("k", "keep its configuration of now", _keep_config)
        propose(self.app, Proposal(f"revert to {safe(_name(chosen))}", (self.key_shown,), request, (option,)))

    def action_delete(self) -> None:
        chosen = self.chosen
        if chosen is None or not self.may_change():
            return
        request = DeleteSnapshot(str(chosen.get("id")))
        propose(self.app, Proposal(f"delete snapshot {safe(_name(chosen))}", (self.key_shown,), request))

    def action_try_command(self) -> None:
        if self.may_change():
            try_command(self.app, self.key_shown)


def new_snapshot(app: Deck, keys: tuple[Key, ...], name: str = "") -> None:
    """Ask for the name, then for the plan; of several containers each gets a snapshot of that name."""
    where = f"{keys[0].node}/{keys[0].id}" if len(keys) == 1 else f"{len(keys)} containers"

    def typed(text: str | None) -> None:
        if text is None:
            return
        proposal = Proposal("snapshot", keys, CreateSnapshot(text.strip()), (Option("m", "with memory", _memory),))
        propose(app, proposal, edit=lambda: new_snapshot(app, keys, text))

    app.push_screen(Entry(f"new snapshot of {where}", "name", _named, value=name), typed)


def _named(text: str) -> None:
    if not text.strip():
        raise Misused("It needs a name", "Write what it is before: before-php8")


def _name(snapshot: dict[str, Any]) -> str:
    return str(snapshot.get("name") or snapshot.get("id"))


def _memory(request: Request, on: bool) -> Request:
    assert isinstance(request, CreateSnapshot)
    return replace(request, memory=on)


def _keep_config(request: Request, on: bool) -> Request:
    assert isinstance(request, RevertSnapshot)
    return replace(request, keep_config=on)
