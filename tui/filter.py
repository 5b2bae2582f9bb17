"""The filter language. Pure: text in, a test of one container out.

    web !old          words, in node, group, id, name, hostname, addresses and state; `!` turns a term round
    node:hn0 group:eu state:run,stop ip:10.0 id:10 name:web host:web os:centos backend:openvz lock:vzctl
    cpu>80 mem>90% mem>2G disk>=95% swap>0 load>4 procs>200 uptime<1h failcnt>0 cpus>2
    "two words"       one term
All terms must hold. `cpu` is in percent of one core; `mem` and `disk` with `%` are shares of the container's limit.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from backends.model import Container, Key, Node

Test = Callable[[Container, Node], bool]


class FilterError(Exception):
    """`position`: the character, from 0, where the filter stops making sense."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message


_TEXT: MappingProxyType[str, Callable[[Container, Node], str]] = MappingProxyType(
    {
        "node": lambda container, node: node.name,
        "group": lambda container, node: node.group or "",
        "state": lambda container, node: container.state.value,
        "ip": lambda container, node: " ".join(container.ips),
        "id": lambda container, node: container.key.id,
        "name": lambda container, node: container.name or "",
        "host": lambda container, node: container.hostname or "",
        "os": lambda container, node: container.template or "",
        "backend": lambda container, node: container.key.backend,
        "lock": lambda container, node: "" if container.lock is None else f"locked {container.lock.by}",
    }
)

#: field -> value and whole (for `%`), both in the unit of the field.
_NUMBERS: MappingProxyType[str, Callable[[Container], tuple[float | None, float | None]]] = MappingProxyType(
    {
        "cpu": lambda c: (c.usage.cpu_percent, c.limits.cpu_percent),
        "mem": lambda c: (c.usage.memory_used, c.limits.memory),
        "swap": lambda c: (c.usage.swap_used, c.limits.swap),
        "disk": lambda c: (c.usage.disk_used, c.limits.disk),
        "inodes": lambda c: (c.usage.inodes_used, c.limits.inodes),
        "procs": lambda c: (c.usage.processes, c.limits.processes),
        "load": lambda c: (c.usage.load[0] if c.usage.load else None, c.limits.cpus),
        "uptime": lambda c: (c.usage.uptime, None),
        "failcnt": lambda c: (c.usage.failcnt, None),
        "cpus": lambda c: (c.limits.cpus, None),
    }
)
_SIZES = frozenset({"mem", "swap", "disk"})
_COMPARE = MappingProxyType(
    {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq}
)
_SCALE = MappingProxyType({"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40})
_SECONDS = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400})

_TERM = re.compile(r'\s*(?P<not>!?)(?P<term>(?:"[^"]*"?|[^\s"])+)')
_FIELD = re.compile(r"([A-Za-z]+):(?!:)(.*)", re.S)
_NUMBER_TERM = re.compile(r"([A-Za-z]+)([<>]=?|=)(.*)", re.S)
_VALUE = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*|%)")


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter. `text` as it was typed."""

    text: str
    _tests: tuple[Test, ...]
    _node_tests: tuple[Test, ...]

    def __call__(self, container: Container, node: Node) -> bool:
        return all(test(container, node) for test in self._tests)

    def node(self, node: Node) -> bool:
        """Whether a node's own row is shown: only `node:` and `group:` can hide trouble."""
        return all(test(_NOBODY, node) for test in self._node_tests)

    def __bool__(self) -> bool:
        return bool(self._tests)


_NOBODY = Container(Key("", "", ""))


def compile_filter(text: str) -> Filter:
    """Raises FilterError with the position of what cannot be understood. An empty filter lets everything pass."""
    tests: list[Test] = []
    node_tests: list[Test] = []
    for match in _TERM.finditer(text):
        start = match.start("term")
        test = _term(match["term"], start)
        if match["not"]:
            test = _negated(test)
        tests.append(test)
        field = _FIELD.fullmatch(match["term"])
        if field and field[1].lower() in {"node", "group"}:
            node_tests.append(test)
    if text.count('"') % 2:
        raise FilterError(text.rindex('"'), 'this " is not closed')
    if (stripped := text.rstrip()).endswith("!") and (len(stripped) == 1 or stripped[-2].isspace()):
        raise FilterError(len(stripped) - 1, "a word is missing after !")
    return Filter(text.strip(), tuple(tests), tuple(node_tests))


def _negated(test: Test) -> Test:
    return lambda container, node: not test(container, node)


def _term(term: str, start: int) -> Test:
    if match := _FIELD.fullmatch(term):
        return _field(match[1].lower(), match[2].replace('"', "").casefold(), start, len(match[1]))
    if match := _NUMBER_TERM.fullmatch(term):
        return _comparison(match[1].lower(), match[2], match[3], start)
    return _word(term.replace('"', "").casefold())


def _word(word: str) -> Test:
    def test(container: Container, node: Node) -> bool:
        return (
            word in container.key.id.casefold()
            or word in (container.name or "").casefold()
            or word in node.name.casefold()
            or word in (container.hostname or "").casefold()
            or container.state.value.startswith(word)
            or word in (node.group or "").casefold()
            or any(word in address for address in container.ips)
        )

    return test


def _field(field: str, value: str, start: int, length: int) -> Test:
    if field not in _TEXT:
        if field in _NUMBERS:
            raise FilterError(start + length, f"{field} is a number: write {field}>80")
        raise _unknown(field, start)
    if not value:
        raise FilterError(start + length + 1, f"a value is missing after {field}:")
    get = _TEXT[field]
    wanted = tuple(part for part in value.split(",") if part)
    if field == "state":
        return lambda container, node: container.state.value.startswith(wanted)
    return lambda container, node: any(part in get(container, node).casefold() for part in wanted)


def _comparison(field: str, sign: str, value: str, start: int) -> Test:
    if field not in _NUMBERS:
        if field in _TEXT:
            raise FilterError(start + len(field), f"{field} is a word: write {field}:value")
        raise _unknown(field, start)
    at = start + len(field) + len(sign)
    match = _VALUE.fullmatch(value)
    if not match:
        raise FilterError(at, "a number is missing" if not value else "this is no number")
    number, unit = float(match[1]), match[2].lower()
    get, compare = _NUMBERS[field], _COMPARE[sign]
    if unit == "%" and field != "cpu":
        if field in {"uptime", "failcnt", "cpus", "load"}:
            raise FilterError(at + len(match[1]), f"{field} has no percent")

        def share(container: Container, node: Node) -> bool:
            used, whole = get(container)
            return used is not None and bool(whole) and bool(compare(100 * used / (whole or 1), number))

        return share
    number *= _unit(field, unit, at + len(match[1]))

    def absolute(container: Container, node: Node) -> bool:
        used = get(container)[0]
        return used is not None and bool(compare(used, number))

    return absolute


def _unit(field: str, unit: str, at: int) -> float:
    if field == "cpu" and unit == "%":
        return 1
    units = _SECONDS if field == "uptime" else _SCALE if field in _SIZES else {"": 1}
    plain = unit.removesuffix("ib").removesuffix("b") if field in _SIZES else unit
    if plain not in units:
        known = ", ".join(name for name in units if name) or "none"
        raise FilterError(at, f"{field} has no unit {unit!r} (there are: {known})")
    return units[plain]


def _unknown(field: str, start: int) -> FilterError:
    fields = [*_TEXT, *_NUMBERS]
    near = difflib.get_close_matches(field, fields, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(fields)}"
    return FilterError(start, f"no field {field}: {hint}")
