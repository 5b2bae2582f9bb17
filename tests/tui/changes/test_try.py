"""A command that is tried: `T` in the snapshots, its output, keep or revert."""

from __future__ import annotations

import asyncio

from backends.change import Ended
from backends.jobs.job import Job, JobState
from backends.model import Key
from backends.plans.plan import Check, Verdict
from backends.plans.request import CreateSnapshot, RevertSnapshot, Run
from tests.tui.changes.page import PROD, WEB, ChangePage, changes
from tests.tui.deck.test_frames import HOSTILE
from tests.tui.screens.stage import until
from tui.app import Options
from tui.screens.entry import Entry
from tui.screens.plan import PlanDialog
from tui.screens.snapshots import SnapshotList
from tui.screens.trial import TrialPage


async def asked(page: ChangePage, key: Key = WEB, command: str = "ls") -> PlanDialog:
    """The plan of a command, from the deck."""
    page.said.values["state"] = "running"
    await page.on(key)
    await page.press("p")
    await page.at(SnapshotList)
    await page.shows("clean-install")
    await page.press("T")
    entry = await page.at(Entry)
    await until(page.pilot, lambda: entry.ready)
    await page.press(*("space" if char == " " else "minus" if char == "-" else char for char in command), "enter")
    return await page.plan()


async def ended(page: ChangePage) -> TrialPage:
    """The page, when the command is over and that is shown."""
    trial = await page.at(TrialPage)
    await until(page.pilot, lambda: trial.trying.over)
    page.app.tick()
    await page.pilot.pause()
    return trial


def fails(page: ChangePage, code: int, *said: str) -> None:
    """The command ends with that exit code, as its node tells it."""
    ask = page.jobs.ask

    async def failed(node: str, job_id: str, *, lines: int = 20) -> Job | None:
        job = await ask(node, job_id, lines=lines)
        if job is not None and job.about.get("action") == "run":
            job.state, job.detail = JobState.FAILED, ("1", "as-is", str(code))
            job.log = ("[12:00:00] step 1: run the command inside", *said, f"[12:00:01] failed 1 {code}")
        return job

    page.jobs.ask = failed  # type: ignore[method-assign]


async def test_the_plan_has_snapshot_and_command_and_runs_both_in_order() -> None:
    async with changes(size=(120, 36)) as page:
        await asked(page, command="apt-get -y upgrade")
        await page.shows("try of hn01/102", "vzctl snapshot 102", "vzctl exec2 102 apt-get -y upgrade")
        await page.shows("ctdeck snapshot revert hn01/102 try-20")
        snapshot, command = (request for _, request in page.said.prepared)
        assert isinstance(snapshot, CreateSnapshot)
        assert snapshot.name.startswith("try-20")
        assert command == Run(("apt-get", "-y", "upgrade"))
        await page.press("y")
        await ended(page)
        assert [plan.action for plan in page.said.ran] == ["snapshot create", "run"]
        await page.shows("exited with 0; the container is running", "keep it, or revert?", "Stopping container ...")


async def test_escape_keeps() -> None:
    async with changes() as page:
        await asked(page)
        await page.press("y")
        await ended(page)
        await page.shows("Esc keep")
        await page.press("escape")
        await page.at(SnapshotList)
        await page.shows("kept: the snapshot try-20")
        assert len(page.said.ran) == 2


async def test_enter_keeps() -> None:
    async with changes() as page:
        await asked(page)
        await page.press("y")
        await ended(page)
        await page.press("enter")
        await page.at(SnapshotList)
        assert len(page.said.ran) == 2


async def test_revert_goes_through_its_plan() -> None:
    async with changes() as page:
        await asked(page)
        await page.press("y")
        trial = await ended(page)
        await page.press("R")
        await page.plan()
        await page.shows("revert to try-20", "type hn01/102 to go on:")
        assert page.said.prepared[-1][1] == RevertSnapshot(trial.trying.attempt.name)
        await page.press("escape")
        await page.at(TrialPage)
        assert len(page.said.ran) == 2
        await page.press("R")
        await page.plan()
        await page.type("hn01/102")
        await page.press("enter")
        await page.at(SnapshotList)
        await page.shows("snapshot revert of hn01/102: done and verified")
        assert [plan.action for plan in page.said.ran] == ["snapshot create", "run", "snapshot revert"]


async def test_a_command_that_fails_is_told_with_its_code_and_words() -> None:
    async with changes() as page:
        page.said.outcomes[WEB] = (Ended.DONE, "fine")
        fails(page, 7, "E: no space left")
        dialog = await asked(page)
        assert dialog.applicable
        run = page.changer.run

        async def run_as_told(plan, **more):  # type: ignore[no-untyped-def]
            outcome = await run(plan, **more)
            if plan.action == "run":
                outcome.ended, outcome.job = Ended.FAILED, await page.jobs.ask("hn01", outcome.job.id)
            return outcome

        page.changer.run = run_as_told  # type: ignore[method-assign]
        await page.press("y")
        await ended(page)
        await page.shows("exited with 7; the container is running", "E: no space left", "R revert to before")
        assert "step 1" not in page.text


async def test_without_a_snapshot_nothing_is_run() -> None:
    async with changes() as page:
        page.said.outcomes[WEB] = (Ended.FAILED, "snapshot create of hn01/102 failed at: freeze")
        await asked(page)
        await page.press("y")
        await ended(page)
        await page.shows("failed at: freeze", "it has not come to its end")
        assert [plan.action for plan in page.said.ran] == ["snapshot create"]
        await page.press("R")
        await page.shows("there is nothing to revert")
        assert page.said.prepared[-1][1] != RevertSnapshot("x")


async def test_a_check_that_fails_after_the_snapshot_stops_it() -> None:
    async with changes() as page:
        await asked(page)
        page.said.work = asyncio.Event()
        await page.press("y")
        await until(page.pilot, lambda: page.said.ran)
        page.said.checks[WEB] = (Check("state", Verdict.REFUSE, "it is stopped"),)
        page.said.work.set()
        await ended(page)
        await page.shows("it is stopped")
        assert [plan.action for plan in page.said.ran] == ["snapshot create"]


async def test_left_while_it_runs_the_end_is_told() -> None:
    async with changes() as page:
        await asked(page)
        page.said.work = asyncio.Event()
        await page.press("y")
        await page.at(TrialPage)
        await page.shows("Esc leave it running")
        await page.press("R", "escape", "escape")
        await page.at(SnapshotList)
        page.said.work.set()
        await page.shows("try of hn01/102: exited with 0; the container is running; kept")


async def test_a_production_node_wants_its_name_and_the_whole_is_one_consent() -> None:
    async with changes(size=(120, 36)) as page:
        dialog = await asked(page, PROD)
        assert dialog.applicable == []
        await page.press("a")
        await page.plan()
        await page.shows("type hn03/302 to go on:")
        await page.type("hn03/302")
        await page.press("enter")
        await ended(page)
        assert [plan.action for plan in page.said.ran] == ["snapshot create", "run"]
        assert all(consent.armed and consent.confirmed == "hn03/302" for consent in page.said.consents)


async def test_what_is_no_command_line_is_said_and_n_does_nothing() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("p", "T")
        entry = await page.at(Entry)
        await until(page.pilot, lambda: entry.ready)
        await page.press("enter")
        await page.shows("try wants a command")
        await page.press("quotation_mark", "a", "enter")
        await page.shows("is no command line")
        await page.press("quotation_mark", "enter")
        await page.plan()
        await page.press("e")
        entry = await page.at(Entry)
        await until(page.pilot, lambda: entry.ready)
        await page.press("enter")
        await page.plan()
        await page.press("n")
        await page.at(SnapshotList)
        assert page.said.ran == []


async def test_under_read_only_it_is_refused() -> None:
    async with changes(options=Options(ascii=False, read_only=True)) as page:
        await page.on(WEB)
        await page.press("p", "T")
        await page.shows("ctdeck was started read-only")


async def test_hostile_output_is_only_text() -> None:
    async with changes() as page:
        fails(page, 1, *HOSTILE)
        await asked(page)
        await page.press("y")
        await ended(page)
        await page.shows("[b]bold[/b]")
        page.only_text()
