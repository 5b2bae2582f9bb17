"""Every sign that is drawn, in one place: Unicode, and the same in ASCII for terminals, fonts and locales without it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from backends.model import NodeState, State


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs. Each is one cell wide."""

    ascii: bool
    cursor: str
    mark: str
    ellipsis: str
    dot: str  # between facts on one line
    rule: str
    bar: str  # between panes
    lock: str
    leash: str  # a limit for a while
    stale: str
    bad: str
    trouble: str
    ok: str
    ascending: str
    descending: str
    full: str  # meters
    empty: str
    levels: str  # sparklines and graphs: eight steps, lowest first
    arrow: str  # before → after
    times: str
    checked: str
    unchecked: str
    states: Mapping[State, str]
    nodes: Mapping[NodeState, str]


UNICODE = Glyphs(
    ascii=False,
    cursor="▸",
    mark="✓",
    ellipsis="…",
    dot="·",
    rule="─",
    bar="│",
    lock="▲",
    leash="◷",
    stale="?",
    bad="✗",
    trouble="!",
    ok="✓",
    ascending="↑",
    descending="↓",
    full="█",
    empty="░",
    levels="▁▂▃▄▅▆▇█",
    arrow="→",
    times="×",
    checked="■",
    unchecked="□",
    states={
        State.RUNNING: "●",
        State.STOPPED: "○",
        State.MOUNTED: "◌",
        State.SUSPENDED: "◐",
        State.FROZEN: "◑",
        State.UNKNOWN: "?",
    },
    nodes={
        NodeState.CONNECTING: "…",
        NodeState.UP: "●",
        NodeState.STALE: "?",
        NodeState.DOWN: "✗",
        NodeState.BLOCKED: "!",
        NodeState.BROKEN: "✗",
    },
)

ASCII = Glyphs(
    ascii=True,
    cursor=">",
    mark="x",
    ellipsis="~",
    dot="|",
    rule="-",
    bar="|",
    lock="^",
    leash="@",
    stale="?",
    bad="X",
    trouble="!",
    ok="+",
    ascending="^",
    descending="v",
    full="#",
    empty=".",
    levels="_.-:=+*#",
    arrow=">",
    times="x",
    checked="x",
    unchecked=".",
    states={
        State.RUNNING: "*",
        State.STOPPED: "-",
        State.MOUNTED: "o",
        State.SUSPENDED: "~",
        State.FROZEN: "=",
        State.UNKNOWN: "?",
    },
    nodes={
        NodeState.CONNECTING: ".",
        NodeState.UP: "*",
        NodeState.STALE: "?",
        NodeState.DOWN: "X",
        NodeState.BLOCKED: "!",
        NodeState.BROKEN: "X",
    },
)


def terminal_speaks_unicode() -> bool:
    """Whether the locale's encoding is UTF-8 and the terminal is not the bare console, whose font lacks these signs.

    Python itself sets LC_CTYPE=C.UTF-8 where the locale is C (PEP 538), so that value alone says nothing.
    """
    environment = os.environ
    if environment.get("TERM") in {"linux", "vt100", "vt220"}:
        return False
    names = [environment.get(key, "") for key in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] == "C.UTF-8":
        names[1] = ""
    name = next(filter(None, names), "C").lower().replace("-", "")
    return name.partition("@")[0].endswith(".utf8")
