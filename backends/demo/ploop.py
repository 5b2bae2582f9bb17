"""`ploop` of libploop 1.15, as far as it works on image files: snapshots, info, mount.

Its changes are also those that vzctl makes to an image. Paths may be given as the node knows them or with the tree's
prefix; they are printed as the node knows them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from . import ploop_image, workload
from .personality import UPSTREAM
from .ploop_image import DESCRIPTOR, Delta, Image
from .tree import Tree

Say = Callable[[str], None]

USAGE = """\
Usage: ploop init -s SIZE [-f FORMAT] NEW_DELTA
       ploop mount [-r] [-m DIR] DiskDescriptor.xml
       ploop umount { -d DEVICE | -m DIR | DELTA | DiskDescriptor.xml }
       ploop check [-fFcrsdS] [-R -b BLOCKSIZE] { DELTA | DiskDescriptor.xml }
       ploop convert [-f FORMAT] [-v VERSION] DiskDescriptor.xml
       ploop resize -s SIZE DiskDescriptor.xml
       ploop balloon { show | status | clear | change | complete | check |
                       repair | discard } ... DiskDescriptor.xml
       ploop snapshot DiskDescriptor.xml
       ploop snapshot-delete -u UUID DiskDescriptor.xml
       ploop snapshot-merge [-u UUID] DiskDescriptor.xml
       ploop snapshot-switch -u UUID DiskDescriptor.xml
       ploop snapshot-list [-o field[,field...]] [-u UUID] DiskDescriptor.xml
Also:  ploop { start | stop | delete | clear | merge | grow | copy |
               stat | info | list} ...

       ploop <command> -- to get detailed syntax for a specific command
"""
_LIST_USAGE = """\
Usage: ploop snapshot-list [-H] [-o field[,field...]] [-s] [-u <UUID>] \\
                           DiskDescriptor.xml
"""
_USAGES = {
    "snapshot": "Usage: ploop snapshot [-u <UUID>] DiskDescriptor.xml\n       -u <UUID>     snapshot uuid\n",
    "snapshot-delete": "Usage: ploop snapshot-delete -u <UUID> DiskDescriptor.xml\n       -u <UUID>     snapshot uuid\n",
    "snapshot-merge": "Usage: ploop snapshot-merge [-u <UUID>] DiskDescriptor.xml\n",
    "snapshot-switch": "Usage: ploop snapshot-switch -u <UUID> DiskDescriptor.xml\n       -u <UUID>     snapshot uuid\n",
    "snapshot-list": _LIST_USAGE,
    "info": "Usage: ploop info [-s] [-d] DiskDescriptor.xml\n",
    "mount": "Usage: ploop mount [-r] [-m DIR] DiskDescriptor.xml\n",
    "umount": "Usage: ploop umount { -m DIR | DiskDescriptor.xml }\n",
    "resize": "Usage: ploop resize -s SIZE DiskDescriptor.xml\n",
}


class Wrong(Exception):
    """ploop ends with this code, after this on stderr."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


# Changes to an image, with what libploop says of them


def _storing(image: Image, tree: Tree, say: Say, suffix: str = ".tmp") -> None:
    say(f"Storing {tree.seen(image.directory)}/{DESCRIPTOR}{suffix}")


def _opening(image: Image, delta: Delta, tree: Tree, say: Say) -> None:
    say(f"Opening delta {tree.seen(image.path(delta))}")


def _creating(image: Image, delta: Delta, tree: Tree, say: Say) -> None:
    say(f"Creating delta {tree.seen(image.path(delta))} bs=2048 size={image.size} sectors v1")


def snapshot(image: Image, guid: str, tree: Tree, say: Say) -> None:
    """The delta that was written to becomes the snapshot's, a new one is written to from now on."""
    top = image.current
    _opening(image, top, tree, say)
    image.deltas[image.deltas.index(top)] = top._replace(guid=guid)
    _storing(image, tree, say)
    new = image.new_delta(top.guid, guid)
    image.save()
    _creating(image, new, tree, say)
    say(f"ploop snapshot {guid} has been successfully created")


def switch(image: Image, guid: str, tree: Tree, say: Say, verbose: bool = False) -> None:
    """Throw away what was written since the last snapshot, and go on from snapshot `guid`."""
    base = image.delta(guid)
    if base is None:
        raise Wrong(22, f"Error in ploop_switch_snapshot (ploop.c:1): Can't find snapshot by uuid {guid}")
    old = image.current
    _opening(image, base, tree, say)
    if verbose:
        say(f"del snapshot {old.guid}")
        say(f"Adding snapshot {old.guid}")
    image.deltas.remove(old)
    new = image.new_delta(old.guid, guid)
    _storing(image, tree, say)
    image.save()
    _creating(image, new, tree, say)
    image.path(old).unlink(missing_ok=True)
    say(f"Removing {tree.seen(image.path(old))}")
    say("ploop snapshot has been successfully switched")


def delete(image: Image, guid: str, tree: Tree, say: Say, online: bool = False) -> None:
    """Remove a snapshot: a leaf is dropped, one with a single child is merged with it."""
    gone = image.delta(guid)
    if gone is None:
        raise Wrong(22, f"Error in ploop_delete_snapshot (ploop.c:1): Can't find snapshot by uuid {guid}")
    children = image.children(guid)
    if len(children) > 1:
        say(
            f"Warning: Unable to delete snapshot {guid} as there are {len(children)} references to it; "
            "marking it as temporary instead"
        )
        return
    if not children:
        _storing(image, tree, say, "")
        image.drop(gone)
        image.save()
        say(f"Removing {tree.seen(image.path(gone))}")
        say(f"ploop snapshot {guid} has been successfully deleted")
        return
    child = children[0]
    say(f"{'Online' if online else 'Offline'} snapshot merge {child.guid} -> {guid}")
    say(f"Merging image: {child.file} -> {gone.file}")
    ploop_image.take_over(image, child, gone)
    image.deltas.remove(gone)
    image.deltas[image.deltas.index(child)] = Delta(child.guid, gone.parent, gone.file)
    _storing(image, tree, say)
    image.save()
    _opening(image, child, tree, say)
    _opening(image, gone, tree, say)
    image.path(child).unlink(missing_ok=True)
    say(f"Removing {tree.seen(image.path(child))}")
    say("ploop snapshot has been successfully merged")


# The command line


def _options(words: Sequence[str], command: str, letters: str) -> tuple[dict[str, str], list[str]]:
    """Short options (`letters` as for getopt) and operands."""
    found: dict[str, str] = {}
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or len(word) < 2:
            operands.append(word)
            continue
        letter = word[1]
        place = letters.find(letter)
        if place < 0 or letter == ":":
            raise Wrong(1, f"ploop: invalid option -- '{letter}'\n{_USAGES[command]}")
        if letters[place + 1 : place + 2] == ":":
            if not word[2:] and not rest:
                raise Wrong(1, f"ploop: option requires an argument -- '{letter}'\n{_USAGES[command]}")
            found[letter] = word[2:] or rest.pop(0)
        else:
            found[letter] = ""
    return found, operands


_LETTERS = {
    "snapshot": "u:F",
    "snapshot-delete": "u:",
    "snapshot-merge": "u:A",
    "snapshot-switch": "u:D",
    "snapshot-list": "Ho:su:",
    "info": "sd",
    "mount": "rm:u:",
    "umount": "m:d:",
    "resize": "s:",
}
_COLUMNS = {
    "uuid": ("UUID", 38),
    "parent_uuid": ("PARENT_UUID", 38),
    "current": ("C", 1),
    "fname": ("FNAME", 33),
    "snapshot": ("S", 1),
}


def run(tree: Tree, words: Sequence[str]) -> int:
    if not words:
        raise Wrong(1, USAGE)
    command, *rest = words
    if command not in _LETTERS:
        raise Wrong(
            38, f"Bad option {command}\n{USAGE}" if command.startswith("-") else f"Unknown command {command}\n{USAGE}"
        )
    found, operands = _options(rest, command, _LETTERS[command])
    needs_guid = command in ("snapshot-delete", "snapshot-switch") and "u" not in found
    if len(operands) != 1 or needs_guid:
        raise Wrong(1, _USAGES[command])
    directory = tree.path(str(Path(operands[0]).absolute())).parent
    image = Image.read(directory)
    if image is None or Path(operands[0]).name != DESCRIPTOR:
        shown = tree.seen(directory / Path(operands[0]).name)
        raise Wrong(38, f"Error in ploop_read_dd (xml.c:1): Can't resolve {shown}: No such file or directory\n")
    _COMMANDS[command](tree, image, found)
    return 0


def _snapshot(tree: Tree, image: Image, found: dict[str, str]) -> None:
    snapshot(image, found.get("u") or ploop_image.new_guid(), tree, print)


def _switch(tree: Tree, image: Image, found: dict[str, str]) -> None:
    switch(image, found["u"], tree, print, verbose=True)


def _delete(tree: Tree, image: Image, found: dict[str, str]) -> None:
    delete(image, found.get("u") or image.current.parent, tree, print)


def _list(tree: Tree, image: Image, found: dict[str, str]) -> None:
    names = found.get("o", "parent_uuid,current,uuid,fname").split(",")
    for name in names:
        if name not in _COLUMNS:
            raise Wrong(1, f"Unknown field: {name}\n")
    if "H" not in found:
        print(" ".join(f"{_COLUMNS[name][0]:<{_COLUMNS[name][1]}}" for name in names))
    for delta in _chain(image):
        if "u" in found and delta.guid != found["u"]:
            continue
        cells = {"uuid": delta.guid, "parent_uuid": delta.parent, "fname": tree.seen(image.path(delta))}
        cells["current"] = cells["snapshot"] = "*" if delta.guid == image.top else " "
        last = len(names) - 1
        print(
            " ".join(
                cells[name] if place == last else f"{cells[name]:<{_COLUMNS[name][1]}}"
                for place, name in enumerate(names)
            )
        )


def _chain(image: Image) -> list[Delta]:
    """Deltas, each after its parent."""
    done: list[Delta] = []
    guids = {ploop_image.NO_PARENT}
    while len(done) < len(image.deltas):
        new = [delta for delta in image.deltas if delta.parent in guids and delta not in done]
        if not new:
            return done
        done += new
        guids |= {delta.guid for delta in new}
    return done


def _info(tree: Tree, image: Image, found: dict[str, str]) -> None:
    """Use of the file system inside, as `df` tells it."""
    work = workload.read(image.directory.parent)
    blocks, inodes = image.size // 8, image.size // 32
    used = min(work.disk * 256, blocks)
    print(f"{'resource':>10} {'Size':>15} {'Used':>15}")
    print(f"{'1k-blocks':>10} {blocks * 4:>15} {used * 4:>15}")
    print(f"{'inodes':>10} {inodes:>15} {work.inodes:>15}")


def _needs_kernel(tree: Tree) -> None:
    if tree.node().get("personality") == UPSTREAM:
        raise Wrong(3, "Error in ploop_getdevice (ploop.c:880): Can't get ploop minor ''\n")


def _mount(tree: Tree, image: Image, found: dict[str, str]) -> None:
    """Show the files in a directory; needs an OpenVZ kernel."""
    _needs_kernel(tree)
    for delta in image.deltas:
        mode = "ro" if "r" in found or delta.guid != image.top else "rw"
        print(f"Adding delta dev=/dev/ploop45678 img={tree.seen(image.path(delta))} ({mode})")
    if target := found.get("m"):
        ploop_image.unpack(image, found.get("u") or image.top, tree.path(target))
        print(f"Mounting /dev/ploop45678p1 at {target} fstype='ext4' data=''")


def _umount(tree: Tree, image: Image, found: dict[str, str]) -> None:
    _needs_kernel(tree)
    if target := found.get("m"):
        ploop_image.umount(image.directory, tree.path(target))
    print("Unmounting device /dev/ploop45678")


def _resize(tree: Tree, image: Image, found: dict[str, str]) -> None:
    from .resources import scaled

    size = scaled(found.get("s", ""))
    if size is None or "s" not in found:
        raise Wrong(1, _USAGES["resize"])
    image.size = size * (2 if found["s"].isdigit() else 1) // (1 if found["s"].isdigit() else 512)
    image.save()
    _storing(image, tree, print)


_COMMANDS: dict[str, Callable[[Tree, Image, dict[str, str]], None]] = {
    "snapshot": _snapshot,
    "snapshot-switch": _switch,
    "snapshot-delete": _delete,
    "snapshot-merge": _delete,
    "snapshot-list": _list,
    "info": _info,
    "mount": _mount,
    "umount": _umount,
    "resize": _resize,
}


def main() -> None:
    try:
        code = run(Tree.from_environment(), sys.argv[1:])
    except Wrong as wrong:
        with suppress(BrokenPipeError):
            sys.stderr.write(str(wrong))
        code = wrong.code
    except BrokenPipeError:
        os._exit(141)
    sys.exit(code)
