"""A YAML file as values that know where they stand, so that an error can name file, line and key.

Stricter than YAML: a key may stand only once, keys are plain words as written (`no:` and `1042:` are names, not a truth
value and a number), and nothing but text, lists and maps comes out. What a text means is decided by who reads it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import yaml

from .errors import ConfigError
from .text import clean

#: Bytes. A fleet of 10,000 nodes has about 1 MB.
_LIMIT = 8 << 20
#: Levels of lists and maps. libyaml's composer is recursive in C: ten thousands of levels end the process.
_DEPTH = 20
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "timestamp"))


def nearest(word: str, valid: Collection[str], *, what: str = "Valid are") -> str:
    """What to write instead of `word`: the nearest of `valid`, else all of them."""
    close = get_close_matches(word.lower(), valid, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"{what}: {', '.join(valid)}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value. `key` is the way to it from the top of the file: `nodes.hn1.port`; "" is the whole file."""

    file: Path
    key: str
    line: int
    node: yaml.Node

    def error(self, what: str, remedy: str = "") -> ConfigError:
        where = f"{self.file}:{self.line}: " + (f"{self.key}: " if self.key else "")
        return ConfigError(clean(where + what), clean(remedy))

    def expected(self, example: str) -> ConfigError:
        """An error that tells what stands here and what was expected instead."""
        what = self._shown()
        return self.error(f"{what} is not valid" if what else "there is no value", f"Expected {example}")

    @property
    def absent(self) -> bool:
        """Nothing is written behind the key (or `~`, `null`)."""
        return self.node.tag == _NULL

    def word(self, example: str) -> str:
        """A text as it was written, quoted or not; `example` says what was expected if it is something else."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag not in _SCALARS or not self.node.value:
            raise self.expected(example)
        return str(self.node.value)

    def truth(self) -> bool:
        if self.node.tag != _BOOL:
            raise self.expected("true or false")
        return self.node.value.lower() in ("true", "yes", "on")

    def items(self, example: str) -> list[Value]:
        """The values of a list; an absent one is empty."""
        if self.absent:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.expected(example)
        return [Value(self.file, self.key, _line(item), item) for item in self.node.value]

    def entries(self, example: str) -> dict[str, Value]:
        """The values of a map by key; an absent one is empty. The line of a value is the line of its key."""
        if self.absent:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            raise self.expected(example)
        found: dict[str, Value] = {}
        for key, node in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Value(self.file, self.key, _line(key), key).expected("a plain word as a key")
            value = Value(self.file, f"{self.key}.{key.value}" if self.key else key.value, _line(key), node)
            if key.value in found:
                raise value.error(f"stands a second time (first in line {found[key.value].line})", "Remove one of them")
            found[key.value] = value
        return found

    def known(self, valid: Collection[str], example: str) -> dict[str, Value]:
        """As `entries`; a key that is not in `valid` is an error that names the nearest one."""
        found = self.entries(example)
        for name, value in found.items():
            if name not in valid:
                raise value.error("there is no such key", nearest(name, valid))
        return found

    def _shown(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return "a map"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        return f'"{clean(self.node.value, 60)}"' if self.node.value else ""


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def read(path: Path, what: str) -> Value:
    """The whole of a YAML file. `what` names it in errors ("fleet file"). Raises ConfigError, nothing else."""
    text = _text(path, what)
    try:
        _refuse_depth(path, text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(path, text, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(clean(f"{path}:{line}: there is a control character ({error.reason})"), "Remove it") from None
    except yaml.YAMLError as error:
        raise ConfigError(clean(f"{path}: this is not YAML: {error}")) from None
    if node is None:
        raise ConfigError(clean(f"{path}: the {what} is empty"), "It needs at least `nodes:` and one node below it")
    return Value(path, "", _line(node), node)


def _syntax_error(path: Path, text: str, error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or error.context or "it cannot be read").removeprefix("but ")
    if mark is None:
        return ConfigError(clean(f"{path}: this is not YAML: {problem}"))
    lines = text.splitlines()
    tab = mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]
    remedy = "Indent with blanks, not with tabs" if tab else "Look at that line and the one above it"
    return ConfigError(clean(f"{path}:{mark.line + 1}:{mark.column + 1}: this is not YAML: {problem}"), remedy)


def _text(path: Path, what: str) -> str:
    try:
        with path.open("rb") as handle:
            data = handle.read(_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(clean(f"{path}: there is no such {what}"), "Check the path") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(
            clean(f"{path}: the {what} cannot be read: {reason}"), "Check the path and its permissions"
        ) from None
    if len(data) > _LIMIT:
        raise ConfigError(clean(f"{path}: the {what} has more than {_LIMIT >> 20} MB"), "Check the path")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            clean(f"{path}:{line}: the byte 0x{data[error.start]:02x} is not UTF-8"), "Save the file as UTF-8"
        ) from None


def _refuse_depth(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise ConfigError(clean(f"{path}:{line}: more than {_DEPTH} lists and maps stand in each other"))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
