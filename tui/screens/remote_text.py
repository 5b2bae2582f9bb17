"""A page of text that is read from the node when it is opened, and again on a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from backends.backend import Files, Script
from backends.errors import CtdeckError
from backends.model import Key
from backends.text import clean, decode_lines
from tui.format import size
from tui.theme.tones import Tone
from tui.widgets.lines import Lines, line
from tui.widgets.surface import Line

from .container_page import ContainerPage

#: Seconds that the node has, and bytes of its answer that are kept.
TIMEOUT = 10.0
LIMIT = 1 << 20

#: Exit status of a `Files` script: there is nothing to read, the reason is on stderr.
_NOTHING = 3


class RemoteText(ContainerPage):
    """Subclasses say `what` it is, and the script that prints it."""

    ACTIONS: ClassVar[tuple[str, ...]] = (*ContainerPage.ACTIONS, "refresh", "left", "right")
    what: ClassVar[str]
    from_the_end: ClassVar[bool] = False

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self._where = ""
        self._text: list[Line] = []
        self._said: tuple[str, Tone] = ("reading …", Tone.DIM)

    def script(self, files: Files) -> Script:
        raise NotImplementedError

    def toned(self, text: str) -> Line:
        """One line of the text in its tone."""
        return line(text)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_refresh()

    def action_refresh(self) -> None:
        self.run_worker(self._read(), group="read", exclusive=True, description=f"read {self.what}")

    async def _read(self) -> None:
        fleet = self.app.fleet
        key = self.key_shown
        if fleet is None:
            return self._nothing("the fleet is not connected yet", bad=True)
        backend = fleet.backend(key.backend)
        if not isinstance(backend, Files):
            return self._nothing(f"{backend.label} does not tell its {self.what}")
        script = self.script(backend)
        try:
            done = await fleet.run(key.node, script.text, *script.args, timeout=TIMEOUT, limit=LIMIT)
        except CtdeckError as error:
            return self._nothing(str(error), bad=True)
        said = clean(" ".join(done.stderr.decode("utf-8", "replace").split()), 400)
        if done.status == _NOTHING:
            return self._nothing(said or "there is none")
        if not done.ok:
            why = said or ("the connection broke" if done.status is None else f"exit status {done.status}")
            return self._nothing(f"it could not be read: {why}", bad=True)
        self._where, *lines = decode_lines(done.stdout) or [""]
        self._text = [self.toned(text) for text in lines]
        cut = f", only the first {size(LIMIT)}" if done.truncated else ""
        self._said = (f"{len(lines)} line{'' if len(lines) == 1 else 's'}{cut}", Tone.DIM)
        self.show()
        if self.from_the_end:
            self.scroll_lines("bottom")
        return None

    def _nothing(self, why: str, *, bad: bool = False) -> None:
        self._where, self._text = "", []
        self._said = (why, Tone.WARN if bad else Tone.NORMAL)
        self.show()

    def title_lines(self) -> Sequence[Line]:
        where = (f"{self._where}  ", Tone.NORMAL) if self._where else (f"{self.what}  ", Tone.NORMAL)
        return [*super().title_lines(), (where, self._said) if self._text or not self._where else (where,)]

    def content(self) -> Sequence[Line]:
        return self._text

    def hints(self) -> Sequence[tuple[str, str]]:
        return ((self.key("refresh"), "read again"), ("Left Right", "long lines"), ("Esc", "back"))

    def action_left(self) -> None:
        self.query_one(Lines).go("left")

    def action_right(self) -> None:
        self.query_one(Lines).go("right")
