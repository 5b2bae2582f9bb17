"""Our end of the jobs: send one, ask for one, ask for all, end one. A lost answer is UNKNOWN, and nothing is ever sent twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths, records
from ..errors import Fault, FaultKind
from ..model import Key
from ..plans.plan import Plan, Refused
from ..text import decode, decode_lines
from ..transport import Completed
from .job import Job, JobState, read_status
from .start import FIND_BASE, PLACES, job_files, lock_name, start_script

if TYPE_CHECKING:
    from ..fleet import Fleet

START_TIMEOUT = 20.0
ASK_TIMEOUT = 15.0
#: So many of the newest jobs of a node are listed.
LISTED = 40

_VISIT = (
    FIND_BASE
    + 'ctdeck_base && [ -f "$base/jobs/$1/run.sh" ] || { echo absent; exit 0; }\nsh "$base/jobs/$1/run.sh" "$2" "$3"\n'
)

#: Makes no folder: a node that has no jobs stays as it is.
_LIST = """
found=
for base in PLACES; do
    base=${CTDECK_ROOT-}$base
    if [ -O "$base" ] && [ -w "$base/jobs" ] && [ -w "$base/locks" ]; then found=yes; break; fi
done
[ -n "$found" ] || exit 0
ls -1 "$base/jobs" 2>/dev/null | grep '^[0-9]' | tail -n "$1" | while read -r id; do
    [ -f "$base/jobs/$id/run.sh" ] || continue
    said=$(sh "$base/jobs/$id/run.sh" status 0)
    dead=
    if [ "$2" = repair ] && printf '%s\\n' "$said" | grep '^state dead$' >/dev/null; then
        dead=yes; sh "$base/jobs/$id/run.sh" recover; said=$(sh "$base/jobs/$id/run.sh" status 0)
    fi
    printf '%s\\n' "$said"
    [ -z "$dead" ] || echo 'was dead'
done
""".replace("PLACES", " ".join(PLACES))

_CHANGES = (
    FIND_BASE
    + """
ctdeck_base && cd "$base/jobs" || exit 0
grep -lxF -e "$1" [0-9]*/lock /dev/null 2>/dev/null | tail -n "$2" | while IFS=/ read -r id file; do
    [ ! -f "$id/run.sh" ] || sh "$base/jobs/$id/run.sh" status 0
done
"""
)


class Jobs:
    """The jobs of a fleet's nodes."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def send(self, job_id: str, plan: Plan, about: dict[str, Any]) -> None:
        """Put a job onto its node. Its id is on our disk before it is sent.

        Raises `Refused` when the node took nothing, `Fault` when it cannot be told whether it did: ask for the id then.
        """
        node = plan.key.node
        try:
            self.note("sent", job_id, node, about)
        except OSError as error:
            raise Refused(f"The journal of jobs cannot be written ({error})", "Nothing was done") from None
        done = await self._fleet.run(node, start_script(job_id, job_files(plan, about)), timeout=START_TIMEOUT)
        said = decode_lines(done.stdout)
        word, _, rest = said[-1].partition(" ") if said else ("", "", "")
        if word in ("started", "already"):
            return
        if word == "refused":
            raise Refused(f"{node} takes no job: {rest}", "Nothing was done")
        if done.status is None:
            raise Fault(FaultKind.LOST, f"The connection to {node} broke while the job was sent")
        raise Refused(
            f"{node} could not begin the job: {decode(done.stderr[-300:], 200) or 'it said nothing'}",
            "Nothing was done",
        )

    async def ask(self, node: str, job_id: str, *, lines: int = 20) -> Job | None:
        """How a job is; None when the node has none of that id. Raises `Fault` when the node cannot be asked."""
        return await self._visit(node, job_id, "status", str(lines))

    async def cancel(self, node: str, job_id: str) -> Job | None:
        """End a job where its step allows it, and begin no further one."""
        await self._visit(node, job_id, "cancel")
        return await self.ask(node, job_id)

    async def recover(self, node: str, job_id: str) -> Job | None:
        """Put right what a dead job has left."""
        await self._visit(node, job_id, "recover")
        return await self.ask(node, job_id)

    async def listed(self, node: str, *, repair: bool = True) -> list[Job]:
        """The newest jobs of a node, of all admins, oldest first. With `repair`, dead ones are put right on the way."""
        what = "repair" if repair else "look"
        done = await self._fleet.run(node, _LIST, str(LISTED), what, timeout=4 * ASK_TIMEOUT)
        return _read_all(node, done)

    async def changes(self, key: Key) -> list[Job]:
        """The newest jobs of one container, of all admins, oldest first, however many others its node has had since."""
        lock = lock_name(key)
        done = await self._fleet.run(key.node, _CHANGES, lock, str(LISTED), timeout=4 * ASK_TIMEOUT)
        return _read_all(key.node, done)

    async def _visit(self, node: str, job_id: str, verb: str, argument: str = "") -> Job | None:
        done = await self._fleet.run(node, _VISIT, job_id, verb, argument, timeout=ASK_TIMEOUT)
        if done.status is None:
            raise Fault(FaultKind.LOST, f"The connection to {node} broke while it was asked for a job")
        lines = decode_lines(done.stdout, 1 << 16)
        return None if lines[:1] == ["absent"] else read_status(node, lines)

    @staticmethod
    def sent() -> dict[str, Job]:
        """Every job that this account has sent from this machine, oldest first, in the state UNKNOWN."""
        return {
            str(record.get("job")): unknown(str(record.get("node")), str(record.get("job")), dict(record["about"]))
            for record in records.read(_journal())
            if record.get("event") == "sent" and isinstance(record.get("about"), dict)
        }

    @staticmethod
    def unfinished() -> dict[str, Job]:
        """Those of `sent` whose end nobody here has seen."""
        ended = {record.get("job") for record in records.read(_journal()) if record.get("event") == "ended"}
        return {job_id: job for job_id, job in Jobs.sent().items() if job_id not in ended}

    @staticmethod
    def note(event: str, job_id: str, node: str, about: dict[str, Any]) -> None:
        """One line of the journal. Raises OSError: a job that cannot be noted is not sent."""
        record = {"at": round(time.time(), 3), "event": event, "job": job_id, "node": node, "about": about}
        records.append(_journal(), record)


def _journal() -> Path:
    return paths.state() / "journal.jsonl"


def _read_all(node: str, done: Completed) -> list[Job]:
    """The outputs of `run.sh status` one after the other. Raises `Fault` when they were cut off."""
    if done.status is None:
        raise Fault(FaultKind.LOST, f"The connection to {node} broke while it was asked for its jobs")
    found: list[list[str]] = []
    for line in decode_lines(done.stdout, 1 << 16):
        if line.startswith("id "):
            found.append([])
        if found:
            found[-1].append(line)
    return [read_status(node, lines) for lines in found]


def unknown(node: str, job_id: str, about: dict[str, Any]) -> Job:
    """A job whose node could not be asked."""
    return Job(node, job_id, JobState.UNKNOWN, about)
