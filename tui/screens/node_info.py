"""A node: what it says of itself, what is wrong and what to do about it, what asking it costs (`@`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from backends.errors import FaultKind
from backends.model import Node
from tui.describe import node_facts, node_title
from tui.format import span
from tui.theme.tones import Tone
from tui.widgets.surface import Line

from .page import Page

_OTHER_KEY = frozenset({FaultKind.HOST_KEY_CHANGED, FaultKind.HOST_KEY_REVOKED})


class NodeInfo(Page[None]):
    """One node, live. `refresh` asks it now, or connects now; `a` allows changes of a production node for some minutes."""

    ACTIONS: ClassVar[tuple[str, ...]] = (*Page.ACTIONS, "refresh", "jobs")
    BINDINGS: ClassVar[list[BindingType]] = [("a", "arm", "arm")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.shown = name

    @property
    def node(self) -> Node:
        return self.app.store.nodes[self.shown]

    def title_lines(self) -> Sequence[Line]:
        title = node_title(self.node, self.view)
        if not self.node.production:
            return [title]
        left = self.app.changing.armed_left(self.shown)
        words = (f"  armed {span(left)}", Tone.WARN) if left else ("  locked: a arms it for 10 minutes", Tone.DIM)
        return [(*title, words)]

    def content(self) -> Sequence[Line]:
        fleet = self.app.fleet
        node = self.node
        labels = [fleet.backend(name).label if fleet else name for name in node.backends]
        return node_facts(node, list(self.app.store.of_node(self.shown)), labels, self.view)

    def hints(self) -> Sequence[tuple[str, str]]:
        return ((self.key("refresh"), "ask it now, or connect now"), ("Esc", "back"))

    def action_arm(self) -> None:
        """Once more locks it again."""
        changing, name = self.app.changing, self.shown
        if not self.node.production:
            self.say(f"{name} is no production node: it needs no arming")
        elif self.app.read_only or self.node.read_only:
            self.say("it is opened read-only")
        elif changing.armed_left(name):
            changing.disarm(name)
            self.say(f"{name} is locked again")
        else:
            changing.arm(name)
            self.say(f"{name} may be changed for 10 minutes; a locks it again")
        self.show()

    def action_jobs(self) -> None:
        from .jobs import JobList

        self.app.push_screen(JobList())

    def on_mount(self) -> None:
        super().on_mount()
        if self.node.fault in _OTHER_KEY:
            from .host_key import ChangedKey

            self.app.push_screen(ChangedKey(self.node))

    def action_refresh(self) -> None:
        if self.app.fleet is None:
            self.say_error("The fleet is not connected yet")
            return
        self.app.fleet.refresh(self.shown)
        self.say(f"asking {self.shown} now")
