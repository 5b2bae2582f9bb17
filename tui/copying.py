"""What can be copied of a container or a node. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from backends.inventory import NodeSpec

from .format import safe
from .rows import Row


def choices(row: Row, spec: NodeSpec | None, shell: Sequence[str], marked: Sequence[Row]) -> list[tuple[str, str]]:
    """(what it is, text) of everything worth copying. `shell`: the command that opens a shell in the container, if any."""
    node = row.node.name
    found: list[tuple[str, str]] = []
    container = row.container
    if container is not None:
        found += [("name", container.name or ""), ("id", container.key.id), ("node/id", f"{node}/{container.key.id}")]
        found += [("address", address.partition("/")[0]) for address in container.ips]
        found.append(("host name", container.hostname or ""))
    found.append(("node", node))
    if spec is None or spec.transport == "ssh":
        login = _login(spec, node)
        found.append(("ssh line of the node", shlex.join(login)))
        if shell:
            found.append(("ssh line of a shell inside", shlex.join([*login[:1], "-t", *login[1:], shlex.join(shell)])))
    elif shell:
        found.append(("command of a shell inside", shlex.join(shell)))
    if row.reasons:
        found.append(("why", ", ".join(reason.text for reason in row.reasons)))
    if marked:
        lines = "\n".join(f"{other.key.node}/{safe(other.key.id)}" for other in marked)
        found.append((f"{len(marked)} marked, one a line", lines))
    return [(what, "\n".join(map(safe, text.split("\n")))) for what, text in found if text]


def _login(spec: NodeSpec | None, node: str) -> list[str]:
    host = spec.host if spec and spec.host else node
    words = ["ssh"]
    if spec and spec.port:
        words += ["-p", str(spec.port)]
    if spec and spec.identity_file:
        words += ["-i", str(spec.identity_file)]
    return [*words, f"{spec.user}@{host}" if spec and spec.user else host]
