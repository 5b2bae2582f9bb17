"""Which columns a screen has room for."""

from __future__ import annotations

import pytest

from backends.errors import ConfigError
from tui.arrange import arrange
from tui.columns import COLUMNS, chosen

CORE = ["node", "id", "name", "state", "cpu", "trend"]
NEEDED = {"node": 4, "id": 4, "name": 12, "ip": 12, "hostname": 20, "os": 14}


def ids(width: int, **said: object) -> list[str]:
    layout = arrange(width, chosen(()), NEEDED, **said)  # type: ignore[arg-type]
    return [place.column.id for place in layout.placed]


@pytest.mark.parametrize(
    ("width", "more"),
    [
        (10, []),
        (44, []),
        (60, ["mem", "mem%"]),
        (66, ["mem", "why"]),
        (80, ["mem", "why"]),
        (100, ["mem", "ip", "why"]),
        (120, ["mem", "mem%", "disk", "uptime", "ip", "why"]),
        (200, ["mem", "mem%", "load", "procs", "disk", "uptime", "failcnt", "ip", "hostname", "os", "why"]),
    ],
)
def test_columns_come_by_priority(width: int, more: list[str]) -> None:
    assert ids(width) == CORE + more


@pytest.mark.parametrize("width", range(48, 240))
def test_nothing_stands_over_the_edge_or_over_another(width: int) -> None:
    layout = arrange(width, chosen(()), NEEDED)
    end = 0
    for place in layout.placed:
        assert place.x >= end + (layout.gap if end else 0)
        end = place.x + place.width
    assert end <= width


def test_a_long_name_does_not_push_out_the_reason() -> None:
    layout = arrange(80, chosen(()), {**NEEDED, "name": 60, "id": 40})
    assert [place.column.id for place in layout.placed] == [*CORE, "mem", "why"]


def test_wide_shows_every_column_one_screen_after_the_other() -> None:
    seen = set()
    skip = 0
    while True:
        layout = arrange(100, chosen(()), NEEDED, wide=True, skip=skip)
        assert [place.column.id for place in layout.placed][: len(CORE)] == CORE
        seen |= {place.column.id for place in layout.placed}
        if not layout.more:
            break
        skip += 1
    assert seen == {column.id for column in COLUMNS}


def test_columns_of_the_fleet_file() -> None:
    assert "swap" not in chosen(())
    assert "ip" in chosen(())
    assert {"swap", "mem"} <= chosen(("+swap", "-ip"))
    assert "ip" not in chosen(("+swap", "-ip"))
    assert chosen(("ip", "load")) == {*CORE, "ip", "load"}
    assert chosen(("-name",)) >= set(CORE)
    with pytest.raises(ConfigError, match="Did you mean 'uptime'"):
        chosen(("+uptim",))
