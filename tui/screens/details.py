"""Everything about one container on one screen (Enter): what is wrong, history, limits against use, what has failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual._path import CSSPathType
from textual.app import ComposeResult
from textual.containers import Horizontal

from backends.history import RECENT_SPAN, History
from backends.model import Container, Key, Node
from backends.trouble import CALM, Triage
from tui.describe import (
    beancounter_summary,
    container_facts,
    cpu_whole,
    reasons_lines,
    what_changed,
)
from tui.format import number, size
from tui.widgets.graph import Frame, Graph, render, summary
from tui.widgets.lines import EMPTY
from tui.widgets.surface import Line

from .container_page import ContainerPage

HOUR = 3600.0


class Details(ContainerPage):
    """`j` and `k` go on to the next container of the list that the deck shows; the result is the last one looked at."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["page.tcss", "details.tcss"]
    ACTIONS: ClassVar[tuple[str, ...]] = (*ContainerPage.ACTIONS, "history", "refresh", *ContainerPage.LOOKS)

    def __init__(self, key: Key, order: Callable[[], Sequence[Key]] = tuple, *, hour: bool = False) -> None:
        """`order` gives the containers in the order of the list below, now. `hour`: begin with the history of an hour."""
        super().__init__(key)
        self._order = order
        self.hour = hour

    def middle(self) -> ComposeResult:
        with Horizontal(id="graphs"):
            yield Graph(id="cpu")
            yield Graph(id="memory")

    def title_lines(self) -> Sequence[Line]:
        verdict = CALM if self.gone else self.triage.look(self.key_shown)
        return [*super().title_lines(), *reasons_lines(verdict.reasons, self.view)[:2]]

    @property
    def triage(self) -> Triage:
        return self.app.deck_screen.rows.triage

    def content(self) -> Sequence[Line]:
        below = beancounter_summary(self.container)
        changed = what_changed(self.triage.events, self.key_shown, self.view)
        facts = container_facts(self.container, self.node, self.view)
        return [*facts, EMPTY, *changed, *([EMPTY, *below] if below else [])]

    def hints(self) -> Sequence[tuple[str, str]]:
        return (
            (self.key("history"), "5 min" if self.hour else "hour"),
            *self.look_hints(),
            (f"{self.key('down')} {self.key('up')}", "next"),
            ("Esc", "back"),
        )

    def show(self) -> None:
        super().show()
        if self.query_one_optional("#graphs") is not None:
            self._draw_graphs(self.container, self.node)

    def _draw_graphs(self, container: Container, node: Node) -> None:
        height = self.app.size.height
        rows = max(2, 6 + 2 * ((height - 24) // 8))
        self.query_one("#graphs").styles.height = rows + 3
        store = self.app.store
        series = store.series.get(self.key_shown)
        now = self.view.now - store.started
        frame = Frame(
            start=now - (HOUR if self.hour else RECENT_SPAN),
            end=now,
            epoch=self.view.wall - now,
            hold=90.0 if self.hour else max(10.0, 3 * node.interval),
        )
        cpu = series.cpu if series else History()
        memory = series.memory if series else History()
        usage = container.usage
        whole = cpu_whole(container, node)
        name = f"cpu % of {whole:.0f}" if whole else "cpu %"
        usual = self.triage.usual_cpu(self.key_shown)
        self._draw("#cpu", name, cpu, usage.cpu_percent, frame, whole, number, binary=False, usual=usual)
        limit = container.limits.memory
        name = f"mem of {size(limit)}" if limit else "mem"
        self._draw("#memory", name, memory, usage.memory_used, frame, limit, size, binary=True)

    def _draw(
        self,
        where: str,
        name: str,
        history: History,
        now: float | None,
        frame: Frame,
        limit: float | None,
        label: Callable[[float | None], str],
        *,
        binary: bool,
        usual: float | None = None,
    ) -> None:
        points = list(history.coarse if self.hour else history.recent)
        if self.hour:
            # the last half minute is not averaged yet
            last = points[-1][0] if points else frame.start
            points += [point for point in history.recent if point[0] > last]
        title = summary(name, points, now, frame, label, usual)
        glyphs = self.app.glyphs

        def draw(width: int, height: int) -> list[str]:
            return render(
                points, width, height, frame, label=label, limit=limit, binary=binary, ascii_only=glyphs.ascii
            )

        self.query_one(where, Graph).show(title, draw)

    # Keys

    def action_refresh(self) -> None:
        if self.app.fleet is not None:
            self.app.fleet.refresh(self.key_shown.node)
            self.say(f"asking {self.key_shown.node} now")

    def action_history(self) -> None:
        self.hour = not self.hour
        self.show()

    def action_down(self) -> None:
        self._step(1)

    def action_up(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        order = list(self._order())
        if self.key_shown not in order:
            return
        place = order.index(self.key_shown) + by
        if 0 <= place < len(order):
            self.look_at(order[place])
