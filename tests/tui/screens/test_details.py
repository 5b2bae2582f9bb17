"""Details, beancounters and node info: what they show, at every size, and what stays calm."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from backends.model import Beancounter, Container, Key, Leash, Limits, State, Usage
from tests.tui.screens.stage import DB, LXC, OLD, WEB, G, fleet, frame, same, stage, until
from tui.app import Options
from tui.describe import View
from tui.look import look, look_at_node
from tui.screens.beancounters import Beancounters
from tui.screens.details import Details
from tui.screens.first_steps import FirstSteps
from tui.screens.help import Help
from tui.screens.logs import Logs
from tui.screens.node_info import NodeInfo
from tui.screens.page import Page
from tui.screens.raw import Raw

#: Tue Nov 14 22:13:20 UTC 2023; no point and no label falls on the edge of a column
WALL = 1_700_000_000.25


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> float:
    """The clock of the pages stands still; returns our monotonic clock."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    now = time.monotonic()
    view = property(lambda page: View(page.app.size.width, page.app.glyphs, now, WALL))
    monkeypatch.setattr(Page, "view", view)
    clocks = SimpleNamespace(time=lambda: WALL, monotonic=lambda: now, perf_counter=time.perf_counter)
    monkeypatch.setattr("backends.trouble.triage.time", clocks)
    return now


@pytest.mark.parametrize(
    ("name", "size", "ascii_only"),
    [("80x24", (80, 24), False), ("120x40", (120, 40), False), ("200x50", (200, 50), False), ("ascii", (80, 24), True)],
)
async def test_details_frame(still: float, name: str, size: tuple[int, int], ascii_only: bool) -> None:
    made = fleet()
    made.store.started = still - 4000.5
    lock = made.store.containers[WEB].lock
    assert lock is not None
    made.store.containers[WEB].lock = type(lock)(lock.by, lock.pid, WALL - 1860)
    async with stage(made, size, Options(ascii=ascii_only)) as (app, pilot):
        look(app.deck_screen, "details", WEB)
        await until(pilot, lambda: "usual" in frame(pilot) or "peak" in frame(pilot))
        await pilot.pause()
        same(pilot, f"details-{name}")
        if ascii_only:
            assert frame(pilot).isascii()


async def test_a_leash_is_told(still: float) -> None:
    made = fleet()
    made.store.containers[WEB].leashes = (Leash("cpu_limit", int(WALL) + 600),)
    async with stage(made, (120, 40)) as (app, pilot):
        look(app.deck_screen, "details", WEB)
        await until(pilot, lambda: "cpu limit until 22:23" in frame(pilot))
        assert "◷ leash" in frame(pilot)


async def test_no_color_says_the_same(still: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as (app, pilot):
        look(app.deck_screen, "details", WEB)
        await until(pilot, lambda: "peak" in frame(pilot))
        assert "● running" in frame(pilot)
        assert "! failcnt +12 in 60 s, memory 95% of its limit" in frame(pilot)


async def test_history_toggles_between_minutes_and_the_hour(still: float) -> None:
    made = fleet()
    made.store.started = still - 4000.5
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "history", WEB)
        await until(pilot, lambda: "21:30" in frame(pilot))
        await pilot.press("h")
        await until(pilot, lambda: "22:10" in frame(pilot))
        assert "21:30" not in frame(pilot)


async def test_what_is_not_known_is_a_dash() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "details", LXC)
        await until(pilot, lambda: "lab1/mail" in frame(pilot))
        lines = {line.split()[0]: line.split()[1:] for line in frame(pilot).splitlines() if line.strip()}
        assert lines["swap"][:2] == ["-", "-"]
        assert lines["memory"][:2] == ["90M", "-"]
        assert "0%" not in lines["processes"]


async def test_the_next_container_without_leaving() -> None:
    order = [WEB, DB, OLD]
    async with stage() as (app, pilot):
        left: list[object] = []
        look(app.deck_screen, "details", WEB, lambda: order, left.append)
        await until(pilot, lambda: "1042 web-shop" in frame(pilot))
        await pilot.press("j")
        await until(pilot, lambda: "1051 db-shop" in frame(pilot))
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: "230 web-old" in frame(pilot))
        await pilot.press("k")
        await until(pilot, lambda: "1051 db-shop" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.deck_screen)
        assert left == [DB]


async def test_keys_of_the_deck_that_work_on_a_page_too() -> None:
    made = fleet()
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "details", DB)
        await until(pilot, lambda: "● running" in frame(pilot))
        await pilot.press("A")
        await until(pilot, lambda: frame(pilot).isascii() and "* running" in frame(pilot))
        await pilot.press("A", "f5")
        await until(pilot, lambda: made.refreshed == ["hn07"] and "asking hn07 now" in frame(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "Esc back" in frame(pilot))
        assert isinstance(app.screen, Details)


async def test_every_bound_action_has_a_method() -> None:
    async with stage() as (_, _):
        pages = (Details(WEB), Beancounters(WEB), Raw(WEB), Logs(WEB), NodeInfo("hn07"), Help(), FirstSteps([], ""))
        for page in pages:
            for bindings in page._bindings.key_to_bindings.values():
                for binding in bindings:
                    name = binding.action.partition("(")[0]
                    assert "." in name or hasattr(page, f"action_{name}"), (type(page), binding)


async def test_figures_follow_the_store() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "details", DB)
        await until(pilot, lambda: "now 12" in frame(pilot))
        app.store.containers[DB].usage.cpu_percent = 77.0
        app.store.touch(DB)
        await until(pilot, lambda: "now 77" in frame(pilot))


async def test_a_container_that_goes_away_is_kept_and_marked() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "details", DB)
        await until(pilot, lambda: "db-shop" in frame(pilot))
        app.store.drop(DB)
        await until(pilot, lambda: "no longer on hn07" in frame(pilot))
        assert "db-shop" in frame(pilot)


async def test_old_figures_say_their_age() -> None:
    made = fleet()
    node = made.store.nodes["hn07"]
    node.state, node.answered = type(node.state).STALE, time.monotonic() - 42
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "details", DB)
        await until(pilot, lambda: "? 42s old" in frame(pilot) or "? 43s old" in frame(pilot))


async def test_nothing_is_painted_when_nothing_changes(still: float) -> None:
    made = fleet()
    made.store.started = still - 4000.5
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "details", WEB)
        await until(pilot, lambda: "peak" in frame(pilot))
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, Details)
        painted: list[object] = []
        for widget in screen.walk_children():
            widget.refresh = lambda *regions, **_: painted.append(regions)  # type: ignore[method-assign,assignment]
        screen.show()
        assert painted == []
        app.store.containers[WEB].usage.cpu_percent = 1.0
        screen.show()
        assert painted


# Beancounters


async def test_beancounters_worst_first_with_units() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "beancounters", WEB)
        await until(pilot, lambda: isinstance(app.screen, Beancounters) and "kmemsize" in frame(pilot))
        lines = frame(pilot).splitlines()
        assert lines[1] == "6 beancounters, 2 have failed"
        assert lines[4] == "privvmpages    65536 (256M)   65536 (256M)   65536 (256M)   69632 (272M)     120"
        assert lines[5].split() == ["tcpsndbuf", "0", "3.0M", "4.0M", "6.0M", "3"]
        assert lines[9].split()[-2:] == ["unlimited", "0"]


async def test_a_failcnt_that_grows_comes_first() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "beancounters", WEB)
        await until(pilot, lambda: "kmemsize" in frame(pilot))
        counters = app.store.containers[WEB].beancounters
        counters["numproc"] = Beancounter(500, 500, 500, 500, 7)
        app.store.touch(WEB)
        await until(pilot, lambda: "7 +7" in frame(pilot))
        assert frame(pilot).splitlines()[4].startswith("numproc")


async def test_no_beancounters_on_lxc_and_why() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "beancounters", LXC)
        await until(pilot, lambda: "LXC has no beancounters" in frame(pilot))
        assert app.screen is app.deck_screen


async def test_a_stopped_container_has_none_yet() -> None:
    async with stage() as (app, pilot):
        look(app.deck_screen, "beancounters", OLD)
        await until(pilot, lambda: "None are known yet" in frame(pilot))


# Node


async def test_node_info_says_the_error_and_the_remedy() -> None:
    async with stage() as (app, pilot):
        look_at_node(app.deck_screen, "hn12")
        await until(pilot, lambda: isinstance(app.screen, NodeInfo) and "remedy" in frame(pilot))
        lines = frame(pilot).splitlines()
        assert lines[0].startswith("hn12  ✗ down for 6m  retry in ")
        assert "error      hn12 (10.0.0.12:22) does not answer" in lines
        assert "remedy     Is it switched on? Try: ssh hn12.example.net" in lines


async def test_node_info_says_what_asking_costs() -> None:
    async with stage() as (app, pilot):
        look_at_node(app.deck_screen, "hn07")
        await until(pilot, lambda: "round trip 2.1 ms" in frame(pilot))
        assert "asking it  1.2 ms of its CPU per sample, every 2 s" in frame(pilot)
        assert "vzctl 4.11.1" in frame(pilot)


async def test_connect_now() -> None:
    made = fleet()
    async with stage(made) as (app, pilot):
        look_at_node(app.deck_screen, "hn12")
        await until(pilot, lambda: isinstance(app.screen, NodeInfo))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: made.refreshed == ["hn12"])
        assert "asking hn12 now" in frame(pilot)


async def test_many_addresses_and_long_names_are_not_lost() -> None:
    made = fleet()
    key = Key("hn07", "openvz", "3000")
    many = tuple(f"2001:db8::{index:x}" for index in range(40))
    made.store.put(
        Container(key, State.RUNNING, name="n" * 300, ips=many, usage=Usage(memory_used=G), limits=Limits(memory=2 * G))
    )
    async with stage(made) as (app, pilot):
        look(app.deck_screen, "details", key)
        await until(pilot, lambda: "hn07/3000" in frame(pilot))
        assert frame(pilot).splitlines()[0].endswith("…")
        seen = frame(pilot)
        await pilot.press("end")
        await until(pilot, lambda: "2001:db8::27" in frame(pilot))
        assert "2001:db8::0," in seen
