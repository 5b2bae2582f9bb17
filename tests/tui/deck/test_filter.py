"""The filter language: what passes, and what is said where it makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.model import Container, Key, Limits, Lock, Node, State, Usage
from tui.filter import FilterError, compile_filter

G = 1 << 30

SHOP = Container(
    Key("hn07", "openvz", "1042"),
    State.RUNNING,
    "Web Shop",
    hostname="shop.example.net",
    ips=("10.0.4.42/24", "2001:db8::42"),
    lock=Lock("vzdump", 1),
    template="centos-7",
    usage=Usage(
        cpu_percent=390,
        memory_used=int(7.6 * G),
        disk_used=10 * G,
        processes=71,
        load=(4.2, 1, 1),
        uptime=7200,
        failcnt=12,
    ),
    limits=Limits(cpus=4, cpu_percent=400, memory=8 * G, disk=20 * G),
)
OLD = Container(Key("hn01", "lxc", "old"), State.STOPPED, "old")
HN07 = Node("hn07", group="eu")
HN01 = Node("hn01", group="us")


@pytest.mark.parametrize(
    ("text", "shop", "old"),
    [
        ("", True, True),
        ("   ", True, True),
        ("shop", True, False),
        ("SHOP", True, False),
        ("!shop", False, True),
        ("web shop", True, False),
        ('"web shop"', True, False),
        ('"shop web"', False, False),
        ("shop !hn07", False, False),
        ("10.0.4", True, False),
        ("2001:db8::42", True, False),
        ("stopped", False, True),
        ("stop", False, True),
        ("node:hn07", True, False),
        ("node:hn01,hn07", True, True),
        ("!node:hn07", False, True),
        ("group:us", False, True),
        ("state:run", True, False),
        ("state:run,stop", True, True),
        ("ip:10.0.4.42", True, False),
        ("id:104", True, False),
        ('name:"web shop"', True, False),
        ("host:example", True, False),
        ("os:centos", True, False),
        ("backend:lxc", False, True),
        ("lock:vzdump", True, False),
        ("cpu>80", True, False),
        ("cpu>80%", True, False),
        ("cpu<80", False, False),
        ("mem>90%", True, False),
        ("mem>7G", True, False),
        ("mem>7gib", True, False),
        ("mem>8G", False, False),
        ("mem>=94%", True, False),
        ("disk>60%", False, False),
        ("disk=10G", True, False),
        ("load>4", True, False),
        ("procs>=71", True, False),
        ("uptime<1h", False, False),
        ("uptime<1d", True, False),
        ("failcnt>0", True, False),
        ("cpus=4", True, False),
        ("swap>0", False, False),
        ("!cpu>80", False, True),
    ],
)
def test_what_passes(text: str, shop: bool, old: bool) -> None:
    found = compile_filter(text)
    assert (found(SHOP, HN07), found(OLD, HN01)) == (shop, old)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("cpu>", 4, "a number is missing"),
        ("web cpu>>80", 8, "no number"),
        ("mem>9x", 5, "there are: k, m, g, t"),
        ("cpu>9G", 5, "there are: none"),
        ("failcnt>5%", 9, "no percent"),
        ("stat:run", 0, "did you mean state"),
        ("a nod>3", 2, "did you mean node"),
        ("cpu:80", 3, "write cpu>80"),
        ("name>x", 4, "write name:value"),
        ("node:", 5, "a value is missing"),
        ('web "sho', 4, "not closed"),
        ("web !", 4, "a word is missing"),
        ("!", 0, "a word is missing"),
    ],
)
def test_what_is_said_and_where(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text)
    assert words in error.value.message
    assert error.value.position == position


def test_only_node_and_group_can_hide_a_node_in_trouble() -> None:
    assert compile_filter("web cpu>80 state:stop").node(HN01)
    assert not compile_filter("web node:hn07").node(HN01)
    assert not compile_filter("!group:us").node(HN01)


@given(st.text(alphabet='abcpu :!<>=%"0189.,Gm/\\[]\x1b é', max_size=30))
def test_any_text_is_a_filter_or_is_refused_inside_of_it(text: str) -> None:
    where = None
    try:
        compile_filter(text)(SHOP, HN07)
    except FilterError as error:
        where = error.position
    assert where is None or 0 <= where <= len(text)
