"""A command that is tried in a container: goes on when its page is left, and tells the end on the deck then."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.attempt import Attempt, Found, output
from backends.change import Consent, Ended, Outcome
from backends.errors import CtdeckError
from backends.jobs.job import Job

if TYPE_CHECKING:
    from .app import Deck


@dataclass(slots=True, eq=False)
class Trying:
    """One attempt as it goes. `wrong`: what went wrong on our way; the command's own failure is in `found`."""

    app: Deck
    attempt: Attempt
    armed: bool
    ran: Outcome | None = None
    found: Found | None = None
    wrong: str = ""
    at_command: bool = False  # from then on the snapshot is there
    over: bool = False
    left: bool = False  # nobody looks at its page any more

    @property
    def command(self) -> str:
        return shlex.join(self.attempt.argv)

    @property
    def job(self) -> Job | None:
        """The command's job while it runs, as last heard of."""
        if not self.at_command:
            return None
        live = (running for running in self.app.changing.running if running.plan.key == self.attempt.key)
        return next((running.job for running in live), None)

    @property
    def output(self) -> tuple[str, ...]:
        """What the command has said: all of it at the end, its last lines while it runs."""
        if self.found is not None:
            return self.found.output
        return output(self.job) if self.job is not None else ()

    def begin(self) -> None:
        """Return at once. What was said to both plans has been checked."""
        self.app.run_worker(self._go(), group="changes", description="try a command")

    async def _go(self) -> None:
        try:
            await self._steps()
        except CtdeckError as error:
            self.wrong = str(error)
        finally:
            self.over = True
        if self.left:
            self._tell()

    def _tell(self) -> None:
        key, found = self.attempt.key, self.found
        text = f"{found.sentence}; kept, the snapshot {self.attempt.name} is there" if found else self.wrong
        good = found is not None and found.exit == 0
        self.app.tell_result(f"try of {key.node}/{key.id}: {text}", good=good)

    async def _steps(self) -> None:
        perform = self.app.changing.perform
        snapshot, _ = await self.attempt.plans()
        consent = Consent(snapshot.target, self.armed)
        self.attempt.changer.consent(snapshot, consent, read_only=self.app.read_only)
        made = await perform(snapshot)
        if made.ended is not Ended.DONE:
            self.wrong = made.message
            return
        self.at_command = True
        self.ran = ran = await self.attempt.run(perform, consent, read_only=self.app.read_only)
        if ran.job is None or not ran.job.over or ran.ended is Ended.REFUSED:
            self.wrong = ran.message
            return
        self.found = await self.attempt.found(ran.job)
