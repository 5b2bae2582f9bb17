"""The script that puts a job onto a node and lets it go. Run as a short command; the job outlives it."""

from __future__ import annotations

import json
import secrets
import shlex
import time
from functools import cache
from importlib.resources import files
from typing import Any

from ..model import Key
from ..plans.plan import Plan

#: Where jobs live on a node: the first of these that is writable and on a disk. Below the prefix of a simulated node.
PLACES = ("/var/lib/ctdeck", "/var/tmp/ctdeck", "/root/.ctdeck")

FIND_BASE = """
umask 077
ctdeck_base() {
    for base in PLACES; do
        base=${CTDECK_ROOT-}$base
        case $(stat -f -c %T "${base%/*}" 2>/dev/null) in tmpfs | ramfs) [ -n "${CTDECK_ROOT-}" ] || continue ;; esac
        mkdir -p "$base/jobs" "$base/locks" 2>/dev/null || continue
        [ -O "$base" ] && [ -w "$base/jobs" ] && [ -w "$base/locks" ] && { chmod 700 "$base"; return 0; }
    done
    return 1
}
""".replace("PLACES", " ".join(PLACES))

_START = """
for tool in mkdir mv rm cat cut sed sleep kill date tail cksum; do
    command -v $tool >/dev/null 2>&1 || { echo "refused there is no $tool on the node"; exit 0; }
done
[ -r /proc/sys/kernel/random/boot_id ] || { echo "refused its /proc cannot be read"; exit 0; }
ctdeck_base || { echo "refused no place for jobs: /var/lib/ctdeck cannot be written"; exit 0; }
JOB=$base/jobs/$ID
if ! mkdir "$JOB" 2>/dev/null; then
    if [ -d "$JOB" ]; then echo already; else echo "refused $base/jobs cannot be written (disk full, or read-only?)"; fi
    exit 0
fi
put_files() {
    cd "$JOB" || return 1
FILES
    sync 2>/dev/null || :
}
if ! put_files; then rm -rf "$JOB"; echo "refused $base/jobs cannot be written (disk full, or read-only?)"; exit 0; fi
if command -v setsid >/dev/null 2>&1; then setsid sh "$JOB/run.sh" supervise </dev/null >/dev/null 2>&1 &
else (trap '' HUP; exec sh "$JOB/run.sh" supervise) </dev/null >/dev/null 2>&1 & fi
echo "started $base"
"""


@cache
def runner() -> str:
    return files(__package__).joinpath("run.sh").read_text(encoding="utf-8")


def new_id(now: float | None = None) -> str:
    """`20261122-161500-4f2a1b`: begins with a digit, sorts by time, nobody else chooses it."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{stamp}-{secrets.token_hex(3)}"


def lock_name(key: Key) -> str:
    """The container's lock on its node, shared by all who use ctdeck there."""
    return f"{key.backend}-{key.id}"


def job_files(plan: Plan, about: dict[str, Any]) -> dict[str, str]:
    """Name -> text of everything that a job's directory begins with."""
    found = {"run.sh": runner(), "about": json.dumps(about, sort_keys=True), "lock": lock_name(plan.key)}
    found["title"] = f"{plan.action} {plan.target} by {about.get('who', '?')}"
    if plan.check:
        found["check.sh"], found["fingerprint"] = plan.check, plan.fingerprint
    for number, step in enumerate(plan.steps, 1):
        found[f"{number}.title"] = step.title
        found[f"{number}.sh"] = "set -e\n" + step.script
        if step.undo:
            found[f"{number}.undo.sh"] = step.undo
        if step.thaw:
            found[f"{number}.thaw.sh"], found[f"{number}.thaw"] = step.thaw, str(step.thaw_after)
        if step.thaws:
            found[f"{number}.thaws"] = str(step.thaws)
        if step.cancel:
            found[f"{number}.cancel"] = "yes"
    return found


def start_script(job_id: str, contents: dict[str, str]) -> str:
    """The whole script. Prints `started BASE`, `already`, or `refused WHY`; nothing was begun unless `started`."""
    lines = [
        f"    printf '%s\\n' {shlex.quote(text.rstrip(chr(10)))} >{shlex.quote(name)} || return 1"
        for name, text in contents.items()
    ]
    return f"ID={shlex.quote(job_id)}\n" + FIND_BASE + _START.replace("FILES", "\n".join(lines))
