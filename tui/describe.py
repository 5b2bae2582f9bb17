"""A container and a node in words, meters and figures: lines for the screens that look into one. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backends import leashes
from backends.events import Event, Events
from backends.model import Beancounter, Container, Key, Lock, Node, NodeState, State
from backends.trouble import Reason, Severity

from .format import UNKNOWN, fit, long_span, meter, number, safe, size, span
from .theme.glyphs import Glyphs
from .theme.tones import Tone
from .widgets.lines import EMPTY, line, wrap
from .widgets.surface import Line, Span, width_of

#: Shares of a limit from which a meter speaks up.
NEAR, FULL = 0.8, 0.9

#: Resources that the kernel counts in pages of 4096 bytes, and in bytes (Documentation of user_beancounters, vzctl(8)).
PAGES = frozenset({"lockedpages", "privvmpages", "shmpages", "physpages", "vmguarpages", "oomguarpages", "swappages"})
BYTES = frozenset({"kmemsize", "tcpsndbuf", "tcprcvbuf", "othersockbuf", "dgramrcvbuf", "dcachesize"})
PAGE = 4096

_METER = 9
_LABEL = 11
#: Width of the meters' column, and of the gap to the facts beside it.
METERS_WIDTH, GAP = 42, 2


@dataclass(frozen=True, slots=True)
class View:
    """What the lines are drawn for. `now` is our monotonic clock, `wall` seconds since the epoch."""

    width: int
    glyphs: Glyphs
    now: float
    wall: float


def tone_of(reasons: Sequence[Reason]) -> Tone:
    """The tone of the worst of them."""
    worst = max((reason.severity for reason in reasons), default=Severity.NOTICE)
    return Tone.CRIT if worst >= Severity.GRAVE else Tone.WARN if worst >= Severity.TROUBLE else Tone.DIM


def share_tone(share: float | None) -> Tone:
    if share is None or share < NEAR:
        return Tone.NORMAL
    return Tone.CRIT if share >= FULL else Tone.WARN


def place(container: Container) -> str:
    """`node/id name`: in full, wherever one container is meant."""
    name = container.name
    return f"{container.node}/{container.id}" + (f" {safe(name)}" if name and name != container.id else "")


def container_title(container: Container, node: Node, view: View) -> Line:
    """One line: which container, how it is, since when, its address, how old that is."""
    glyphs = view.glyphs
    spans: list[Span] = [(place(container), Tone.STRONG)]
    if node.production:
        spans.append(("PROD", Tone.WARN))
    state = f"{glyphs.states[container.state]} {container.state.value}"
    if container.state is State.RUNNING and container.usage.uptime is not None:
        state += f" {long_span(container.usage.uptime)}"
    spans.append((state, Tone.NORMAL if container.state is State.RUNNING else Tone.DIM))
    if container.lock is not None:
        spans.append((f"{glyphs.lock} locked", Tone.WARN))
    if container.leashes:
        spans.append((f"{glyphs.leash} leash", Tone.WARN))
    if node.state is not NodeState.UP:
        age = f"{span(view.now - node.answered)} old" if node.answered is not None else "not read yet"
        spans.append((f"{glyphs.stale} {age}", Tone.WARN))
    rest = [safe(address) for address in container.ips[:1]]
    if len(container.ips) > 1:
        rest[-1] += f" +{len(container.ips) - 1}"
    rest += [safe(fact) for fact in (container.layout, container.template) if fact]
    return _joined([*spans, *((fact, Tone.DIM) for fact in rest)])


def _joined(spans: Sequence[Span], gap: str = "  ") -> Line:
    joined: list[Span] = []
    for text, tone in spans:
        joined += [(gap, Tone.NORMAL), (text, tone)] if joined else [(text, tone)]
    return tuple(joined)


def reasons_lines(reasons: Sequence[Reason], view: View) -> list[Line]:
    """What is wrong, worst first, wrapped; nothing where nothing is."""
    if not reasons:
        return []
    tone = tone_of(reasons)
    text = ", ".join(safe(reason.text) for reason in reasons)
    return [((f"{view.glyphs.trouble} " if first else "  ", tone), (row, tone)) for first, row in _numbered(text, view)]


def what_changed(events: Events, key: Key, view: View, most: int = 5) -> list[Line]:
    """What happened to a container and to its node lately, the newest last, on as few lines as it needs."""
    found = [event for event in events if event.node == key.node and event.id in (key.id, None)][:most]
    words = []
    for event in reversed(found):
        clock = time.strftime("%H:%M", time.localtime(event.at))
        words.append(f"{clock} {'node ' if event.id is None else ''}{safe(event.text)}")
    text = f" {view.glyphs.dot} ".join(words) or "nothing since ctdeck began to watch"
    tone = tone_of_event(found[0]) if found else Tone.DIM
    label = "what changed"
    rows = wrap(text, max(10, view.width - len(label) - 2))
    return [((f"{label if not index else '':{len(label)}}  ", Tone.DIM), (row, tone)) for index, row in enumerate(rows)]


def tone_of_event(event: Event) -> Tone:
    """Only what is wrong shouts."""
    if event.severity >= Severity.GRAVE:
        return Tone.CRIT
    return Tone.WARN if event.severity >= Severity.TROUBLE else Tone.NORMAL


def _numbered(text: str, view: View) -> list[tuple[bool, str]]:
    return [(index == 0, row) for index, row in enumerate(wrap(text, max(10, view.width - 2)))]


def container_facts(container: Container, node: Node, view: View) -> list[Line]:
    """Meters of the limits at the left, what else is known at the right; one below the other where it is narrow."""
    left = _meters(container, node, view)
    if view.width < METERS_WIDTH + GAP + 30:
        return [*left, EMPTY, *_facts(container, view, view.width)]
    right = _facts(container, view, view.width - METERS_WIDTH - GAP)
    rows = []
    for index in range(max(len(left), len(right))):
        beside = right[index] if index < len(right) else EMPTY
        spans = left[index] if index < len(left) else EMPTY
        used = width_of(spans)
        rows.append((*spans, (" " * (METERS_WIDTH + GAP - used), Tone.NORMAL), *beside))
    return rows


def _meters(container: Container, node: Node, view: View) -> list[Line]:
    usage, limits = container.usage, container.limits
    whole = cpu_whole(container, node)
    figure: Callable[[float | None], str] = number
    rows = [
        ("cpu %", usage.cpu_percent, whole, figure),
        ("memory", usage.memory_used, limits.memory, size),
        ("swap", usage.swap_used, limits.swap, size),
        ("disk", usage.disk_used, limits.disk, size),
        ("inodes", usage.inodes_used, limits.inodes, figure),
        ("processes", usage.processes, limits.processes, figure),
    ]
    head = f"{'':{_LABEL + _METER + 5}}{'use':>8}{'limit':>9}"
    return [line(head, Tone.HEAD), *(_meter_row(*row, view.glyphs) for row in rows)]


def _meter_row(
    name: str, used: float | None, limit: float | None, figure: Callable[[float | None], str], glyphs: Glyphs
) -> Line:
    share = used / limit if used is not None and limit else None
    tone = share_tone(share)
    bar = meter(used, limit, _METER, glyphs.full, glyphs.empty) if share is not None else " " * _METER
    percent = "" if share is None else f"{100 * share:.0f}%"
    return (
        (f"{name:{_LABEL}}", Tone.DIM),
        (bar, tone if tone is not Tone.NORMAL else Tone.ACCENT),
        (f"{percent:>5}{figure(used):>8}", tone),
        (f"{figure(limit):>9}", Tone.NORMAL),
    )


def cpu_whole(container: Container, node: Node) -> float | None:
    """What full CPU is for a container, in percent of one core: its limit, its CPUs, or the node's."""
    limits = container.limits
    if limits.cpu_percent:
        return limits.cpu_percent
    cpus = limits.cpus or node.facts.cpus
    return 100.0 * cpus if cpus else None


def _facts(container: Container, view: View, width: int) -> list[Line]:
    usage, limits = container.usage, container.limits
    pairs = [
        ("hostname", safe(container.hostname) if container.hostname else UNKNOWN),
        ("addresses", ", ".join(map(safe, container.ips)) or UNKNOWN),
        ("load", " ".join(f"{value:.2f}" for value in usage.load) if usage.load else UNKNOWN),
        ("cpus", _cpus(container)),
        ("cpu weight", number(limits.cpu_weight)),
        ("io", _io(container)),
        (
            "network",
            f"in {size(usage.rx_bytes)}  out {size(usage.tx_bytes)}" if usage.rx_bytes is not None else UNKNOWN,
        ),
        ("on boot", {True: "yes", False: "no", None: UNKNOWN}[container.on_boot]),
    ]
    if container.lock is not None:
        pairs.append(("lock", _lock(container.lock, view)))
    if container.leashes:
        pairs.append(("leash", safe(leashes.words(container.leashes, view.wall))))
    if limits.disk_hard and limits.disk_hard != limits.disk:
        pairs.append(("disk hard", size(limits.disk_hard)))
    if usage.throttled_percent is not None:
        pairs.append(("held back", f"{usage.throttled_percent:.0f}% of the time by the CPU limit"))
    rows: list[Line] = []
    for label, text in pairs:
        tone = Tone.WARN if label in ("lock", "leash") else Tone.NORMAL
        for index, row in enumerate(wrap(text, max(8, width - _LABEL))):
            rows.append(((f"{label if not index else '':{_LABEL}}", Tone.DIM), (row, tone)))
    return rows


def _cpus(container: Container) -> str:
    limits = container.limits
    words = [UNKNOWN if limits.cpus is None else f"{limits.cpus:g}"]
    if limits.cpu_percent is not None:
        words.append(f"limit {limits.cpu_percent:.0f}%")
    return "  ".join(words)


def _io(container: Container) -> str:
    limits = container.limits
    words = []
    if limits.io_priority is not None:
        words.append(f"priority {limits.io_priority}")
    if limits.io_bytes:
        words.append(f"{size(limits.io_bytes)}/s")
    if limits.iops:
        words.append(f"{limits.iops} iops")
    return "  ".join(words) or UNKNOWN


def _lock(lock: Lock, view: View) -> str:
    words = [f"by {safe(lock.by)}" if lock.by else "by somebody"]
    if lock.pid is not None:
        words.append(f"(pid {lock.pid})")
    if lock.since is not None:
        words.append(f"for {span(view.wall - lock.since)}")
    if lock.alive is False:
        words.append("- its holder is gone")
    return " ".join(words)


def amount(resource: str, value: int | None) -> str:
    """A beancounter's figure in its own unit: pages with their size in brackets, bytes as a size."""
    if value is None:
        return "unlimited"
    if resource in PAGES:
        return f"{value} ({size(value * PAGE)})"
    return size(value) if resource in BYTES else str(value)


def bound(counter: Beancounter) -> int | None:
    """What `held` runs against: the barrier, or the limit where that is the smaller or only one (physpages, swappages)."""
    bounds = [value for value in (counter.barrier, counter.limit) if value]
    return min(bounds) if bounds else None


def fullness(counter: Beancounter) -> float:
    """Share of what it may hold, 0 where it is not limited."""
    most = bound(counter)
    return counter.held / most if most else 0.0


def by_trouble(counters: dict[str, Beancounter], grown: dict[str, int]) -> list[str]:
    """Names of the resources: those that fail now, then that have failed, then the fullest."""
    return sorted(
        counters, key=lambda name: (-grown.get(name, 0), -counters[name].failcnt, -fullness(counters[name]), name)
    )


def beancounter_summary(container: Container, most: int = 8) -> list[Line]:
    """Resources that have failed, the worst first; a single line where none has."""
    counters = container.beancounters
    if not counters:
        return []
    failing = [name for name in by_trouble(counters, {}) if counters[name].failcnt]
    head = (
        f"beancounters  {len(counters)}, {len(failing)} failing"
        if failing
        else f"beancounters  {len(counters)}, none fails"
    )
    rows = [line(head, Tone.WARN if failing else Tone.DIM)]
    for name in failing[:most]:
        counter = counters[name]
        rows.append(
            (
                (f"  {safe(name):14}", Tone.NORMAL),
                (f"failcnt {counter.failcnt:<8} ", Tone.WARN),
                (f"held {amount(name, counter.held)} of {amount(name, bound(counter))}", Tone.NORMAL),
            )
        )
    if len(failing) > most:
        rows.append(line(f"  {len(failing) - most} more fail", Tone.WARN))
    return rows


def beancounter_table(counters: dict[str, Beancounter], grown: dict[str, int]) -> list[Line]:
    """Every resource on a line. `grown`: by how much its failcnt has grown while we look."""
    rows = []
    for name in by_trouble(counters, grown):
        counter = counters[name]
        values = (counter.held, counter.maxheld, counter.barrier, counter.limit)
        figures = [fit(amount(name, value), 15, right=True) for value in values]
        growth = grown.get(name, 0)
        tone = Tone.CRIT if growth else Tone.WARN if counter.failcnt or fullness(counter) >= FULL else Tone.NORMAL
        failures = f"{counter.failcnt}" + (f" +{growth}" if growth else "")
        rows.append(
            (
                (fit(safe(name), 12), tone),
                *((text, _figure_tone(text.strip(), tone)) for text in figures),
                (f" {failures:>7}", tone if counter.failcnt else Tone.DIM),
            )
        )
    return rows


def _figure_tone(text: str, tone: Tone) -> Tone:
    return Tone.DIM if text in ("unlimited", "0", "0 (0)") else tone


BEANCOUNTER_HEAD: Line = line(
    f"{'resource':12}{'held':>15}{'maxheld':>15}{'barrier':>15}{'limit':>15}{'failcnt':>8}", Tone.HEAD
)


def node_title(node: Node, view: View) -> Line:
    """One line: which node, how it is, since when."""
    spans: list[Span] = [(node.name, Tone.STRONG)]
    if node.production:
        spans.append(("PROD", Tone.WARN))
    if node.read_only:
        spans.append(("read-only", Tone.DIM))
    state = f"{view.glyphs.nodes[node.state]} {node.state.value}"
    if node.since is not None:
        state += f" for {span(view.now - node.since)}"
    spans.append((state, node_tone(node)))
    if node.answered is not None:
        spans.append((f"read {span(view.now - node.answered)} ago", Tone.DIM))
    if node.retry_at is not None and node.state is not NodeState.UP:
        spans.append((f"retry in {span(max(0.0, node.retry_at - view.now))}", Tone.DIM))
    if node.group:
        spans.append((f"group {safe(node.group)}", Tone.DIM))
    return _joined(spans)


def node_tone(node: Node) -> Tone:
    if node.state in (NodeState.UP, NodeState.CONNECTING):
        return Tone.NORMAL
    return Tone.WARN if node.state is NodeState.STALE else Tone.CRIT


def node_facts(node: Node, containers: Sequence[Container], backends: Sequence[str], view: View) -> list[Line]:
    """Everything that a node says of itself, what it costs to ask it, and what is wrong with it.

    `backends`: their labels, for people.
    """
    facts = node.facts
    rows: list[Line] = []
    for label, text, tone in (("error", node.error, Tone.CRIT), ("remedy", node.remedy, Tone.WARN)):
        rows += _pair(label, text, view, tone) if text else []
    for note in node.notes:
        rows += _pair("note", note, view, Tone.WARN)
    if rows:
        rows.append(EMPTY)
    if node.answered is None and facts.kernel is None:
        return [*rows, line("It has not told anything of itself yet.", Tone.DIM)]
    running = sum(container.state is State.RUNNING for container in containers)
    load = UNKNOWN if facts.load is None else " ".join(f"{value:.2f}" for value in facts.load)
    tools = "  ".join(f"{safe(name)} {safe(version)}" for name, version in facts.tools.items())
    pairs = [
        ("containers", f"{len(containers)}, {running} running" if containers else UNKNOWN),
        ("backends", ", ".join(backends) or UNKNOWN),
        ("hostname", safe(facts.hostname or UNKNOWN)),
        ("system", safe(facts.system or UNKNOWN)),
        ("kernel", safe(facts.kernel or UNKNOWN)),
        ("up for", long_span(facts.uptime)),
        ("cpus", number(facts.cpus) + ("" if facts.cpu_percent is None else f"  busy {facts.cpu_percent:.0f}%")),
        ("load", load),
    ]
    for label, text in pairs:
        rows += _pair(label, text, view)
    for label, used, total in (
        ("memory", facts.memory_used, facts.memory_total),
        ("swap", facts.swap_used, facts.swap_total),
        ("disk", facts.disk_used, facts.disk_total),
    ):
        rows.append(_meter_row(label, used, total, size, view.glyphs))
    rows += _pair("tools", tools or UNKNOWN, view)
    rows.append(EMPTY)
    every = f"every {round(node.interval, 1):g} s"
    cost = UNKNOWN if facts.sampler_ms is None else f"{facts.sampler_ms:.1f} ms of its CPU per sample, {every}"
    rows += _pair("asking it", cost, view)
    rows += _pair("round trip", UNKNOWN if node.rtt is None else f"{1000 * node.rtt:.1f} ms", view)
    return rows


def _pair(label: str, text: str, view: View, tone: Tone = Tone.NORMAL) -> list[Line]:
    rows = wrap(safe(text), max(10, view.width - _LABEL))
    return [((f"{label if not index else '':{_LABEL}}", Tone.DIM), (row, tone)) for index, row in enumerate(rows)]
