"""The nodes on one line."""

from __future__ import annotations

import time

from backends.trouble import Reason, Severity
from tests.tui.deck.page import Fleet
from tui.theme.glyphs import UNICODE
from tui.widgets.node_strip import strip_line


def strip(fleet: Fleet, width: int, reasons: dict[str, tuple[Reason, ...]] | None = None) -> str:
    return "".join(text for text, _ in strip_line(fleet.store, reasons or {}, time.monotonic(), width, UNICODE))


def four() -> Fleet:
    fleet = Fleet("hn01", "hn02", "hn03", "hn04")
    for name in ("hn01", "hn02", "hn03"):
        fleet.up(name)
        fleet.store.nodes[name].rtt = 0.02
    fleet.store.nodes["hn03"].rtt = 0.44
    fleet.down("hn04", 60)
    return fleet


def test_a_node_that_answers_late_says_so() -> None:
    assert "hn03 slow 0.4s" in strip(four(), 200)
    assert strip(four(), 200).count("slow") == 1


def test_the_slow_node_stays_when_there_is_little_room_and_is_never_called_calm() -> None:
    fleet = four()
    reasons = {"hn04": (Reason(Severity.OUTAGE, "down"),)}
    assert strip(fleet, 60, reasons).endswith("hn03 slow 0.4s   +2 calm")
    assert strip(fleet, 40, reasons).endswith("+3 more")


def test_what_does_not_answer_at_all_is_not_slow() -> None:
    fleet = four()
    fleet.down("hn03", 60)
    assert "slow" not in strip(fleet, 200)
