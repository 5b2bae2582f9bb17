"""`ctdeck demo`: the deck on a simulated fleet, which runs in a process of its own and ends with us."""

from __future__ import annotations

import argparse
import asyncio
import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from backends.errors import ConfigError, CtdeckError
from backends.inventory import Inventory, load
from backends.yamlfile import nearest

#: Seconds that the simulated nodes may take until all of them listen.
_START = 30.0


# -P: a folder named `backends` where we stand is not ours.
_COMMAND = (sys.executable, "-P", "-m", "backends.demo")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=_count(99), metavar="N", help="nodes (4)")
    parser.add_argument("--containers", type=_count(900), metavar="N", help="containers on each node (15)")
    parser.add_argument("--scenario", metavar="NAME", help="what goes wrong; `--scenario list` prints the names")
    parser.add_argument("--chaos", action="store_true", help="random faults from time to time")
    parser.add_argument(
        "--serve", action="store_true", help="no deck: print the path of the fleet file and keep running"
    )


def run(options: argparse.Namespace) -> int:
    if options.json:
        raise ConfigError(
            "the demo prints no JSON", "`ctdeck --fleet FILE ls --json` does, with the file of `demo --serve`"
        )
    if options.fleet is not None:
        raise ConfigError("the demo brings its own fleet", "Remove --fleet")
    if options.scenario not in (None, "list"):
        _check_scenario(options.scenario, options.containers)
    command = [*_COMMAND, *_passed_on(options)]
    if options.serve or options.scenario == "list":
        sys.stdout.flush()
        os.execv(sys.executable, command)
    from .deck import on_terminal, show

    if not on_terminal():
        raise ConfigError("the deck needs a terminal", "`ctdeck demo --serve` needs none")
    with _Demo(command) as demo:
        return show(demo.inventory, options)


async def healthy() -> Inventory:
    """Start a simulated fleet from inside of the deck; it ends with this process. Raises CtdeckError."""
    demo = _Demo(_COMMAND)
    atexit.register(demo.__exit__)
    return await demo.inventory()


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f'"{text}" is no number from 1 to {most}')
        return int(text)

    return count


def _check_scenario(name: str, containers: int | None) -> None:
    """Here and not by the demo's own process alone: wrong use is told before anything is drawn."""
    from backends.demo.scenarios import SCENARIOS

    if name not in SCENARIOS:
        raise ConfigError(f'there is no scenario "{name}"', nearest(name, list(SCENARIOS), what="There are"))
    least = SCENARIOS[name].least_containers
    if containers is not None and containers < least:
        raise ConfigError(f"the scenario {name} needs {least} containers on each node", f"Write --containers {least}")


def _passed_on(options: argparse.Namespace) -> list[str]:
    words = []
    for name in ("nodes", "containers", "scenario"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    return words + ["--chaos"] * options.chaos


class _Demo:
    """The process of the simulated nodes. It ends when its standard input does: also when we are killed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [*command, "--until-eof"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def __enter__(self) -> _Demo:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    async def inventory(self) -> Inventory:
        """The fleet file of the demo, when all its nodes listen."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout)
        try:
            async with asyncio.timeout(_START):
                line = await reader.readline()
        except TimeoutError:
            raise CtdeckError(f"the demo did not start within {_START:g} s", "Is the machine busy?") from None
        if not line.endswith(b"\n"):
            self._errors.seek(0)
            last = self._errors.read()[-2000:].decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise CtdeckError(f"the demo did not start: {last or 'it told no reason'}")
        return load(Path(os.fsdecode(line.rstrip(b"\n"))))
