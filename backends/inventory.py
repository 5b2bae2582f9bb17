"""The fleet file: which nodes there are and how to reach them. Errors name file, line, key and the nearest valid key."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from .errors import ConfigError
from .text import clean
from .yamlfile import Value, nearest, read

#: `ssh_config` of a fleet file: an OpenSSH client configuration, or nothing at all (the demo's and the tests' own).
NO_SSH_CONFIG = "none"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node as the fleet file has it. None means: not said, so the SSH configuration (or its default) decides."""

    name: str
    host: str | None = None  # what to connect to; the node's name where absent
    port: int | None = None
    user: str | None = None
    identity_file: Path | None = None
    transport: str = "ssh"  # "ssh" or "local"
    sudo: bool = False
    group: str | None = None
    tags: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()  # empty: whatever the node has
    interval: float = 2.0  # seconds between fast samples
    slow_interval: float = 20.0  # seconds between slow samples
    read_only: bool = False

    @property
    def production(self) -> bool:
        return "production" in self.tags


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Where host settings and known keys come from."""

    config: Path | None = None  # None: the account's own (~/.ssh/config and the system's)
    use_config: bool = True  # False: `ssh_config: none`
    known_hosts: tuple[Path, ...] = ()  # empty: what the configuration says


@dataclass(frozen=True, slots=True)
class Inventory:
    """A fleet file, read and checked."""

    path: Path | None
    nodes: tuple[NodeSpec, ...]
    ssh: SshSettings = SshSettings()
    thresholds: dict[str, float] = field(default_factory=dict)  # see backends.trouble.reason: shares are 0..1
    columns: tuple[str, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)  # action id -> keys
    read_only: bool = False
    lines: dict[str, int] = field(default_factory=dict, compare=False)  # of `columns`, `keys` and what stands in them

    def located(self, error: ConfigError) -> ConfigError:
        """An error in `columns` or `keys`, which are read by whoever knows the names, with its place in the file.

        Such an error begins with the section, and quotes the name that it is about: `keys: there is no 'x'`.
        """
        section = error.message.partition(":")[0]
        named = (
            key for key in self.lines if key.startswith(f"{section}.") and repr(key.partition(".")[2]) in error.message
        )
        line = self.lines.get(next(named, section))
        return error if line is None else ConfigError(f"{self.path}:{line}: {error.message}", error.remedy)


#: A node's name: it stands in `NODE/ID`, in commands and on the screen.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"[\w:][\w.:%+-]{0,252}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\+-]{0,63}\$?")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?(%)?", re.ASCII)
_FACTOR = re.compile(r"x?(\d{1,6}(?:\.\d{1,9})?)", re.ASCII)
_SSH_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)")
_COLUMN = re.compile(r"[+-]?[A-Za-z][A-Za-z0-9_%-]{0,31}")

_TOP = ("ssh_config", "known_hosts", "defaults", "nodes", "thresholds", "columns", "keys", "read_only")
_NODES = "a map of nodes, each on a line of its own: `hn1: {host: 10.0.0.1}`, or `hn1:` for an alias of ~/.ssh/config"


def seconds(text: str) -> float:
    """A duration as people write it: `2s`, `500ms`, `1m`, `1h`; a bare number is seconds. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration (2s, 500ms, 1m)")
    return float(match[1]) * _UNITS[match[2]]


def load(path: Path) -> Inventory:
    """Read and check a fleet file.

    Relative paths in it are relative to its folder; `~` is the home of whoever runs ctdeck. Raises ConfigError, and
    nothing else: the message names file, line and key, the remedy what is valid there.
    """
    top = read(path, "fleet file").known(_TOP, "a map with `nodes:` in it")
    nodes = top.get("nodes")
    if nodes is None:
        raise ConfigError(clean(f"{path}: there is no `nodes:` in it"), f"Expected {_NODES}")
    defaults = _options(top["defaults"], set(_OPTIONS) - {"host"}) if "defaults" in top else {}
    specs = tuple(_node(name, value, defaults) for name, value in nodes.entries(_NODES).items())
    if not specs:
        raise nodes.error("there is no node in it", f"Expected {_NODES}")
    return Inventory(
        path=path,
        nodes=specs,
        ssh=_ssh(top),
        thresholds=_thresholds(top["thresholds"]) if "thresholds" in top else {},
        columns=_columns(top["columns"]) if "columns" in top else (),
        keys=_keys(top["keys"]) if "keys" in top else {},
        read_only=top["read_only"].truth() if "read_only" in top else False,
        lines=dict(_lines(top)),
    )


def _lines(top: dict[str, Value]) -> Iterator[tuple[str, int]]:
    for section in ("columns", "keys"):
        if (value := top.get(section)) is not None:
            yield section, value.line
    if "columns" in top:
        for item in top["columns"].items("a list"):
            yield f"columns.{item.word('a column').lstrip('+-')}", item.line
    if "keys" in top:
        for value in top["keys"].entries("a map").values():
            yield value.key, value.line


def _ssh(top: dict[str, Value]) -> SshSettings:
    config, use_config = None, True
    if (value := top.get("ssh_config")) is not None:
        example = "the path of an OpenSSH client configuration, or none"
        if value.word(example) == NO_SSH_CONFIG:
            use_config = False
        else:
            config = _path(value, example)
            if not config.is_file():
                raise value.error(f"there is no file {config}", "Check the path, or write none")
    known: tuple[Path, ...] = ()
    if (value := top.get("known_hosts")) is not None:
        example = "a list of files: [~/.ssh/known_hosts]"
        known = tuple(_path(item, example) for item in value.items(example))
        if not known:
            raise value.error(
                "no file is named", "Name one, or remove this key: then the SSH configuration's files are used"
            )
    return SshSettings(config=config, use_config=use_config, known_hosts=known)


def _node(name: str, value: Value, defaults: dict[str, Any]) -> NodeSpec:
    if not _NAME.fullmatch(name):
        remedy = "A name has up to 64 letters, digits, dots, dashes and underscores; another address goes into `host:`"
        raise value.error("this cannot be the name of a node", remedy)
    own = _options(value, _OPTIONS)
    options = {**defaults, **own}
    if options.get("transport") == "local":
        for key in ("host", "port", "user", "identity_file"):
            if key in own:
                raise value.error(f"transport: local is this machine and takes no {key}", f"Remove {key}, or transport")
            options.pop(key, None)
    spec = NodeSpec(name=name, **options)
    if spec.slow_interval < spec.interval:
        raise value.error(
            f"slow_interval ({spec.slow_interval:g}s) is shorter than interval ({spec.interval:g}s)",
            "The slow part of a sample is the dear one: make it the longer of the two",
        )
    return spec


def _options(value: Value, valid: Collection[str]) -> dict[str, Any]:
    found = value.known([key for key in _OPTIONS if key in valid], "options: {host: 10.0.0.1, user: root}")
    return {key: _OPTIONS[key](option) for key, option in found.items()}


def _host(value: Value) -> str:
    example = "a host name, an address, or an alias of ~/.ssh/config"
    host = value.word(example)
    user, at, rest = host.rpartition("@")
    if at:
        raise value.error(f'"{host}" holds a user', f"Write host: {rest}, user: {user}")
    name, colon, port = host.partition(":")
    if colon and port.isdigit() and name:
        raise value.error(f'"{host}" holds a port', f"Write host: {name}, port: {port}")
    if not _HOST.fullmatch(host):
        raise value.expected(example)
    return host


def _port(value: Value) -> int:
    example = "a port from 1 to 65535"
    text = value.word(example)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise value.expected(example)
    return int(text)


def _user(value: Value) -> str:
    example = "a login name"
    user = value.word(example)
    if not _USER.fullmatch(user):
        raise value.expected(example)
    return user


def _path(value: Value, example: str = "the path of a file") -> Path:
    text = value.word(example)
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise value.error(f'"{text}": {str(error).rstrip(".").lower()}', "Write the path in full") from None
    if "\0" in text:
        raise value.expected(example)
    return value.file.parent.absolute() / path


def _transport(value: Value) -> str:
    return _one_of(value, ("ssh", "local"))


def _one_of(value: Value, valid: Collection[str]) -> str:
    word = value.word(" or ".join(valid))
    if word not in valid:
        raise value.error(f'there is no "{word}"', nearest(word, valid))
    return word


def _label(value: Value, example: str = "one word, as in `group: eu`") -> str:
    label = value.word(example)
    if not _NAME.fullmatch(label):
        raise value.expected(example)
    return label


def _tags(value: Value) -> tuple[str, ...]:
    example = "a list of words: [production]"
    return tuple(_label(item, example) for item in value.items(example))


def _backends(value: Value) -> tuple[str, ...]:
    from importlib.metadata import entry_points  # dear, and seldom needed

    from .backend import GROUP

    installed = sorted(entry_points(group=GROUP).names)
    return tuple(_one_of(item, installed) for item in value.items(f"a list of backends: [{', '.join(installed)}]"))


def _interval(least: float, most: float, example: str) -> Callable[[Value], float]:
    def interval(value: Value) -> float:
        try:
            span = seconds(value.word(example))
        except ValueError:
            raise value.expected(example) from None
        if not least <= span <= most:
            raise value.error(f"{span:g}s is out of range", f"Expected {least:g}s to {most:g}s")
        return span

    return interval


def _thresholds(value: Value) -> dict[str, float]:
    items = value.known(_THRESHOLDS, "a map: {memory: 90%, disk: 90%}").items()
    return {name: _THRESHOLDS[name](item) for name, item in items}


def _share(value: Value) -> float:
    example = "a share: 90% or 0.9"
    match = _SHARE.fullmatch(value.word(example))
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        raise value.expected(example)
    return share


def _factor(value: Value) -> float:
    example = "a number from 1 on: 4, x4 or 2.5"
    match = _FACTOR.fullmatch(value.word(example))
    if match is None or float(match[1]) < 1:
        raise value.expected(example)
    return float(match[1])


def _columns(value: Value) -> tuple[str, ...]:
    example = "a list of columns to show and to hide: [+load, -ip]"
    columns = []
    for item in value.items(example):
        column = item.word(example)
        if not _COLUMN.fullmatch(column):
            raise item.expected(example)
        columns.append(column)
    return tuple(columns)


def _keys(value: Value) -> dict[str, str]:
    entries = value.entries("a map of actions and keys: {refresh: f5}")
    return {action: item.word("the name of a key: f5, ctrl+r, x") for action, item in entries.items()}


#: From where on something is trouble, and how each is read (backends.trouble.reason has what they mean).
_THRESHOLDS: dict[str, Callable[[Value], float]] = {
    "memory": _share,
    "disk": _share,
    "throttled": _share,
    "cpu": _factor,
    "processes": _factor,
    "load": _factor,
    "failcnt": _factor,
    "restarts": _factor,
    "lock": _interval(1, 86400, "a duration: 10m, 1h"),
}

#: What can be said of a node, and how each is read. `defaults` takes the same, but for `host`.
_OPTIONS: dict[str, Callable[[Value], Any]] = {
    "host": _host,
    "port": _port,
    "user": _user,
    "identity_file": _path,
    "transport": _transport,
    "sudo": Value.truth,
    "group": _label,
    "tags": _tags,
    "backends": _backends,
    "interval": _interval(0.2, 3600, "a duration: 2s, 500ms, 1m"),
    "slow_interval": _interval(1, 86400, "a duration: 20s, 1m"),
    "read_only": Value.truth,
}


def hosts_of(ssh_config: Path) -> list[str]:
    """Aliases that an OpenSSH client configuration names (`Host` lines without wildcards), in its order.

    `Include` is followed. What cannot be read is left out, and so is a name that could not name a node.
    """
    names: dict[str, None] = {}
    _collect_hosts(ssh_config, names, set())
    return list(names)


def _collect_hosts(file: Path, names: dict[str, None], seen: set[Path]) -> None:
    if file in seen:
        return
    seen.add(file)
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    for line in text.splitlines():
        match = _SSH_LINE.match(line)
        if match is None or (word := match[1].lower()) not in ("host", "include"):
            continue
        try:
            values = shlex.split(match[2], comments=True)
        except ValueError:  # an open quote: OpenSSH refuses such a line
            continue
        if word == "host":
            names.update((value, None) for value in values if _NAME.fullmatch(value))
        else:
            for value in values:
                for found in _included(file, value):
                    _collect_hosts(found, names, seen)


def _included(file: Path, pattern: str) -> list[Path]:
    """Files that an Include names. OpenSSH looks for relative ones in ~/.ssh, which is where the file itself stands."""
    try:
        path = file.parent / Path(pattern).expanduser()
        return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (RuntimeError, ValueError, OSError):
        return []


def write_first(path: Path, names: Sequence[str], local: bool) -> None:
    """Write a first fleet file: aliases of ~/.ssh/config, and this machine if `local`.

    Whole or not at all, readable by its owner only; a file that is there is never touched. Raises ConfigError.
    """
    lines = [f"  {name}:" for name in names]
    if local:
        here = next(name for name in ("here", "this-machine", "local-1") if name not in names)
        lines.append(f"  {here}: {{transport: local}}")
    text = "# The nodes of ctdeck: aliases of ~/.ssh/config, or NAME: {host: ..., port: ..., user: ...}\nnodes:\n"
    text += "\n".join(lines) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.") as draft:  # 0600
            draft.write(text)
            draft.flush()
            _publish(draft.name, path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            clean(f"{path} cannot be written: {reason}"), "Check the folder and its permissions"
        ) from None


def _publish(draft: str, path: Path) -> None:
    try:
        os.link(draft, path)  # unlike a rename, a link replaces nothing
    except FileExistsError:
        raise ConfigError(clean(f"{path} is there already"), "Edit it, or move it away first") from None
