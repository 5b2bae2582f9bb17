"""`limit set`: at once through the container's cgroup, and in its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from ...model import State
from ...plans import spell
from ...plans.plan import Change, Check, Misused, Plan, Refused, Step, Verdict, words
from ...plans.request import LIMITS, UNLIMITED, SetLimits
from .. import cgroup
from . import leash
from .subject import Subject, edit, every

_MIN_MEMORY = 4 << 20  # bytes; nothing starts in less
_NOT_HERE = {
    "io_priority": (
        "LXC has no IO priority: its kernels weigh IO only with a scheduler that few disks have",
        "--io-limit",
    ),
    "quota_time": ("LXC has no disk quota, and so no grace time", ""),
    "inodes": ("LXC does not limit inodes", "A container on a disk of its own (loop, LVM) has as many as that"),
}


def plan(subject: Subject, request: SetLimits) -> Plan:
    _possible(subject, request)
    wanted = dict(request.values)
    kernel = cgroup.Kernel(subject.facts.cgroup, subject.facts.cpus, subject.facts.device)
    in_cgroup = {name: value for name, value in wanted.items() if name != "on_boot"}
    touched = [*in_cgroup]
    if (
        kernel.version == "v1"
        and "memory" in touched
        and "swap" not in touched
        and "limits.swap.config" in subject.found.values
    ):
        touched.append("swap")  # both share a file: it is moved along, so that the swap stays what it is
    steps: list[Step] = []
    expect: dict[str, object] = {}
    live: list[cgroup.Write] = []
    if subject.live:
        live = cgroup.writes(kernel, subject.facts.limits, in_cgroup, subject.id)
        after = cgroup.limits(kernel, cgroup.after(subject.facts.limits, live))
        expect.update({f"limits.{name}.live": after[name] for name in touched if name in after})
        if live:
            steps.append(_live_step(subject, live))
    if not request.live_only and not request.for_seconds:
        step, written = _config_step(subject, kernel, wanted)
        steps.append(step)
        expect.update({f"limits.{name}.config": written[name] for name in touched if name in written})
        if "on_boot" in wanted:
            expect["limits.on_boot.config"] = int(wanted["on_boot"])
    steps += leash.steps(subject, request, live)
    expect["leashed"] = leash.leashed(subject, request)
    return subject.plan(
        "limit set",
        *steps,
        checks=_checks(subject, kernel, wanted, request),
        changes=_changes(subject, touched + [name for name in wanted if name not in touched], expect, request),
        expect=expect,
        **_undo(subject, wanted, request),
    )


def _possible(subject: Subject, request: SetLimits) -> None:
    """Raises for what no LXC container, or not this one, can be asked."""
    if request.beancounters:
        raise Refused("LXC has no beancounters", "Its limits are --memory, --processes, --cpu-limit and so on")
    if not request.values:
        raise Misused("Which limit?", "Name at least one, such as --memory 512M")
    for name, value in request.values.items():
        if name not in LIMITS:
            raise Misused(f"{name!r} is no limit")
        if name in _NOT_HERE:
            raise Refused(*_NOT_HERE[name])
        if name == "disk":
            raise _no_disk(subject)
        if name == "on_boot":
            if value not in (0, 1):
                raise Misused(f"on_boot is yes or no, not {value:g}")
        elif (value != UNLIMITED and not (0 <= value < 1 << 60)) or value != value:
            raise Misused(f"{name} cannot be {value:g}")
    briefly = request.live_only or request.for_seconds
    if briefly and "on_boot" in request.values:
        raise Misused("on_boot stands in the configuration only", "Set it without --live-only and --for")
    if briefly and not subject.live:
        raise Refused(
            f"{subject.id} does not run: there is nothing live to change", "Set it without --live-only and --for"
        )
    _has_files(subject, request)


def _has_files(subject: Subject, request: SetLimits) -> None:
    for name in ("io_limit", "iops_limit"):
        if name in request.values and not subject.facts.device:
            raise Refused(
                f"{name}: {subject.id} lies on storage without a disk whose number stays ({subject.value('storage')})",
                "A directory on an ordinary disk can be throttled",
            )
    for name in request.values:
        known = subject.found.values
        if name != "on_boot" and f"limits.{name}.{'live' if subject.live else 'config'}" not in known:
            if name == "swap":
                raise Refused(
                    f"The kernel of {subject.node.name} does not count swap",
                    "Boot it with swapaccount=1; --memory works",
                )
            raise Refused(f"The kernel of {subject.node.name} cannot limit that: {name}")


def _no_disk(subject: Subject) -> Refused:
    storage = subject.value("storage")
    if storage == "loop":
        help_ = "Stop it, then `truncate -s SIZE` and `resize2fs` on the file that lxc.rootfs.path names"
        return Refused("LXC cannot resize the file that the disk of the container is", help_)
    return Refused(
        f"{subject.id} has no disk of its own ({storage}), so LXC cannot limit it",
        "Use a project quota of the file system, or a container on loop or LVM storage",
    )


def _live_step(subject: Subject, live: list[cgroup.Write]) -> Step:
    def command(key: str, value: str) -> str:
        return words("lxc-cgroup", "-n", subject.id, "--", key, value)

    script = "".join(command(write.key, write.value) + "\n" for write in live)
    return Step("set it live", script, every([command(write.key, write.before) for write in reversed(live)]))


def _config_step(
    subject: Subject, kernel: cgroup.Kernel, wanted: Mapping[str, float]
) -> tuple[Step, dict[str, float | None]]:
    """The step, and what the configuration says afterwards."""
    raw = cgroup.written(kernel, subject.facts.settings())
    if kernel.version == "v1" and not subject.facts.memsw:
        raw.pop(kernel.files("swap")[0], None)
    in_cgroup = {name: value for name, value in wanted.items() if name != "on_boot"}
    writes = cgroup.writes(kernel, raw, in_cgroup, subject.id)
    remove, add = [], []
    for write in writes:
        device = write.value.split()[0] if ":" in write.value else ""
        for line in subject.facts.lines_of(kernel.prefix + write.key):
            if not device or line.partition("=")[2].split()[:1] == [device]:
                remove.append(line)
        if not write.lifts:
            add.append(f"{kernel.prefix}{write.key} = {write.value}")
    if "on_boot" in wanted:
        remove += subject.facts.lines_of("lxc.start.auto")
        add.append(f"lxc.start.auto = {int(wanted['on_boot'])}")
    after = cgroup.after(raw, writes)
    for write in writes:
        if write.lifts:
            after[write.key] = []
    return edit(subject, remove, add), cgroup.limits(kernel, after)


# --- what people read


def _checks(
    subject: Subject, kernel: cgroup.Kernel, wanted: Mapping[str, float], request: SetLimits
) -> tuple[Check, ...]:
    checks = [subject.state_is(State.RUNNING, State.FROZEN, State.STOPPED)]
    for name, value in wanted.items():
        if value != UNLIMITED and name != "on_boot":
            checks += _range(subject, kernel, name, value)
            checks += _use(subject, name, value)
    checks += leash.checks(subject, request)
    return tuple(checks)


def _range(subject: Subject, kernel: cgroup.Kernel, name: str, value: float) -> list[Check]:
    """Against what the kernel takes, and what the node has."""
    node, facts = subject.node.name, subject.facts
    cpus = len(cgroup.expand(facts.cpus)) or subject.node.facts.cpus
    low: float = 1
    high: float | None = None
    if name == "memory":
        low, high = _MIN_MEMORY, facts.memory
    elif name == "swap":
        low, high = 0, facts.swap
    elif name == "cpus":
        high = cpus
    elif name == "cpu_limit":
        high = 100.0 * cpus if cpus else None
    elif name == "cpu_weight":
        low, high = cgroup.WEIGHTS[kernel.version][1:]
    elif name == "processes":
        high = facts.pid_max
    if value < low:
        return [Check(f"{name}-range", Verdict.REFUSE, f"{name} must be at least {spell.limit(name, low)}")]
    if high is not None and value > high:
        most = spell.limit(name, high) if high else "none"
        whose = "the kernel takes" if name == "cpu_weight" else f"{node} has"
        text = f"{name} {spell.limit(name, value)} is more than {whose} ({most})"
        return [Check(f"{name}-node", Verdict.REFUSE, text)]
    return [Check(f"{name}-range", Verdict.OK, f"{name} {spell.limit(name, value)} is in range")]


def _use(subject: Subject, name: str, value: float) -> list[Check]:
    """Against what it uses now."""
    if not subject.live:
        return []
    if name == "cpu_limit":
        used: float | None = subject.container.usage.cpu_percent
        if used is not None and used > value:
            text = f"it uses {used:.0f}% of a core now: it will be held back to {value:g}%"
            return [Check("cpu_limit-use", Verdict.WARN, text)]
        return []
    if name not in ("memory", "swap", "processes"):
        return []
    used = subject.value(f"use.{name}")
    if used is None:
        return [Check(f"{name}-use", Verdict.WARN, f"what it uses of {name} now is not known")]
    now = f"it has {used:.0f} processes" if name == "processes" else f"it uses {spell.size(used)} of {name}"
    if used > value:
        verdict = Verdict.WARN if name == "processes" else Verdict.REFUSE  # the kernel only refuses further ones
        return [Check(f"{name}-use", verdict, f"{now} now, more than {spell.limit(name, value)}")]
    return [Check(f"{name}-use", Verdict.OK, f"{now} now")]


def _changes(
    subject: Subject, names: list[str], expect: Mapping[str, object], request: SetLimits
) -> tuple[Change, ...]:
    changes = []
    for name in names:
        for part, where in (("live", "now"), ("config", "configured")):
            key = f"limits.{name}.{part}"
            before, after = subject.value(key), expect.get(key)
            if key not in expect or (name not in request.values and before == after):
                continue
            changes.append(
                Change(
                    f"{name} ({where})",
                    spell.limit(name, before),
                    spell.limit(name, _float(after)),
                    _note(name, part, request),
                )
            )
    return tuple(changes)


def _float(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _note(name: str, part: str, request: SetLimits) -> str:
    if name not in request.values:
        return "limited together with memory"
    if request.for_seconds:
        return f"for {spell.seconds(request.for_seconds)}, then it goes back"
    if request.live_only:
        return "until it is stopped"
    return "at the next boot of the node" if name == "on_boot" else ""


def _undo(subject: Subject, wanted: Mapping[str, float], request: SetLimits) -> dict[str, object]:
    option_words: list[str] = []
    briefly = bool(request.live_only or request.for_seconds)
    for name in wanted:
        live, written = (subject.value(f"limits.{name}.{part}") for part in ("live", "config"))
        held = subject.value(f"leash.{name}")
        if held:
            return {"no_undo": f"{name} was on a leash, which ends with this"}
        if not briefly and subject.live and name not in ("on_boot", "cpu_weight") and live != written:
            why = f"{name} was {spell.limit(name, live)} live and {spell.limit(name, written)} in the configuration"
            return {"no_undo": f"{why}: set the one with --live-only and the other without"}
        before = live if briefly else written
        if before == 0 and name != "on_boot":
            return {"no_undo": f"{name} was 0, which cannot be asked for"}
        option_words += spell.option(name, before)
    return {"undo": ("limit", "set", *option_words, *(("--live-only",) if briefly else ()))}
