"""The jobs of all nodes, also those of other admins (`J`), and the log of one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType

from backends.change import Ended, Outcome
from backends.errors import CtdeckError
from backends.jobs.job import Job, JobState
from backends.model import NodeState
from backends.plans.plan import Plan
from backends.store import Changes
from tui.changing import AT_ONCE, Running
from tui.format import UNKNOWN, cells, fit, safe, span
from tui.propose import change_refused, propose
from tui.theme.glyphs import Glyphs
from tui.theme.tones import Tone
from tui.widgets.lines import EMPTY, line, wrap
from tui.widgets.surface import Line

from .list_page import ListPage
from .page import Page
from .prompt import Question

#: Seconds between two readings of all jobs, and of the one whose log is shown, while they are followed.
EVERY = 5.0
LOG_EVERY = 1.0
LOG_LINES = 200

_TONES = {
    JobState.RUNNING: Tone.ACCENT,
    JobState.DONE: Tone.NORMAL,
    JobState.FAILED: Tone.CRIT,
    JobState.UNKNOWN: Tone.CRIT,
    JobState.DEAD: Tone.CRIT,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a job as its node told it, or what this session knows where there is none."""

    job: Job | None = None
    outcome: Outcome | None = None
    running: Running | None = None

    @property
    def sort(self) -> str:
        """Newest first; what is under way before all."""
        if self.running is not None:
            return "~"
        return self.job.id if self.job is not None else "}"


class JobList(ListPage[None]):
    """Read when opened, on a key, and every few seconds while followed."""

    ACTIONS: ClassVar[tuple[str, ...]] = (*Page.ACTIONS, "refresh", "undo")
    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "log", "log"),
        ("K", "cancel", "cancel"),
        ("f", "follow", "follow"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, list[Job]] = {}
        self.wrong: dict[str, str] = {}  # node -> why it could not be asked
        self.follow = True
        self.reading = False
        self._read_at = 0.0

    # -- reading

    def on_mount(self) -> None:
        super().on_mount()
        self.action_refresh()

    def action_refresh(self) -> None:
        if not self.reading:
            self.reading = True
            self.run_worker(self._read(), group="jobs", exclusive=True, description="read the jobs")

    async def _read(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(node: str) -> None:
            async with gate:
                try:
                    self.jobs[node] = await self.app.changing.nodes.ask(node)
                    self.wrong.pop(node, None)
                except CtdeckError as error:
                    self.wrong[node] = error.message

        try:
            nodes = self.app.store.nodes.values()
            for node in nodes:
                if node.state is not NodeState.UP:
                    self.wrong[node.name] = f"{node.name} is {node.state.value}"
            await asyncio.gather(*(ask(node.name) for node in nodes if node.state is NodeState.UP))
        finally:
            self.reading = False
            self._read_at = time.monotonic()
        self.show()

    def store_changed(self, changes: Changes) -> None:
        if self.follow and time.monotonic() - self._read_at > EVERY:
            self.action_refresh()
        super().store_changed(changes)

    def show(self) -> None:
        self.app.changing.read()
        super().show()

    # -- what is shown

    @property
    def entries(self) -> list[Entry]:
        changing = self.app.changing
        live = {running.job.id: running for running in changing.running if running.job is not None}
        told = {outcome.job.id: outcome for outcome in changing.ended if outcome.job is not None}
        found = [Entry(job, told.get(job.id), live.pop(job.id, None)) for jobs in self.jobs.values() for job in jobs]
        known = {entry.job.id for entry in found if entry.job is not None}
        found += [Entry(running.job, None, running) for running in changing.running if not _in(running.job, known)]
        found += [Entry(outcome.job, outcome) for outcome in changing.ended if not _in(outcome.job, known)]
        return sorted(found, key=lambda entry: entry.sort, reverse=True)

    @property
    def chosen(self) -> Entry | None:
        entries = self.entries
        return entries[min(self.at, len(entries) - 1)] if entries else None

    def choices(self) -> int:
        return len(self.entries)

    def title_lines(self) -> Sequence[Line]:
        count = sum(map(len, self.jobs.values()))
        told = f"{count} on {len(self.jobs)} node{'' if len(self.jobs) == 1 else 's'}"
        told += f", {self.app.glyphs.ellipsis}" if self.reading and not self.jobs else ""
        if self.wrong:
            told += f", not asked: {', '.join(map(safe, self.wrong))}"
        return [
            (("jobs  ", Tone.STRONG), (told, Tone.WARN if self.wrong else Tone.DIM)),
            line(f"  {'STATE':11}{'WHAT':{self._what}}{'WHERE':{self._where}}{'BY':12}{'SINCE':6} STEP", Tone.HEAD),
        ]

    @property
    def _what(self) -> int:
        return 26 if self.view.width >= 100 else 20

    @property
    def _where(self) -> int:
        return 20 if self.view.width >= 100 else 14

    def content(self) -> Sequence[Line]:
        entries = self.entries
        if not entries:
            words = "reading " + self.app.glyphs.ellipsis if self.reading else "no node has any"
            return [line(f"  {words}", Tone.DIM)]
        return [self._row(entry) for entry in entries]

    def _row(self, entry: Entry) -> Line:
        glyphs = self.app.glyphs
        sign, word, tone = state_words(entry, glyphs)
        job, plan = entry.job, _plan(entry)
        action = str(job.about.get("action", "")) if job else plan.action if plan else ""
        name = str((job.about.get("name") if job else plan.name if plan else "") or "")
        where = f"{job.node}/{job.about.get('id', '')}" if job else plan.target if plan else ""
        who = str(job.about.get("who", "")) if job else ""

        def cell(text: str, width: int) -> str:
            return fit(safe(text), width - 1, ellipsis=glyphs.ellipsis) + " "

        return (
            (cell(f"  {sign} {word}", 13), tone),
            (cell(f"{action} {name}", self._what), Tone.NORMAL),
            (cell(where, self._where), Tone.NORMAL),
            (cell(who, 12), Tone.DIM),
            (f"{since(job):>5}  ", Tone.DIM),
            (safe(step_words(entry)), tone if tone is Tone.CRIT else Tone.DIM),
        )

    def hints(self) -> Sequence[tuple[str, str]]:
        return (
            ("Enter", "log"),
            ("K", "cancel"),
            (self.key("undo"), "undo"),
            ("f", "follow: on" if self.follow else "follow: off"),
            (self.key("refresh"), "read again"),
            ("Esc", "back"),
        )

    # -- keys

    def action_follow(self) -> None:
        self.follow = not self.follow
        self._foot()

    def action_log(self) -> None:
        entry = self.chosen
        if entry is None:
            return
        if entry.job is None:
            self.say(entry.outcome.message if entry.outcome else "it is being sent")
            return
        self.app.push_screen(JobLog(entry.job, entry.outcome))

    def action_cancel(self) -> None:
        entry = self.chosen
        if entry is None or entry.job is None or entry.job.over:
            self.say("only a job that runs can be cancelled")
            return
        job = entry.job
        why = "ctdeck was started read-only" if self.app.read_only else ""
        if why:
            self.say_error(why)
            return
        where = f"{job.node}/{job.about.get('id', '?')}"
        lines = [
            safe(f"{job.about.get('action', 'a job')} of {where} {job.about.get('name') or ''}".rstrip()),
            safe(f"begun by {job.about.get('who', 'somebody')} at {job.about.get('time', '?')}"),
            "It ends where its step allows it; what was begun is put back.",
        ]

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._cancel(job), group="cancel", description="cancel a job")

        question = Question("cancel this job?", lines, yes="cancel it", no="let it run", danger=True)
        self.app.push_screen(question, answered)

    async def _cancel(self, job: Job) -> None:
        try:
            said = await self.app.changing.changer.jobs.cancel(job.node, job.id)
        except CtdeckError as error:
            self.say_error(f"{error.message}. Whether it was cancelled is UNKNOWN", error.remedy)
            return
        if said is None:
            self.say_error(f"{job.node} has no such job any more")
        else:
            self.say(f"asked to end: it is {said.state.value}")
        self.action_refresh()

    def action_undo(self) -> None:
        from tui.proposal import Proposal

        entry = self.chosen
        plan = _plan(entry) if entry is not None else None
        key = entry.job.key if entry is not None and entry.job is not None else plan.key if plan is not None else None
        if key is None or key.node not in self.app.store.nodes:
            self.say("there is nothing to undo")
            return
        if why := change_refused(self.app, key):
            self.say_error(why)
            return
        propose(self.app, Proposal("undo", (key,), None))


class JobLog(Page[None]):
    """What one job did and said; followed while it runs."""

    ACTIONS: ClassVar[tuple[str, ...]] = (*Page.ACTIONS, "refresh")
    BINDINGS: ClassVar[list[BindingType]] = [("f", "follow", "follow")]

    def __init__(self, job: Job, outcome: Outcome | None = None) -> None:
        super().__init__()
        self.job = job
        self.outcome = outcome
        self.follow = True
        self._reading = False
        self._read_at = 0.0

    def on_mount(self) -> None:
        super().on_mount()
        self.action_refresh()

    def action_refresh(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read(), group="log", exclusive=True, description="read the log of a job")

    async def _read(self) -> None:
        try:
            said = await self.app.changing.changer.jobs.ask(self.job.node, self.job.id, lines=LOG_LINES)
        except CtdeckError as error:
            self.say_error(error.message, error.remedy)
        else:
            if said is None:
                self.say_error(f"{self.job.node} has no such job any more")
            else:
                self.job = said
        finally:
            self._reading = False
            self._read_at = time.monotonic()
        self.show()
        if self.follow and not self.job.over:
            self.scroll_lines("bottom")

    def store_changed(self, changes: Changes) -> None:
        if self.follow and not self.job.over and time.monotonic() - self._read_at >= LOG_EVERY:
            self.action_refresh()
        super().store_changed(changes)

    def title_lines(self) -> Sequence[Line]:
        about, glyphs = self.job.about, self.app.glyphs
        sign, word, tone = state_words(Entry(self.job, self.outcome), glyphs)
        where = f"{self.job.node}/{about.get('id', '?')} {about.get('name') or ''}".rstrip()
        who = f"{about.get('who', '?')}@{about.get('host', '?')}  {about.get('time', '?')}  job {self.job.id}"
        return [
            ((f"{safe(str(about.get('action', 'job')))} of {safe(where)}  ", Tone.STRONG), (f"{sign} {word}", tone)),
            line(safe(who), Tone.DIM),
        ]

    def content(self) -> Sequence[Line]:
        width = self.view.width
        rows: list[Line] = []
        if self.outcome is not None:
            tone = Tone.NORMAL if self.outcome.ended is Ended.DONE else Tone.CRIT
            rows += [*(line(row, tone) for row in wrap(safe(self.outcome.message), width)), EMPTY]
        for number, step in sorted(self.job.steps.items()):
            took = ""
            if step.began is not None:
                ended = step.ended if step.ended is not None else self.job.now
                took = f"{ended - step.began:8.1f} s" if ended is not None else ""
            sign = (
                self.app.glyphs.ok if step.ended is not None else " " if step.began is None else self.app.glyphs.cursor
            )
            fired = "  thawed by the dead man's hand" if step.fired is not None else ""
            title = fit(safe(step.title), max(cells(safe(step.title)), 30))
            rows.append(((f"{sign} {number} {title}", Tone.NORMAL), (took, Tone.DIM), (fired, Tone.CRIT)))
        commands = self.job.about.get("commands")
        if isinstance(commands, list):
            rows.append(EMPTY)
            for text in commands:
                for command in str(text).splitlines():
                    rows += [line(row, Tone.DIM) for row in wrap(f"{safe(self.job.node)} $ {safe(command)}", width)]
        rows += [EMPTY, line("log", Tone.HEAD)]
        rows += [line(row) for text in self.job.log for row in wrap(safe(text), width)]
        return rows if self.job.log else [*rows, line("it has said nothing", Tone.DIM)]

    def hints(self) -> Sequence[tuple[str, str]]:
        return (
            ("f", "follow: on" if self.follow else "follow: off"),
            (self.key("refresh"), "read again"),
            ("Esc", "back"),
        )

    def action_follow(self) -> None:
        self.follow = not self.follow
        self._foot()


def _in(job: Job | None, known: set[str]) -> bool:
    return job is not None and job.id in known


def _plan(entry: Entry) -> Plan | None:
    if entry.outcome is not None:
        return entry.outcome.plan
    return entry.running.plan if entry.running is not None else None


def state_words(entry: Entry, glyphs: Glyphs) -> tuple[str, str, Tone]:
    """Sign, word and tone of how it is. Done on the node but not as planned is failed here."""
    outcome, job = entry.outcome, entry.job
    if outcome is not None and outcome.ended is not Ended.DONE:
        word = outcome.ended.name.lower()
        return (glyphs.stale if outcome.ended is Ended.UNKNOWN else glyphs.bad, word, Tone.CRIT)
    if entry.running is not None or job is None:
        return glyphs.cursor, "run", Tone.ACCENT
    tone = _TONES.get(job.state, Tone.WARN)
    if job.state is JobState.RUNNING:
        return glyphs.cursor, "run", tone
    if job.state is JobState.DONE:
        return glyphs.ok, "done", tone
    return (glyphs.stale if job.state is JobState.UNKNOWN else glyphs.bad, job.state.value, tone)


def step_words(entry: Entry) -> str:
    """What it does now, or how it ended."""
    if entry.running is not None:
        return entry.running.step
    job = entry.job
    if entry.outcome is not None:
        seconds = entry.outcome.seconds
        if entry.outcome.ended is Ended.DONE:
            return "verified" if seconds is None else f"verified, {seconds:.1f} s"
        if job is None or entry.outcome.ended is not Ended.FAILED or job.state is JobState.DONE:
            return entry.outcome.message
    if job is None:
        return ""
    if job.state is JobState.RUNNING:
        view = job.steps.get(max(1, job.step))
        return f"{max(1, job.step)}/{len(job.steps)} {view.title if view else ''}".rstrip()
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return f"{job.failed_step}{_RESTORED.get(job.restored, '')}"
    return ""


_RESTORED = {"restored": ", put back", "as-is": ", look at it", "dirty": ", PUTTING BACK FAILED"}


def since(job: Job | None) -> str:
    """How long ago it began, by the clock of who began it."""
    try:
        began = datetime.strptime(str(job.about.get("time", "")) if job else "", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return UNKNOWN
    return span((datetime.now() - began).total_seconds())
