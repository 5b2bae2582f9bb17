"""The deck as a Textual application: it paints at once, then loads the fleet, and passes on what changed once a second."""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType

from backends.errors import CtdeckError
from backends.inventory import Inventory
from backends.store import Changes, Store

from .keymap import Keymap
from .theme.glyphs import ASCII, UNICODE, terminal_speaks_unicode
from .theme.tones import ANSI, ANSI_CURSOR, RGB, RGB_CURSOR, has_rgb, theme

if TYPE_CHECKING:
    from textual.timer import Timer

    from backends.fleet import Fleet

#: Where the nodes come from: known, or delivered a moment later (the demo has to start first).
Source = Inventory | Callable[[], Awaitable[Inventory]]

#: Seconds between looks at the store; the short one only until every node has told how it is.
TICK = 1.0
FIRST_TICK = 0.1
FIRST_TICKS_FOR = 15.0

#: Seconds in which a second Ctrl-C leaves.
LEAVE_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """How the person wants the deck. `ascii` None: as locale and terminal say."""

    ascii: bool | None = None
    mouse: bool = False
    read_only: bool = False


@runtime_checkable
class Live(Protocol):
    """A screen that shows what the store has. Called in the event loop, at most once a tick, for every open screen."""

    def store_changed(self, changes: Changes) -> None:
        """`changes` may be empty: then only ages have moved. Send nothing to the terminal that has not changed."""
        ...


class Deck(App[None]):
    """The application. Screens read `store`, `fleet`, `inventory`, `options`, `keymap`, `glyphs`, `tones`, `cursor_tones`."""

    CSS_PATH: ClassVar = []
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False, priority=True)]

    def __init__(self, source: Source, options: Options | None = None) -> None:
        """Raises ConfigError for keys of the fleet file that cannot be used."""
        options = options or Options()
        self.source = source
        self.options = options
        self.inventory: Inventory | None = source if isinstance(source, Inventory) else None
        self.keymap = Keymap(self.inventory.keys if self.inventory else None)
        use_ascii = not terminal_speaks_unicode() if options.ascii is None else options.ascii
        self.glyphs = ASCII if use_ascii else UNICODE
        self.rgb = has_rgb()
        self.tones = RGB if self.rgb else ANSI
        self.cursor_tones = RGB_CURSOR if self.rgb else ANSI_CURSOR
        self.store = Store()
        self.fleet: Fleet | None = None
        self.paused = False
        self._tick_timer: Timer | None = None
        self._began = time.monotonic()
        self._interrupted = -LEAVE_WITHIN
        super().__init__()
        dress = theme(rgb=self.rgb)
        self.register_theme(dress)
        self.theme = dress.name
        self.animation_level = "none"

    @property
    def read_only(self) -> bool:
        return self.options.read_only or bool(self.inventory and self.inventory.read_only)
