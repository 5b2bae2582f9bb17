"""The changes that are under way, on one line above the keys; and how many have ended since the jobs were looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.change import Ended, Outcome
from tui.changing import Running
from tui.format import meter, safe, span
from tui.node_jobs import Foreign
from tui.theme.glyphs import Glyphs
from tui.theme.tones import Tone

from .surface import Line, Span, justify

_METER = 10


def jobs_line(
    running: Sequence[Running | Foreign],
    waiting: int,
    unread: Sequence[Outcome],
    now: float,
    width: int,
    glyphs: Glyphs,
    key: str,
) -> Line:
    """`jobs  hn03/2207 restart ███████░░░ 3/4 start it 12s  +1 more     2 done · 1 failed  J`. Empty where nothing is.

    `now`: our monotonic clock.
    """
    if not (running or waiting or unread):
        return ()
    left: list[Span] = [("jobs  ", Tone.DIM)]
    if running:
        first = running[0]
        bar = meter(first.steps_done, first.steps, _METER, glyphs.full, glyphs.empty)
        left += [
            (f"{safe(first.target)} {safe(first.action)} ", Tone.NORMAL),
            (bar, Tone.ACCENT),
            (f" {safe(first.step)} {span(now - first.began)}", Tone.NORMAL),
        ]
    more = max(0, len(running) - 1)
    for count, word in ((more, "more"), (waiting, "waiting")):
        if count:
            left.append((f"  +{count} {word}", Tone.DIM))
    right: list[Span] = []
    for ended, word, tone in (
        (Ended.DONE, "done", Tone.NORMAL),
        (Ended.FAILED, "failed", Tone.CRIT),
        (Ended.REFUSED, "refused", Tone.WARN),
        (Ended.UNKNOWN, "unknown", Tone.CRIT),
    ):
        if count := sum(outcome.ended is ended for outcome in unread):
            right += [(f" {glyphs.dot} ", Tone.DIM)] if right else []
            right.append((f"{count} {word}", tone))
    return justify(tuple(left), (*right, (f"  {key} ", Tone.ACCENT)), width)
