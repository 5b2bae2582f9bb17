"""Snapshots of a ploop container: Snapshots.xml and DiskDescriptor.xml of its private area, and the files beside them.

`SavedStateItem` elements are nested, oldest outside; some versions put one with an empty guid around all of them
(`vzctl_store_snapshot_tree` in libvzctl). The delta of a snapshot is the image file of the same guid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from ..text import clean, number

_GUID = re.compile(r"\{([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}")


@dataclass(slots=True)
class Tree:
    """`snapshots` as in `Inspection`, with `children` (their number); `broken` says why they cannot be read."""

    snapshots: list[dict[str, Any]] = field(default_factory=list)
    current: str = ""
    broken: str = ""


def guid(text: str | None) -> str:
    """Without braces; empty for what is none."""
    found = _GUID.fullmatch((text or "").strip())
    return found[1] if found else ""


def read_tree(parts: Mapping[str, list[str]]) -> Tree:
    """From the lines X, E, F and M of inspect.sh."""
    tree = Tree()
    if not parts.get("X"):
        return tree
    try:
        root = _xml(parts["X"])
        sizes = _sizes(parts)
    except (ElementTree.ParseError, ValueError) as error:
        tree.broken = f"Snapshots.xml or DiskDescriptor.xml cannot be read: {clean(str(error), 80)}"
        return tree
    dumps = set(parts.get("M", ()))
    for item, parent in _items(root, ""):
        own = guid(item.get("guid"))
        if item.get("current") == "yes":
            tree.current = own
        tree.snapshots.append(
            {
                "id": own,
                "name": clean(item.findtext("Name") or "", 200),
                "parent": parent,
                "current": item.get("current") == "yes",
                "date": clean((item.findtext("DateTime") or "").strip(), 40),
                "size": sizes.get(own),
                "memory": f"{{{own}}}" in dumps,
                "config": f"{{{own}}}.ve.conf" in dumps,
                "children": sum(1 for child in item.findall("SavedStateItem") if guid(child.get("guid"))),
            }
        )
    tree.snapshots.sort(key=lambda snapshot: str(snapshot["date"]))
    return tree


def _xml(lines: list[str]) -> ElementTree.Element:
    text = "\n".join(lines)
    if "<!" in text.replace("<![CDATA[", "").replace("<!--", ""):
        raise ValueError("it declares entities")
    return ElementTree.fromstring(text.encode())


def _items(element: ElementTree.Element, parent: str) -> Iterator[tuple[ElementTree.Element, str]]:
    """Items with a guid and the guid of their parent, each after it; without recursion, since a chain may be long."""
    waiting = [(item, parent) for item in element.findall("SavedStateItem")]
    while waiting:
        item, above = waiting.pop(0)
        own = guid(item.get("guid"))
        if own:
            yield item, above
        waiting += [(child, own or above) for child in item.findall("SavedStateItem")]


def _sizes(parts: Mapping[str, list[str]]) -> dict[str, int]:
    """Bytes on disk of each snapshot's delta."""
    files: dict[str, int] = {}
    for line in parts.get("F", ()):
        blocks, size, name = [*line.split(" ", 2), "", ""][:3]
        files[name] = (number(blocks) or 0) * (number(size) or 512)
    if not parts.get("E"):
        return {}
    images = _xml(parts["E"]).iter("Image")
    names = {guid(image.findtext("GUID")): (image.findtext("File") or "").strip() for image in images}
    return {own: files[name.rpartition("/")[2]] for own, name in names.items() if name.rpartition("/")[2] in files}
