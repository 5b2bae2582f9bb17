"""start, stop, restart, destroy; suspend and resume, which LXC cannot do."""

from __future__ import annotations

from ...model import State
from ...plans import spell
from ...plans.plan import Change, Check, Danger, Misused, Plan, Refused, Step, Verdict, words
from ...plans.request import LIMITS, Power
from .subject import Subject, running, start, start_again

_MAX_TIMEOUT = 3600


def plan(subject: Subject, request: Power) -> Plan:
    if request.verb in ("suspend", "resume"):
        raise Refused(
            f"LXC cannot {request.verb} {subject.id}: it would do so through criu, which does not carry its containers "
            "on present kernels",
            "Stop it, and start it again; or snapshot it",
        )
    if request.verb not in _PLANS:
        raise Misused(f"{request.verb!r} is nothing that a container can do")
    if not 1 <= request.timeout <= _MAX_TIMEOUT:
        raise Misused(f"a stop may take 1 to {_MAX_TIMEOUT} seconds, not {request.timeout}")
    return _PLANS[request.verb](subject, request)


def start_step(subject: Subject, title: str = "start it") -> Step:
    """Starts it; taken back by a kill."""
    script = start(subject) + words("lxc-wait", "-n", subject.id, "-s", "RUNNING", "-t", "30") + "\n"
    kill = f"! {running(subject)} || {words('lxc-stop', '-n', subject.id, '-k')}\n"
    return Step(title, script, kill)


def stop_step(subject: Subject, request: Power) -> Step:
    """Stops it; taken back by a start."""
    how = ("-k",) if request.fast else ("-t", str(request.timeout))
    stop = words("lxc-stop", "-n", subject.id, *how) + "\n"
    title = "kill it" if request.fast else f"stop it: its init has {request.timeout} s, then it is killed"
    return Step(title, stop, start_again(subject))


def _start(subject: Subject, request: Power) -> Plan:
    return subject.plan(
        "start",
        start_step(subject),
        checks=(subject.state_is(State.STOPPED, help_=subject.thawed()), subject.untouched()),
        changes=(Change("state", subject.state, "running"),),
        expect={"state": "running"},
        undo=("stop",),
    )


def _stop(subject: Subject, request: Power) -> Plan:
    return subject.plan(
        "stop",
        stop_step(subject, request),
        checks=(_stoppable(subject, request), *_live_only(subject)),
        changes=(Change("state", subject.state, "stopped"),),
        freeze=f"{subject.id} is down until it is started",
        expect={"state": "stopped"},
        undo=("start",),
        timeout=request.timeout + 600,
    )


def _restart(subject: Subject, request: Power) -> Plan:
    begin = start_step(subject)
    steps = [stop_step(subject, request), Step(begin.title, begin.script, ":\n")]
    if request.evidence:
        steps.insert(0, _evidence(subject))
    return subject.plan(
        "restart",
        *steps,
        checks=(_stoppable(subject, request), *_live_only(subject)),
        changes=(Change("state", subject.state, "running", "restarted"),),
        freeze=f"{subject.id} is down from its stop to its start",
        expect={"state": "running"},
        no_undo="a restart cannot be taken back",
        timeout=request.timeout + 600,
    )


def _destroy(subject: Subject, request: Power) -> Plan:
    checks = [
        subject.state_is(State.STOPPED, help_=": stop it first"),
        subject.unshared(),
        _alone(subject),
    ]
    leashes = words("rm", "-f", "--", *(f"lxc-{subject.id}.{name}" for name in sorted(subject.facts.leashes)))
    clean_up = 'cd "${CTDECK_ROOT-}/var/lib/ctdeck/leashes"\n' + leashes + "\n" if subject.facts.leashes else ""
    script = words("lxc-destroy", "-n", subject.id, "-l", "ERROR", "-o", "/dev/stderr") + "\n" + clean_up
    return subject.plan(
        "destroy",
        Step("destroy it", script),
        checks=tuple(checks),
        changes=(Change("container", subject.state, "gone"),),
        lost=(f"{subject.id}: its whole disk and its configuration",),
        danger=Danger.DESTRUCTIVE,
        expect={"state": "absent"},
        no_undo="what is destroyed is gone; only a backup brings it back",
    )


_PLANS = {"start": _start, "stop": _stop, "restart": _restart, "destroy": _destroy}


def _stoppable(subject: Subject, request: Power) -> Check:
    if request.fast:
        return subject.state_is(State.RUNNING, State.FROZEN)
    return subject.state_is(State.RUNNING, help_=subject.thawed())


def _alone(subject: Subject) -> Check:
    count = len(subject.value("snapshots") or ())
    if count:
        text = f"it has {count} snapshot{'s' if count > 1 else ''}, which would go too: delete them first"
        return Check("snapshots", Verdict.REFUSE, text)
    if subject.facts.needed:
        return Check("clones", Verdict.REFUSE, "clones of it stand on its disk: destroy those first")
    return Check("snapshots", Verdict.OK, "it has no snapshots, and no clones stand on it")


def _live_only(subject: Subject) -> tuple[Check, ...]:
    """What a stop forgets, since it is written nowhere."""
    lost = []
    for name in (name for name in LIMITS if f"limits.{name}.live" in subject.found.values):
        live, written = subject.value(f"limits.{name}.live"), subject.value(f"limits.{name}.config")
        if live != written and not (name == "cpu_weight" and written is None):
            lost.append(f"{name} {spell.limit(name, live)}")
    configured = {ip.partition("/")[0] for ip in subject.value("ips.config") or ()}
    if configured:  # else they come from DHCP or from inside, and come again
        lost += [ip for ip in subject.value("ips.live") or () if ip not in configured]
    if not lost:
        return ()
    return (Check("live-only", Verdict.WARN, f"is in no configuration, and ends with the stop: {', '.join(lost)}"),)


# Processes are listed from the node: no program of the container has to work for that. Its logs are read inside of it, since
# a symbolic link there may name any file of the node; through a pipe, since lxc-attach gives its output file the mode 0700.
_EVIDENCE = """umask 077
E=${CTDECK_ROOT-}/var/lib/ctdeck/evidence
mkdir -p "$E"
F=$E/lxc-$name-$(date +%Y%m%d-%H%M%S).txt
bounded=; if command -v timeout >/dev/null 2>&1; then bounded='timeout 10'; fi
{
    pid=$(lxc-info -n "$name" -pH)
    echo '== state'; lxc-info -n "$name"
    echo '== processes: pid, state, memory, command'
    for p in /proc/[0-9]*; do
        [ "$(readlink "$p/ns/pid")" = "$(readlink "/proc/$pid/ns/pid")" ] || continue
        sed -n 's/^Pid:[[:blank:]]*//p; s/^State:[[:blank:]]*//p; s/^VmRSS:[[:blank:]]*//p' "$p/status" | tr '\\n' ' '
        tr '\\0' ' ' <"$p/cmdline"; echo
    done
    for key in memory.stat memory.failcnt memory.events cpu.stat pids.current; do
        echo "== $key"; $bounded lxc-cgroup -n "$name" "$key"
    done
    for table in tcp tcp6 udp udp6 unix; do echo "== sockets: $table"; head -n 1000 "/proc/$pid/net/$table"; done
    echo '== log'; $bounded lxc-attach --clear-env -n "$name" -- tail -n 200 /var/log/messages /var/log/syslog 2>&1 | cat
} </dev/null >"$F" 2>&1 || :
echo "evidence is in $F ($(wc -c <"$F") bytes)"
"""


def _evidence(subject: Subject) -> Step:
    return Step("collect evidence", f"name={words(subject.id)}\n{_EVIDENCE}", ":\n", cancel=True)
