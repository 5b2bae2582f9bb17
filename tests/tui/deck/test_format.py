"""How numbers and text are written."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui import format as f
from tui.theme.glyphs import ASCII, UNICODE, Glyphs

K, M, G = 1 << 10, 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (1, "1B"),
        (999, "999B"),
        (1000, "1.0K"),
        (1023 * K, "1.0M"),
        (7.6 * G, "7.6G"),
        (9.96 * G, "10G"),
        (512 * M, "512M"),
        (1 << 60, "1.0E"),
        (1 << 70, "1024E"),
    ],
)
def test_size(value: float | None, text: str) -> None:
    assert f.size(value) == text


@pytest.mark.parametrize(
    ("used", "limit", "text"),
    [
        (7.6 * G, 8 * G, "7.6/8.0G"),
        (100 * M, 8 * G, "0.1/8.0G"),
        (None, 2 * G, "-/2.0G"),
        (512 * M, None, "512M"),
        (None, None, "-"),
        (0, G, "0.0/1.0G"),
        (15 * G, 16 * G, "15/16G"),
    ],
)
def test_share_of(used: float | None, limit: float | None, text: str) -> None:
    assert f.share_of(used, limit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0s"),
        (42, "42s"),
        (99, "99s"),
        (100, "2m"),
        (360, "6m"),
        (5 * 3600, "5h"),
        (12 * 86400, "12d"),
    ],
)
def test_span(seconds: float | None, text: str) -> None:
    assert f.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (9, "9s"), (252, "4m 12s"), (11100, "3h 05m"), (12 * 86400 + 4 * 3600, "12d 4h")]
)
def test_long_span(seconds: float | None, text: str) -> None:
    assert f.long_span(seconds) == text


def test_zero_is_not_unknown() -> None:
    assert f.number(0) == "0"
    assert f.number(None) == "-"
    assert f.percent(0, 5) == "0%"
    assert f.percent(None, 5) == f.percent(5, None) == "-"


@pytest.mark.parametrize(
    ("text", "width", "right", "fitted"),
    [
        ("web", 5, False, "web  "),
        ("web", 5, True, "  web"),
        ("web-shop", 5, False, "web-…"),
        ("名前名前", 5, False, "名前…"),
        ("名前", 5, True, " 名前"),
        ("web", 0, False, ""),
        ("web", 1, False, "…"),
    ],
)
def test_fit(text: str, width: int, right: bool, fitted: str) -> None:
    assert f.fit(text, width, right=right) == fitted


@given(st.text(), st.integers(0, 40))
def test_fitted_text_is_as_wide_as_was_asked(text: str, width: int) -> None:
    assert cell_len(f.fit(f.safe(text), width)) == width


def test_spark_shows_change_against_one_core_or_its_own_peak() -> None:
    levels = UNICODE.levels
    assert f.spark([0] * 20, 4, levels) == "▁▁▁▁"
    assert f.spark([100] * 20, 4, levels) == "████"
    assert f.spark([50] * 20, 4, levels) == "▄▄▄▄"
    assert f.spark([400] * 10 + [200] * 10, 4, levels) == "██▄▄"
    assert f.spark([50, 100], 4, levels) == "  ▄█"
    assert f.spark([nan] * 5 + [100] * 5, 2, levels) == " █"
    assert f.spark([], 4, levels) == "    "


def test_safe_text_leaves_nothing_that_moves_the_terminal() -> None:
    assert f.safe("\x1b[2J\u202e\n") == "\\x1b[2J\\u202e\\x0a"


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_sign_is_one_cell_wide(glyphs: Glyphs) -> None:
    signs = [getattr(glyphs, name) for name in glyphs.__slots__]
    for sign in signs:
        for one in sign.values() if hasattr(sign, "values") else [sign] if isinstance(sign, str) else []:
            assert len(one) == cell_len(one)
            assert glyphs is UNICODE or one.isascii()
    assert len(glyphs.levels) == 8
