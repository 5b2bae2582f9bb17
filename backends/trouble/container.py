"""The judgement of one container: from its figures as they are, and from its past where that says more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from ..leashes import words
from ..model import Container, Node, State
from .past import Past
from .reason import Reason, Severity, span

#: Seconds over which failures and starts are counted.
FAILURES_OVER = 60.0
STARTS_OVER = 600.0
#: Two starts closer than this on the node's clock are one, read twice.
START_SLACK = 1.5
#: CPU out of the usual: at least this much of a core, for so long; and calm so long before it is over.
HOT_FROM = 80.0
HOT_RISE, HOT_FALL = 3.0, 6.0
#: A container that just booted is busy with that.
BOOTING = 30.0
#: More processes than usual: at least so many. So many are named beside a CPU out of the usual.
MANY_PROCESSES = 100
#: Seconds until a stop is no restart any more, and how long it is told.
STOPPED_AFTER = 5.0
STOPPED_TOLD = 3600.0
#: Share below a threshold where what was above it is calm again.
EASE = 0.02
#: From here on full is full.
FULL = 0.98


def observe(past: Past, container: Container, node: Node, now: float) -> list[str]:
    """Learn from what a sample said. Returns what happened: `started`, `stopped`, `restarted`."""
    seconds = 0.0 if past.sampled is None else min(60.0, (node.answered or now) - past.sampled)
    past.sampled = node.answered or now
    state, before, usage = container.state, past.state, container.usage
    past.state = state
    happened = []
    if state is State.RUNNING:
        started = None
        if usage.uptime is not None and node.facts.uptime is not None:
            started = node.facts.uptime - usage.uptime
        again = started is not None and past.started is not None and started > past.started + START_SLACK
        if before is not None and (again or before is State.STOPPED):
            happened.append("restarted" if before is State.RUNNING else "started")
            past.starts = (*past.starts[-19:], now)
        elif before is None and started is not None and started > STARTS_OVER and (usage.uptime or 0) < STARTS_OVER:
            past.starts = (now - (usage.uptime or 0),)  # seen for the first time, and long after its node was booted
        past.started = started if started is not None else past.started
        past.ran = now
        if usage.cpu_percent is not None:
            _learn(past, container, seconds)
    elif before is State.RUNNING:
        happened.append("stopped" if state is State.STOPPED else str(state))
    counters = container.beancounters
    if (usage.failcnt_growth or 0) != past.growth or (counters and counters is not past.counted):
        _count_failures(past, container, now)
    if usage.oom_kills is not None and usage.oom_kills != past.kills:
        past.killed = now if past.kills is not None and usage.oom_kills > past.kills else None
        past.kills = usage.oom_kills
    return happened


def _learn(past: Past, container: Container, seconds: float) -> None:
    """The usual of its CPU begins with the mean of its life, so that it is known from the first sample on."""
    usage, cpu = container.usage, past.cpu
    if not cpu.seconds and usage.cpu_lifetime is not None and usage.uptime is not None and usage.uptime >= BOOTING:
        cpu.mean, cpu.seconds = usage.cpu_lifetime, min(600.0, usage.uptime)
    if seconds > 0 and usage.cpu_percent is not None:
        cpu.learn(usage.cpu_percent, seconds)
    if seconds > 0 and usage.processes is not None:
        past.processes.learn(usage.processes, seconds)


def _count_failures(past: Past, container: Container, now: float) -> None:
    growth = container.usage.failcnt_growth or 0
    if growth > past.growth:
        past.failures = (*past.failures[-59:], (now, growth - past.growth))
    elif growth < past.growth:
        past.failures, past.failing = (), {}
    counters, first = container.beancounters, past.counted is None
    if counters is not past.counted and counters:
        for name, counter in counters.items():
            known = past.counts.get(name, 0)
            if counter.failcnt > known and not first:
                past.failing[name] = now
            if counter.failcnt != known:
                past.counts[name] = counter.failcnt
        past.counted = counters
    past.growth = growth


def reasons(
    past: Past,
    container: Container,
    node: Node,
    thresholds: Mapping[str, float],
    now: float,
    wall: float,
    clashes: tuple[Reason, ...] = (),
) -> list[Reason]:
    """What is wrong with it, unsorted. `now`: our monotonic clock; `wall`: seconds since the epoch."""
    if not clashes and _plainly_calm(past, container, thresholds):
        return []
    usage = container.usage
    found: list[Reason] = []
    if past.failures:
        found += _failures(past, thresholds, now)
    if past.killed is not None:
        found += _killed(past, now)
    found += _fullness(past, container, thresholds, now)
    if usage.cpu_percent is not None:
        found += _cpu(past, container, node, thresholds, now, wall)
    if past.starts:
        found += _restarts(past, thresholds, now)
    if past.ran is not None and container.state is State.STOPPED:
        found += _stopped(past, container, now)
    found += clashes
    if container.lock is not None:
        found.append(_lock(container, thresholds, now, wall))
    if container.leashes:
        found.append(Reason(Severity.NOTICE, f"leash: {words(container.leashes, wall)}", "leash"))
    if container.note:
        found.append(Reason(Severity.TROUBLE, container.note, "unread"))
    elif container.state is State.UNKNOWN:
        found.append(Reason(Severity.TROUBLE, "its state is not known", "unread"))
    return found


def _plainly_calm(past: Past, container: Container, thresholds: Mapping[str, float]) -> bool:
    """Nothing stands, and every figure is far below what could be wrong: so it is with nearly all, and that has to be quick."""
    usage, limits, gates = container.usage, container.limits, past.gates
    if container.state is not State.RUNNING or container.lock is not None or container.leashes or container.note:
        return False
    if past.failures or past.starts or past.killed is not None or gates.standing or gates.turning:
        return False
    memory, disk = thresholds["memory"] - EASE, thresholds["disk"] - EASE
    if limits.memory and usage.memory_used and usage.memory_used >= memory * limits.memory:
        return False
    if limits.disk and usage.disk_used and usage.disk_used >= disk * limits.disk:
        return False
    if limits.inodes and usage.inodes_used and usage.inodes_used >= disk * limits.inodes:
        return False
    cpu = usage.cpu_percent or 0.0
    low = cpu < 0.7 * min(HOT_FROM, 0.8 * (limits.cpu_percent or HOT_FROM))
    return low and not usage.throttled_percent and (usage.processes or 0) < MANY_PROCESSES


def ages(past: Past, container: Container) -> bool:
    """Its reasons change with the time alone."""
    return bool(
        container.lock is not None
        or past.failures
        or past.starts
        or past.killed is not None
        or past.gates.turning
        or (past.ran is not None and container.state is State.STOPPED)
    )


def _failures(past: Past, thresholds: Mapping[str, float], now: float) -> Iterator[Reason]:
    past.failures = tuple(each for each in past.failures if now - each[0] <= FAILURES_OVER)
    for name in [name for name, at in past.failing.items() if now - at > FAILURES_OVER]:
        del past.failing[name]
    count = sum(grown for _, grown in past.failures)
    if count < thresholds["failcnt"] or not past.failures:
        return
    names = sorted(past.failing, key=lambda name: -past.failing[name])
    named = f"{names[0]} " if len(names) == 1 else f"{names[0]} and {len(names) - 1} more " if names else ""
    subject, since = (names[0] if names else ""), past.failures[0][0]
    short = f"failcnt +{count}"
    yield Reason(Severity.GRAVE, f"{named}{short} in 60 s", "failcnt", short, subject, since)


def _killed(past: Past, now: float) -> Iterator[Reason]:
    assert past.killed is not None
    if now - past.killed > FAILURES_OVER:
        past.killed = None
        return
    text = "out of memory: the kernel killed a process of it"
    yield Reason(Severity.GRAVE, text, "oom", "out of memory", since=past.killed)


def _fullness(past: Past, container: Container, thresholds: Mapping[str, float], now: float) -> Iterator[Reason]:
    usage, limits, gates = container.usage, container.limits, past.gates
    for kind, used, limit, threshold, grave in (
        ("memory", usage.memory_used, limits.memory, "memory", Severity.GRAVE),
        ("disk", usage.disk_used, limits.disk, "disk", Severity.GRAVE),
        ("inodes", usage.inodes_used, limits.inodes, "disk", Severity.TROUBLE),
    ):
        if not used or not limit:
            if gates.standing:
                gates.forget(kind)
            continue
        share, enter = used / limit, thresholds[threshold]
        if share < enter - EASE and kind not in gates.standing:
            continue
        since = gates.since(kind, share, enter, enter - EASE, now)
        if since is not None:
            short = f"{kind} {100 * share:.0f}%"
            yield Reason(
                grave if share >= FULL else Severity.TROUBLE, f"{short} of its limit", kind, short, since=since
            )


def _cpu(
    past: Past, container: Container, node: Node, thresholds: Mapping[str, float], now: float, wall: float
) -> Iterator[Reason]:
    usage, limits, gates = container.usage, container.limits, past.gates
    cpu = usage.cpu_percent or 0.0
    usual = past.cpu.known
    least = min(HOT_FROM, 0.8 * limits.cpu_percent) if limits.cpu_percent else HOT_FROM
    if usual is not None and (usage.uptime is None or usage.uptime >= BOOTING):
        enter = max(least, thresholds["cpu"] * usual)
        since = None
        if cpu >= 0.7 * enter or "cpu" in gates.standing or "cpu" in gates.turning:
            since = gates.since("cpu", cpu, enter, 0.7 * enter, now, rise=HOT_RISE, fall=HOT_FALL)
        past.hot = since is not None or "cpu" in gates.turning
        if since is not None:
            began = time.strftime("%H:%M", time.localtime(wall - (now - since)))
            times = f"CPU x{cpu / max(usual, 1.0):.0f} of its usual"
            half = node.facts.cpus is not None and cpu >= 50.0 * node.facts.cpus
            severity = Severity.GRAVE if half else Severity.TROUBLE
            yield Reason(severity, f"{times} since {began}", "cpu", times.replace("of its", "of"), since=since)
    yield from _processes(past, container, thresholds, now)
    held = (usage.throttled_percent or 0.0) / 100.0
    if held or "throttled" in gates.standing:
        enter = thresholds["throttled"]
        since = gates.since("throttled", held, enter, 0.8 * enter, now, rise=HOT_RISE, fall=HOT_FALL)
        if since is not None:
            text = f"held back by its CPU limit {100 * held:.0f}% of the time"
            yield Reason(Severity.TROUBLE, text, "throttled", f"held back {100 * held:.0f}%", since=since)
            return
    if limits.cpu_percent and (cpu >= 0.9 * limits.cpu_percent or "cpu-limit" in gates.standing):
        most = limits.cpu_percent
        since = gates.since("cpu-limit", cpu, 0.95 * most, 0.9 * most, now, rise=HOT_RISE, fall=HOT_FALL)
        if since is not None:  # the limit does what it is there for
            yield Reason(Severity.NOTICE, "at its CPU limit", "cpu-limit", since=since)


def _processes(past: Past, container: Container, thresholds: Mapping[str, float], now: float) -> Iterator[Reason]:
    count, usual = container.usage.processes, past.processes.known
    if not count or (count < MANY_PROCESSES and "processes" not in past.gates.standing):
        return
    since = None
    if usual is not None:
        enter = max(MANY_PROCESSES, thresholds["processes"] * usual)
        since = past.gates.since("processes", count, enter, 0.7 * enter, now, rise=HOT_RISE, fall=HOT_FALL)
    if since is not None:
        text = f"{count} processes, its usual is {usual or 0:.0f}"
        yield Reason(Severity.TROUBLE, text, "processes", f"{count} processes", since=since)
    elif past.hot:
        yield Reason(Severity.NOTICE, f"{count} processes", "processes")


def _restarts(past: Past, thresholds: Mapping[str, float], now: float) -> Iterator[Reason]:
    past.starts = tuple(at for at in past.starts if now - at <= STARTS_OVER)
    count = len(past.starts)
    if count and count >= thresholds["restarts"]:
        often = {1: "once", 2: "twice"}.get(count, f"{count} times")
        severity = Severity.GRAVE if count > thresholds["restarts"] else Severity.TROUBLE
        yield Reason(severity, f"restarted {often} in 10 min", "restarts", f"restarted {often}", since=past.starts[0])


def _stopped(past: Past, container: Container, now: float) -> Iterator[Reason]:
    assert past.ran is not None
    age = now - past.ran
    if age > STOPPED_TOLD:
        past.ran = None
    elif age >= STOPPED_AFTER:
        severity = Severity.TROUBLE if container.on_boot else Severity.NOTICE
        short = f"stopped, was running {span(age)} ago"
        text = short + (", on boot" if container.on_boot else "")
        yield Reason(severity, text, "stopped", short, since=past.ran)


def _lock(container: Container, thresholds: Mapping[str, float], now: float, wall: float) -> Reason:
    lock = container.lock
    assert lock is not None
    age = None if lock.since is None else max(0.0, wall - lock.since)
    words = "locked" + (f" {span(age)}" if age is not None else "") + (f" by {_program(lock.by)}" if lock.by else "")
    since = None if age is None else now - age
    if lock.alive is False:
        return Reason(Severity.TROUBLE, f"{words}, holder is gone", "lock", since=since)
    long = age is not None and age >= thresholds["lock"]
    return Reason(Severity.TROUBLE if long else Severity.NOTICE, words, "lock", since=since)


def _program(command: str) -> str:
    """The name of what a command line runs: `/usr/bin/perl /usr/sbin/vzdump 101` is vzdump."""
    program, *rest = [word.rpartition("/")[2] for word in command.split()] or [command]
    if program.rstrip("0123456789.") in {"perl", "python", "sh", "bash", "dash"}:
        return next((word for word in rest if not word.startswith("-")), program)
    return program
