"""`ctdeck snapshot`: the snapshots of a container."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from backends.errors import ConfigError
from backends.plans.plan import Misused, Plan
from backends.plans.request import CreateSnapshot, DeleteSnapshot, Request, RevertSnapshot
from backends.yamlfile import nearest
from tui import format as text

from . import change, look

if TYPE_CHECKING:
    from backends.change import Changer
    from backends.model import Container, Key

_WORDS = ("create", "list", "revert", "delete")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word", metavar="|".join(_WORDS))
    parser.add_argument("target", metavar="NODE/ID", help="the container")
    parser.add_argument("snapshot", nargs="?", metavar="SNAPSHOT", help="revert, delete: its id or unique name")
    parser.add_argument("--name", metavar="NAME", help="create: what to call it (the date)")
    parser.add_argument("--memory", action="store_true", help="create: with the memory of what runs in it")
    parser.add_argument("--keep-config", action="store_true", help="revert: keep the present configuration")


def run(options: argparse.Namespace) -> int:
    if options.word not in _WORDS:
        raise ConfigError(f'there is no "ctdeck snapshot {options.word}"', nearest(options.word, _WORDS))
    if options.word == "list":
        if options.snapshot is not None:
            raise ConfigError("snapshot list takes no snapshot", "It prints all of them")
        return look.run(options, options.target, _show, _lines)
    request = _request(options)

    async def plan(changer: Changer, key: Key) -> Plan:
        return await changer.prepare(key, request)

    return change.run(options, [options.target], plan)


def _request(options: argparse.Namespace) -> Request:
    for flag, word in (("name", "create"), ("memory", "create"), ("keep_config", "revert")):
        if getattr(options, flag) and options.word != word:
            raise Misused(f"--{flag.replace('_', '-')} is for snapshot {word}")
    if options.word == "create":
        if options.snapshot is not None and options.name is not None:
            raise Misused("the name of the snapshot stands there twice")
        name = options.name or options.snapshot or time.strftime("%Y%m%d-%H%M%S")
        return CreateSnapshot(name, memory=options.memory)
    if options.snapshot is None:
        raise Misused(f"snapshot {options.word} wants the snapshot", "`ctdeck snapshot list NODE/ID` shows them")
    if options.word == "revert":
        return RevertSnapshot(options.snapshot, keep_config=options.keep_config)
    return DeleteSnapshot(options.snapshot)


def _show(container: Container, values: dict[str, Any]) -> dict[str, Any]:
    return {"storage": values.get("storage"), "snapshots": list(values.get("snapshots", ()))}


def _lines(found: dict[str, Any]) -> list[str]:
    snapshots = found["snapshots"]
    if not snapshots:
        return [f"{found['node']}/{found['id']} has no snapshots."]
    rows = [("SNAPSHOT", "ID", "DATE", "SIZE", "")]
    for depth, each in tree(snapshots):
        notes = [
            word
            for word, there in (("with memory", each.get("memory")), ("you are here", each.get("current")))
            if there
        ]
        branch = "  " * (depth - 1) + "└ " if depth else ""
        date = str(each.get("date") or text.UNKNOWN)
        rows.append(
            (
                branch + (each.get("name") or text.UNKNOWN),
                str(each["id"]),
                date,
                text.size(each.get("size")),
                ", ".join(notes),
            )
        )
    return look.table(rows, right=(3,))


def tree(snapshots: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Snapshots with their depth, each behind its parent; one whose parent is not known stands at the root."""
    known = {each["id"] for each in snapshots}
    found: list[tuple[int, dict[str, Any]]] = []

    def under(parent: str | None, depth: int) -> None:
        for each in snapshots:
            above = each.get("parent") if each.get("parent") in known else None
            if above == parent and (depth, each) not in found and len(found) < len(snapshots):
                found.append((depth, each))
                under(each["id"], depth + 1)

    under(None, 0)
    return found
