"""The first screen of somebody without a fleet file: which hosts, this machine, or the demo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from backends import paths
from backends.errors import ConfigError
from backends.inventory import Inventory, hosts_of, load, write_first
from tui.format import fit, safe
from tui.theme.tones import Tone
from tui.widgets.lines import EMPTY, Lines, line, wrap
from tui.widgets.surface import Line, Span

from .page import Page

#: Tools by which this machine is known as a node of its own.
_TOOLS = (("vzlist", "openvz found"), ("lxc-info", "lxc found"))

#: Hosts that look like one of a row of nodes are marked to begin with (`hn01`, `node-3.eu`).
_ONE_OF_MANY = re.compile(r"[A-Za-z][\w-]*\d+(\.[\w.-]+)?")


def this_machine() -> str:
    """What makes the machine that we sit on a node, for people; empty if nothing does."""
    return ", ".join(words for tool, words in _TOOLS if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin"))


class FirstSteps(Page[Inventory | Callable[[], Awaitable[Inventory]]], inherit_bindings=False):
    """Gives the inventory that it has written and read back, or what starts the demo; None to leave."""

    ACTIONS: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move_down", show=False),
        Binding("up,k", "move_up", show=False),
        Binding("right,l,tab", "move(1)", show=False),
        Binding("left,h,shift+tab", "move(-1)", show=False),
        Binding("space", "mark", show=False),
        Binding("a", "mark_all", show=False),
        Binding("enter", "write", show=False),
        Binding("d", "demo", show=False),
        Binding("q", "leave", show=False),
        Binding("escape", "back", show=False),
    ]

    def __init__(
        self, hosts: Sequence[str] | None = None, machine: str | None = None, path: Path | None = None
    ) -> None:
        """`hosts`: aliases to choose from; `machine`: what was found here; `path`: the fleet file to write. Each is
        looked up where it is not given."""
        super().__init__()
        self.hosts = list(hosts_of(paths.ssh_config()) if hosts is None else hosts)
        self.machine = this_machine() if machine is None else machine
        self.path = path or paths.fleet_file()
        self.marked = {index for index, host in enumerate(self.hosts) if _ONE_OF_MANY.fullmatch(host)}
        self.at = 0
        if self.machine and not self.hosts:
            self.marked = {0}

    @property
    def count(self) -> int:
        """Things that can be marked: the hosts, and this machine as the last."""
        return len(self.hosts) + bool(self.machine)

    @property
    def _cell(self) -> int:
        return min(40, max((len(host) for host in self.hosts), default=0)) + 7

    @property
    def columns(self) -> int:
        return max(1, (self.view.width - 2) // self._cell)

    def title_lines(self) -> Sequence[Line]:
        return [line("ctdeck has no fleet yet.", Tone.STRONG), *self._explained()]

    def content(self) -> Sequence[Line]:
        rows: list[Line] = []
        if self.hosts:
            rows.append(line(f"  {len(self.hosts)} hosts of your ssh configuration", Tone.DIM))
            places = range(0, len(self.hosts), self.columns)
            rows += [self._row(start) for start in places]
        else:
            rows.append(line("  Your ssh configuration (~/.ssh/config) names no host.", Tone.DIM))
        if self.machine:
            last = len(self.hosts)
            rows += [EMPTY, (*self._mark(last), (f" this machine ({self.machine})", self._tone(last)))]
        return rows

    def show(self) -> None:
        super().show()
        body = self.query_one_optional(Lines)
        if body is not None:
            here = len(body.lines) - 1 if self.at == len(self.hosts) else self.at // self.columns + 1
            body.reveal(here)

    def _explained(self) -> list[Line]:
        width = self.view.width - 1
        home = Path.home()
        file = f"~/{self.path.relative_to(home)}" if self.path.is_relative_to(home) else str(self.path)
        if not self.count:
            text = f"Name your nodes in {file} (see the README), or press d for a simulated fleet."
        else:
            text = f"Enter writes {file} with what is marked ({len(self.marked)}), and connects. Nothing is installed on a node."
        return [line(row) for row in wrap(safe(text), width)]

    def _row(self, start: int) -> Line:
        spans: list[Span] = []
        for index in range(start, min(len(self.hosts), start + self.columns)):
            name = fit(safe(self.hosts[index]), self._cell - 6)
            spans += [*self._mark(index), (f" {name}", self._tone(index))]
        return tuple(spans)

    def _mark(self, index: int) -> tuple[Span, ...]:
        cursor = self.app.glyphs.cursor if index == self.at else " "
        box = "[x]" if index in self.marked else "[ ]"
        return ((f" {cursor}", Tone.ACCENT), (box, self._tone(index)))

    def _tone(self, index: int) -> Tone:
        return Tone.STRONG if index == self.at else Tone.NORMAL if index in self.marked else Tone.DIM

    def hints(self) -> Sequence[tuple[str, str]]:
        marks = (("Space", "mark"), ("a", "all or none"), ("Enter", "write and connect")) if self.count else ()
        return (*marks, ("d", "demo"), ("q", "leave"))

    # Keys

    def action_move(self, by: int) -> None:
        self.at = max(0, min(self.count - 1, self.at + by))
        self.show()

    def action_move_down(self) -> None:
        # from the last full row on to this machine, which stands alone below
        last = len(self.hosts) - 1
        beyond = self.at + self.columns > last
        self.at = self.at + self.columns if not beyond else self.count - 1 if self._on_last_row else last
        self.at = max(0, min(self.count - 1, self.at))
        self.show()

    @property
    def _on_last_row(self) -> bool:
        return not self.hosts or self.at // self.columns >= (len(self.hosts) - 1) // self.columns

    def action_move_up(self) -> None:
        self.at = len(self.hosts) - 1 if self.at == len(self.hosts) and self.hosts else self.at - self.columns
        self.at = max(0, self.at) if self.at >= 0 else self.at + self.columns
        self.show()

    def action_mark(self) -> None:
        if self.count:
            self.marked ^= {self.at}
            self.show()

    def action_mark_all(self) -> None:
        self.marked = set() if len(self.marked) == self.count else set(range(self.count))
        self.show()

    def action_write(self) -> None:
        names = [host for index, host in enumerate(self.hosts) if index in self.marked]
        local = bool(self.machine) and len(self.hosts) in self.marked
        if not names and not local:
            self.say_error("Nothing is marked: Space marks, d opens the demo")
            return
        try:
            write_first(self.path, names, local)
            inventory = load(self.path)
        except ConfigError as error:
            self.say_error(safe(error.message), safe(error.remedy))
            return
        self.dismiss(inventory)

    def action_demo(self) -> None:
        from tui.commands.demo import healthy

        self.dismiss(healthy)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_back(self) -> None:
        """Esc never leaves."""
        self._message = ""
        self.show()
