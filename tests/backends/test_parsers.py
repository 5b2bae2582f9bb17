"""Parsers against files {command, source, output, expected}: a new case is a new file. `CTDECK_UPDATE_CASES=1` writes what
is read now into `expected`, to be looked at before it is committed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.backend import Planner, load
from backends.errors import Fault
from backends.model import NodeFacts
from backends.openvz.vzlist import read_vzlist

CASES = Path(__file__).parent / "cases"


def section(backend: str) -> Callable[[list[str]], Any]:
    """Reader of one section of a sample: the containers, without what is not known, and the notes."""

    def read(lines: list[str]) -> Any:
        reading = load([backend])[backend].reader("n1").read(lines, NodeFacts(uptime=1000.0, cpus=2))
        containers = {container.id: known(asdict(container)) for container in reading.containers}
        return {
            "containers": containers,
            "whole": reading.whole,
            "broken": reading.broken,
            "notes": list(reading.notes),
        }

    return read


def known(value: Any) -> Any:
    """A model as JSON has it, without None, empty parts and the version."""
    if isinstance(value, dict):
        parts = {key: known(part) for key, part in value.items() if key not in ("version", "key")}
        return {key: part for key, part in parts.items() if part not in (None, "", {}, [])}
    if isinstance(value, list | tuple):
        return [known(part) for part in value]
    return value


def inspection(backend: str) -> Callable[[list[str]], Any]:
    """Reader of what a close look at one container printed: its values, or the fault."""

    def read(lines: list[str]) -> Any:
        planner = load([backend])[backend]
        assert isinstance(planner, Planner)
        try:
            return planner.inspection("101", "\n".join(lines).encode("utf-8", "replace")).values
        except Fault as fault:
            return {"fault": str(fault)}

    return read


PARSERS: dict[str, Callable[[list[str]], Any]] = {
    "openvz-vzlist": read_vzlist,
    "openvz": section("openvz"),
    "lxc": section("lxc"),
    "openvz-inspect": inspection("openvz"),
    "lxc-inspect": inspection("lxc"),
}


@pytest.mark.parametrize("path", sorted(CASES.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    got = json.loads(json.dumps(PARSERS[path.parent.name](case["output"])))
    if os.environ.get("CTDECK_UPDATE_CASES"):
        case["expected"] = got
        path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert got == case["expected"]


LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.builds(
            lambda kind, words: kind + " " + " ".join(words),
            st.sampled_from("R T k i l d r c x ! v b L z y t o B K a w q h S C V I U Q D X E F M A H W".split()),
            st.lists(
                st.one_of(st.integers().map(str), st.text(max_size=8), st.sampled_from("- max 101 web-1 rc 0".split())),
                max_size=12,
            ),
        ),
    ),
    max_size=30,
)


@pytest.mark.parametrize("parser", sorted(PARSERS))
@settings(max_examples=200, deadline=None)
@given(lines=LINES)
def test_no_text_makes_a_parser_fail(parser: str, lines: list[str]) -> None:
    PARSERS[parser](lines)
    PARSERS[parser](["1234567890 700", *lines, "S CTID 101 exist mounted running", "W 1 2"])
