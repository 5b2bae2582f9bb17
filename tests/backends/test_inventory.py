"""The fleet file: what a good one gives, and that every bad one is one sentence with file, line, key and a way out.

A case of a bad file is a pair in `fleet_files/`: NAME.yaml, and the whole message in NAME.error (DIR is the folder).
"""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backends.errors import ConfigError
from backends.inventory import Inventory, NodeSpec, hosts_of, load, seconds, write_first

CASES = Path(__file__).parent / "fleet_files"

GOOD = """\
ssh_config: none
known_hosts: [known_hosts, ~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts]
defaults: {user: admin, interval: 500ms, slow_interval: 1m, identity_file: keys/id}
nodes:
  hn1.eu:
  "hn2.eu": {host: 10.0.0.2, port: 2222, user: root, sudo: yes, group: eu, tags: [production, web], backends: [openvz]}
  no: {host: "fe80::1%eth0", read_only: true, tags: }
  1042: {interval: 1}
  here: {transport: local}
thresholds: {memory: 85 %, disk: 0.9}
columns: [+load, -ip, cpu]
keys: {refresh: f5}
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def node(tmp_path: Path, text: str) -> NodeSpec:
    return load(written(tmp_path, text)).nodes[0]


class TestGoodFile:
    @pytest.fixture
    def fleet(self, tmp_path: Path) -> Inventory:
        return load(written(tmp_path, GOOD))

    def test_nodes_keep_their_order_and_names(self, fleet: Inventory) -> None:
        assert [node.name for node in fleet.nodes] == ["hn1.eu", "hn2.eu", "no", "1042", "here"]

    def test_a_name_alone_is_an_alias_with_the_defaults(self, fleet: Inventory, tmp_path: Path) -> None:
        assert fleet.nodes[0] == NodeSpec(
            name="hn1.eu", user="admin", interval=0.5, slow_interval=60.0, identity_file=tmp_path / "keys/id"
        )

    def test_options_of_a_node_win(self, fleet: Inventory) -> None:
        spec = fleet.nodes[1]
        assert (spec.host, spec.port, spec.user, spec.sudo, spec.group) == ("10.0.0.2", 2222, "root", True, "eu")
        assert (spec.tags, spec.backends, spec.production) == (("production", "web"), ("openvz",), True)

    def test_words_that_yaml_takes_for_something_else(self, fleet: Inventory) -> None:
        assert fleet.nodes[2].host == "fe80::1%eth0"
        assert fleet.nodes[2].read_only
        assert fleet.nodes[2].tags == ()
        assert fleet.nodes[3].interval == 1.0

    def test_this_machine_takes_no_login_from_the_defaults(self, fleet: Inventory) -> None:
        assert fleet.nodes[4] == NodeSpec(name="here", transport="local", interval=0.5, slow_interval=60.0)

    def test_ssh_settings(self, fleet: Inventory, tmp_path: Path) -> None:
        assert not fleet.ssh.use_config
        assert fleet.ssh.known_hosts[0] == tmp_path / "known_hosts"
        assert fleet.ssh.known_hosts[1] == Path.home() / ".ssh/known_hosts"
        assert fleet.ssh.known_hosts[2] == Path("/etc/ssh/ssh_known_hosts")

    def test_the_rest(self, fleet: Inventory, tmp_path: Path) -> None:
        assert fleet.path == tmp_path / "fleet.yaml"
        assert fleet.thresholds == {"memory": pytest.approx(0.85), "disk": 0.9}
        assert fleet.columns == ("+load", "-ip", "cpu")
        assert fleet.keys == {"refresh": "f5"}
        assert not fleet.read_only

    def test_five_lines_are_enough(self, tmp_path: Path) -> None:
        fleet = load(written(tmp_path, "nodes:\n  hn1:\n  hn2:\n"))
        assert fleet.ssh.use_config
        assert fleet.ssh.config is None
        assert fleet.nodes == (NodeSpec(name="hn1"), NodeSpec(name="hn2"))

    def test_another_ssh_configuration(self, tmp_path: Path) -> None:
        (tmp_path / "config").touch()
        assert load(written(tmp_path, "ssh_config: config\nnodes: {a: }\n")).ssh.config == tmp_path / "config"

    def test_a_relative_file_still_gives_whole_paths(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written(tmp_path, "nodes: {a: {identity_file: id}}\n")
        monkeypatch.chdir(tmp_path)
        assert load(Path("fleet.yaml")).nodes[0].identity_file == tmp_path / "id"

    def test_anchors_may_be_shared(self, tmp_path: Path) -> None:
        fleet = load(written(tmp_path, "nodes:\n  a: &x {port: 2200}\n  b: *x\n"))
        assert [spec.port for spec in fleet.nodes] == [2200, 2200]

    def test_a_byte_order_mark_is_no_mistake(self, tmp_path: Path) -> None:
        assert node(tmp_path, "\ufeffnodes: {a: }\n").name == "a"

    def test_a_port_is_decimal_whatever_yaml_thinks(self, tmp_path: Path) -> None:
        assert node(tmp_path, "nodes: {a: {port: 022}}\n").port == 22


class TestBadFile:
    @pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
    def test_message(self, case: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(case)
        told = str(caught.value).replace(str(CASES), "DIR").removeprefix("DIR/")
        wanted = case.with_suffix(".error").read_text().rstrip("\n")
        if "this is not YAML" in wanted:  # libyaml and PyYAML name the same place in other words
            told, wanted = (text.partition("not YAML")[0] for text in (told, wanted))
        assert told == wanted

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nothing\.yaml: there is no such fleet file"):
            load(tmp_path / "nothing.yaml")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: is a directory"):
            load(tmp_path)

    def test_unreadable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:  # root, who may run the tests, reads everything
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(ConfigError, match="cannot be read: permission denied"):
            load(tmp_path / "fleet.yaml")

    def test_too_large(self, tmp_path: Path) -> None:
        path = written(tmp_path, b"nodes:")
        os.truncate(path, 9 << 20)
        with pytest.raises(ConfigError, match="more than 8 MB"):
            load(path)

    def test_a_name_that_no_file_can_have(self) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            load(Path("a\0b"))


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("keys: there is no action 'refrsh'", 5),
        ("keys: f3 is used twice, for 'refrsh' and 'help'", 4),
        ("keys: something else", 3),
        ("columns: there is no column 'laod'", 8),
        ("columns: too many", 6),
    ],
)
def test_errors_of_those_who_know_the_names_get_their_place(tmp_path: Path, told: str, line: int) -> None:
    fleet = load(written(tmp_path, "nodes:\n  a:\nkeys:\n  help: f3\n  refrsh: f3\ncolumns:\n  - -ip\n  - +laod\n"))
    error = fleet.located(ConfigError(told, "Do that"))
    assert str(error) == f"{tmp_path}/fleet.yaml:{line}: {told}. Do that"


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    error = ConfigError("keys: there is no action 'x'")
    assert load(written(tmp_path, "nodes: {a: }\n")).located(error) is error


KEYS = st.sampled_from(
    [
        *(
            "nodes",
            "defaults",
            "ssh_config",
            "known_hosts",
            "thresholds",
            "columns",
            "keys",
            "read_only",
            "hn1",
            "memory",
        ),
        *("host", "port", "user", "identity_file", "transport", "sudo", "group", "tags", "backends", "interval", "<<"),
    ]
)
SCALARS = st.sampled_from(
    [
        *(
            "none",
            "~",
            "local",
            "22",
            "2s",
            "90%",
            "0.9",
            "yes",
            "[",
            "&a",
            "*a",
            "!!set",
            "!x",
            "'",
            '"\\0"',
            "~x/y",
            "|",
            "%",
        ),
        *("1e999", ".nan", "9" * 40, "1:30", "2026-11-22", "\t", "\x85", "\ud7ff", "-", "?", "a@b", "a:1"),
    ]
) | st.text(max_size=12)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(st.tuples(KEYS | SCALARS, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)
FILES = st.lists(st.tuples(KEYS, TREES), max_size=5).map(
    lambda pairs: "".join(f"{key}: {value}\n" for key, value in pairs).encode("utf-8", "surrogatepass")
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES | st.binary(max_size=60))
@example(b"nodes: &a {a: *a}\n")
@example(b"nodes:\n  ? {a: b}\n  : c\n")
@example(b"[" * 100_000)
@example(b"- " * 100_000)
def test_whatever_the_file_holds_it_is_a_fleet_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, data)
    try:
        nodes, told = load(path).nodes, str(path)
    except ConfigError as error:
        nodes, told = (), str(error)
    assert nodes or told.startswith(f"{path}:")
    assert told.isprintable()


@pytest.mark.parametrize(
    ("text", "span"), [("2s", 2.0), ("500ms", 0.5), ("1m", 60.0), ("1.5h", 5400.0), ("15", 15.0), ("3 s", 3.0)]
)
def test_durations(text: str, span: float) -> None:
    assert seconds(text) == pytest.approx(span)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1:30", "nan", "inf", "１s", "1s\n"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


class TestHostsOf:
    def test_aliases_in_order_without_wildcards(self, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text(
            'Host hn01 hn02 *.example.net !hn09\n  User root\n# Host no\nhost=mail\nHost "quoted" hn01 # hn77\n'
            "Match host x\n  Hostname y\nHost *\nHost -oProxyCommand=x ba?d\nHost git.example.net\n"
        )
        assert hosts_of(config) == ["hn01", "hn02", "mail", "quoted", "git.example.net"]

    def test_includes(self, tmp_path: Path) -> None:
        (tmp_path / "config.d").mkdir()
        (tmp_path / "config.d/b").write_text("Host b\n")
        (tmp_path / "config.d/a").write_text("Host a\n")
        config = tmp_path / "config"
        config.write_text(f"Include config.d/*\nInclude {tmp_path}/nothing {tmp_path}/config\nHost c\n")
        assert hosts_of(config) == ["a", "b", "c"]

    def test_files_that_include_each_other_are_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, other in (("a", "b"), ("b", "a")):
            (tmp_path / name).write_text(f"Include {other}\n" * 40 + f"Host {name}\n")
        reads: list[Path] = []
        real = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: (reads.append(path), real(path))[1])
        assert hosts_of(tmp_path / "a") == ["b", "a"]
        assert len(reads) == 2

    def test_what_cannot_be_read_names_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "bytes").write_bytes(b'Host a\n# K\xf6ln\nHost "open\nHost b\nInclude \0 ~nobody-has-this-name/x\n')
        assert hosts_of(tmp_path / "bytes") == ["a", "b"]
        assert hosts_of(tmp_path / "nothing") == []
        assert hosts_of(tmp_path) == []


class TestWriteFirst:
    def test_it_can_be_loaded_and_is_private(self, tmp_path: Path) -> None:
        path = tmp_path / "new/ctdeck/fleet.yaml"
        write_first(path, ["hn01", "here"], local=True)
        fleet = load(path)
        assert [spec.name for spec in fleet.nodes] == ["hn01", "here", "this-machine"]
        assert fleet.nodes[2].transport == "local"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in path.parent.iterdir()] == ["fleet.yaml"]

    def test_it_never_overwrites(self, tmp_path: Path) -> None:
        path = written(tmp_path, "mine")
        with pytest.raises(ConfigError, match="is there already"):
            write_first(path, ["hn01"], local=False)
        assert path.read_text() == "mine"
        assert [entry.name for entry in tmp_path.iterdir()] == ["fleet.yaml"]

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="cannot be written"):
            write_first(tmp_path / "file/fleet.yaml", ["hn01"], local=False)
