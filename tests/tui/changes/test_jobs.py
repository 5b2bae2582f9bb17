"""The list of jobs of all nodes, the log of one, cancel and undo."""

from __future__ import annotations

import asyncio

import pytest

from backends.change import Ended
from backends.jobs.job import Job, JobState, StepView
from backends.plans.plan import Refused
from tests.tui.changes.fake import done, lost
from tests.tui.changes.page import WEB, ChangePage, changes
from tests.tui.deck.test_frames import HOSTILE
from tests.tui.screens.stage import until
from tui.app import Options
from tui.screens import jobs as jobs_screen
from tui.screens.jobs import JobList, JobLog
from tui.screens.prompt import Question


def about(action: str, identifier: str, name: str, who: str = "eve") -> dict[str, object]:
    return {
        "who": who,
        "host": "desk",
        "time": "2026-11-22 12:00:00",
        "action": action,
        "backend": "openvz",
        "id": identifier,
        "name": name,
        "commands": [f"vzctl {action} {identifier}"],
    }


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_screen, "since", lambda job: "4m" if job else "-")


def filled(page: ChangePage) -> None:
    steps = {1: StepView("stop it", 100.0, 103.0), 2: StepView("copy it", 103.0)}
    running = Job(
        "hn01", "20261122-3", JobState.RUNNING, about("restart", "105", "cron-1", "adam"), 2, steps, now=130.0
    )
    failed = Job(
        "hn03", "20261122-2", JobState.FAILED, about("limit set", "303", "db-main"), 1, steps, ("2", "restored")
    )
    page.jobs.of = {
        "hn01": [done("hn01", "20261122-1", about("stop", "102", "web-shop")), running],
        "hn03": [failed],
    }


async def test_all_nodes_and_other_admins() -> None:
    async with changes(size=(120, 36)) as page:
        filled(page)
        await page.press("J")
        await page.at(JobList)
        await page.shows("restart cron-1", "adam", "3 on 3 nodes", "not asked: hn02")
        assert "2/2 copy it" in page.line("hn01/105")
        assert "copy it, put back" in page.line("hn03/303")
        rows = [line for line in page.text.split("\n") if "eve" in line or "adam" in line]
        assert ["hn01/105" in rows[0], "hn03/303" in rows[1], "hn01/102" in rows[2]] == [True] * 3


async def test_the_log_of_one() -> None:
    async with changes() as page:
        filled(page)
        await page.press("J")
        await page.shows("hn01/102")
        await page.press("G", "enter")
        await page.at(JobLog)
        await page.shows("stop of hn01/102 web-shop", "eve@desk", "hn01 $ vzctl stop 102", "Stopping container ...")
        await page.press("escape")
        await page.at(JobList)


async def test_a_running_one_is_followed() -> None:
    async with changes() as page:
        filled(page)
        await page.press("J")
        await page.shows("hn01/105")
        await page.press("enter")
        log = await page.at(JobLog)
        job = page.jobs.of["hn01"][1]
        job.log = ("it goes on",)
        log._read_at = 0.0
        page.app.tick()
        await page.shows("it goes on")


async def test_cancel_asks_first() -> None:
    async with changes() as page:
        filled(page)
        await page.press("J")
        await page.shows("hn01/105")
        await page.press("K")
        question = await page.at(Question)
        await page.shows("restart of hn01/105 cron-1", "begun by adam")
        await until(page.pilot, lambda: question.ready)
        await page.press("n")
        assert page.jobs.cancelled == []
        await page.press("K")
        question = await page.at(Question)
        await until(page.pilot, lambda: question.ready)
        await page.press("y")
        await until(page.pilot, lambda: page.jobs.cancelled == ["20261122-3"])
        await page.shows("asked to end: it is cancelled")
        await page.press("escape", "G", "K")
        await page.shows("only a job that runs can be cancelled")


async def test_under_read_only_nothing_is_cancelled() -> None:
    async with changes(options=Options(ascii=False, read_only=True)) as page:
        filled(page)
        await page.press("J")
        await page.shows("hn01/105")
        await page.press("K")
        await page.shows("ctdeck was started read-only")
        await page.press("escape", "U")
        await page.shows("ctdeck was started read-only")


async def test_a_node_that_cannot_be_asked_is_named() -> None:
    async with changes() as page:
        page.jobs.fault = lost("hn01")
        await page.press("J")
        await page.shows("not asked: hn02, hn01, hn03, hn04")


async def test_what_this_session_knows_is_there_without_a_job_too() -> None:
    async with changes(size=(120, 36)) as page:
        page.said.faults[WEB] = Refused("The audit cannot be written", "Nothing was done")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows("1 refused")
        await page.press("J")
        await page.at(JobList)
        assert "The audit cannot be written" in page.line("refused", "hn01/102")
        await page.press("escape")
        await page.back_on_deck()
        assert "1 refused" not in page.text  # it has been seen


async def test_ours_are_told_as_they_were_judged() -> None:
    async with changes(size=(120, 36)) as page:
        page.said.outcomes[WEB] = (Ended.FAILED, "restart of hn01/102: the commands succeeded, and yet it is stopped")
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows("and yet it is stopped")
        await page.press("J")
        await page.at(JobList)
        assert "failed" in page.line("hn01/102 ")
        page.said.work = asyncio.Event()


async def test_undo_from_the_list() -> None:
    async with changes() as page:
        await page.on(WEB)
        await page.press("r")
        await page.plan()
        await page.press("y")
        await page.shows("done and verified")
        await page.press("J")
        await page.shows("hn01/102")
        await page.press("U")
        await page.plan()
        await page.shows("undo of hn01/102", "vzctl start 102")


async def test_hostile_words_of_other_admins() -> None:
    async with changes() as page:
        for name in HOSTILE:
            job = done("hn01", "20261122-1", {"who": name, "time": name, "action": name, "id": name, "name": name})
            job.log, job.steps[1].title = (name,), name
            page.jobs.of = {"hn01": [job]}
            await page.press("J")
            await page.shows("done")
            page.only_text()
            await page.press("enter")
            await page.at(JobLog)
            await page.shows("log")
            page.only_text()
            await page.press("escape", "escape")
            await page.back_on_deck()


@pytest.mark.parametrize(
    ("size", "ascii_only"), [((80, 24), False), ((120, 36), False), ((80, 24), True)], ids=["80x24", "120x36", "ascii"]
)
async def test_frames(size: tuple[int, int], ascii_only: bool) -> None:
    name = f"{size[0]}x{size[1]}" + ("-ascii" if ascii_only else "")
    async with changes(size=size, options=Options(ascii=ascii_only)) as page:
        filled(page)
        await page.press("J")
        await page.shows("hn01/105")
        page.same(f"jobs-{name}")
        await page.press("enter")
        await page.at(JobLog)
        await page.shows("restart of hn01/105")
        page.same(f"log-{name}")
        if ascii_only:
            assert page.text.isascii()
