"""vzctl: snapshots of ploop containers.

Three things belong to a snapshot: its entry in `private/Snapshots.xml`, a delta of the image (ploop_image.py), and,
unless it was told to skip them, a copy of the configuration and a dump of the running processes in `private/dump/`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from . import ploop, ploop_image
from .tree import Tree, read_text, write_file
from .vzconf import Conf
from .vzctl_call import Call, Failure, Options, Syntax
from .vzctl_checkpoint import restore, write_dump


class Entry(NamedTuple):
    """One snapshot of Snapshots.xml. `parent` is empty for the first."""

    guid: str
    parent: str
    name: str
    description: str
    date: str
    current: bool


class Entries:
    """Snapshots.xml of one container: nested items, oldest outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items = [*_parse(read_text(path) or "")]

    def find(self, guid: str) -> Entry | None:
        return next((entry for entry in self.items if entry.guid == guid), None)

    @property
    def current(self) -> str:
        return next((entry.guid for entry in self.items if entry.current), "")

    def make_current(self, guid: str) -> None:
        self.items = [entry._replace(current=entry.guid == guid) for entry in self.items]

    def add(self, guid: str, name: str, description: str) -> None:
        parent = self.current
        self.make_current("")
        self.items.append(Entry(guid, parent, name, description, time.strftime("%Y-%m-%d %H:%M:%S"), True))

    def remove(self, guid: str) -> None:
        """Its children become children of its parent, which becomes the current one if it was."""
        gone = self.find(guid)
        if gone is None:
            return
        self.items = [
            entry._replace(parent=gone.parent if entry.parent == guid else entry.parent)
            for entry in self.items
            if entry.guid != guid
        ]
        if gone.current:
            self.make_current(gone.parent)

    def save(self) -> None:
        body = "".join(self._xml(entry, 1) for entry in self.items if not entry.parent)
        write_file(self.path, f'<?xml version="1.0"?>\n<ParallelsSavedStates>\n{body}</ParallelsSavedStates>\n')

    def _xml(self, entry: Entry, depth: int) -> str:
        indent = "  " * depth
        inner = "".join(self._xml(child, depth + 1) for child in self.items if child.parent == entry.guid)
        current = ' current="yes"' if entry.current else ""
        return (
            f'{indent}<SavedStateItem guid="{entry.guid}"{current}>\n'
            f"{indent}  <Name>{escape(entry.name)}</Name>\n{indent}  <DateTime>{entry.date}</DateTime>\n"
            f"{indent}  <Description>{escape(entry.description)}</Description>\n{inner}{indent}</SavedStateItem>\n"
        )


_ITEM = re.compile(
    r'<SavedStateItem guid="(?P<guid>[^"]*)"(?P<current> current="yes")?>\s*<Name>(?P<name>.*?)</Name>\s*'
    r"<DateTime>(?P<date>.*?)</DateTime>\s*<Description>(?P<desc>.*?)</Description>|(?P<end></SavedStateItem>)",
    re.DOTALL,
)


def _parse(text: str) -> Sequence[Entry]:
    entries, parents = [], [""]
    for match in _ITEM.finditer(text):
        if match["end"]:
            parents.pop()
            continue
        name, description = unescape(match["name"]), unescape(match["desc"])
        entries.append(
            Entry(match["guid"], parents[-1], name, description, match["date"], match["current"] is not None),
        )
        parents.append(match["guid"])
    return entries


def guid_of(text: str) -> str | None:
    """A snapshot's id with its braces; None if it is none."""
    bare = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    return f"{{{bare}}}" if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", bare) else None


def check(command: str, options: Options) -> None:
    """Refuse what vzctl refuses while it reads the command line."""
    values = dict(options)
    if "id" in values and guid_of(values["id"]) is None:
        raise Syntax(21, f"Bad parameter for --id: {values['id']}")
    if command != "snapshot" and "id" not in values:
        raise Syntax(20, "Invalid syntax: snapshot id is missing")
    if "skip-resume" in values and "must-resume" in values:
        raise Syntax(20, "Invalid syntax: --skip-resume and --must-resume can not be used together")
    if command == "snapshot-mount" and "target" not in values:
        raise Syntax(20, "Invalid syntax: mount target is missing")


def _open(call: Call, code: int) -> tuple[Entries, ploop_image.Image]:
    call.need_ploop(code)
    image = ploop_image.Image.read(call.image)
    if image is None:
        raise Failure(code, f"Unable to open {call.conf.private}/root.hdd/DiskDescriptor.xml")
    return Entries(call.private / "Snapshots.xml"), image


def _dump(call: Call, guid: str) -> Path:
    return call.private / "dump" / guid


def _store_entries(call: Call, entries: Entries) -> None:
    call.out(f"Storing {call.conf.private}/Snapshots.xml.tmp")
    entries.save()


def create(call: Call, options: Options) -> None:
    values = dict(options)
    entries, image = _open(call, 156)
    guid = guid_of(values.get("id", "")) or ploop_image.new_guid()
    call.out(f"Creating snapshot {guid}")
    if entries.find(guid) or image.delta(guid):
        raise Failure(156, f"Invalid guid {guid} specified: already exists", "Failed to create snapshot")
    entries.add(guid, values.get("name", ""), values.get("description", ""))
    running = call.state().running
    suspends = running and "skip-suspend" not in values
    if suspends:  # as of an OpenVZ kernel; with an ordinary one only stopped containers have snapshots
        call.out("Setting up checkpoint...\n\tsuspend...\n\tget context...")
    _store_entries(call, entries)
    if "skip-config" not in values:
        (call.private / "dump").mkdir(exist_ok=True)
        write_file(call.private / f"dump/{guid}.ve.conf", call.conf.own.text())
    if call.state().status in ("running", "mounted"):
        ploop_image.sync(call.image, call.mount_point)
    call.tree.pause(0.3)
    ploop.snapshot(image, guid, call.tree, call.out)
    if suspends:
        call.out("\tdump...")
        write_dump(call, _dump(call, guid))
        call.out("\tresume...\nCheckpointing completed successfully")
    call.out(f"Snapshot {guid} has been successfully created")


def switch(call: Call, options: Options) -> None:
    values = dict(options)
    entries, image = _open(call, 159)
    guid = guid_of(values["id"]) or ""
    failed = f"Failed to switch to snapshot {guid}"
    if entries.find(guid) is None or image.delta(guid) is None:
        raise Failure(159, f"Unable to find snapshot by uuid {guid}", failed)
    dump = _dump(call, guid)
    if "must-resume" in values and not dump.exists():
        raise Failure(159, "Error: no dump in snapshot, unable to resume", failed)
    call.out(f"Switching to snapshot {guid}")
    mounted = call.mounted()
    entries.make_current(guid)
    _store_entries(call, entries)
    if mounted:
        if call.state().running:
            call.out("Killing container ...")
        call.set_state("stopped")
        ploop_image.empty(call.mount_point)
        call.out("Container is unmounted")
    call.tree.pause(0.3)
    ploop.switch(image, guid, call.tree, call.out)
    saved = read_text(call.private / f"dump/{guid}.ve.conf")
    if saved is not None and "skip-config" not in values:
        call.save(Conf(saved))
    if dump.exists() and "skip-resume" not in values:
        restore(call, dump)
    call.out("Container has been successfully switched to another snapshot")


def delete(call: Call, options: Options) -> None:
    entries, image = _open(call, 158)
    guid = guid_of(dict(options)["id"]) or ""
    if entries.find(guid) is None:
        raise Failure(158, f"Unable to find snapshot by uuid {guid}", f"Failed to delete snapshot {guid}")
    call.out(f"Deleting snapshot {guid}")
    entries.remove(guid)
    _store_entries(call, entries)
    call.tree.pause(0.3)
    ploop.delete(image, guid, call.tree, call.out, online=call.state().status != "stopped")
    for path in (_dump(call, guid), call.private / f"dump/{guid}.ve.conf"):
        path.unlink(missing_ok=True)
    call.out(f"Snapshot {guid} has been successfully deleted")


def mount(call: Call, options: Options) -> None:
    """Show a snapshot's files in a directory. On an ordinary kernel images cannot be mounted."""
    values = dict(options)
    entries, image = _open(call, 160)
    guid = guid_of(values["id"]) or ""
    if entries.find(guid) is None:
        raise Failure(160, f"Unable to find snapshot by uuid {guid}")
    if call.upstream:
        raise Failure(
            160, "Error in ploop_getdevice (ploop.c:880): Can't get ploop minor ''", "Failed to mount snapshot"
        )
    target = values["target"]
    if not call.tree.path(target).is_dir():
        raise Failure(160, f"Mount point {target} does not exist")
    ploop_image.unpack(image, guid, call.tree.path(target))
    write_file(_mount_note(call, guid), target)
    call.out(f"Mounting /dev/ploop{call.ctid % 60000 + 10001}p1 at {target} fstype='ext4' data='' ro")


def umount(call: Call, options: Options) -> None:
    guid = guid_of(dict(options)["id"]) or ""
    _open(call, 161)
    target = read_text(_mount_note(call, guid))
    if target is None:
        raise Failure(161, f"Snapshot {guid} is not mounted")
    ploop_image.empty(call.tree.path(target))
    _mount_note(call, guid).unlink()
    call.out(f"Umounting snapshot from {target}")


def _mount_note(call: Call, guid: str) -> Path:
    return call.tree.root / f".sim/mounted.{call.ctid}.{guid}"


# snapshot-list

_COLUMNS = {
    "uuid": ("UUID", 38),
    "id": ("UUID", 38),
    "parent_uuid": ("PARENT_UUID", 38),
    "parent_id": ("PARENT_UUID", 38),
    "current": ("C", 1),
    "date": ("DATE", 19),
    "name": ("NAME", 32),
    "desc": ("DESC", 32),
    "device": ("DEVICE", 16),
    "target": ("TARGET", 16),
}
_DEFAULT = "parent_uuid,current,uuid,date,name"


def check_list(options: Options) -> None:
    values = dict(options)
    for name in values.get("o", "").split(",") if "o" in values else ():
        if name not in _COLUMNS:
            raise Syntax(21, f"Unknown field: {name}")
    if "id" in values and guid_of(values["id"]) is None:
        raise Syntax(21, f"Invalid guid is specified: {values['id']}")


def list_fields() -> str:
    return "".join(f"{name:<15} {header:<15}\n" for name, (header, _) in _COLUMNS.items())


def show(call: Call, options: Options) -> None:
    values = dict(options)
    entries = _open(call, 167)[0]
    items = _preorder(entries.items)
    if "id" in values:
        guid = guid_of(values["id"]) or ""
        if entries.find(guid) is None:
            raise Failure(21, f"Can't find snapshot by uuid {guid}")
        items = []
        entry = entries.find(guid)
        while entry is not None:
            items.append(entry)
            entry = entries.find(entry.parent)
    columns = values.get("o", _DEFAULT).split(",")
    if "H" not in values:
        call.print(" ".join(f"{_COLUMNS[name][0]:<{_COLUMNS[name][1]}}" for name in columns))
    for entry in items:
        cells = [_cell(call.tree, call.ctid, entry, name) for name in columns]
        padded = [f"{cell:<{_COLUMNS[name][1]}}" for name, cell in zip(columns[:-1], cells[:-1], strict=True)]
        call.print(" ".join([*padded, cells[-1]]))


def _cell(tree: Tree, ctid: int, entry: Entry, name: str) -> str:
    values = {"uuid": entry.guid, "id": entry.guid, "parent_uuid": entry.parent, "parent_id": entry.parent}
    values |= {"current": "*" if entry.current else "", "date": entry.date, "name": entry.name}
    values["desc"] = entry.description
    if name == "target":
        return read_text(tree.root / f".sim/mounted.{ctid}.{entry.guid}") or ""
    return values.get(name, "")


def _preorder(items: Sequence[Entry], parent: str = "") -> list[Entry]:
    return [found for entry in items if entry.parent == parent for found in (entry, *_preorder(items, entry.guid))]
