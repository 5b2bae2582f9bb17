"""The first line (totals, with what they are totals of) and the rule below the nodes (what is being looked at). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.model import NodeState, State
from backends.store import Store
from tui.columns import BY_ID
from tui.format import clock, safe, size
from tui.rows import TROUBLE, View
from tui.theme.glyphs import Glyphs
from tui.theme.tones import Tone

from .surface import Line, Span, cut, justify, width_of


def header_line(
    store: Store, trouble: int, width: int, glyphs: Glyphs, *, flags: Sequence[str] = (), starting: str = ""
) -> Line:
    """`ctdeck  14/16 nodes · 231 ct · cpu 41% · mem 63%      ! 4 trouble       12:41`. `starting`: shown
    before there are containers."""
    right: list[Span] = []
    for flag in flags:
        right += [(flag, Tone.ACCENT), ("   ", Tone.NORMAL)]
    if trouble:
        right += [(f"{glyphs.trouble} {trouble} trouble", Tone.CRIT), ("   ", Tone.NORMAL)]
    right.append((clock(), Tone.DIM))
    left: list[Span] = [("ctdeck", Tone.STRONG), ("  ", Tone.NORMAL)]
    for place, fact in enumerate(
        [((starting, Tone.DIM),)] if starting and not store.containers else _facts(store, width)
    ):
        spans = [(f" {glyphs.dot} ", Tone.DIM), *fact] if place else list(fact)
        if place and width_of((*left, *spans)) + width_of(tuple(right)) >= width:
            break
        left += spans
    return justify(tuple(left), tuple(right), width)


def _facts(store: Store, width: int) -> Iterator[Line]:
    """What is known of the whole fleet, each with its base; the most important first."""
    nodes = store.nodes.values()
    up = [node for node in nodes if node.state is NodeState.UP]
    waiting = sum(node.state is NodeState.CONNECTING for node in nodes)
    yield ((f"{len(up)}/{len(nodes)} nodes", Tone.NORMAL if len(up) + waiting == len(nodes) else Tone.WARN),)
    if waiting:
        yield ((f"{waiting} connecting", Tone.DIM),)
    count: Span = (f"{len(store.containers)} ct", Tone.NORMAL)
    if width < 100:
        yield (count,)
    else:
        running = sum(container.state is State.RUNNING for container in store.containers.values())
        yield (count, (f", {running} running", Tone.DIM))
    cores = [(node.facts.cpu_percent, node.facts.cpus) for node in up]
    known = [(percent, count) for percent, count in cores if percent is not None and count]
    if known:
        total = sum(count for _, count in known)
        share = sum(percent * count for percent, count in known) / total
        base: Line = ((f" of {total} cores", Tone.DIM),) if width >= 120 else ()
        yield (("cpu ", Tone.DIM), (f"{share:.0f}%", Tone.NORMAL), *base)
    memory = [(node.facts.memory_used, node.facts.memory_total) for node in up]
    filled = [(used, total) for used, total in memory if used is not None and total]
    if filled:
        whole = sum(total for _, total in filled)
        share = 100 * sum(used for used, _ in filled) / whole
        base = ((f" of {size(whole)}", Tone.DIM),) if width >= 120 else ()
        yield (("mem ", Tone.DIM), (f"{share:.0f}%", Tone.NORMAL), *base)


def rule_line(
    view: View,
    width: int,
    glyphs: Glyphs,
    *,
    shown: int,
    of: int,
    marked: tuple[int, int],
    place: str = "",
    more: int = 0,
) -> Line:
    """A thin rule that ends in what the table is: nodes, filter, order, marks, and how many rows of how many."""
    said: list[Span] = []

    def say(text: str, tone: Tone = Tone.DIM) -> None:
        if said:
            said.append((f" {glyphs.dot} ", Tone.RULE))
        said.append((text, tone))

    count, hidden = marked
    if count:
        say(f"{count} marked" + (f", {hidden} hidden" if hidden else ""), Tone.ACCENT)
    if place:
        say(place, Tone.ACCENT)
    if view.filter:
        say(f"/{safe(view.filter.text)}", Tone.ACCENT)
    if view.faults:
        say("only faults", Tone.ACCENT)
    order = "trouble" if view.sort == TROUBLE else BY_ID[view.sort].label.lower()
    if view.inverted:
        order += ", inverted"
    say(f"sort {order}")
    if more:
        say(f"{more} columns {glyphs.arrow}")
    say(f"{shown} of {of}" if shown != of else str(of))
    text = cut(((" ", Tone.RULE), *said, (" ", Tone.RULE)), max(0, width - 2), glyphs.ellipsis)
    tail = min(2, width)
    free = max(0, width - width_of(text) - tail)
    return ((glyphs.rule * free, Tone.RULE), *text, (glyphs.rule * tail, Tone.RULE))
