"""What `ctdeck ls` prints of a fleet, and its exit codes. The fleet is scripted; `test_demo.py` asks a real one."""

import csv
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from backends.errors import FaultKind
from backends.inventory import Inventory
from backends.model import Beancounter, Container, Key, Leash, Limits, Lock, Node, NodeFacts, NodeState, State, Usage
from backends.prompts import Prompts
from backends.store import Store
from tui.cli import main

GIB = 1 << 30


def web() -> Container:
    return Container(
        Key("hn01", "openvz", "1042"),
        state=State.RUNNING,
        name="web-shop",
        hostname="web.example.net",
        ips=("10.0.4.42/24", "2001:db8::42"),
        lock=Lock(by="vzctl backup", pid=77, since=1.5e9, alive=True),
        leashes=(Leash("cpu_limit", 1_700_000_000), Leash("memory", None)),
        on_boot=True,
        layout="ploop",
        template="centos-7-x86_64",
        usage=Usage(
            cpu_percent=390.123456,
            memory_used=int(7.6 * GIB),
            swap_used=0,
            disk_used=10 * GIB,
            inodes_used=1000,
            processes=71,
            load=(3.5, 2.0, 1.0),
            uptime=1_051_200.0,
            throttled_percent=12.0,
            failcnt=12,
            failcnt_growth=3,
        ),
        limits=Limits(cpus=4, cpu_percent=400, cpu_weight=1000, memory=8 * GIB, swap=GIB, disk=20 * GIB, io_priority=4),
        beancounters={"privvmpages": Beancounter(65536, 65536, 65536, None, 12)},
    )


def fill(store: Store) -> None:
    """Two nodes that answered (one of them late), one that did not."""
    store.put(
        Container(Key("hn01", "openvz", "990"), state=State.STOPPED, name="=cmd|calc", limits=Limits(memory=2 * GIB))
    )
    store.put(web())
    store.put(Container(Key("hn02", "lxc", "Köln-日本"), state=State.RUNNING, name="Köln-日本"))
    first = store.nodes["hn01"]
    first.state, first.answered, first.backends = NodeState.UP, time.monotonic(), ("openvz",)
    first.facts = NodeFacts(
        hostname="hn01", kernel="2.6.32", cpus=8, cpu_percent=50.0, load=(1.0, 2.0, 3.0), sampler_ms=1.234
    )
    first.rtt = 0.0123
    late = store.nodes["hn02"]
    late.state, late.answered = NodeState.STALE, time.monotonic() - 6
    late.notes = ("One line could not be read",)
    dead = store.nodes["hn03"]
    dead.state, dead.fault = NodeState.DOWN, "refused"
    dead.error, dead.remedy = "10.0.0.3 refuses the connection", "Is sshd running there?"


class Scripted:
    """In the place of `backends.fleet.Fleet`."""

    script: Callable[[Store], None] = staticmethod(fill)

    def __init__(self, inventory: Inventory, prompts: Prompts) -> None:
        self.store = Store()
        for spec in inventory.nodes:
            self.store.add_node(Node(spec.name, group=spec.group, production=spec.production))

    async def start(self) -> None:
        pass

    async def wait_first(self, timeout: float) -> None:
        type(self).script(self.store)

    async def stop(self) -> None:
        for node in self.store.nodes.values():  # what a real one leaves behind must not be what is told
            node.error = node.error or ""


@pytest.fixture(autouse=True)
def fleet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "backends.fleet", SimpleNamespace(Fleet=Scripted))
    path = tmp_path / "fleet.yaml"
    path.write_text("nodes:\n  hn01: {group: eu, tags: [production]}\n  hn02:\n  hn03:\n")
    return path


@pytest.fixture
def ls(fleet_file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    def run(*words: str) -> SimpleNamespace:
        code = main(["--fleet", str(fleet_file), "ls", *words])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err, lines=out.splitlines())

    return run


def only(change: Callable[[Store], None]) -> Callable[[Store], None]:
    def script(store: Store) -> None:
        for node in store.nodes.values():
            node.state, node.answered = NodeState.UP, time.monotonic()
        change(store)

    return script


class TestTable:
    def test_whole_into_a_pipe(self, ls: Callable[..., SimpleNamespace]) -> None:
        assert ls().out == (Path(__file__).parent / "table.txt").read_text()

    @pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
    def test_fits_the_terminal(
        self, columns: int, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        listed = ls("!Köln")
        assert max(map(len, listed.lines)) <= columns
        assert {"NODE", "ID", "NAME", "STATE", "CPU%"} <= set(listed.lines[0].split())

    def test_the_least_important_columns_go_first(
        self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        titles = ls().lines[0].split()
        assert "IP" in titles
        assert "LOAD" not in titles

    def test_wide_shows_all_and_cuts_nothing(
        self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "60")
        listed = ls("--wide")
        assert listed.lines[0].split()[-2:] == ["TEMPLATE", "BACKEND"]
        assert "web.example.net" in listed.out
        assert "2001:db8::42" in listed.out

    def test_ascii(self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "76")
        assert "…" in ls("1042").out
        cut = ls("1042", "--ascii")
        assert cut.out.isascii()
        assert "~" in cut.out

    def test_hostile_text_in_the_model_does_not_reach_the_terminal(
        self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        evil = "\x1b]0;owned\x07[red]x[/]\u202e\x9b2J"
        monkeypatch.setattr(
            Scripted, "script", only(lambda store: store.put(Container(Key("hn01", "lxc", evil), name=evil)))
        )
        listed = ls("--wide")
        assert listed.out.replace("\n", "").isprintable()
        assert "[red]x[/]" in listed.out


class TestFilter:
    def test_all_words_must_pass(self, ls: Callable[..., SimpleNamespace]) -> None:
        assert [line.split()[1] for line in ls("node:hn01", "state:running").lines] == ["ID", "1042"]
        assert [line.split()[1] for line in ls("cpu>80").lines] == ["ID", "1042"]

    def test_nothing_passes(self, ls: Callable[..., SimpleNamespace]) -> None:
        listed = ls("nobody")
        assert listed.out == ""
        assert "ctdeck: none of 3 containers passes the filter." in listed.err

    def test_no_containers_at_all(self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Scripted, "script", only(lambda store: None))
        listed = ls()
        assert (listed.code, listed.out, listed.err) == (0, "", "ctdeck: no containers.\n")


class TestTrouble:
    def test_one_line_for_each_node_that_has_some(self, ls: Callable[..., SimpleNamespace]) -> None:
        listed = ls()
        assert listed.code == 3
        assert listed.err == (
            "ctdeck: hn02: One line could not be read.\n"
            "ctdeck: hn03: 10.0.0.3 refuses the connection. Is sshd running there?\n"
        )

    def test_all_answered(self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Scripted, "script", only(lambda store: store.put(web())))
        listed = ls()
        assert (listed.code, listed.err) == (0, "")

    def test_a_node_that_never_said_anything(
        self, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Scripted, "script", staticmethod(lambda store: None))
        listed = ls("--timeout", "2s")
        assert listed.code == 3
        assert listed.err.splitlines()[0].startswith("ctdeck: hn01: No answer within 2 s. Give it more time")

    @pytest.mark.parametrize("state", [NodeState.DOWN, NodeState.BLOCKED, NodeState.BROKEN])
    def test_a_node_that_is_in_trouble_did_not_answer_though_it_once_did(
        self, state: NodeState, ls: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def script(store: Store) -> None:
            store.nodes["hn02"].state = state
            store.nodes["hn02"].error = "Gone"

        monkeypatch.setattr(Scripted, "script", only(script))
        assert ls().code == 3


NODE_KEYS = [
    *("name", "state", "fault", "error", "remedy", "age_seconds", "backends", "group", "production", "read_only"),
    *("hostname", "kernel", "system", "tools", "cpus", "cpu_percent", "load", "memory_total", "memory_used"),
    *("swap_total", "swap_used", "disk_total", "disk_used", "uptime_seconds", "sampler_ms", "rtt_ms", "notes"),
]
CONTAINER_KEYS = [
    *("node", "backend", "id", "name", "hostname", "state", "lock", "leashes", "ips", "cpu_percent"),
    *("cpu_limit_percent",),
    *("throttled_percent", "cpus", "cpu_weight", "memory_used", "memory_limit", "swap_used", "swap_limit", "disk_used"),
    *("disk_limit", "disk_hard_limit", "inodes_used", "inodes_limit", "processes", "processes_limit", "load"),
    *("uptime_seconds", "rx_bytes", "tx_bytes", "io_priority", "io_bytes_limit", "iops_limit", "failcnt"),
    *("failcnt_growth", "beancounters", "on_boot", "layout", "template", "note"),
]


class TestJson:
    def test_keys_are_a_promise(self, ls: Callable[..., SimpleNamespace]) -> None:
        listed = json.loads(ls("--json").out)
        assert list(listed) == ["nodes", "containers"]
        assert all(list(node) == NODE_KEYS for node in listed["nodes"])
        assert all(list(container) == CONTAINER_KEYS for container in listed["containers"])

    def test_the_readme_names_every_key_and_state(self) -> None:
        readme = (Path(__file__).parents[3] / "README.md").read_text()
        section = readme[readme.index("## JSON") : readme.index("## The fleet file")]
        missing = [
            key for key in {*NODE_KEYS, *CONTAINER_KEYS, *State, *NodeState, *FaultKind} if f"`{key}`" not in section
        ]
        assert missing == []

    def test_a_container(self, ls: Callable[..., SimpleNamespace]) -> None:
        listed = json.loads(ls("--json", "1042").out)["containers"]
        assert len(listed) == 1
        container = listed[0]
        assert (container["node"], container["backend"], container["id"], container["state"]) == (
            *("hn01", "openvz", "1042"),
            "running",
        )
        assert container["ips"] == ["10.0.4.42/24", "2001:db8::42"]
        assert container["cpu_percent"] == 390.12
        assert container["cpu_limit_percent"] == 400
        assert (container["memory_limit"], container["swap_used"]) == (8 * GIB, 0)
        assert container["lock"] == {"by": "vzctl backup", "pid": 77, "since": 1.5e9, "alive": True}
        assert container["load"] == [3.5, 2.0, 1.0]
        assert container["beancounters"] == {
            "privvmpages": {"held": 65536, "maxheld": 65536, "barrier": 65536, "limit": None, "failcnt": 12}
        }

    def test_what_is_not_known_is_null_and_never_0(self, ls: Callable[..., SimpleNamespace]) -> None:
        container = json.loads(ls("--json", "node:hn02").out)["containers"][0]
        known = {"node", "backend", "id", "name", "state", "leashes", "ips"}
        assert {key for key, value in container.items() if value is not None} == known

    def test_nodes(self, ls: Callable[..., SimpleNamespace]) -> None:
        first, late, dead = json.loads(ls("--json").out)["nodes"]
        assert (first["state"], first["group"], first["production"]) == ("up", "eu", True)
        assert first["cpu_percent"] == 400.0  # half of 8 cores, in percent of one
        assert (first["sampler_ms"], first["rtt_ms"], first["error"]) == (1.23, 12.3, None)
        assert late["age_seconds"] >= 6
        assert (dead["state"], dead["fault"], dead["age_seconds"], dead["cpu_percent"]) == (
            "down",
            "refused",
            None,
            None,
        )
        assert dead["remedy"] == "Is sshd running there?"

    def test_nodes_are_told_even_if_no_container_passes(self, ls: Callable[..., SimpleNamespace]) -> None:
        listed = json.loads(ls("--json", "nobody").out)
        assert (len(listed["nodes"]), listed["containers"]) == (3, [])


class TestCsv:
    def test_header_and_rows(self, ls: Callable[..., SimpleNamespace]) -> None:
        rows = list(csv.DictReader(io.StringIO(ls("--csv").out)))
        assert list(rows[0]) == [key for key in CONTAINER_KEYS if key != "beancounters"]
        assert [row["id"] for row in rows] == ["990", "1042", "Köln-日本"]
        assert (rows[1]["ips"], rows[1]["on_boot"], rows[1]["lock"]) == (
            "10.0.4.42/24 2001:db8::42",
            "yes",
            "vzctl backup",
        )
        assert rows[1]["load"] == "3.5 2.0 1.0"
        assert (rows[0]["leashes"], rows[1]["leashes"]) == ("", "cpu_limit memory")
        assert rows[0]["cpu_percent"] == ""

    def test_a_tenants_name_is_no_formula(self, ls: Callable[..., SimpleNamespace]) -> None:
        rows = list(csv.DictReader(io.StringIO(ls("--csv").out)))
        assert rows[0]["name"] == "'=cmd|calc"
