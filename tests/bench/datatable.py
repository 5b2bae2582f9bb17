"""The peer of `screen`: Textual's own DataTable with the same rows. `python -m tests.bench.datatable CONTAINERS SHARE`

It gets what it is best at: fixed widths, and only the visible rows are updated.
"""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from .replay import Replay

COLUMNS = (("NODE", 10), ("ID", 8), ("NAME", 20), ("STATE", 8), ("CPU%", 7), ("MEM", 10), ("IP", 15), ("PROCS", 6))


class Table(App[None]):
    ENABLE_COMMAND_PALETTE: ClassVar = False

    def __init__(self, fleet: Replay) -> None:
        super().__init__()
        self._replay = fleet
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for title, width in COLUMNS:
            table.add_column(title, width=width, key=title)
        for key, row in self._replay.store.containers.items():
            memory = f"{(row.usage.memory_used or 0) >> 20}M"
            table.add_row(
                key.node, key.id, row.name, "run", f"{row.usage.cpu_percent:.0f}", memory, row.ips[0], "30", key=key.id
            )
        if self._replay._share:
            self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        self._replay.tick()
        table = self.query_one(DataTable)
        rows = list(self._replay.store.containers.items())
        top = int(table.scroll_y)
        for key, row in rows[top : top + table.size.height]:
            table.update_cell(key.id, "CPU%", f"{row.usage.cpu_percent:.0f}")
            table.update_cell(key.id, "MEM", f"{(row.usage.memory_used or 0) >> 20}M")


if __name__ == "__main__":
    Table(Replay(int(sys.argv[1]), float(sys.argv[2]))).run(mouse=False)
