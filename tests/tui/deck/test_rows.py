"""Order, filter, marks and trouble of the rows, without a screen."""

from __future__ import annotations

import pytest

from backends.model import Key, Leash, Lock, State
from tests.tui.deck.page import Fleet, G, small
from tui.cells import Paint
from tui.columns import BY_ID, COLUMNS
from tui.filter import compile_filter
from tui.rows import Listing, Rows, View
from tui.theme.glyphs import ASCII, UNICODE


def listing(fleet: Fleet, view: View | None = None) -> Listing:
    rows = Rows(fleet.store)
    rows.judge()
    found = Listing(rows, view or View())
    found.rebuild()
    return found


def names(found: Listing) -> list[str]:
    return [f"{row.key.node}/{row.key.id}" for row in found.order]


def test_worst_first() -> None:
    assert names(listing(small()))[:4] == ["hn02/", "hn01/102", "hn03/305", "hn04/408"]


def test_rows_that_look_the_same_stand_in_the_order_of_nodes_and_ids() -> None:
    fleet = Fleet("b", "a")
    for node, identifier, cpu in (("a", "10", 0.4), ("a", "9", 0.1), ("b", "100", 0.2), ("b", "x", 0.3)):
        fleet.up(node)
        fleet.put(node, identifier).usage.cpu_percent = cpu
    assert names(listing(fleet)) == ["b/100", "b/x", "a/9", "a/10"]


@pytest.mark.parametrize("column", [column for column in COLUMNS if column.sort], ids=lambda column: column.id)
def test_every_column_sorts_both_ways_and_what_is_not_known_comes_last(column: object) -> None:
    fleet = small()
    fleet.put("hn01", "999", None, ips=(), hostname=None, template=None, layout=None, state=State.UNKNOWN)
    fleet.put("hn01", "998", "six", ips=("2001:db8::1",))
    view = View()
    found = listing(fleet, view)
    assert column.sort  # type: ignore[attr-defined]
    known = [row for row in found.order if row.container and column.sort(row) is not None]  # type: ignore[attr-defined]
    for view.inverted in (False, True):
        found.rebuild(column.sort, descending=column.descending)  # type: ignore[attr-defined]
        rows = [row for row in found.order if row.container]
        values = [column.sort(row) for row in rows]  # type: ignore[attr-defined]
        assert None not in values[: len(known)]
        assert values[: len(known)] == sorted(values[: len(known)], reverse=column.descending != view.inverted)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("state", "locked", "unicode", "ascii_only"),
    [
        (State.RUNNING, False, "● run  ◷", "* run  @"),
        (State.RUNNING, True, "● run ◷▲", "* run @^"),
        (State.FROZEN, True, "◑ froz◷▲", "= froz@^"),
    ],
)
def test_a_leash_is_a_mark_beside_the_state(state: State, locked: bool, unicode: str, ascii_only: str) -> None:
    fleet = small()
    lock = Lock("vzctl", 1) if locked else None
    container = fleet.put("hn04", "999", leashes=(Leash("memory", 1_700_000_000),), lock=lock, state=state)
    row = next(row for row in listing(fleet).order if row.key == container.key)
    column = BY_ID["state"]
    for glyphs, text in ((UNICODE, unicode), (ASCII, ascii_only)):
        assert column.text(row, container, Paint(glyphs, fleet.store), column.width) == text
    assert "leash: memory until" in BY_ID["why"].text(row, container, Paint(UNICODE, fleet.store), 40)


def test_a_filter_leaves_nodes_in_trouble() -> None:
    found = listing(small(), View(filter=compile_filter("mail")))
    assert names(found)[0] == "hn02/"
    assert len(found) == 5
    assert found.containers == 4
    assert found.of == 32
    assert "hn02/" not in names(listing(small(), View(filter=compile_filter("mail node:hn01"))))


def test_only_faults_shows_what_the_header_counts() -> None:
    found = listing(small(), View(faults=True))
    assert names(found) == ["hn02/", "hn01/102", "hn03/305"]
    assert found.rows.trouble == 3


def test_trouble_is_counted_anew_when_it_is_over() -> None:
    fleet = small()
    rows = Rows(fleet.store)
    rows.judge()
    fleet.store.take()
    shop = fleet.store.containers[Key("hn01", "openvz", "102")]
    shop.usage.memory_used, shop.usage.failcnt_growth, shop.usage.cpu_percent = G, 0, 1
    fleet.store.touch(shop.key)
    fleet.up("hn02")
    rows.update(fleet.store.take())
    rows.judge()
    assert rows.trouble == 1
    fleet.store.drop(Key("hn03", "openvz", "305"))
    rows.update(fleet.store.take())
    rows.judge()
    assert rows.trouble == 0


def test_a_container_that_is_replaced_is_read_anew() -> None:
    fleet = Fleet("hn01")
    fleet.up("hn01")
    fleet.put("hn01", "1")
    rows = Rows(fleet.store)
    fleet.store.take()
    again = fleet.put("hn01", "1", "another")
    rows.update(fleet.store.take())
    assert rows.containers[again.key].container is again


def test_judging_a_huge_fleet_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.rows.JUDGING", -1.0)
    fleet = Fleet("hn01")
    fleet.up("hn01")
    for number in range(600):
        fleet.put("hn01", str(number)).usage.failcnt_growth = 1
    rows = Rows(fleet.store)
    rows.judge()
    assert rows.trouble == 256
    rows.judge()
    rows.judge()
    assert rows.trouble == 600


def test_marks_that_are_not_shown_are_counted() -> None:
    view = View(filter=compile_filter("mail"), marks={Key("hn01", "openvz", "101"), Key("hn01", "openvz", "104")})
    assert listing(small(), view).marked() == (2, 1)


def test_one_node() -> None:
    fleet = small()
    rows = Rows(fleet.store)
    rows.judge()
    pane = Listing(rows, View(), "hn01")
    pane.rebuild()
    assert {row.key.node for row in pane.order} == {"hn01"}
    assert pane.of == 8
    assert BY_ID["node"].priority == 0
