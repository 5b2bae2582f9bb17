"""A page about one container: its title, and the keys that lead to the other pages about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from backends.model import Container, Key, Node
from tui.describe import container_title
from tui.look import LOOKS, look
from tui.theme.tones import Tone
from tui.widgets.surface import Line

from .change_actions import ChangeActions, OneContainer
from .page import Page


class ContainerPage(Page[Key], OneContainer):
    """Shows `key_shown`, and what was last known of it when it is gone. The result is the container looked at."""

    LOOKS: ClassVar[tuple[str, ...]] = (*LOOKS, *ChangeActions.CHANGES)

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key_shown = key
        self._last = self.app.store.containers[key]

    @property
    def container(self) -> Container:
        self._last = self.app.store.containers.get(self.key_shown, self._last)
        return self._last

    @property
    def node(self) -> Node:
        return self.app.store.nodes[self.key_shown.node]

    @property
    def gone(self) -> bool:
        return self.key_shown not in self.app.store.containers

    def look_at(self, key: Key) -> None:
        """Show another container on this page."""
        self.key_shown = key
        self._last = self.app.store.containers.get(key, self._last)
        self._message = ""
        self.show()

    def title_lines(self) -> Sequence[Line]:
        title = container_title(self.container, self.node, self.view)
        if self.gone:
            title = ((f"no longer on {self.key_shown.node}:  ", Tone.CRIT), *title)
        return [title]

    def result(self) -> Key:
        return self.key_shown

    def look_hints(self) -> Sequence[tuple[str, str]]:
        return [(self.key(action), words) for action, words in _HINTS if action in self.ACTIONS]

    def action_logs(self) -> None:
        look(self, "logs", self.key_shown)

    def action_raw(self) -> None:
        look(self, "raw", self.key_shown)

    def action_beancounters(self) -> None:
        look(self, "beancounters", self.key_shown)

    def action_node_info(self) -> None:
        look(self, "node-info", self.key_shown)

    def action_shell(self) -> None:
        look(self, "shell", self.key_shown)


_HINTS = (
    ("limits", "limits"),
    ("addresses", "IPs"),
    ("restart", "restart"),
    ("snapshots", "snapshots"),
    ("beancounters", "counters"),
    ("raw", "raw"),
    ("logs", "logs"),
    ("shell", "shell"),
    ("node-info", "node"),
)
