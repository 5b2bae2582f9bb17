"""Which words the command line takes, what it says to the others, and with which exit code."""

import logging
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import tui
from tui import cli

DEMO = "demo --nodes 2 --containers 3 --scenario tour --chaos --serve"
ROOT = Path(cli.__file__).parents[1]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """The options that reach the verbs."""
    found: list[SimpleNamespace] = []

    def run(options: SimpleNamespace) -> int:
        found.append(options)
        return 0

    for verb in ("deck", *cli.VERBS):
        monkeypatch.setattr(f"tui.commands.{cli.MODULES.get(verb, verb)}.run", run)
    return found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def ctdeck(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", *words]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


class TestOptions:
    @pytest.mark.parametrize(
        "words", ["--fleet f --json ls", "ls --fleet f --json", "--json ls --fleet=f", "--fleet x ls --json --fleet f"]
    )
    def test_common_ones_stand_before_or_after_the_verb(self, words: str, seen: list[SimpleNamespace]) -> None:
        assert cli.main(words.split()) == 0
        assert (seen[0].fleet, seen[0].json, seen[0].read_only) == ("f", True, False)

    def test_words_and_options_may_be_mixed(self, seen: list[SimpleNamespace]) -> None:
        assert cli.main(["ls", "web", "--json", "node:hn1", "--timeout", "500ms", "cpu>80"]) == 0
        assert seen[0].filter == ["web", "node:hn1", "cpu>80"]
        assert (seen[0].json, seen[0].timeout) == (True, 0.5)

    @pytest.mark.parametrize(
        "words",
        [
            "--yes --confirm n1/1 --arm stop n1/1 n1/2 --dry-run --detach --keep-going --fast",
            "stop --yes n1/1 --fast --confirm n1/1 n1/2 --arm --dry-run --detach --keep-going",
        ],
    )
    def test_those_of_changes_stand_before_or_after_the_verb(self, words: str, seen: list[SimpleNamespace]) -> None:
        assert cli.main(words.split()) == 0
        stop = seen[0]
        assert (stop.verb, stop.targets, stop.confirm) == ("stop", ["n1/1", "n1/2"], ["n1/1"])
        assert all((stop.yes, stop.arm, stop.dry_run, stop.detach, stop.keep_going, stop.fast))

    def test_what_stands_behind_the_dashes_of_try_is_a_command(self, seen: list[SimpleNamespace]) -> None:
        assert cli.main(["--yes", "try", "n1/1", "--keep", "--", "apt-get", "-y", "--yes", "upgrade", "--", "x"]) == 0
        assert (seen[0].target, seen[0].keep) == ("n1/1", True)
        assert seen[0].command == ["apt-get", "-y", "--yes", "upgrade", "--", "x"]

    def test_those_of_the_deck(self, seen: list[SimpleNamespace]) -> None:
        assert cli.main(["--ascii", "--mouse", "--read-only"]) == 0
        assert cli.main([]) == 0
        assert [(each.ascii, each.mouse, each.read_only) for each in seen] == [(True,) * 3, (False,) * 3]

    def test_those_of_the_demo(self, seen: list[SimpleNamespace]) -> None:
        assert cli.main(["--ascii", *DEMO.split()]) == 0
        demo = seen[0]
        assert (demo.nodes, demo.containers, demo.scenario, demo.chaos, demo.serve, demo.ascii) == (
            *(2, 3, "tour"),
            *(True, True, True),
        )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("sl", 'there is no verb "sl". Did you mean ls?'),
        ("dem --serve", 'there is no verb "dem". Did you mean demo?'),
        ("clone hn1/101", 'there is no verb "clone". There are: '),
        ("--jsno ls", 'there is no option "--jsno". Did you mean --json?'),
        ("ls --jsno", 'there is no option "--jsno". Did you mean --json?'),
        ("ls --fleets=x", 'there is no option "--fleets". Did you mean --fleet?'),
        ("demo --conainers 3", "Did you mean --containers?"),
        ("--csv ls", 'there is no option "--csv"'),
        ("demo tour", '"tour" is one word too many. See ctdeck demo --help'),
        ("--fleet", "--fleet: expected one argument. See ctdeck --help"),
        ("ls --timeout soon", "'soon' is no duration (2s, 500ms, 1m). See ctdeck ls --help"),
        ("ls --timeout 0", "is not between 0 and one hour"),
        ("demo --nodes 0", '"0" is no number from 1 to 99'),
        ("demo --scenario runaway", 'there is no scenario "runaway". Did you mean runaway-cpu?'),
        ("demo --serve --scenario nothing", 'there is no scenario "nothing". There are: '),
        ("demo --nodes ten", '"ten" is no number'),
        ("ls --json --csv", "two formats. Choose one"),
        ("ls cpu>lots", 'the filter "cpu>lots" is wrong at "lots": '),
        ("demo --fleet x", "the demo brings its own fleet"),
        ("demo --json", "the demo prints no JSON"),
        ("--json", "`ctdeck ls --json` does"),
        ("--fleet no/such/file ls", "no/such/file: there is no such fleet file"),
        ("ls", "there is no fleet file"),
        ("", "there is no fleet file"),
        ("demo", "the deck needs a terminal. `ctdeck demo --serve` needs none"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(
    words: str, told: str, places: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 (no terminal, wherever the tests run)
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ctdeck: ")
    assert told in err
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("keys: {refrsh: f5}", ":3: keys: there is no action 'refrsh'. Did you mean 'refresh'?"),
        ("keys: {refresh: ctrl+k}", ":3: keys: 'refresh' cannot use ctrl+k."),
        ("columns: [+laod]", ":3: columns: there is no column 'laod'. Did you mean 'load'?"),
    ],
)
def test_keys_and_columns_are_checked_before_anything_is_drawn(
    section: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tui.commands.deck.on_terminal", lambda: True)
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(f"nodes:\n  hn01:\n{section}\n")
    assert cli.main(["--fleet", str(fleet)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ctdeck: {fleet}{told}")


class TestAnswersAtOnce:
    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["--version"]) == 0
        assert capsys.readouterr().out == f"ctdeck {tui.__version__}\n"

    def test_the_version_is_that_of_the_project(self) -> None:
        assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == tui.__version__

    @pytest.mark.parametrize("verb", ["", *cli.VERBS])
    def test_help(self, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main([*verb.split(), "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"usage: ctdeck {verb}".rstrip())
        assert "--read-only" in out

    def test_help_names_every_verb(self, capsys: pytest.CaptureFixture[str]) -> None:
        cli.main(["-h"])
        out = capsys.readouterr().out
        assert all(f"  {verb} " in out for verb in cli.VERBS)

    @pytest.mark.parametrize("verb", ["", *cli.VERBS])
    def test_the_readme_names_every_option(self, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
        readme = (ROOT / "README.md").read_text()
        section = readme[readme.index("## Command line") : readme.index("## JSON")]
        cli.main([*verb.split(), "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert {option for option in options if option not in section} == set()
        assert re.search(rf"^ctdeck ([a-z]+\|)*{verb}\b", section, re.MULTILINE)

    @pytest.mark.parametrize("words", [["--version"], ["--help"], ["sl"]])
    def test_nothing_heavy_is_imported(self, words: list[str]) -> None:
        program = (
            "import sys; from tui.cli import main; main(sys.argv[1:]); "
            "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=ROOT, timeout=60
        )
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "argparse" in loaded
        assert not loaded & {
            "asyncio",
            "asyncssh",
            "backends",
            "email",
            "platformdirs",
            "rich",
            "shutil",
            "textual",
            "yaml",
        }


class TestAccidents:
    def test_a_mistake_of_our_own_is_one_sentence_and_a_file(
        self, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("tui.commands.ls.run", lambda options: 1 // 0)
        assert cli.main(["ls"]) == 1
        log = places / "xdg_state_home/ctdeck/crash.log"
        assert capsys.readouterr().err == (
            f"ctdeck: a mistake of ctdeck itself (ZeroDivisionError). The details are in {log}\n"
        )
        assert "in <lambda>" in log.read_text()
        assert log.stat().st_mode & 0o777 == 0o600

    def test_the_file_does_not_grow_without_bound(self, places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tui.commands.ls.run", lambda options: 1 // 0)
        log = places / "xdg_state_home/ctdeck/crash.log"
        log.parent.mkdir(parents=True)
        log.write_bytes(b"x" * (1 << 21))
        cli.main(["ls"])
        assert log.stat().st_size < 10_000

    def test_what_libraries_log_goes_to_the_same_file(
        self, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def run(options: object) -> int:
            logging.getLogger("asyncio").error("Task exception was never retrieved")
            return 0

        monkeypatch.setattr("tui.commands.ls.run", run)
        assert cli.main(["ls"]) == 0
        assert capsys.readouterr().err == ""
        assert "never retrieved" in (places / "xdg_state_home/ctdeck/crash.log").read_text()

    def test_where_nothing_can_be_written(
        self, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("tui.commands.ls.run", lambda options: 1 // 0)
        monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
        assert cli.main(["ls"]) == 1
        assert "CTDECK_DEBUG=1" in capsys.readouterr().err

    def test_debug_shows_the_traceback(
        self, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("tui.commands.ls.run", lambda options: 1 // 0)
        monkeypatch.setenv("CTDECK_DEBUG", "1")
        assert cli.main(["ls"]) == 1
        assert "Traceback" in capsys.readouterr().err

    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupted(options: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr("tui.commands.ls.run", interrupted)
        assert cli.main(["ls"]) == 130
        assert capsys.readouterr().err == ""

    def test_a_pipe_that_nobody_reads_is_no_news(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-m", "tui.cli", "--help"], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, timeout=60
        )
        os.close(writing)
        assert done.stderr == b""

    def test_as_a_module_it_is_the_same_program(self) -> None:
        for module in ("tui", "tui.cli"):
            done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, cwd=ROOT)
            assert done.stdout == f"ctdeck {tui.__version__}\n"

    def test_the_exit_code_reaches_the_shell(self, places: Path) -> None:
        done = ctdeck("sl")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == 'ctdeck: there is no verb "sl". Did you mean ls?\n'
