"""Which fleet a command line means."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from backends import paths
from backends.errors import ConfigError
from backends.inventory import Inventory, load


def wanted(options: argparse.Namespace) -> Inventory | None:
    """The fleet of `--fleet`, or of the usual place; None if nothing was named and nothing is there."""
    path = Path(options.fleet) if options.fleet is not None else paths.fleet_file()
    if options.fleet is None and not path.exists():
        return None
    inventory = load(path)
    return replace(inventory, read_only=True) if options.read_only else inventory


def needed(options: argparse.Namespace) -> Inventory:
    """As `wanted`, but nothing there is wrong use."""
    inventory = wanted(options)
    if inventory is None:
        raise ConfigError(
            f"there is no fleet file {paths.fleet_file()} yet",
            "Run `ctdeck` in a terminal, which helps to write one, name one with --fleet, or try `ctdeck demo`",
        )
    return inventory
