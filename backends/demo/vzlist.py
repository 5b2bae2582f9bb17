"""`vzlist` of vzctl 4.11: its command line, what it prints, and how it fails."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Sequence

from .tree import Tree
from .vzlist_fields import BY_NAME, FIELDS, Field, document, table
from .vzlist_rows import Collector, Row

USAGE = (  # tabs as in the real one
    "Usage:\tvzlist [-a | -S] [-n] [-H] [-o field[,field...] | -1] [-s [-]field]\n"
    "\t       [-h pattern] [-N pattern] [-d pattern] [CTID [CTID ...]]\n"
    "\tvzlist -L | --list\n"
    "\n"
    "Options:\n"
    "\t-a, --all\t\tlist all containers\n"
    "\t-S, --stopped\t\tlist stopped containers\n"
    "\t-n, --name\t\tdisplay containers' names\n"
    "\t-H, --no-header\t\tsuppress columns header\n"
    "\t-t, --no-trim\t\tdo not trim long values\n"
    "\t-j, --json\t\toutput in JSON format\n"
    "\t-o, --output\t\toutput only specified fields\n"
    "\t-1\t\t\tsynonym for -H -octid\n"
    "\t-s, --sort\t\tsort by the specified field\n"
    "\t\t\t\t('-field' to reverse sort order)\n"
    "\t-h, --hostname\t\tfilter CTs by hostname pattern\n"
    "\t-N, --name_filter\tfilter CTs by name pattern\n"
    "\t-d, --description\tfilter CTs by description pattern\n"
    "\t-L, --list\t\tget possible field names\n"
)


DEFAULT = "ctid,numproc,status,ip,hostname"
WITH_NAMES = "smart_name,numproc,status,ip,hostname"


class Wrong(Exception):
    """What goes to stderr before vzlist ends with 1; `usage` first where it is true."""

    def __init__(self, message: str, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


class Options:
    """What the command line says."""

    def __init__(self) -> None:
        self.all = self.stopped = self.json = self.list = False
        self.header = self.trim = True
        self.output: str | None = None
        self.sort: str | None = None
        self.reverse = False
        self.patterns: dict[str, str] = {}
        self.operands: list[str] = []


_LONG = {
    "no-header": "H",
    "no-trim": "t",
    "stopped": "S",
    "all": "a",
    "name": "n",
    "json": "j",
    "list": "L",
    "help": "e",
    "name_filter": "N",
    "hostname": "h",
    "description": "d",
    "output": "o",
    "sort": "s",
}
_ARGUMENT = frozenset("Nhdos")
_PATTERNS = {"h": "hostname", "N": "name", "d": "description"}


def parse(words: Sequence[str]) -> Options:
    """The command line, in the manner of getopt_long: options and operands in any order."""
    options = Options()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.operands += rest
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            letter = _long(name)
            if letter in _ARGUMENT:
                if not equals:
                    if not rest:
                        raise Wrong(f"vzlist: option '--{name}' requires an argument", usage=True)
                    value = rest.pop(0)
                _apply(options, letter, value)
            else:
                _apply(options, letter, "")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in _ARGUMENT:
                    if not letters and not rest:
                        raise Wrong(f"vzlist: option requires an argument -- '{letter}'", usage=True)
                    _apply(options, letter, letters or rest.pop(0))
                    break
                if letter not in "HtSanjLe1":
                    raise Wrong(f"vzlist: invalid option -- '{letter}'", usage=True)
                _apply(options, letter, "")
        else:
            options.operands.append(word)
    return options


def _long(name: str) -> str:
    found = [letter for full, letter in _LONG.items() if full == name] or [
        letter for full, letter in _LONG.items() if full.startswith(name)
    ]
    if len(found) != 1:
        raise Wrong(f"vzlist: unrecognized option '--{name}'", usage=True)
    return found[0]


def _apply(options: Options, letter: str, value: str) -> None:
    if letter == "a":
        options.all = True
    elif letter == "S":
        options.stopped = True
    elif letter == "j":
        options.json = True
    elif letter == "L":
        options.list = True
    elif letter == "H":
        options.header = False
    elif letter == "t":
        options.trim = False
    elif letter == "n":
        options.output = WITH_NAMES
    elif letter == "1":
        options.output, options.header = "veid", False
    elif letter == "o":
        options.output = value
    elif letter == "s":
        options.reverse, options.sort = value.startswith("-"), value.removeprefix("-")
        if options.sort not in BY_NAME:
            raise Wrong(f"Invalid sort field name: {value}")
    elif letter in _PATTERNS:
        options.patterns[_PATTERNS[letter]] = value
    else:
        raise Wrong("", usage=True)


def chosen(options: Options) -> list[Field]:
    """The columns."""
    if options.output is None and options.json:
        return [field for field in FIELDS if not field.part]
    fields = []
    for name in (options.output or DEFAULT).split(","):
        if len(name) > 30:
            raise Wrong(f"Invalid field: {name}")
        field = BY_NAME.get(name)
        if field is None:
            raise Wrong(f"Unknown field: {name}")
        if options.json and field.part:
            raise Wrong(f"Field `{name}' is not available in JSON output")
        fields.append(field)
    return fields


def run(tree: Tree, words: Sequence[str]) -> int:
    """Print what `vzlist WORDS` prints on this node; its exit code."""
    options = parse(words)
    if options.list:
        print("".join(f"{field.name:<15} {field.header:<15}\n" for field in FIELDS), end="")
        return 0
    only: set[int] | None = None
    for word in options.operands:
        ctid = int(word) if word.isdigit() and int(word) else tree.named(word)
        if ctid is None:
            raise Wrong(f"CT ID {word} is invalid.")
        only = {*(only or ()), ctid}
    fields = chosen(options)
    if os.getuid() != tree.root.stat().st_uid:  # root of a simulated node is whoever started it
        raise Wrong("This program can only be run under root.")

    collector = Collector(tree)
    complete = collector.collect(options.all or options.stopped or only is not None, options.stopped, only)
    wants_quota = any(field.name.startswith("disk") and field.name != "disabled" for field in fields)
    none_found = complete and not collector.rows
    if complete:
        collector.finish(wants_quota)
    for complaint in collector.complaints:
        print(complaint, file=sys.stderr)
    if none_found:
        print("[]" if options.json else "Container(s) not found", file=sys.stdout if options.json else sys.stderr)
    if none_found or not complete:
        return 1 if only is not None else 0

    rows = [collector.rows[ctid] for ctid in sorted(collector.rows)]
    rows = [row for row in rows if _wanted(row, options)]
    if options.sort not in (None, "ctid"):
        key = BY_NAME[options.sort or "ctid"].key
        if key is not None:
            rows.sort(key=key)
    if options.reverse:
        rows.reverse()
    text = document(rows, fields) if options.json else table(rows, fields, options.header, options.trim)
    sys.stdout.write(text)
    return 0


def _wanted(row: Row, options: Options) -> bool:
    if options.stopped and row.running:
        return False
    return all(
        row.values.get(key) is not None and fnmatch.fnmatchcase(row.values[key] or "", pattern)
        for key, pattern in options.patterns.items()
    )


def main() -> None:
    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    try:
        code = run(Tree.from_environment(), sys.argv[1:])
    except Wrong as wrong:
        if str(wrong):
            print(wrong, file=sys.stderr)
        if wrong.usage:
            print(USAGE, end="")
        code = 1
    except BrokenPipeError:
        os._exit(141)
    sys.exit(code)
