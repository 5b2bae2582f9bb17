"""A limit for a while. The node itself puts the old value back, if the present one is still the leash's own.

The file of a leash says all: "WORD VALUE" lines

    token T     whose it is: a waiter that finds another one ends
    boot ID     of the node; a leash does not outlive it, nor do the limits that it holds
    old N, value N, until SECONDS     for people: the limit's unit ("none": not limited), seconds since the epoch
    end SECONDS     uptime of the node at which it ends: clocks are set, uptime is not
    key FILE, from TEXT, to TEXT     of each cgroup file: what to put back, and what the leash has set
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ...plans import spell
from ...plans.plan import Check, Misused, Step, Verdict, words
from ...plans.request import SetLimits
from .. import cgroup
from .subject import Subject

_LONGEST = 30 * 86400  # seconds


@cache
def waiter() -> str:
    """The shell text that waits, without its comments."""
    text = files(__package__).joinpath("leash.sh").read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def leashed(subject: Subject, request: SetLimits) -> list[str]:
    """The limits that are on a leash afterwards."""
    before = {name for name in subject.value("leashed") or () if name not in request.values}
    held = {name for name in request.values if request.for_seconds and _leader(subject, request, name) == name}
    return sorted(before | held)


def _partner(subject: Subject, name: str) -> str:
    """The limit that shares a cgroup file with this one; empty for none."""
    pair = {"memory", "swap"} if subject.facts.cgroup == "v1" else {"io_limit", "iops_limit"}
    return next(iter(pair - {name})) if name in pair else ""


def _leader(subject: Subject, request: SetLimits, name: str) -> str:
    """Of two limits that share a file and are set together, the one whose leash puts both back."""
    return min(name, _partner(subject, name)) if _partner(subject, name) in request.values else name


def steps(subject: Subject, request: SetLimits, live: list[cgroup.Write]) -> list[Step]:
    """The last steps of setting limits: a leash for each one, or the end of those that the limits are on."""
    if not 0 <= request.for_seconds <= _LONGEST:
        raise Misused(f"a limit can be set for at most {spell.seconds(_LONGEST)}")
    if not request.for_seconds:
        return [_lift(subject, name) for name in request.values if name in subject.facts.leashes]
    found = []
    kernel = cgroup.Kernel(subject.facts.cgroup, subject.facts.cpus, subject.facts.device)
    for name in request.values:
        if _leader(subject, request, name) == name:
            keys = {*kernel.files(name), *kernel.files(_partner(subject, name))}
            own = [write for write in live if write.key in keys]
            found.append(_hold(subject, name, request.for_seconds, own))
    return found


def checks(subject: Subject, request: SetLimits) -> list[Check]:
    found = []
    for name in request.values:
        held, partner = subject.value(f"leash.{name}"), _partner(subject, name)
        if partner not in request.values and subject.value(f"leash.{partner}"):
            text = f"{partner} is on a leash, and shares a file of the kernel with {name}: set both, or end it first"
            found.append(Check("leash", Verdict.REFUSE, text))
        if held and request.for_seconds:
            text = f"{name} is on a leash already: the new one goes back to the older value, {spell.limit(name, held['old'])}"
            found.append(Check("leash", Verdict.OK, text))
        elif held:
            found.append(Check("leash", Verdict.WARN, f"this ends the leash that {name} is on"))
    if request.for_seconds and "setsid" not in subject.facts.tools:
        text = f"{subject.node.name} has no setsid: a signal to all of our processes there would end the leash"
        found.append(Check("leash", Verdict.WARN, text))
    return found


def _path(subject: Subject, name: str) -> str:
    """Shell text that sets L to the leash's file."""
    return "L=${CTDECK_ROOT-}/var/lib/ctdeck/leashes/" + words(f"lxc-{subject.id}.{name}") + "\n"


def _start(subject: Subject) -> str:
    """Shell text that starts the waiter of the file L, whose token is T."""
    waits = f"sh -c {words(waiter())} ctdeck-leash {words(subject.id)}"
    return (
        "if command -v setsid >/dev/null 2>&1\n"
        f'then setsid {waits} "$L" "$T" </dev/null >/dev/null 2>&1 &\n'
        f'else (trap \'\' HUP; exec {waits} "$L" "$T") </dev/null >/dev/null 2>&1 &\n'
        "fi\n"
    )


def _put(lines: str) -> str:
    return (
        "umask 077\n"
        'mkdir -p "${L%/*}"\n'
        "read -r U R </proc/uptime\n"
        "T=$$.${U%.*}\n"
        f'{{ echo "token $T"\n{lines}}} >"$L.new"\n'
        'mv -- "$L.new" "$L"\n'
    )


def _again(subject: Subject, name: str) -> str:
    """Shell text that sets the leash which `name` is on once more; nothing where there is none."""
    lines = [line for line in subject.facts.leashes.get(name, []) if not line.startswith("token ")]
    if not lines:
        return _path(subject, name) + 'rm -f -- "$L.new" "$L"\n'
    return _path(subject, name) + _put("printf '%s\\n' " + words(*lines) + "\n") + _start(subject)


def _lift(subject: Subject, name: str) -> Step:
    return Step(f"end the leash of {name}", _path(subject, name) + 'rm -f -- "$L"\n', _again(subject, name))


def _hold(subject: Subject, name: str, seconds: int, own: list[cgroup.Write]) -> Step:
    held = subject.value(f"leash.{name}")
    old = held["old"] if held else subject.value(f"limits.{name}.live")
    oldest = _pairs(subject.facts.leashes[name]) if held else {}
    after = cgroup.limits(
        cgroup.Kernel(subject.facts.cgroup, subject.facts.cpus, subject.facts.device),
        cgroup.after(subject.facts.limits, own),
    ).get(name)
    lines = (
        'echo "boot $(cat /proc/sys/kernel/random/boot_id)"\n'
        f'echo "until $(($(date +%s) + {seconds}))"\n'
        f'echo "end $((${{U%.*}} + {seconds}))"\n'
        f"printf '%s\\n' {words(f'old {_number(old)}', f'value {_number(after)}')}\n"
    )
    for write in own:
        lines += "printf '%s\\n' " + words(f"key {write.key}", f"from {oldest.get(write.key, write.before)}") + "\n"
        # as the kernel prints it, which is not always as it was written
        device = write.value.split()[0] if ":" in write.value else ""
        shown = f"grep -e {words('^' + device + ' ')}" if device else "head -n 1"
        lines += f'echo "to $({words("lxc-cgroup", "-n", subject.id, write.key)} | {shown})"\n'
    script = _path(subject, name) + _put(lines) + _start(subject)
    return Step(f"let the node put {name} back after {spell.seconds(seconds)}", script, _again(subject, name))


def _pairs(lines: list[str]) -> dict[str, str]:
    """What a leash would put back: cgroup file -> text."""
    found, key = {}, ""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "key":
            key = rest
        elif word == "from":
            found[key] = rest
    return found


def _number(value: float | None) -> str:
    return "none" if value is None else str(int(value)) if value == int(value) else repr(value)
