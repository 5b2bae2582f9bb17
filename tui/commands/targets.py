"""`NODE/ID` and `NODE/BACKEND:ID` on the command line: which node, and which container there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from backends.errors import ConfigError, Fault, FaultKind
from backends.inventory import Inventory
from backends.model import Container, Node, NodeState
from backends.store import Store
from backends.text import clean
from backends.yamlfile import nearest


@dataclass(frozen=True, slots=True)
class Target:
    """As it was typed. `word` is an id, BACKEND:ID, or a name that is unique on the node."""

    node: str
    word: str

    def __str__(self) -> str:
        return f"{self.node}/{self.word}"


def parse(inventory: Inventory, texts: Iterable[str]) -> list[Target]:
    """Targets without repetition, their nodes checked. Raises ConfigError."""
    nodes = [spec.name for spec in inventory.nodes]
    found = []
    for text in texts:
        node, slash, word = text.partition("/")
        shown = clean(text, 100)
        if not slash or not word:
            raise ConfigError(f'"{shown}" is no container', "Write NODE/ID, as in hn01/101")
        if node not in nodes:
            raise ConfigError(f'there is no node "{clean(node, 64)}" in {inventory.path}', nearest(node, nodes))
        found.append(Target(node, word))
    return list(dict.fromkeys(found))


def resolve(store: Store, target: Target) -> Container:
    """The container that is meant. Raises ConfigError for a wrong word, `Fault` when the node cannot be asked."""
    node = store.nodes[target.node]
    if node.answered is None or node.state in (NodeState.DOWN, NodeState.BLOCKED, NodeState.BROKEN):
        raise unreachable(node)
    here = list(store.of_node(target.node))
    for meant in (_by_id(here, target.word), _by_backend(here, target.word), _by_name(here, target.word)):
        if len(meant) == 1:
            return meant[0]
        if meant:
            ways = ", ".join(f"{node.name}/{each.key.backend}:{each.id}" for each in meant)
            raise ConfigError(f"{clean(str(target), 100)} is more than one container", f"Write one of {ways}")
    words = [each.id for each in here] + [each.name for each in here if each.name]
    close = get_close_matches(target.word, words, n=1, cutoff=0.5)
    remedy = f"Did you mean {node.name}/{close[0]}?" if close else f"`ctdeck ls node:{node.name}` lists them"
    raise ConfigError(f'there is no container "{clean(target.word, 100)}" on {node.name}', remedy)


def unreachable(node: Node) -> Fault:
    """Why nothing can be done on a node."""
    said = node.error or "no answer yet"
    kind = FaultKind(node.fault) if node.fault else FaultKind.NO_ANSWER
    return Fault(kind, f"{node.name} cannot be asked: {said}", node.remedy)


def _by_id(here: Sequence[Container], word: str) -> list[Container]:
    return [each for each in here if each.id == word]


def _by_backend(here: Sequence[Container], word: str) -> list[Container]:
    backend, colon, container_id = word.partition(":")
    return [each for each in here if colon and each.key.backend == backend and each.id == container_id]


def _by_name(here: Sequence[Container], word: str) -> list[Container]:
    return [each for each in here if each.name == word]
