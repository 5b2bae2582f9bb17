"""Every beancounter of a container, those that fail first, live (`B`)."""

from __future__ import annotations

from collections.abc import Sequence

from backends.model import Key
from tui.describe import BEANCOUNTER_HEAD, beancounter_table
from tui.theme.tones import Tone
from tui.widgets.lines import line
from tui.widgets.surface import Line

from .container_page import ContainerPage


class Beancounters(ContainerPage):
    """Held, highest, barrier, limit and failures of each resource; a growing failcnt is told as `+n` since it was opened."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self._first = {name: counter.failcnt for name, counter in self.container.beancounters.items()}

    def title_lines(self) -> Sequence[Line]:
        counters = self.container.beancounters
        failing = sum(bool(counter.failcnt) for counter in counters.values())
        have = "has" if failing < 2 else "have"
        said = f"{len(counters)} beancounters, {failing or 'none'} {have} failed" if counters else ""
        return [*super().title_lines(), line(said, Tone.WARN if failing else Tone.DIM), BEANCOUNTER_HEAD]

    def content(self) -> Sequence[Line]:
        counters = self.container.beancounters
        if not counters:
            return [line("None are known yet: a container has them while it runs on an OpenVZ kernel.", Tone.DIM)]
        grown = {
            name: max(0, counter.failcnt - self._first.setdefault(name, counter.failcnt))
            for name, counter in counters.items()
        }
        return beancounter_table(counters, grown)
