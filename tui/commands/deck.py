"""`ctdeck`: the deck on the fleet file; the first steps where there is none yet."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from backends.errors import ConfigError
from backends.inventory import Inventory

from .fleet_file import needed, wanted

if TYPE_CHECKING:
    from tui.app import Source


def run(options: argparse.Namespace) -> int:
    if options.json:
        raise ConfigError("the deck prints no JSON", "`ctdeck ls --json` does")
    inventory = wanted(options)
    if not on_terminal():
        needed(options)
        raise ConfigError("the deck needs a terminal", "`ctdeck ls` prints what it shows")
    return show(inventory, options)


def on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def show(source: Source | None, options: argparse.Namespace) -> int:
    """Open the deck and return the exit code when it has been left. None: with the first steps."""
    from tui.app import Deck, Options

    try:
        app = Deck(source, Options(ascii=options.ascii or None, mouse=options.mouse, read_only=options.read_only))
    except ConfigError as error:
        raise source.located(error) if isinstance(source, Inventory) else error from None
    app.run(mouse=options.mouse)
    return app.return_code or 0
