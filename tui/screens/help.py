"""Every key (`?`, F1), made from the table of actions; typing searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from tui.actions import ACTIONS, Action, Danger, Group
from tui.format import fit
from tui.theme.tones import Tone
from tui.widgets.lines import EMPTY, line, wrap
from tui.widgets.surface import Line, Span

from .page import Page

_KEYS, _LABEL = 14, 17
_DANGER = {Danger.CHANGES: "changes a node, after a plan", Danger.DESTROYS: "destroys, after a plan"}


class Help(Page[None], inherit_bindings=False):
    """Letters are the search here, so it moves by the arrow keys only."""

    ACTIONS: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "down", show=False),
        Binding("up", "up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("home", "top", show=False),
        Binding("end", "bottom", show=False),
        Binding("backspace", "erase", show=False),
        Binding("escape,f1", "back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.search = ""

    def title_lines(self) -> Sequence[Line]:
        typed = f"/{self.search}" if self.search else "type to search"
        return [(("help  ", Tone.STRONG), (typed, Tone.ACCENT if self.search else Tone.DIM))]

    def content(self) -> Sequence[Line]:
        rows: list[Line] = []
        for group in Group:
            found = [action for action in ACTIONS if action.group is group and self._matches(action)]
            if found:
                rows += [*([EMPTY] if rows else []), line(group.value, Tone.STRONG)]
                rows += [row for action in found for row in self._rows(action)]
        if not self.search:
            rows += [EMPTY, *self._legend()]
        return rows or [line(f"no key has to do with {self.search!r}", Tone.DIM)]

    def _matches(self, action: Action) -> bool:
        text = f"{self._keys(action)} {action.label} {action.help} {action.group}".lower()
        return all(word in text for word in self.search.lower().split())

    def _keys(self, action: Action) -> str:
        return self.app.keymap.shown(action, all_keys=True)

    def _rows(self, action: Action) -> list[Line]:
        words = action.help + (f" ({_DANGER[action.danger]})" if action.danger in _DANGER else "")
        label = _LABEL if self.view.width >= 60 else 0  # the words alone where it is narrow
        indent = 2 + _KEYS + 1 + label
        first, *rest = wrap(words, max(10, self.view.width - indent - 1))
        keys = f"  {fit(self._keys(action), _KEYS)} "
        names: tuple[Span, ...] = ((fit(action.label, label - 1) + " ", Tone.NORMAL),) if label else ()
        return [((keys, Tone.ACCENT), *names, (first, Tone.DIM)), *(line(" " * indent + row, Tone.DIM) for row in rest)]

    def _legend(self) -> list[Line]:
        """What the signs mean; they can be drawn in ASCII too."""
        glyphs = self.app.glyphs
        containers = "   ".join(f"{sign} {state.value}" for state, sign in glyphs.states.items())
        nodes = "   ".join(f"{sign} {state.value}" for state, sign in glyphs.nodes.items())
        others = f"{glyphs.lock} locked   {glyphs.leash} a limit for a while   {glyphs.stale} old   "
        others += f"{glyphs.mark} marked   - not known or not there"
        width = self.view.width - 14
        rows: list[Line] = [line("signs", Tone.STRONG)]
        for label, text in (("containers", containers), ("nodes", nodes), ("both", others)):
            for index, row in enumerate(wrap(text, width)):
                rows.append(((f"  {label if not index else '':12}", Tone.DIM), (row, Tone.NORMAL)))
        return rows

    def hints(self) -> Sequence[tuple[str, str]]:
        return (("PgUp PgDn", "scroll"), ("Esc", "back"))

    def on_key(self, event: events.Key) -> None:
        if event.character and event.is_printable and len(self.search) < 40:
            event.stop()
            self._find(self.search + event.character)

    def action_erase(self) -> None:
        self._find(self.search[:-1])

    def _find(self, search: str) -> None:
        self.search = search.lstrip()
        self.scroll_lines("top")
        self.show()

    def action_back(self) -> None:
        if self.search:
            self._find("")
        else:
            self.dismiss(None)
