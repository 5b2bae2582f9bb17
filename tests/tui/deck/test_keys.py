"""What the keys do, pressed one after the other as a person does."""

from __future__ import annotations

import pytest

from backends.errors import CtdeckError
from backends.inventory import Inventory, NodeSpec
from backends.model import Key
from tests.tui.deck.page import Fleet, deck, small
from tests.tui.screens.stage import until
from tui.app import Deck, Options
from tui.screens.details import Details
from tui.screens.help import Help
from tui.screens.node_info import NodeInfo
from tui.screens.picker import Picker
from tui.screens.quit import Quit


async def test_moving() -> None:
    async with deck() as page:
        assert "hn02" in page.cursor
        await page.press("j", "down")
        assert "305" in page.cursor
        await page.press("k")
        assert "web-shop" in page.cursor
        await page.press("G")
        assert page.screen.table.place == 32
        await page.press("pageup", "pageup", "pageup", "up")
        assert "hn02" in page.cursor
        await page.press("pagedown", "g")
        assert "hn02" in page.cursor


async def test_the_cursor_stays_on_its_container_when_rows_are_sorted_anew() -> None:
    async with deck() as page:
        await page.press("j", "j", "j", "j")
        here = page.screen.table.cursor
        assert here is not None
        page.fleet.change(page.fleet.store.containers[here], 0.5)
        await page.resort()
        assert page.screen.table.cursor == here
        assert here.id in page.cursor
        assert page.screen.table.place > 20


async def test_until_it_is_moved_the_cursor_stays_on_the_worst() -> None:
    async with deck() as page:
        page.fleet.up("hn02")
        page.fleet.down("hn04", error="it is gone")
        await page.resort()
        assert "hn04" in page.cursor


async def test_rows_do_not_jump_right_after_a_key() -> None:
    async with deck() as page:
        before = page.rows
        page.fleet.change(page.fleet.store.containers[Key("hn01", "openvz", "101")], 99.0)
        page.screen._sorted_at = -1e9
        await page.press("j")
        await page.tick()
        assert page.rows == before
        await page.resort()
        assert page.rows != before


async def test_a_filter_is_applied_while_it_is_typed() -> None:
    async with deck() as page:
        await page.press("slash", *"mail")
        assert page.screen.table.listing.containers == 4
        await page.press("down", "enter")
        assert "/mail" in page.rule
        assert "4 of 32" in page.rule
        await page.press("j")
        await page.press("escape")
        assert page.screen.table.listing.containers == 32
        assert "mail" in page.cursor


async def test_the_cursor_comes_back_to_its_row_when_the_filter_goes() -> None:
    async with deck() as page:
        await page.press("j", "j", "slash", *"redis", "enter")
        assert "redis" in page.cursor
        await page.press("escape")
        assert "305" in page.cursor


async def test_keys_typed_ahead_of_the_filter_go_into_it() -> None:
    async with deck() as page:
        for key in ("slash", *"wiki", "enter"):
            page.app.post_message(_key(key))
        await until(page.pilot, lambda: "/wiki" in page.rule)
        assert not page.screen.wide


def _key(name: str) -> object:
    from textual import events

    return events.Key(name, name if len(name) == 1 else None)


async def test_leaving_the_filter_line_puts_the_old_filter_back() -> None:
    async with deck() as page:
        await page.press("slash", *"mail", "enter", "slash", *" redis")
        assert page.screen.table.listing.containers == 0
        await page.press("escape")
        assert "/mail ·" in page.rule
        assert page.screen.table.listing.containers == 4


async def test_a_wrong_filter_says_where_and_keeps_the_last_good_one() -> None:
    async with deck() as page:
        await page.press("slash", *"web cpu>x")
        assert "[x] this is no number" in page.text
        await page.press("enter")
        assert page.screen.query("#filter")
        await page.press("backspace", "1", "enter")
        assert "/web cpu>1" in page.rule


async def test_the_last_filter_is_what_n_finds() -> None:
    async with deck() as page:
        await page.press("n")
        assert "nothing to find yet" in page.text
        await page.press("slash", *"redis", "enter", "escape", "g", "n")
        assert "redis" in page.cursor
        first = page.screen.table.place
        await page.press("n", "N")
        assert page.screen.table.place == first


async def test_sorting_by_a_column_and_turning_it_round() -> None:
    async with deck() as page:
        await page.press("o", *"name", "enter")
        assert "sort name" in page.rule
        assert [row for row in page.rows if row.endswith("/")] == ["hn02/"]
        assert page.rows[1] == "hn01/105"  # cron-1
        await page.press("o", *"name", "enter")
        assert "sort name, inverted" in page.rule
        assert page.rows[1] == "hn01/107"  # wiki
        await page.press("t")
        assert "sort trouble" in page.rule
        assert page.rows[1] == "hn01/102"


async def test_only_faults() -> None:
    async with deck() as page:
        await page.press("f")
        assert page.rows == ["hn02/", "hn01/102", "hn03/305"]
        assert "only faults" in page.rule
        await page.press("f")
        assert len(page.rows) == 33


async def test_one_node_and_all_nodes() -> None:
    async with deck() as page:
        await page.press("3")
        assert {row[:4] for row in page.rows} == {"hn03"}
        assert "node hn03 (3 of 4)" in page.rule
        await page.press("9")
        assert "there are only 4 nodes" in page.text
        await page.press("0")
        assert len(page.rows) == 33


async def test_marks() -> None:
    async with deck() as page:
        await page.press("space")
        assert "only containers can be marked" in page.text
        await page.press("j", "space", "space")
        assert "2 marked" in page.rule
        await page.press("slash", *"web-shop", "enter")
        assert "2 marked, 1 hidden" in page.rule
        await page.press("escape", "escape")
        assert "marked" not in page.rule


async def test_a_range_of_marks() -> None:
    async with deck() as page:
        await page.press("j", "v", "j", "j")
        assert "3 marked" in page.rule
        assert "RANGE" in page.header
        await page.press("v", "j")
        assert "3 marked" in page.rule
        assert "RANGE" not in page.header


async def test_marking_all_that_the_filter_shows() -> None:
    async with deck() as page:
        await page.press("slash", *"redis", "enter", "asterisk")
        assert "4 marked" in page.rule
        await page.press("asterisk")
        assert "marked" not in page.rule


async def test_panes_show_nodes_beside_each_other() -> None:
    async with deck(size=(200, 40)) as page:
        await page.press("vertical_line")
        assert [table.listing.node for table in page.screen.panes.tables] == ["hn01", "hn02"]
        await page.press("vertical_line", "vertical_line")
        assert len(page.screen.panes.tables) == 4
        await page.press("tab", "4")
        assert page.screen.table.listing.node == "hn04"
        await page.press("plus")
        assert "pane" in page.rule
        await page.press("escape", "escape")
        assert not page.screen.panes.is_split


async def test_panes_share_the_filter_and_the_order() -> None:
    async with deck(size=(120, 40)) as page:
        await page.press("vertical_line", "slash", *"cpu>40", "enter")
        assert all(0 < table.listing.containers < 8 for table in page.screen.panes.tables)


async def test_zooming_the_one_table_gives_it_the_whole_screen() -> None:
    async with deck() as page:
        await page.press("plus")
        assert page.lines[0].startswith("──")
        await page.press("escape")
        assert page.lines[0].startswith("ctdeck")


async def test_wide_scrolls_columns_and_keeps_the_names() -> None:
    async with deck() as page:
        await page.press("right")
        assert "w shows all columns" in page.text
        await page.press("w")
        assert "columns →" in page.rule
        for _ in range(30):
            await page.press("right")
        assert page.titles[:3] == ["NODE", "ID", "NAME"]
        assert page.titles[-1] == "WHY↓"
        assert "columns →" not in page.rule
        await page.press("w")
        assert "MEM" in page.titles


async def test_choosing_columns() -> None:
    async with deck(size=(120, 40)) as page:
        assert "IP" in page.titles
        await page.press("comma", *"first", "down", "up", "space", "enter")
        assert "IP" not in page.titles


async def test_copying() -> None:
    async with deck() as page:
        await page.press("j", "Y")
        assert isinstance(page.app.screen, Picker)
        await page.press(*"node/id", "enter")
        assert page.app.clipboard == "hn01/102"
        await page.press("Y", *"inside", "enter")
        assert page.app.clipboard == "ssh -t hn01 'vzctl enter 102'"
        await page.press("space", "space", "Y", *"marked", "enter")
        assert page.app.clipboard.splitlines() == ["hn01/102", "hn03/305"]


async def test_looking_into_one_and_coming_back_to_it() -> None:
    async with deck() as page:
        await page.press("j", "enter")
        assert isinstance(page.app.screen, Details)
        await page.press("j", "escape")
        assert "305" in page.cursor
        await page.press("g", "enter")
        assert isinstance(page.app.screen, NodeInfo)
        await page.press("escape", "l")
        assert "hn02 is a node: logs is for a container" in page.text


async def test_the_menu_tells_why_something_cannot_be() -> None:
    async with deck(options=Options(ascii=False, read_only=True)) as page:
        assert "READ-ONLY" in page.header
        await page.press("j", "full_stop")
        assert "read-only" in page.line("shell", " s ")
        await page.press(*"shell", "enter")
        assert isinstance(page.app.screen, Picker)
        await page.press("escape", "s")
        assert "read-only" in page.text


async def test_the_palette_finds_an_action_by_a_part_of_its_name() -> None:
    async with deck() as page:
        await page.press("colon", *"faul", "enter")
        await until(page.pilot, lambda: "only faults" in page.rule)


async def test_keys_typed_ahead_of_the_palette_do_nothing_on_the_deck() -> None:
    async with deck() as page:
        for key in ("colon", *"sf"):
            page.app.post_message(_key(key))
        await until(page.pilot, lambda: isinstance(page.app.screen, Picker) and page.app.screen.typed == "sf")
        assert not page.screen.view.faults


async def test_help_refresh_pause_and_redraw() -> None:
    async with deck() as page:
        await page.press("question_mark")
        assert isinstance(page.app.screen, Help)
        await page.press("escape", "ctrl+r")
        assert page.fleet.refreshed == [None]
        assert "asking all nodes" in page.text
        await page.press("Z")
        assert "PAUSED" in page.header
        assert page.fleet.paused
        await page.press("Z", "ctrl+l", "M")
        assert "PAUSED" not in page.header


async def test_errors_stay_until_they_are_read() -> None:
    async with deck() as page:
        page.screen.say_error("hn02 is gone", "Look there")
        page.screen.say_error("hn03 is gone")
        page.screen.say_error("hn03 is gone")
        await page.press("j")
        assert "hn02 is gone" in page.line("Look there", "+1 more")
        await page.press("escape")
        assert "hn03 is gone" in page.text
        await page.press("escape")
        assert "gone" not in page.text


async def test_a_note_stays_until_the_next_key() -> None:
    async with deck() as page:
        await page.press("9")
        assert "only 4 nodes" in page.text
        await page.press("j")
        assert "only 4 nodes" not in page.text


async def test_escape_never_leaves_and_q_asks() -> None:
    async with deck() as page:
        await page.press(*["escape"] * 5)
        assert page.app.is_running
        await page.press("q")
        assert isinstance(page.app.screen, Quit)
        await until(page.pilot, lambda: page.app.screen.ready)  # type: ignore[attr-defined]
        await page.press("n")
        assert page.app.is_running
        assert page.app.screen is page.screen


async def test_ctrl_c_twice_leaves() -> None:
    async with deck() as page:
        await page.press("ctrl+c")
        assert "Ctrl-C again to leave" in page.text
        assert page.app._exit is False
        await page.press("ctrl+c")
        assert page.app._exit


async def test_own_keys_are_bound_and_shown() -> None:
    fleet = small()
    fleet.inventory = Inventory(None, fleet.inventory.nodes, keys={"sort": "F9", "help": "H"})
    async with deck(fleet, size=(120, 24)) as page:
        assert page.footer.startswith("H help")
        assert "F9 sort" in page.footer
        await page.press("o")
        assert page.app.screen is page.screen
        await page.press("f9")
        assert isinstance(page.app.screen, Picker)


async def test_the_mouse_selects_sorts_and_opens() -> None:
    async with deck() as page:
        table = page.screen.table
        await page.pilot.click(table, offset=(20, 3))
        assert "305" in page.cursor
        await page.pilot.click(table, offset=(17, 0))
        assert "sort name" in page.rule
        await page.pilot.click(table, offset=(20, 3), times=2)
        await until(page.pilot, lambda: isinstance(page.app.screen, Details))


async def test_a_source_that_fails_is_told_and_the_deck_goes_on() -> None:
    async def source() -> Inventory:
        raise CtdeckError("the demo did not start: no memory", "Free some")

    app = Deck(source, Options(ascii=False))
    async with app.run_test(size=(80, 24)) as pilot:
        from tests.tui.deck.page import DeckPage

        page = DeckPage(app, pilot, Fleet())
        await until(pilot, lambda: "the demo did not start: no memory" in page.text)
        assert "Free some" in page.text
        assert "not started" in page.header
        await page.press("j", "o", "escape", "Y", "full_stop", "vertical_line", "enter", "s", "ctrl+r", "Z")


async def test_a_real_fleet_is_loaded_after_the_first_paint() -> None:
    nodes = (NodeSpec("nowhere", host="host.invalid", transport="ssh"),)
    app = Deck(Inventory(None, nodes), Options(ascii=False))
    async with app.run_test(size=(80, 24)) as pilot:
        from tests.tui.deck.page import DeckPage

        page = DeckPage(app, pilot, Fleet())
        assert "connecting 1 node" in page.text
        await until(pilot, lambda: app.fleet is not None and app.fleet.started, deadline=20)


@pytest.mark.parametrize("keys", [{"sort": "j"}, {"sorted": "z"}])
def test_wrong_keys_are_refused_before_anything_is_drawn(keys: dict[str, str]) -> None:
    from backends.errors import ConfigError

    with pytest.raises(ConfigError):
        Deck(Inventory(None, (), keys=keys))
