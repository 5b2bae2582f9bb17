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

#: Verb -> what it does. Its module has `arguments(parser)` and `run(options) -> int`, and its name (but for `MODULES`).
VERBS = {
    "ls": "every container of every node, now",
    "trouble": "what is wrong now, worst first, and since when",
    "start": "start containers",
    "stop": "stop containers",
    "restart": "stop and start containers, and tell how long they were down",
    "suspend": "checkpoint containers to disk",
    "resume": "go on with suspended containers",
    "destroy": "remove containers and their data",
    "ip": "list, add, remove or replace the addresses of a container",
    "limit": "show or set what a container may use",
    "snapshot": "list, create, revert to or delete snapshots of a container",
    "try": "snapshot a container, run a command in it, then keep or revert",
    "undo": "undo the last change of a container",
    "jobs": "what was changed on the nodes lately, or is being changed",
    "audit": "what was changed with this account, from this machine",
    "doctor": "try each node step by step: what fails, and its fix",
    "demo": "the deck on a simulated fleet of OpenVZ nodes",
}

POWER = ("start", "stop", "restart", "suspend", "resume", "destroy")
#: Verbs that change something; only they take the options of a change.
CHANGES = (*POWER, "ip", "limit", "snapshot", "try", "undo", "jobs")
MODULES = {**dict.fromkeys(POWER, "power"), "try": "attempt"}

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130

_EPILOG = """\
exit codes: 0 done and verified, 1 failed, 2 wrong use, 3 some nodes did not answer,
            4 refused, nothing was done, 5 UNKNOWN: `ctdeck jobs` tells more, 6 trouble (of `trouble`)
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

    module: ModuleType = import_module(f".commands.{MODULES.get(verb, verb or 'deck')}", __package__)
    if verb not in CHANGES:
        _refuse_change(options, verb)
    if verb is not None:
        parser = Parser(prog=f"ctdeck {verb}", description=f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}.")
        module.arguments(parser)
        _common(parser)
        if verb in CHANGES:
            _changing(parser)
        words = options.rest
        if verb == "try" and "--" in words:  # what stands behind it is not ours to read
            words, options.command = words[: words.index("--")], words[words.index("--") + 1 :]
        options, unknown = parser.parse_known_intermixed_args(words, options)
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
    _changing(parser)
    parser.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    """Options that stand before or after the verb: its parser fills the same namespace, so that its defaults undo nothing."""
    group = parser.add_argument_group("common options")
    group.add_argument("--fleet", metavar="FILE", help="the fleet file (else ~/.config/ctdeck/fleet.yaml)")
    group.add_argument("--json", action="store_true", help="print JSON")
    group.add_argument("--read-only", action="store_true", help="offer nothing that changes a node")
    group.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    group.add_argument("--mouse", action="store_true", help="the deck takes the mouse (key M)")


def _changing(parser: argparse.ArgumentParser) -> None:
    """Options of every verb that changes something; before the verb too."""
    group = parser.add_argument_group("options of changes")
    group.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    group.add_argument("--yes", action="store_true", help="the answer to the ordinary question")
    group.add_argument(
        "--confirm",
        metavar="NODE/ID",
        action="append",
        default=[],
        help="for destroy, revert, and anything on a production node; for several containers several times",
    )
    group.add_argument("--arm", action="store_true", help="change production nodes, with this command")
    group.add_argument("--detach", action="store_true", help="do not wait: print the id of the job")
    group.add_argument("--keep-going", action="store_true", help="go on with the other containers when one fails")


def _refuse_change(options: argparse.Namespace, verb: str | None) -> None:
    for name in ("dry_run", "yes", "confirm", "arm", "detach", "keep_going"):
        if getattr(options, name):
            raise UsageError(
                f"--{name.replace('_', '-')} is for verbs that change something, and {verb or 'the deck'} does not"
            )


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
