"""The command line: which verb, which options, which exit code.

Only argparse and what it imports anyway is imported here, so that `--help`, `--version` and wrong use are answered at
once. Each verb is a module of `tui.commands`, imported when it is used.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from . import __version__

TYPE_CHECKING = False  # mypy knows the name; importing it from typing costs a tenth of `--version`
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

#: Verb -> what it does. The module of a verb has its name, `arguments(parser)` and `run(options) -> int`.
VERBS = {
    "ls": "every container of every node, now",
    "doctor": "try each node step by step: what fails, and its fix",
    "demo": "the deck on a simulated fleet of OpenVZ nodes",
}

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130

_EPILOG = """\
exit codes: 0 done, 1 failed, 2 wrong use, 3 some nodes did not answer
`ctdeck VERB --help` tells the options of a verb. Common options stand before or after it.
"""


class UsageError(Exception):
    """Wrong use, and what to do instead."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse asks shutil for the width, at every argument that is added: another tenth of `--version`."""

    def __init__(self, prog: str) -> None:
        try:
            width = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            width = 80
        super().__init__(prog, width=min(width, 120) - 2)


class Parser(argparse.ArgumentParser):
    """Tells wrong use to `main`, instead of printing it and leaving. Words are never guessed from their beginnings."""

    def __init__(self, prog: str, description: str, usage: str | None = None, epilog: str | None = None) -> None:
        super().__init__(prog, usage, description, epilog, formatter_class=Formatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code. Never raises, never prints a traceback (but with CTDECK_DEBUG=1)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a sign is no reason to fail
    try:
        try:
            code = _run(sys.argv[1:] if argv is None else list(argv))
        except SystemExit as leave:  # --help
            code = leave.code if isinstance(leave.code, int) else FAILED
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more. The interpreter flushes stdout once more at its end: give it a place that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except UsageError as error:
        return _say(str(error), USAGE)
    except Exception as error:
        from .crash import told

        return _say(*told(error))
    return code


def _say(message: str, code: int) -> int:
    print(f"ctdeck: {message}", file=sys.stderr)
    return code


def _run(argv: list[str]) -> int:
    parser = _parser()
    options, unknown = parser.parse_known_args(argv)
    _refuse_unknown(unknown, parser)
    if options.version:  # argparse's own action would import shutil to wrap one line
        print(f"ctdeck {__version__}")
        return 0
    verb = options.verb
    if verb is not None and verb not in VERBS:
        raise UsageError(f'there is no verb "{_shown(verb)}". {_nearest(verb, VERBS)}')
    from importlib import import_module

    module: ModuleType = import_module(f".commands.{verb or 'deck'}", __package__)
    if verb is not None:
        parser = Parser(prog=f"ctdeck {verb}", description=f"{VERBS[verb].capitalize()}.")
        module.arguments(parser)
        _common(parser)
        options, unknown = parser.parse_known_intermixed_args(options.rest, options)
        _refuse_unknown(unknown, parser)
    from .crash import keep_log

    keep_log()
    return int(module.run(options))


def _parser() -> Parser:
    parser = Parser(
        prog="ctdeck",
        usage="ctdeck [options] [verb] ...",
        description="One deck for every container on every hardware node, over SSH. Without a verb: the deck.",
        epilog="verbs:\n" + "".join(f"  {verb:<9} {what}\n" for verb, what in VERBS.items()) + "\n" + _EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    _common(parser)
    parser.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    """Options that stand before or after the verb: its parser fills the same namespace, so that its defaults undo nothing."""
    group = parser.add_argument_group("common options")
    group.add_argument("--fleet", metavar="FILE", help="the fleet file (else ~/.config/ctdeck/fleet.yaml)")
    group.add_argument("--json", action="store_true", help="print JSON (ls, doctor)")
    group.add_argument("--read-only", action="store_true", help="offer nothing that changes a node")
    group.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    group.add_argument("--mouse", action="store_true", help="the deck takes the mouse (key M)")


def _refuse_unknown(words: list[str], parser: argparse.ArgumentParser) -> None:
    if not words:
        return
    word = words[0].partition("=")[0]
    if not word.startswith("-"):
        raise UsageError(f'"{_shown(word)}" is one word too many. See {parser.prog} --help')
    valid = [option for option in parser._option_string_actions if option.startswith("--")]
    raise UsageError(f'there is no option "{_shown(word)}". {_nearest(word, valid)}')


def _shown(word: str) -> str:
    """A word of the person's own, safe to print: it may have been pasted."""
    return word if word.isprintable() else ascii(word)[1:-1]


def _nearest(word: str, valid: Sequence[str] | dict[str, str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), valid, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(valid)}"


if __name__ == "__main__":
    raise SystemExit(main())
