"""First contact with a host, and a host that shows another key than it should."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from backends.errors import FaultKind
from backends.model import Node
from backends.prompts import UnknownHostKey
from backends.text import clean

from .dialog import Dialog

_COMMAND = re.compile(r"ssh-keygen -R \S.*?(?=\.?$)")


class UnknownKey(Dialog[bool | None]):
    """A host that nobody vouches for: shown with its fingerprint. True only for a typed `yes`."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "refuse", "not now")]

    def __init__(self, key: UnknownHostKey, waiting: int = 0) -> None:
        """`waiting`: how many more questions come after this one."""
        super().__init__(f"{clean(key.node)} is unknown")
        self.key = key
        self.waiting = waiting

    def body(self) -> ComposeResult:
        key = self.key
        kind = next((kind for kind in ("ed25519", "ecdsa", "rsa", "dsa") if kind in key.algorithm.lower()), "*")
        yield self.line(f"{clean(key.host)}:{key.port}  {clean(key.algorithm)}")
        yield self.line(clean(key.fingerprint), "strong")
        yield self.line("Compare it with the node's own, seen another way than this one:", "gap")
        yield self.line(f"ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub", "strong")
        yield self.line(f"A yes adds it to {clean(key.known_hosts)}", "muted gap")
        if self.waiting:
            yield self.line(f"{self.waiting} more question{'s' if self.waiting > 1 else ''} after this one", "muted")
        with Horizontal(classes="ask"):
            yield self.line("type yes to trust it: ")
            yield Input(max_length=8, disabled=True)
            yield self.line("  Esc not now", "muted")
        yield self.line("", "warn")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value == "yes":
            self.dismiss(True)
            return
        event.input.value = ""
        self.query(Static).last().update("Not trusted: only the whole word yes is.")

    def action_refuse(self) -> None:
        self.dismiss(False)


class ChangedKey(Dialog[None]):
    """A host with another or a revoked key. There is nothing to accept here, on purpose."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,enter", "leave", "back"), ("c", "copy", "copy the command")]

    def __init__(self, node: Node) -> None:
        revoked = node.fault == FaultKind.HOST_KEY_REVOKED
        super().__init__(f"{node.name} has {'a REVOKED' if revoked else 'ANOTHER'} KEY")
        self.node = node
        found = None if revoked else _COMMAND.search(node.remedy)
        self.command = found.group() if found else ""
        self.add_class("-danger")

    def body(self) -> ComposeResult:
        yield self.line(self.node.error)
        yield self.line("Someone may be in between. Not connected.", "strong gap")
        if self.command:
            yield self.line("If it was reinstalled, and somebody told you so, remove the old key yourself:", "gap")
            yield self.line(self.command, "strong")
        else:
            yield self.line(self.node.remedy, "gap")
        yield self.line("c copy the command   Esc back" if self.command else "Esc back", "muted gap hint")

    def action_copy(self) -> None:
        if self.command:
            self.app.copy_to_clipboard(self.command)
            self.query_one(".hint", Static).update("copied, if the terminal allows it   Esc back")

    def action_leave(self) -> None:
        self.dismiss(None)
