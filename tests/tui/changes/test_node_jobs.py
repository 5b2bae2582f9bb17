"""A node that has become connected is asked for its jobs: what runs is shown, what had died is told."""

from __future__ import annotations

import time

import pytest

from backends.jobs.job import Job, JobState, StepView
from backends.model import NodeState
from tests.tui.changes.page import ChangePage, changes
from tests.tui.deck.page import small
from tests.tui.deck.test_frames import HOSTILE
from tests.tui.screens.stage import until
from tui.app import Options


def job(state: JobState, *, who: str = "adam", detail: tuple[str, ...] = (), was_dead: bool = False) -> Job:
    about = {"who": who, "action": "restart", "node": "hn01", "backend": "openvz", "id": "105", "name": "cron-1"}
    steps = {1: StepView("stop it", 1.0, 2.0), 2: StepView("start it", 2.0)}
    return Job("hn01", "20261122-7", state, about, 2, steps, detail, was_dead=was_dead)


async def asked(page: ChangePage, times: int) -> None:
    """hn01 has been asked so often, and its answer is on the screen."""
    page.app.tick()
    await until(page.pilot, lambda: sum(node == "hn01" for node, _ in page.jobs.asked) == times)
    await page.pilot.pause()


async def test_each_node_once_and_again_after_it_was_away() -> None:
    fleet = small()
    async with changes(fleet) as page:
        await asked(page, 1)
        page.app.tick()
        await page.app.workers.wait_for_complete()
        assert sorted(page.jobs.asked) == [("hn01", True), ("hn03", True), ("hn04", True)]  # hn02 is down
        fleet.up("hn02")
        fleet.store.nodes["hn01"].since = time.monotonic()  # away and back between two ticks
        await asked(page, 2)
        await until(page.pilot, lambda: len(page.jobs.asked) == 5)
        assert sorted(page.jobs.asked[3:]) == [("hn01", True), ("hn02", True)]


async def test_running_ones_of_others_are_in_the_jobs_line_until_they_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.node_jobs.EVERY", 0.0)
    fleet = small()
    fleet.store.nodes["hn01"].state = NodeState.CONNECTING
    async with changes(fleet) as page:
        page.jobs.of = {"hn01": [job(JobState.RUNNING)]}
        fleet.up("hn01")
        await asked(page, 1)
        await page.shows("jobs  hn01/105 restart", "2/2 start it by adam")
        page.jobs.of["hn01"] = [job(JobState.DONE)]
        page.app.tick()
        await until(page.pilot, lambda: "hn01/105 restart" not in page.text)


async def test_dead_ones_are_told_in_one_sentence() -> None:
    fleet = small()
    fleet.store.nodes["hn01"].state = NodeState.CONNECTING
    async with changes(fleet, size=(140, 36)) as page:
        page.jobs.of = {"hn01": [job(JobState.FAILED, detail=("2", "restored", "killed"), was_dead=True)]}
        fleet.up("hn01")
        await asked(page, 1)
        await page.shows("hn01: a job had died and was put right: restart of hn01/105 failed; everything was put back")


async def test_an_old_end_is_not_told() -> None:
    fleet = small()
    fleet.store.nodes["hn01"].state = NodeState.CONNECTING
    async with changes(fleet) as page:
        page.jobs.of = {"hn01": [job(JobState.FAILED, detail=("2", "restored"))]}
        fleet.up("hn01")
        await asked(page, 1)
        await page.app.workers.wait_for_complete()
        assert "hn01/105" not in page.text.split("\n")[-2]


async def test_under_read_only_one_only_looks() -> None:
    fleet = small()
    fleet.store.nodes["hn01"].state = NodeState.CONNECTING
    async with changes(fleet, size=(140, 36), options=Options(ascii=False, read_only=True)) as page:
        page.jobs.of = {"hn01": [job(JobState.DEAD)]}
        fleet.up("hn01")
        await asked(page, 1)
        assert {repair for _, repair in page.jobs.asked} == {False}
        await page.shows("hn01: a job died: restart of hn01/105; read-only here, so nothing was put right")
        await page.press("J")
        await page.shows("dead")
        assert {repair for _, repair in page.jobs.asked} == {False}


async def test_a_read_only_node_is_only_looked_at() -> None:
    fleet = small()
    fleet.store.nodes["hn01"].read_only = True
    async with changes(fleet) as page:
        await asked(page, 1)
        await until(page.pilot, lambda: len(page.jobs.asked) == 3)
        assert sorted(page.jobs.asked) == [("hn01", False), ("hn03", True), ("hn04", True)]


async def test_words_of_others_are_only_text() -> None:
    for name in HOSTILE:
        fleet = small()
        fleet.store.nodes["hn01"].state = NodeState.CONNECTING
        async with changes(fleet) as page:
            found = job(JobState.RUNNING, who=name)
            found.about.update(action=name, id=name)
            found.steps[2].title = name
            page.jobs.of = {"hn01": [found]}
            fleet.up("hn01")
            await asked(page, 1)
            await page.shows("jobs  hn01/")
            page.only_text()
