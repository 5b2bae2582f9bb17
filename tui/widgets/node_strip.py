"""The nodes on one line: meters of those that are busy or in trouble, how late the slow ones answer, ages and countdowns
of those that do not answer, and a count of the calm ones that have no room. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from backends.model import Node, NodeState
from backends.store import Store
from backends.trouble import Reason
from tui.format import cells, fit, safe, span, spark
from tui.theme.glyphs import Glyphs
from tui.theme.tones import Tone

from .surface import Line, Span, width_of

_GAP = "   "
_SPARK = 4
#: Seconds from asking to answer from which on a node is called slow: more than a good line around half the world.
SLOW = 0.25


def strip_line(
    store: Store,
    reasons: Mapping[str, tuple[Reason, ...]],
    now: float,
    width: int,
    glyphs: Glyphs,
    *,
    armed: Mapping[str, float] = MappingProxyType({}),
) -> Line:
    """All nodes in the order of the fleet file where they fit; else the worst first, and how many are left.

    `armed`: production nodes that may be changed, and the seconds for which they still may; they come before all.
    """
    chips = {
        name: node_chip(node, store, reasons.get(name, ()), now, glyphs, armed=armed.get(name, 0.0))
        for name, node in store.nodes.items()
    }
    if not chips:
        return ()
    whole = sum(width_of(chip) for chip in chips.values()) + len(_GAP) * (len(chips) - 1)
    if whole <= width:
        return _joined(list(chips.values()))
    for name, node in store.nodes.items():
        if is_slow(node):
            chips[name] = node_chip(node, store, (), now, glyphs, armed=armed.get(name, 0.0), meters=False)
    ranked = sorted(
        chips,
        key=lambda name: (
            name not in armed,
            -(reasons[name][0].severity if reasons.get(name) else 0),
            not is_slow(store.nodes[name]),
            -_busy(store.nodes[name]),
        ),
    )
    kept: list[Line] = []
    room = width
    for place, name in enumerate(ranked):
        left = len(ranked) - place - 1
        rest = len(_GAP) + len(_rest(ranked[place + 1 :], reasons, store)) if left else 0
        need = width_of(chips[name]) + (len(_GAP) if kept else 0)
        if need + rest > room:
            break
        kept.append(chips[name])
        room -= need
    if len(kept) < len(ranked):
        text = _rest(ranked[len(kept) :], reasons, store)
        kept.append(((fit(text, min(cells(text), width), ellipsis=glyphs.ellipsis), Tone.DIM),))
    return _joined(kept)


def is_slow(node: Node) -> bool:
    """Whether it answers, but late."""
    return node.state is NodeState.UP and node.rtt is not None and node.rtt > SLOW


def node_chip(
    node: Node,
    store: Store,
    reasons: tuple[Reason, ...],
    now: float,
    glyphs: Glyphs,
    *,
    armed: float = 0.0,
    meters: bool = True,
) -> Line:
    """One node: `hn07 PROD armed 9m ▁▂▅█ 38.2 mem 91%`, `hn03 slow 0.4s ...`, `hn11 ? 42s, retry 8s`, `hn12 ✗ down 6m`."""
    spans: list[Span] = [(safe(node.name), Tone.NORMAL if node.state is NodeState.UP and not reasons else Tone.STRONG)]
    if node.production:
        spans.append((" PROD", Tone.ACCENT))
        if armed:
            spans.append((f" armed {span(armed)}", Tone.WARN))
    if node.state is NodeState.UP:
        if node.rtt is not None and is_slow(node):
            spans.append((f" slow {node.rtt:.1f}s", Tone.WARN))
        return (*spans, *_meters(node, store, reasons, glyphs)) if meters else tuple(spans)
    sign = glyphs.nodes[node.state]
    if node.state is NodeState.CONNECTING:
        return (*spans, (f" {sign}", Tone.DIM))
    if node.state is NodeState.STALE:
        age = f" {span(now - node.answered)}" if node.answered is not None else ""
        words = f" {sign}{age}{_retry(node, now, glyphs)}"
        return (*spans, (words, Tone.WARN))
    begun = node.answered if node.answered is not None else node.since
    age = f" {span(now - begun)}" if begun is not None and node.state is NodeState.DOWN else ""
    return (*spans, (f" {sign} {node.state}{age}", Tone.CRIT), (_retry(node, now, glyphs), Tone.DIM))


def _meters(node: Node, store: Store, reasons: tuple[Reason, ...], glyphs: Glyphs) -> list[Span]:
    facts = node.facts
    spans: list[Span] = []
    series = store.node_series.get(node.name)
    hot = any(reason.text.startswith("load") for reason in reasons)
    if series is not None and len(series.cpu.recent):
        signs = spark(series.cpu.recent.last(_SPARK * 5), _SPARK, glyphs.levels).strip()
        spans.append((f" {signs}", Tone.DIM))
    if facts.load is not None:
        spans.append((f" {facts.load[0]:.1f}", Tone.CRIT if hot else Tone.DIM))
    if facts.memory_used is not None and facts.memory_total:
        full = any(reason.text.startswith("memory") for reason in reasons)
        share = f" mem {100 * facts.memory_used / facts.memory_total:.0f}%"
        spans.append((share, Tone.CRIT if full else Tone.DIM))
    return spans


def _retry(node: Node, now: float, glyphs: Glyphs) -> str:
    if node.retry_at is None:
        return ""
    left = node.retry_at - now
    return f", retry {span(left)}" if left > 0.5 else f", trying{glyphs.ellipsis}"


def _rest(names: list[str], reasons: Mapping[str, tuple[Reason, ...]], store: Store) -> str:
    calm = not any(reasons.get(name) or is_slow(store.nodes[name]) for name in names)
    return f"+{len(names)} {'calm' if calm else 'more'}"


def _busy(node: Node) -> float:
    return (node.facts.cpu_percent or 0.0) + (10.0 if node.state is NodeState.CONNECTING else 0.0)


def _joined(chips: list[Line]) -> Line:
    spans: list[Span] = []
    for chip in chips:
        if spans:
            spans.append((_GAP, Tone.NORMAL))
        spans += chip
    return tuple(spans)
