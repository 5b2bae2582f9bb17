"""Graphs: scale, gaps, limit and time axis, on the pure function."""

from __future__ import annotations

import math
import time

import pytest

from tui.widgets.graph import Frame, columns, nice_top, render

EPOCH = 1_700_000_000.0  # Tue Nov 14 22:13:20 UTC 2023


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def draw(
    points: list[tuple[float, float]], *, span: float = 300.0, width: int = 60, height: int = 8, **options: object
) -> list[str]:
    frame = Frame(start=0.0, end=span, epoch=EPOCH, hold=6.0)
    options.setdefault("label", lambda value: f"{value:.0f}")
    return render(points, width, height, frame, **options)  # type: ignore[arg-type]


def test_lines_have_the_size_asked_for() -> None:
    for width, height in ((16, 4), (60, 8), (121, 20)):
        lines = draw([(float(at), at / 3) for at in range(300)], width=width, height=height)
        assert [len(line) for line in lines] == [width] * height


def test_too_small_draws_nothing() -> None:
    assert draw([(1.0, 1.0)], width=10, height=3) == [" " * 10] * 3


def test_full_scale_and_half_scale() -> None:
    lines = draw([(float(at), 400.0 if at >= 150 else 200.0) for at in range(0, 301, 2)], limit=400.0)
    assert lines[0].startswith("400 ┤")
    assert lines[3].startswith("200 ┤")
    plot = [line[5:] for line in lines[:6]]
    assert plot[0][:27].strip("╌") == ""
    assert plot[0][-20:] == "█" * 20
    assert plot[3][:27] == "█" * 27


def test_zero_is_a_bar_and_a_gap_is_none() -> None:
    lines = draw([(float(at), math.nan if 100 <= at < 200 else 0.0) for at in range(0, 301, 2)])
    lowest = lines[5].split("┤")[1]
    width = len(lowest)
    assert set(lowest[: width // 3 - 1]) == {"▁"}
    assert set(lowest[width // 3 + 1 : 2 * width // 3 - 1]) == {" "}
    assert set(lowest[2 * width // 3 + 1 :]) == {"▁"}


def test_silence_is_a_gap_after_the_hold() -> None:
    cells = columns([(0.0, 5.0), (100.0, 7.0)], 100, Frame(0.0, 100.0, EPOCH, hold=6.0))
    assert cells[:7] == [5.0] * 7
    assert all(math.isnan(cell) for cell in cells[7:99])
    assert cells[99] == 7.0


def test_a_column_shows_its_highest_point() -> None:
    cells = columns([(float(at), 90.0 if at == 51 else 1.0) for at in range(100)], 10, Frame(0.0, 100.0, EPOCH))
    assert cells[5] == 90.0
    assert cells[4] == cells[6] == 1.0


def test_points_before_the_frame_do_not_scale_it() -> None:
    frame = Frame(100.0, 200.0, EPOCH)
    lines = render([(10.0, 9000.0), (150.0, 40.0)], 40, 6, frame, label=lambda value: f"{value:.0f}")
    assert lines[0].lstrip().startswith("60 ┤")


def test_limit_line_lies_within_the_scale_or_is_not_drawn() -> None:
    high = draw([(1.0, 10.0)], limit=400.0)
    assert not any("╌" in line for line in high)
    over = draw([(float(at), 500.0) for at in range(0, 60, 2)], limit=300.0)
    assert sum("╌" in line for line in over) == 1
    assert over[0].lstrip().startswith("600 ┤")


def test_time_axis_has_clock_labels_at_round_times() -> None:
    lines = draw([(1.0, 1.0)], width=80)
    assert lines[-2].count("┬") == 5
    assert lines[-1].split() == ["22:14", "22:15", "22:16", "22:17", "22:18"]
    for label in lines[-1].split():
        assert lines[-2][lines[-1].index(label) + 2] == "┬"


def test_hour_axis_takes_wider_steps() -> None:
    lines = draw([(1.0, 1.0)], span=3600.0, width=60)
    assert lines[-1].split() == ["22:20", "22:30", "22:40", "22:50", "23:00", "23:10"]


def test_ascii_has_no_other_character() -> None:
    lines = draw([(float(at), float(at)) for at in range(300)], limit=250.0, ascii_only=True)
    assert all(line.isascii() for line in lines)
    assert any("#" in line for line in lines)
    assert any("-" in line.split("|")[1] for line in lines if "|" in line)


@pytest.mark.parametrize(
    ("peak", "limit", "binary", "top"),
    [
        (0.0, None, False, 10.0),
        (10.0, 400.0, False, 20.0),
        (100.0, 400.0, False, 400.0),
        (390.0, 400.0, False, 400.0),
        (500.0, 300.0, False, 600.0),
        (3 * 2**30, None, True, 4 * 2**30),
        (1000 * 2**20, None, True, 2048 * 2**20),
    ],
)
def test_top_of_the_scale(peak: float, limit: float | None, binary: bool, top: float) -> None:
    assert nice_top(peak, limit, binary=binary) >= peak
    assert nice_top(peak, limit, binary=binary) == top
