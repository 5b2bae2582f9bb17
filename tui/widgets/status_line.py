"""The last two lines: what there is to say (errors stay until they are read), and the keys. Pure, but for the queue."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tui.actions import BY_ID, FOOTER
from tui.format import cells, safe
from tui.keymap import Keymap
from tui.theme.glyphs import Glyphs
from tui.theme.tones import Tone

from .surface import Line, Span, cut, justify


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say. An error and a result stay until Esc; anything else until the next key."""

    text: str
    remedy: str = ""
    error: bool = False
    good: bool = False  # the result of a change that is as it was planned


class Messages:
    """What is waiting to be read, the oldest first. Bounded: of many errors the newest 50 are kept."""

    def __init__(self) -> None:
        self._errors: deque[Message] = deque(maxlen=50)
        self._note: Message | None = None

    def error(self, text: str, remedy: str = "") -> None:
        message = Message(text, remedy, error=True)
        if message not in self._errors:
            self._errors.append(message)

    def result(self, text: str, *, good: bool) -> None:
        self._errors.append(Message(text, error=not good, good=good))

    def note(self, text: str) -> None:
        self._note = Message(text)

    def key_pressed(self) -> bool:
        """A note has been seen. True if there was one."""
        had, self._note = self._note is not None, None
        return had

    def read(self) -> bool:
        """The message that is shown has been read. False if there was none."""
        if self._note is not None:
            self._note = None
            return True
        if self._errors:
            self._errors.popleft()
            return True
        return False

    def __bool__(self) -> bool:
        return self._note is not None or bool(self._errors)

    def line(self, width: int, glyphs: Glyphs) -> Line:
        if self._note is not None:
            return cut(((f" {safe(self._note.text)}", Tone.ACCENT),), width, glyphs.ellipsis)
        if not self._errors:
            return ()
        message = self._errors[0]
        more = len(self._errors) - 1
        left: Line = ((f"{glyphs.trouble} ", Tone.CRIT), (safe(message.text), Tone.WARN))
        if message.good:
            left = ((f"{glyphs.ok} ", Tone.ACCENT), (safe(message.text), Tone.STRONG))
        if message.remedy:
            left = (*left, (f" {glyphs.dot} {safe(message.remedy)}", Tone.NORMAL))
        return justify(left, ((f" +{more} more, Esc" if more else " Esc", Tone.DIM),), width)


def footer_line(keymap: Keymap, width: int) -> Line:
    """The keys that matter most, as many as fit whole."""
    spans: list[Span] = []
    room = width
    for action in map(BY_ID.__getitem__, FOOTER):
        key, label = keymap.shown(action), f" {action.label}"
        need = cells(key) + cells(label) + (2 if spans else 0)
        if need > room:
            continue
        if spans:
            spans.append(("  ", Tone.DIM))
        spans += [(key, Tone.ACCENT), (label, Tone.DIM)]
        room -= need
    return tuple(spans)
