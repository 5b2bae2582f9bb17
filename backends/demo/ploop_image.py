"""A ploop image: `root.hdd/DiskDescriptor.xml` and one file for each delta.

Snapshots form a tree of deltas; the current top delta is the one that is written to. Here a delta that is no longer
written to holds a tar archive of the whole file system at that moment (an empty delta holds zeros), so that switching,
merging and copying images have the effect that they have on a real node.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile, rmtree
from typing import NamedTuple
from xml.sax.saxutils import escape

from .tree import read_text, write_file

DESCRIPTOR = "DiskDescriptor.xml"
NO_PARENT = "{00000000-0000-0000-0000-000000000000}"
BASE = "{5fbaabe3-6958-40ff-92a7-860e329aab41}"  # the top delta of a new image has always this one (libploop)
CLUSTER = 1 << 20
BLOCK = 2048  # sectors in a cluster


class Delta(NamedTuple):
    """One image file. `guid` names the snapshot that it belongs to; `file` is relative to the image's directory."""

    guid: str
    parent: str
    file: str


class Image:
    """The descriptor of one image, read or to be written."""

    def __init__(self, directory: Path, size: int, top: str, deltas: list[Delta]) -> None:
        self.directory = directory
        self.size = size  # sectors of 512 bytes
        self.top = top
        self.deltas = deltas

    @classmethod
    def read(cls, directory: Path) -> Image | None:
        """None where there is no descriptor."""
        text = read_text(directory / DESCRIPTOR)
        if text is None:
            return None
        size = int(_between(text, "<Disk_size>", "</Disk_size>")[0])
        top = _between(text, "<TopGUID>", "</TopGUID>")[0]
        files = {_tag(part, "GUID"): _tag(part, "File") for part in _between(text, "<Image>", "</Image>")}
        deltas = [
            Delta(_tag(part, "GUID"), _tag(part, "ParentGUID"), files[_tag(part, "GUID")])
            for part in _between(text, "<Shot>", "</Shot>")
        ]
        return cls(directory, size, top, deltas)

    def save(self) -> None:
        (self.directory / f"{DESCRIPTOR}.lck").touch(0o600)
        write_file(self.directory / DESCRIPTOR, self.xml())

    def xml(self) -> str:
        images = "".join(
            f"      <Image>\n        <GUID>{delta.guid}</GUID>\n        <Type>Compressed</Type>\n"
            f"        <File>{escape(delta.file)}</File>\n      </Image>\n"
            for delta in self.deltas
        )
        shots = "".join(
            f"    <Shot>\n      <GUID>{delta.guid}</GUID>\n      <ParentGUID>{delta.parent}</ParentGUID>\n    </Shot>\n"
            for delta in self.deltas
        )
        return (
            '<?xml version="1.0"?>\n<Parallels_disk_image>\n  <Disk_Parameters>\n'
            f"    <Disk_size>{self.size}</Disk_size>\n    <Cylinders>{self.size // 512}</Cylinders>\n"
            "    <Heads>16</Heads>\n    <Sectors>32</Sectors>\n    <Padding>0</Padding>\n  </Disk_Parameters>\n"
            f"  <StorageData>\n    <Storage>\n      <Start>0</Start>\n      <End>{self.size}</End>\n"
            f"      <Blocksize>2048</Blocksize>\n{images}    </Storage>\n  </StorageData>\n"
            f"  <Snapshots>\n    <TopGUID>{self.top}</TopGUID>\n{shots}  </Snapshots>\n</Parallels_disk_image>\n"
        )

    def delta(self, guid: str) -> Delta | None:
        return next((delta for delta in self.deltas if delta.guid == guid), None)

    def path(self, delta: Delta) -> Path:
        return self.directory / delta.file

    @property
    def current(self) -> Delta:
        """The delta that is written to."""
        top = self.delta(self.top)
        if top is None:
            raise ValueError(f"no delta {self.top}")
        return top

    def new_delta(self, guid: str, parent: str) -> Delta:
        """Add an empty delta and make it the one that is written to."""
        delta = Delta(guid, parent, f"root.hdd.{new_guid()}")
        _new_file(self.path(delta))
        self.deltas.append(delta)
        self.top = guid
        return delta

    def drop(self, delta: Delta) -> None:
        self.deltas.remove(delta)
        self.path(delta).unlink(missing_ok=True)

    def children(self, guid: str) -> list[Delta]:
        return [delta for delta in self.deltas if delta.parent == guid]

    def content(self, guid: str) -> Path | None:
        """The file that holds the file system as of `guid`: its own delta, or the nearest ancestor that is not empty."""
        delta = self.delta(guid)
        while delta is not None:
            if _filled(self.path(delta)):
                return self.path(delta)
            delta = self.delta(delta.parent)
        return None


def new_guid() -> str:
    return f"{{{uuid.uuid4()}}}"


def _between(text: str, start: str, end: str) -> list[str]:
    return [part.split(end)[0] for part in text.split(start)[1:]]


def _tag(text: str, name: str) -> str:
    return _between(text, f"<{name}>", f"</{name}>")[0]


def _new_file(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.ftruncate(descriptor, CLUSTER)
    os.close(descriptor)


def _filled(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return any(file.read(16))
    except FileNotFoundError:
        return False


def create(directory: Path, sectors: int) -> Image:
    """A new, empty image with one delta."""
    directory.mkdir(mode=0o700, parents=True)
    size = -(-sectors // BLOCK) * BLOCK
    image = Image(directory, size, BASE, [Delta(BASE, NO_PARENT, "root.hdd")])
    _new_file(directory / "root.hdd")
    image.save()
    return image


def _store(path: Path, archive: bytes) -> None:
    """Put an archive into a delta, keeping the size of whole clusters."""
    with path.open("wb") as file:
        file.write(archive)
        file.truncate(max(CLUSTER, -(-len(archive) // CLUSTER) * CLUSTER))


def fill(directory: Path, files: Mapping[str, str]) -> None:
    """Put files into the top delta of an image that is not mounted."""
    import tarfile

    image = Image.read(directory)
    if image is None:
        return
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    _store(image.path(image.current), buffer.getvalue())


def mount(directory: Path, target: Path) -> None:
    """Show the current file system in `target` (empty before)."""
    image = Image.read(directory)
    if image is not None:
        unpack(image, image.top, target)


def unpack(image: Image, guid: str, target: Path) -> None:
    """Show the file system as of snapshot `guid` in `target`."""
    import tarfile

    target.mkdir(parents=True, exist_ok=True)
    content = image.content(guid)
    if content is not None:
        with tarfile.open(content) as archive:
            archive.extraction_filter = getattr(
                tarfile, "tar_filter", None
            )  # Python 3.11.2 (Debian 12) has no such argument
            archive.extractall(target)


def sync(directory: Path, target: Path) -> None:
    """Write what is mounted in `target` back into the top delta."""
    import tarfile

    image = Image.read(directory)
    if image is None or not target.is_dir():
        return
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(target.iterdir()):
            if path.name != "proc":
                archive.add(path, path.name)
    _store(image.path(image.current), buffer.getvalue())


def umount(directory: Path, target: Path) -> None:
    """Write back, and leave `target` empty."""
    sync(directory, target)
    empty(target)


def empty(target: Path) -> None:
    for path in target.iterdir() if target.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def take_over(image: Image, source: Delta, target: Delta) -> None:
    """Merge: what `source` holds goes into `target`'s file, unless it is empty."""
    if _filled(image.path(source)):
        copyfile(image.path(source), image.path(target))
