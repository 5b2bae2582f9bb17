"""Every action of the screen, in one table. Key bindings, help, footer, palette and the `.` menu are made from it.

An action is handled by the method `action_<id>` (`-` as `_`) of the screen that it is bound on. To add one: a line here,
a method there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from backends.backend import Capability


class Group(StrEnum):
    """Headings of the help, in their order."""

    MOVE = "move"
    SHOW = "what is shown"
    MARK = "mark and copy"
    LOOK = "look into one"
    CHANGE = "change one, or all marked: always through a plan"
    DECK = "the deck"


class Danger(StrEnum):
    """What an action can do to a node."""

    LOOKS = "looks"  # reads only
    ENTERS = "enters"  # opens a shell: refused under --read-only, asks first on production
    CHANGES = "changes"  # through the plan dialog
    DESTROYS = "destroys"  # through the plan dialog, typing node/id


class Needs(StrEnum):
    """What has to be under the cursor."""

    NOTHING = "nothing"
    NODE = "node"  # a container or a node's own row
    CONTAINER = "container"


#: Screens that bind an action: the deck, or every list and text that scrolls (the deck too).
DECK = "deck"
LIST = "list"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does.

    `keys` are as a person types them: `j`, `?`, `|`, `enter`, `ctrl+r`, `f5`. With `each`, every key is an action of its
    own: the method is called with its position, from 1.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    danger: Danger = Danger.LOOKS
    needs: Needs = Needs.NOTHING
    capability: Capability | None = None
    where: str = DECK
    each: bool = False

    @property
    def method(self) -> str:
        return self.id.replace("-", "_")


ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "down", "next row", Group.MOVE, where=LIST),
    Action("up", ("k", "up"), "up", "previous row", Group.MOVE, where=LIST),
    Action("top", ("g", "home"), "first", "first row", Group.MOVE, where=LIST),
    Action("bottom", ("G", "end"), "last", "last row", Group.MOVE, where=LIST),
    Action("page-down", ("pagedown",), "page down", "one page down", Group.MOVE, where=LIST),
    Action("page-up", ("pageup",), "page up", "one page up", Group.MOVE, where=LIST),
    Action("right", ("right",), "right", "columns to the right, when the table is wide", Group.MOVE),
    Action("left", ("left",), "left", "columns to the left", Group.MOVE),
    Action("next-match", ("n",), "next match", "next row that the filter, or the last one, finds", Group.MOVE),
    Action(
        "previous-match", ("N",), "previous match", "previous row that the filter, or the last one, finds", Group.MOVE
    ),
    Action("filter", ("/",), "filter", "words, !not, node: group: state: ip:, cpu>80, mem>90%, failcnt>0", Group.SHOW),
    Action("sort", ("o", "f6"), "sort", "sort by any column; the same one again inverts", Group.SHOW),
    Action("trouble", ("t",), "trouble", "worst first: nodes in trouble, then containers, then by CPU", Group.SHOW),
    Action("faults", ("f",), "faults", "only rows that are in trouble", Group.SHOW),
    Action("all-nodes", ("0",), "all nodes", "show the containers of all nodes", Group.SHOW),
    Action(
        "node", tuple("123456789"), "node n", "show one node, in the order of the fleet file", Group.SHOW, each=True
    ),
    Action("split", ("|",), "split", "nodes side by side, one pane more each time, then one table again", Group.SHOW),
    Action("next-pane", ("tab",), "next pane", "next pane", Group.SHOW),
    Action("zoom", ("+",), "zoom", "the table alone, or all again", Group.SHOW),
    Action("wide", ("w",), "wide", "all columns, scrolled by the arrows", Group.SHOW),
    Action("columns", (",",), "columns", "choose the columns", Group.SHOW),
    Action("mark", ("space",), "mark", "mark this row, or no longer", Group.MARK),
    Action("mark-range", ("v",), "mark a range", "mark from here to where it is pressed again", Group.MARK),
    Action("mark-all", ("*",), "mark all", "mark every row that the filter shows, or none", Group.MARK),
    Action("copy", ("Y",), "copy", "copy name, id, address or ssh line", Group.MARK, needs=Needs.NODE),
    Action("details", ("enter",), "details", "history, limits, addresses, beancounters", Group.LOOK, needs=Needs.NODE),
    Action(
        "shell",
        ("s",),
        "shell",
        "a root shell inside the container; comes back here",
        Group.LOOK,
        danger=Danger.ENTERS,
        needs=Needs.CONTAINER,
        capability=Capability.SHELL,
    ),
    Action("logs", ("l",), "logs", "the last lines that the node has about it", Group.LOOK, needs=Needs.CONTAINER),
    Action("history", ("h",), "history", "CPU and memory of the last hour", Group.LOOK, needs=Needs.CONTAINER),
    Action(
        "raw", ("x",), "raw config", "its configuration file, as it is on the node", Group.LOOK, needs=Needs.CONTAINER
    ),
    Action(
        "beancounters",
        ("B",),
        "beancounters",
        "every resource: held, barrier, limit, failures",
        Group.LOOK,
        needs=Needs.CONTAINER,
        capability=Capability.BEANCOUNTERS,
    ),
    Action(
        "node-info", ("@",), "node", "what the node says of itself, its error and remedy", Group.LOOK, needs=Needs.NODE
    ),
    Action(
        "events",
        ("E",),
        "events",
        "what happened: starts, stops, troubles, nodes lost, changes; newest first",
        Group.LOOK,
    ),
    Action("jobs", ("J",), "jobs", "changes under way and past, of all nodes and all admins; their logs", Group.LOOK),
    Action(
        "power",
        ("S",),
        "state",
        "start, stop, restart, suspend, resume, destroy",
        Group.CHANGE,
        danger=Danger.CHANGES,
        needs=Needs.CONTAINER,
    ),
    Action(
        "restart",
        ("r",),
        "restart",
        "stop and start; the time that it is down is measured",
        Group.CHANGE,
        danger=Danger.CHANGES,
        needs=Needs.CONTAINER,
    ),
    Action(
        "addresses",
        ("i",),
        "IPs",
        "its addresses, live and configured: add, remove, replace",
        Group.CHANGE,
        needs=Needs.CONTAINER,
    ),
    Action(
        "limits",
        ("e",),
        "limits",
        "CPU, memory, disk and the like, for good or for a while",
        Group.CHANGE,
        danger=Danger.CHANGES,
        needs=Needs.CONTAINER,
    ),
    Action(
        "snapshots",
        ("p",),
        "snapshots",
        "its snapshots as a tree: new, revert, delete; T there tries a command",
        Group.CHANGE,
        needs=Needs.CONTAINER,
        capability=Capability.SNAPSHOT,
    ),
    Action(
        "undo",
        ("U",),
        "undo",
        "the inverse of its last change",
        Group.CHANGE,
        danger=Danger.CHANGES,
        needs=Needs.CONTAINER,
    ),
    Action(
        "destroy",
        ("D",),
        "destroy",
        "it and its data are gone: type node/id",
        Group.CHANGE,
        danger=Danger.DESTROYS,
        needs=Needs.CONTAINER,
    ),
    Action("refresh", ("ctrl+r", "f5"), "refresh", "read all nodes now, and connect again now", Group.DECK),
    Action("pause", ("Z",), "pause", "stop the figures, or go on", Group.DECK),
    Action("mouse", ("M",), "mouse", "mouse on or off (off: the terminal selects and copies)", Group.DECK),
    Action("ascii", ("A",), "ASCII", "plain ASCII signs, or Unicode", Group.DECK),
    Action("redraw", ("ctrl+l",), "redraw", "draw the screen again", Group.DECK),
    Action("menu", (".",), "more", "every action for this row, the impossible ones with the reason", Group.DECK),
    Action("palette", (":", "ctrl+p"), "command", "find an action by its name", Group.DECK),
    Action("help", ("?", "f1"), "help", "every key, searchable", Group.DECK),
    Action(
        "back", ("escape",), "back", "one step back: message, filter, marks, panes; never quits", Group.DECK, where=LIST
    ),
    Action("quit", ("q",), "quit", "asks first; Ctrl-C twice leaves at once", Group.DECK),
)

#: Shown in the last line, as many as fit: what is reached for most comes first.
FOOTER = (
    "help", "details", "filter", "mark", "limits", "restart", "addresses", "menu", "sort", "power", "snapshots", "palette",
    "shell", "jobs", "split", "logs", "undo", "faults", "trouble", "copy",
)  # fmt: skip

BY_ID = MappingProxyType({action.id: action for action in ACTIONS})
