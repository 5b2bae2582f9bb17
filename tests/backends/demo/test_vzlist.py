"""`vzlist` beyond the transcripts: a live kernel, hostile names, who may run it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from backends.demo import fleet
from backends.demo.chaos import HOSTILE
from backends.demo.simulation import Kernel
from backends.demo.tree import Tree
from backends.demo.vzlist_fields import FIELDS
from tests import need

from . import worlds
from .worlds import Call


@pytest.fixture
def node(memory_path: Path) -> Tree:
    """The second node of a fleet: running, stopped and mounted containers of both layouts."""
    tree = fleet.write_node(memory_path / "node", fleet.plan(2, 15)[1])
    Kernel(tree).tick()
    return tree


def test_every_field_has_a_value_for_every_container(node: Tree, call: Call) -> None:
    rows = json.loads(call(node, "vzlist -a -j").stdout)
    assert len(rows) == 15
    names = [field.name for field in FIELDS if not field.part]
    assert [list(row) for row in rows] == [names] * 15
    by_status = {row["status"] for row in rows}
    assert by_status == {"running", "stopped", "mounted"}
    for row in rows:
        if row["status"] == "running":
            assert row["numproc"]["held"] > 0
            assert 0 < row["diskspace"]["usage"] < row["diskspace"]["softlimit"], row["layout"]
            assert row["uptime"] > 0
            assert len(row["laverage"]) == 3
        else:
            assert row["laverage"] is None


def test_any_field_can_be_printed_and_sorted_by(node: Tree, call: Call) -> None:
    for field in FIELDS:
        done = call(node, f"vzlist -a -H -o ctid,{field.name} -s {field.name}")
        assert (done.code, len(done.stdout.splitlines())) == (0, 15), field.name


def test_strings_are_not_escaped_in_json(node: Tree, call: Call) -> None:
    worlds.do(node, "set 2001 --hostname 'a\"b\\c' --save")
    assert '"hostname": "a"b\\c"' in call(node, "vzlist -a -j -o ctid,hostname 2001").stdout


def test_a_hostile_name_comes_through_as_it_is(node: Tree, call: Call) -> None:
    worlds.do(node, f"set 2001 --hostname '{HOSTILE}' --save")
    assert HOSTILE in call(node, "vzlist -H -o hostname 2001").stdout


def test_a_column_that_is_not_last_is_cut(node: Tree, call: Call) -> None:
    long = "a" * 40
    worlds.do(node, f"set 2001 --hostname {long} --save")
    assert call(node, "vzlist -H -o hostname,ctid 2001").stdout == f"{long[:32]}       2001\n"
    assert call(node, "vzlist -H -t -o hostname,ctid 2001").stdout == f"{long}       2001\n"


def test_a_container_whose_files_are_gone_is_hidden(node: Tree, call: Call) -> None:
    (node.root / "vz/private/2004").rename(node.root / "vz/private/elsewhere")
    assert "2004" not in call(node, "vzlist -a -1").stdout.split()


def test_a_dump_makes_it_suspended_unless_it_is_mounted(node: Tree, call: Call) -> None:
    node.dump_file(2004).touch()
    node.dump_file(2012).touch()
    assert call(node, "vzlist -a -H -o status 2004 2012").stdout.split() == ["suspended", "mounted"]


def test_only_the_owner_of_the_node_may_list(node: Tree, call: Call) -> None:
    need.root()
    os.chown(node.root, 65534, 65534)
    done = call(node, "vzlist -a")
    assert (done.code, done.stdout, done.stderr) == (1, "", "This program can only be run under root.\n")


def test_options_can_be_joined_and_shortened(node: Tree, call: Call) -> None:
    expected = call(node, "vzlist -a -H -o ctid,status").stdout
    assert call(node, "vzlist -aHoctid,status").stdout == expected
    assert call(node, "vzlist --all --no-h --output=ctid,status").stdout == expected
