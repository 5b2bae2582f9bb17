"""The deck as a Textual application: it paints at once, then loads the fleet, and passes on what changed once a second."""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from backends.errors import CtdeckError
from backends.inventory import Inventory
from backends.model import NodeState
from backends.store import Changes, Store

from .changing import Changing
from .columns import chosen
from .hangup import terminal_is_gone
from .keymap import Keymap
from .theme.glyphs import ASCII, UNICODE, terminal_speaks_unicode
from .theme.tones import ANSI, ANSI_CURSOR, RGB, RGB_CURSOR, has_rgb, theme

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.timer import Timer

    from backends.fleet import Fleet

    from .screens.deck import DeckScreen

#: Where the nodes come from: known, or delivered a moment later (the demo has to start first).
Source = Inventory | Callable[[], Awaitable[Inventory]]

#: Seconds between looks at the store; the short one only until every node has told how it is.
TICK = 1.0
HANGUP_LOOK = 2.0  # seconds between looks whether the terminal is still there
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


class Deck(App[None], inherit_bindings=False):
    """The application. Screens read `store`, `fleet`, `inventory`, `options`, `keymap`, `glyphs`, `tones`, `cursor_tones`."""

    CSS_PATH: ClassVar = [Path(__file__).parent / "screens/deck.tcss"]  # here: the first screen's own is not read
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False, priority=True)]

    def __init__(self, source: Source | None, options: Options | None = None) -> None:
        """`source` None: there is no fleet file yet, so begin with the first steps.

        Raises ConfigError for keys or columns of the fleet file that cannot be used.
        """
        options = options or Options()
        self.source = source
        self.options = options
        self.inventory: Inventory | None = source if isinstance(source, Inventory) else None
        self.keymap = Keymap(self.inventory.keys if self.inventory else None)
        chosen(self.inventory.columns if self.inventory else ())
        use_ascii = not terminal_speaks_unicode() if options.ascii is None else options.ascii
        self.glyphs = ASCII if use_ascii else UNICODE
        self.rgb = has_rgb()
        self.tones = RGB if self.rgb else ANSI
        self.cursor_tones = RGB_CURSOR if self.rgb else ANSI_CURSOR
        self.store = Store()
        self.fleet: Fleet | None = None
        self.changing = Changing(self)
        self.starting = self._starting()
        self._ticking: Timer | None = None
        self._began = time.monotonic()
        self._interrupted = -LEAVE_WITHIN
        super().__init__(ansi_color=None if self.rgb else True)  # said here, where NO_COLOR is looked at
        dress = theme(rgb=self.rgb)
        self.register_theme(dress)
        self.theme = dress.name
        self.animation_level = "none"

    @property
    def read_only(self) -> bool:
        return self.options.read_only or bool(self.inventory and self.inventory.read_only)

    @property
    def paused(self) -> bool:
        return self.fleet is not None and self.fleet.paused

    def _starting(self) -> str:
        if self.inventory is None:
            return "starting"
        count = len(self.inventory.nodes)
        return f"connecting {count} node{'' if count == 1 else 's'}"

    def get_default_screen(self) -> Screen[None]:
        from .screens.deck import DeckScreen

        return DeckScreen()

    # -- the fleet

    def on_ready(self) -> None:
        """The first paint is out: now the rest may cost something."""
        if self.source is not None:
            self._load()
            return
        from .screens.first_steps import FirstSteps

        def chosen_by_person(source: Source | None) -> None:
            if source is None:
                self.exit()
                return
            self.source = source
            self._load()

        self.push_screen(FirstSteps(), chosen_by_person)

    def _load(self) -> None:
        self.run_worker(self._load_fleet(), group="fleet", exit_on_error=True, description="load the fleet")

    async def _load_fleet(self) -> None:
        """Import what talks to nodes (in a thread, so that keys go on), and begin to connect."""
        importing = asyncio.create_task(asyncio.to_thread(_import_backends))
        try:
            source = self.source
            assert source is not None
            inventory = source if isinstance(source, Inventory) else await source()
            await importing
            await self._start(inventory)
        except CtdeckError as error:
            self.starting = "not started"
            self.deck_screen.say_error(error.message, error.remedy)
        finally:
            await asyncio.gather(importing, return_exceptions=True)

    async def _start(self, inventory: Inventory) -> None:
        from backends.fleet import Fleet

        from .prompts import ScreenPrompts

        self.inventory = inventory
        self.starting = self._starting()
        fleet = Fleet(inventory, ScreenPrompts(self))
        self.use(fleet)
        await fleet.start()

    def use(self, fleet: Fleet) -> None:
        """Show this fleet from now on."""
        self.fleet, self.store, self.inventory = fleet, fleet.store, fleet.inventory
        self.deck_screen.fleet_loaded()
        gc.freeze()
        self._began = time.monotonic()
        if not self.is_headless:
            self.set_interval(HANGUP_LOOK, self._leave_if_alone)
        self._ticking = self.set_interval(FIRST_TICK, self.tick)

    async def on_unmount(self) -> None:
        if self.fleet is not None:
            await self.fleet.stop()

    @property
    def deck_screen(self) -> DeckScreen:
        from .screens.deck import DeckScreen

        screen = self.screen_stack[0]
        assert isinstance(screen, DeckScreen)
        return screen

    def tell_result(self, text: str, *, good: bool) -> None:
        """How a change has ended: on the deck until it is read, and on the page that is looked at."""
        from .screens.page import Page

        self.deck_screen.say_result(text, good=good)
        if isinstance(self.screen, Page):
            tell = self.screen.say if good else self.screen.say_error
            tell(text)

    # -- time

    def _leave_if_alone(self) -> None:
        if terminal_is_gone():
            self.exit(return_code=129)

    def tick(self) -> None:
        """Take what changed and hand it to the screens. The one timer of the deck."""
        if self.starting and self._all_told():
            self.starting = ""
            gc.freeze()
            if self._ticking is not None:
                self._ticking.stop()
            self._ticking = self.set_interval(TICK, self.tick)
        self.changing.ask_again()
        self.changing.nodes.tick()
        changes = self.store.take()
        for screen in self.screen_stack:
            if isinstance(screen, Live):
                screen.store_changed(changes)

    def _all_told(self) -> bool:
        """Every node has told how it is, or has had its time."""
        waiting = any(node.state is NodeState.CONNECTING for node in self.store.nodes.values())
        return not waiting or time.monotonic() - self._began > FIRST_TICKS_FOR

    # -- keys that work everywhere

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and isinstance(self.screen_stack[0], Live):
            self.deck_screen.key_pressed()
        await super().on_event(event)

    def action_interrupt(self) -> None:
        """Ctrl-C: twice leaves, from wherever we are."""
        now = time.monotonic()
        if now - self._interrupted < LEAVE_WITHIN:
            self.exit()
            return
        self._interrupted = now
        self.deck_screen.say("Ctrl-C again to leave")

    def _fatal_error(self) -> None:
        """Our own mistake: one sentence on the terminal that was given back, the details in a file."""
        from rich.text import Text

        from .crash import told

        error = self._exception
        if isinstance(error, Exception):
            self._exit_renderables.append(Text(f"ctdeck: {told(error)[0]}"))
        self._close_messages_no_wait()

    def toggle_ascii(self) -> None:
        self.glyphs = UNICODE if self.glyphs.ascii else ASCII
        for screen in self.screen_stack:
            if isinstance(screen, Live):
                screen.store_changed(Changes())

    def toggle_mouse(self) -> bool:
        """Switch the mouse on or off while running; True when it is on. Textual has no public way."""
        driver = self._driver
        switch = {False: "_enable_mouse_support", True: "_disable_mouse_support"}
        if driver is None or not hasattr(driver, switch[False]):
            return False
        was = driver._mouse
        driver._mouse = True
        getattr(driver, switch[was])()
        driver._mouse = not was
        driver.flush()
        return not was

    def redraw(self) -> None:
        """Draw everything again, over whatever else has written on the screen."""
        if self._driver is not None:
            self._driver.write("\x1b[2J")
        self.screen.refresh(layout=True)


def _import_backends() -> None:
    """About 0.4 s of CPU, most of it asyncssh and its cryptography."""
    importlib.import_module("backends.fleet")
    importlib.import_module("backends.ssh.pool")
