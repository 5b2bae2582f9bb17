"""Verbs that change containers, on nodes of toys: targets, consent, plans, results. The oracle is what the toys' tools did."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from backends.model import Container, Key, Leash
from tests.wait import until_blocking
from tui.commands import limit

from .toys import COMMAND, MEMORY, ROOT, Done, Toys

OUTCOME = {"ended", "message", "job", "node", "id", "action", "verified", "differences", "seconds"}
PLAN = {
    *("action", "node", "backend", "id", "name", "production", "danger", "changes", "checks", "steps", "freeze"),
    *("lost", "undo", "no_undo", "fingerprint"),
}


def refused(done: Done, told: str, toys: Toys) -> None:
    """Exit code 4, said why, and nothing was even sent."""
    assert (done.returncode, done.stdout) == (4, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert (toys.sent, toys.was_done) == ([], [])


class TestDone:
    def test_done_and_verified(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "--yes")
        assert (done.returncode, done.stdout, done.stderr) == (0, "stop of n1/101: done and verified\n", "")
        assert toys.is_in("101") == "stopped"
        assert [entry["event"] for entry in toys.audited] == ["begins", "ends"]
        assert toys.audited[-1]["ended"] == "done"
        assert toys.state.joinpath("audit.jsonl").stat().st_mode & 0o777 == 0o600

    def test_as_json(self, toys: Toys) -> None:
        done = toys.ctdeck("--json", "--yes", "limit", "set", "n1/101", "--memory", "128M")
        assert done.returncode == 0
        assert (done.json["plan"].keys(), done.json["outcome"].keys()) == (PLAN, OUTCOME)
        assert done.json["plan"]["undo"] == ["limit", "set", "n1/101", "--memory", str(MEMORY)]
        assert (done.json["outcome"]["ended"], done.json["outcome"]["verified"]) == ("done", True)

    def test_where_the_evidence_is(self, toys: Toys) -> None:
        done = toys.ctdeck("restart", "n1/101", "--evidence", "--yes")
        assert done.returncode == 0
        assert done.stdout.endswith(" s; evidence is in /a/file\n")

    def test_a_command_that_succeeds_and_does_nothing_has_failed(
        self, toys: Toys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        toys.breaks("lie")
        monkeypatch.setattr("backends.change.SETTLE", 0.1)
        done = toys.ctdeck("stop", "n1/101", "--yes")
        assert done.returncode == 1
        assert "the commands succeeded, and yet state is 'running' and not 'stopped'" in done.stderr

    def test_a_step_that_fails_is_told_with_its_last_words(self, toys: Toys) -> None:
        toys.breaks("fail")
        done = toys.ctdeck("stop", "n1/101", "--yes")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("ctdeck: stop of n1/101 failed at: stop")
        assert "  | the toy is broken\n" in done.stderr
        assert toys.is_in("101") == "running"

    def test_detached(self, toys: Toys) -> None:
        toys.hold()
        done = toys.ctdeck("stop", "n1/101", "--yes", "--detach")
        assert (done.returncode, done.stdout.split()) == (0, toys.job_ids)
        assert toys.audited[-1]["ended"] == "accepted"
        assert toys.is_in("101") == "running"

    def test_a_name_that_is_unique_is_good_too(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/toy-101", "--yes", "--dry-run")
        assert done.returncode == 0
        done = toys.ctdeck("stop", "n1/toy:101", "--yes")
        assert (done.returncode, toys.is_in("101")) == (0, "stopped")


class TestDryRun:
    def test_the_plan_for_people(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "--dry-run")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("stop of n1/101 toy-101\n         now      after\n  state  running  stopped\n")
        for line in ("  ok       it is running", "  undo     ctdeck start n1/101", "  wants    --yes"):
            assert line in done.stdout.splitlines()
        assert "  n1 $ " in done.stdout
        assert (toys.sent, toys.was_done, toys.audited) == ([], [], [])

    def test_one_that_would_be_refused(self, toys: Toys) -> None:
        done = toys.ctdeck("start", "n1/101", "--dry-run")
        assert done.returncode == 4
        assert "  refused  it runs already" in done.stdout
        assert toys.sent == []

    def test_as_json(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "n1/102", "--dry-run", "--json")
        assert done.returncode == 0
        assert [(each["plan"]["id"], each["outcome"]) for each in done.json] == [("101", None), ("102", None)]
        assert toys.sent == []

    def test_also_when_nothing_may_be_changed(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "--dry-run", "--read-only")
        assert done.returncode == 4
        assert "n1 is read-only here" in done.stdout


class TestConsent:
    def test_nobody_said_yes(self, toys: Toys) -> None:
        refused(toys.ctdeck("stop", "n1/101"), "there is no terminal to ask at. Say --yes", toys)

    def test_json_asks_nothing(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "--json")
        assert (done.returncode, done.stderr) == (4, "")
        assert (done.json["outcome"]["ended"], done.json["outcome"]["action"]) == ("refused", "stop")
        assert toys.sent == []

    def test_to_destroy_wants_the_name(self, toys: Toys) -> None:
        for words in (["--yes"], ["--yes", "--confirm", "n1/102"], ["--confirm", "101"]):
            refused(toys.ctdeck("destroy", "n1/101", *words), "Say --confirm n1/101", toys)
        done = toys.ctdeck("--confirm", "n1/101", "destroy", "n1/101")
        assert (done.returncode, toys.toy("101").exists()) == (0, False)

    def test_production_wants_to_be_armed_and_the_name(self, toys: Toys) -> None:
        toys.write_fleet(n1=", tags: [production]")
        refused(toys.ctdeck("stop", "n1/101", "--yes"), "n1 is a production node. Arm it: --arm", toys)
        refused(toys.ctdeck("stop", "n1/101", "--confirm", "n1/101"), "Arm it: --arm", toys)
        refused(toys.ctdeck("stop", "n1/101", "--arm", "--yes"), "Say --arm --confirm n1/101", toys)
        done = toys.ctdeck("stop", "n1/101", "--arm", "--confirm", "n1/101")
        assert (done.returncode, toys.is_in("101")) == (0, "stopped")

    def test_read_only_wins_over_everything(self, toys: Toys) -> None:
        words = ("stop", "n1/101", "--yes", "--arm", "--confirm", "n1/101")
        refused(toys.ctdeck(*words, "--read-only"), "ctdeck was started read-only", toys)
        toys.write_fleet(n1=", read_only: true")
        refused(toys.ctdeck(*words), "n1 is read-only here", toys)
        toys.write_fleet(more="read_only: true\n")
        refused(toys.ctdeck(*words), "ctdeck was started read-only", toys)

    @pytest.mark.parametrize(
        ("words", "question", "answer", "code"),
        [
            ("stop n1/101", "go on? [y/N] ", "y", 0),
            ("stop n1/101", "go on? [y/N] ", "", 4),
            ("destroy n1/102", "type n1/102 to go on: ", "n1/102", 0),
            ("destroy n1/102", "type n1/102 to go on: ", "y", 4),
            ("stop n1/101 n1/103", "type 2, the number of containers, to go on: ", "2", 0),
            ("stop n1/101 n1/103", "type 2, the number of containers, to go on: ", "y", 4),
        ],
    )
    def test_at_a_terminal_it_is_asked(self, toys: Toys, words: str, question: str, answer: str, code: int) -> None:
        end, terminal = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "--fleet", str(toys.fleet), *words.split()],
            cwd=ROOT,
            env=toys.environment,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
        )
        os.close(terminal)
        seen = b""
        while not seen.endswith(question.encode()):
            seen += os.read(end, 4096)
        assert b"n1 $ " in seen  # the plan was shown before
        assert toys.sent == []
        os.write(end, f"{answer}\n".encode())
        assert process.wait(60) == code
        assert process.stdout is not None
        process.stdout.close()
        os.close(end)
        assert bool(toys.was_done) == (code == 0)


class TestTargets:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ("stop 101", '"101" is no container. Write NODE/ID, as in hn01/101'),
            ("stop n11/101", 'there is no node "n11" in'),
            ("stop n1/10", 'there is no container "10" on n1. Did you mean n1/10'),
            ("stop n1/zzz", "`ctdeck ls node:n1` lists them"),
            ("stop n1/101 n1/toy-101", "n1/toy-101 and n1/101 are the same container"),
            ("limit set n1/101 --memory 0", "is not above zero"),
            ("limit set n1/101 --memory lots", "'lots' is no size"),
            ("limit set n1/101", "wants at least one limit"),
            ("ip add n1/101", "ip add wants at least one address"),
            ("ip add n1/101 10.0.0.300", "'10.0.0.300' is no address"),
            ("ip ad n1/101 10.0.0.3", "Did you mean add?"),
            ("snapshot revert n1/101", "wants the snapshot"),
            ("snapshot delete n1/101 a --memory", "--memory is for snapshot create"),
            ("try n1/101", "try wants a command"),
            ("stop n1/101 --stop-timeout 2h", "more than an hour"),
            ("--yes ls", "--yes is for verbs that change something, and ls does not"),
            ("jobs cancel", "Write jobs, jobs ID or jobs cancel ID"),
            ("jobs ../../etc", "is no job"),
        ],
    )
    def test_wrong_use_does_nothing(self, toys: Toys, words: str, told: str) -> None:
        done = toys.ctdeck(*words.split(), *([] if "ls" in words or "jobs" in words else ["--yes"]))
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr
        assert (toys.sent, toys.was_done) == ([], [])

    def test_a_node_that_does_not_answer(self, toys: Toys) -> None:
        toys.write_fleet(more="  gone: {host: 127.0.0.1, port: 1, user: root}\nssh_config: none\n")
        done = toys.ctdeck("stop", "gone/101", "--yes")
        assert (done.returncode, done.stdout) == (3, "")
        assert "gone cannot be asked: " in done.stderr
        assert toys.sent == []
        # it is not even connected for a container on another node
        done = toys.ctdeck("stop", "n1/101", "--yes")
        assert (done.returncode, done.stderr) == (0, "")

    def test_an_id_in_two_backends(self) -> None:
        from backends.errors import ConfigError
        from backends.model import Container, Key, Node, NodeState
        from backends.store import Store
        from tui.commands.targets import Target, resolve

        store = Store()
        store.add_node(Node("n1", state=NodeState.UP, answered=1.0))
        for backend in ("lxc", "openvz"):
            store.put(Container(Key("n1", backend, "101")))
        with pytest.raises(ConfigError, match=r"more than one container\. Write one of n1/lxc:101, n1/openvz:101"):
            resolve(store, Target("n1", "101"))
        assert resolve(store, Target("n1", "lxc:101")).key.backend == "lxc"


class TestSeveral:
    def test_one_line_each(self, toys: Toys) -> None:
        done = toys.ctdeck("stop", "n1/101", "n1/103", "--yes")
        assert done.returncode == 0
        assert done.stdout == "stop of n1/101: done and verified\nstop of n1/103: done and verified\n"

    def test_one_that_cannot_be_done_stops_all_before_they_begin(self, toys: Toys) -> None:
        done = toys.ctdeck("start", "n1/101", "n1/102", "--yes")
        assert (done.returncode, done.stdout, toys.sent) == (4, "", [])
        assert "it runs already" in done.stderr
        assert "n1/102: not begun" in done.stderr

    def test_or_the_others_are_done(self, toys: Toys) -> None:
        done = toys.ctdeck("start", "n1/101", "n1/102", "--yes", "--keep-going")
        assert done.returncode == 4
        assert done.stdout == "start of n1/102: done and verified\n"
        assert toys.is_in("102") == "running"

    def test_the_first_failure_stops_the_rest(self, toys: Toys) -> None:
        toys.breaks("fail")
        done = toys.ctdeck("stop", "n1/101", "n1/103", "--yes", "--json")
        assert done.returncode == 1
        assert [each["outcome"]["ended"] for each in done.json] == ["failed", "not-begun"]
        assert toys.was_done == ["stop"]
        done = toys.ctdeck("stop", "n1/101", "n1/103", "--yes", "--json", "--keep-going")
        assert [each["outcome"]["ended"] for each in done.json] == ["failed", "failed"]


class TestAddresses:
    def test_added_and_listed(self, toys: Toys) -> None:
        assert toys.ctdeck("ip", "add", "n1/101", "10.9.0.7", "--yes").returncode == 0
        listed = toys.ctdeck("ip", "list", "n1/101", "--json").json
        assert listed["live"] == listed["config"] == ["10.9.0.101", "10.9.0.7"]
        assert "10.9.0.7    yes   yes" in toys.ctdeck("ip", "list", "n1/101").stdout

    def test_a_clash_with_any_node_is_refused(self, toys: Toys) -> None:
        done = toys.ctdeck("ip", "add", "n1/101", "10.9.0.102", "--yes")
        refused(done, "10.9.0.102 is that of n2/102 toy-102", toys)

    def test_a_node_that_cannot_be_asked_is_named(self, toys: Toys) -> None:
        toys.write_fleet(more="  gone: {host: 127.0.0.1, port: 1, user: root}\nssh_config: none\n")
        words = ("ip", "add", "n1/101", "10.9.0.7", "--yes")
        refused(toys.ctdeck(*words), "could not be asked for the address: gone", toys)
        done = toys.ctdeck(*words, "--allow-unasked")
        assert (done.returncode, done.stdout) == (0, "ip add of n1/101: done and verified\n")
        assert "could not be asked for the address: gone" in done.stderr
        # who only takes away clashes with nobody
        assert toys.ctdeck("ip", "del", "n1/101", "10.9.0.7", "--yes").returncode == 0


def test_limits_are_shown(toys: Toys) -> None:
    found = toys.ctdeck("limit", "show", "n1/101", "--json").json
    assert found["limits"] == {"memory": {"live": MEMORY, "config": MEMORY}}
    assert found["use"] == {"memory": 1 << 20}
    assert toys.ctdeck("limit", "show", "n1/101").stdout.splitlines()[1].split() == ["memory", "1.0M", "64M", "64M"]


def test_a_limit_for_a_while_is_told() -> None:
    container = Container(Key("n1", "toy", "101"), leashes=(Leash("memory"),))
    found = limit._show(container, {"limits.memory.live": MEMORY, "limits.memory.config": None})
    assert found["leashes"] == [{"limit": "memory", "until": None}]
    assert limit._lines(found)[-1] == "leash: memory for a while, then the old value again"


def test_snapshots(toys: Toys) -> None:
    for name in ("one", "two"):
        assert toys.ctdeck("snapshot", "create", "n1/101", "--name", name, "--yes").returncode == 0
    lines = toys.ctdeck("snapshot", "list", "n1/101").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["one", "one"], ["└", "two"]]
    assert lines[2].endswith("you are here")
    assert toys.ctdeck("snapshot", "revert", "n1/101", "one", "--yes").returncode == 4
    assert toys.ctdeck("snapshot", "revert", "n1/101", "one", "--confirm", "n1/101").returncode == 0
    assert toys.was_done == ["create", "create", "revert"]


class TestUndo:
    def test_the_last_change_is_taken_back(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes")
        done = toys.ctdeck("undo", "n1/101", "--yes")
        assert (done.returncode, done.stdout) == (0, "start of n1/101: done and verified\n")
        assert toys.is_in("101") == "running"

    def test_however_much_was_done_on_the_node_since(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes")
        (job,) = (toys.root / "var/lib/ctdeck/jobs").iterdir()
        for number in range(45):  # more than are listed
            other = shutil.copytree(job, job.with_name(f"2999{number:04}-000000-aaaaaa"))
            (other / "lock").write_text("toy-103\n")
            (other / "about").write_text((job / "about").read_text().replace('"101"', '"103"'))
        done = toys.ctdeck("undo", "n1/101", "--yes")
        assert (done.returncode, done.stdout) == (0, "start of n1/101: done and verified\n")

    def test_where_there_is_nothing_or_no_way_back(self, toys: Toys) -> None:
        refused(toys.ctdeck("undo", "n1/101", "--yes"), "No change of n1/101 is known", toys)
        toys.ctdeck("restart", "n1/101", "--yes")
        done = toys.ctdeck("undo", "n1/101", "--yes")
        assert done.returncode == 4
        assert "The last change of n1/101, restart, cannot be undone: it is gone" in done.stderr


class TestTry:
    def test_output_exit_code_and_state_are_told(self, toys: Toys) -> None:
        done = toys.ctdeck("try", "n1/101", "--yes", "--keep", "--", "sh", "-c", "echo $0; exit 3", "a b")
        assert done.returncode == 1
        assert "  | a b\n" in done.stdout
        assert "exited with 3; the container is running" in done.stdout
        assert "\nkept; `ctdeck snapshot revert n1/101 try-" in done.stdout

    def test_reverted_on_failure(self, toys: Toys) -> None:
        words = ("try", "n1/101", "--revert-on-failure")
        refused(toys.ctdeck(*words, "--yes", "--", "true"), "Say --confirm n1/101", toys)
        done = toys.ctdeck(*words, "--confirm", "n1/101", "--json", "--", "false")
        assert done.returncode == 1
        assert (done.json["exit"], done.json["kept"], done.json["revert"]["ended"]) == (1, False, "done")
        assert [word for word in toys.was_done if word != "run"] == ["create", "revert", "delete"]
        done = toys.ctdeck(*words, "--confirm", "n1/101", "--json", "--", "echo", "fine")
        assert (done.returncode, done.json["kept"], done.json["output"]) == (0, True, ["fine"])

    def test_options_behind_the_dashes_are_the_commands(self, toys: Toys) -> None:
        done = toys.ctdeck("try", "n1/101", "--yes", "--keep", "--", "echo", "--dry-run", "--", "-y")
        assert done.returncode == 0
        assert "  | --dry-run -- -y\n" in done.stdout


class TestJobs:
    @pytest.fixture(autouse=True)
    def one_node(self, toys: Toys) -> None:
        toys.fleet.write_text("nodes:\n  n1: {transport: local, backends: [toy]}\n")

    def test_listed_and_told(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes")
        (job,) = toys.ctdeck("jobs", "--json").json["jobs"]
        assert (job["state"], job["action"], job["node"], job["id"]) == ("done", "stop", "n1", "101")
        assert job["who"]
        header, row = toys.ctdeck("jobs").stdout.splitlines()
        assert header.split() == ["STATE", "WHAT", "WHERE", "WHO", "SINCE", "STEP", "JOB"]
        assert row.startswith("done   stop toy-101  n1/101  ")
        told = toys.ctdeck("jobs", job["job"])
        assert told.returncode == 0
        assert told.stdout.startswith("stop of n1/101: done and verified\n")

    def test_a_job_goes_on_when_ctdeck_is_killed_and_is_never_done_twice(self, toys: Toys) -> None:
        toys.hold()
        first = toys.start("restart", "n1/101", "--yes")
        until_blocking(lambda: toys.locked, 60, "the job is at work")
        first.send_signal(signal.SIGKILL)
        first.communicate()
        (job_id,) = toys.job_ids
        running = toys.ctdeck("jobs", job_id, "--json").json
        assert (running["state"], running["action"], running["id"]) == ("running", "restart", "101")
        toys.let_go()
        until_blocking(lambda: toys.ended(job_id), 60, "it has ended")
        told = toys.ctdeck("jobs", job_id)
        assert told.stdout.startswith("restart of n1/101: done and verified\n")
        assert toys.was_done == ["stop", "start"]
        assert toys.job_ids == [job_id]
        assert [entry["ended"] for entry in toys.audited if entry["event"] == "ends"] == ["done"]

    def test_of_two_at_once_one_wins_and_the_other_says_who(self, toys: Toys) -> None:
        toys.hold()
        first = toys.start("stop", "n1/101", "--yes")
        until_blocking(lambda: toys.locked, 60, "the first one is at work")
        second = toys.another("restart", "n1/101", "--yes", USER="somebody")
        assert (second.returncode, second.stdout) == (4, "")
        assert "restart of n1/101: " in second.stderr
        assert "(stop, since 2" in second.stderr
        assert "is at work on it" in second.stderr
        toys.let_go()
        out, _ = first.communicate(timeout=60)
        assert (first.returncode, out) == (0, "stop of n1/101: done and verified\n")
        assert toys.was_done == ["stop"]

    def test_ctrl_c_leaves_the_job_and_says_so(self, toys: Toys) -> None:
        toys.hold()
        process = toys.start("stop", "n1/101", "--yes")
        until_blocking(lambda: toys.locked, 60, "the job is at work")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert f"the job on n1 goes on without us: `ctdeck jobs {toys.job_ids[0]}` tells" in err

    def test_cancelled(self, toys: Toys) -> None:
        toys.hold()
        toys.ctdeck("restart", "n1/101", "--yes", "--detach")
        (job_id,) = toys.job_ids
        refused_ = toys.ctdeck("jobs", "cancel", job_id)
        assert (refused_.returncode, "Say --yes" in refused_.stderr) == (4, True)
        cancelling = toys.start("jobs", "cancel", job_id, "--yes")
        until_blocking(lambda: (toys.root / f"var/lib/ctdeck/jobs/{job_id}/cancel").exists(), 60, "it is to end")
        toys.let_go()
        out, _ = cancelling.communicate(timeout=60)
        assert (cancelling.returncode, out.startswith("restart of n1/101: cancelled at: ")) == (0, True)
        assert toys.was_done == ["stop"]

    def test_one_whose_node_cannot_be_asked_is_unknown(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes", "--detach")
        (job_id,) = toys.job_ids
        toys.fleet.write_text("ssh_config: none\nnodes:\n  n1: {host: 127.0.0.1, port: 1, user: root}\n")
        told = toys.ctdeck("jobs", job_id)
        assert (told.returncode, told.stdout.splitlines()[0]) == (5, "stop of n1/101: unknown")
        listed = toys.ctdeck("jobs", "--json")
        assert (listed.returncode, listed.json["unreachable"]) == (3, ["n1"])
        assert [(job["job"], job["state"]) for job in listed.json["jobs"]] == [(job_id, "unknown")]

    def test_one_that_is_nowhere(self, toys: Toys) -> None:
        done = toys.ctdeck("jobs", "20260101-000000-abcdef")
        assert (done.returncode, "no node has a job" in done.stderr) == (2, True)


class TestAudit:
    def test_who_what_where_and_how_it_ended(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes")
        toys.ctdeck("start", "n1/101", "--yes")
        rows = [line.split() for line in toys.ctdeck("audit").stdout.splitlines()]
        assert [(row[3], row[4], row[5]) for row in rows[1:]] == [
            ("stop", "n1/101", "done"),
            ("start", "n1/101", "done"),
        ]
        (last,) = toys.ctdeck("audit", "--json", "--last", "1").json["entries"]
        assert (last["event"], last["action"], last["node"], last["id"]) == ("ends", "start", "n1", "101")
        assert any("running" in command for command in last["commands"])

    def test_what_cannot_be_audited_is_not_done(
        self, toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
        done = toys.ctdeck("stop", "n1/101", "--yes")
        refused(done, "The audit cannot be written", toys)

    def test_a_torn_line_is_passed_over(self, toys: Toys) -> None:
        toys.ctdeck("stop", "n1/101", "--yes")
        with (toys.state / "audit.jsonl").open("a") as audit:
            audit.write('{"at": 1, "ev')
        assert len(toys.ctdeck("audit", "--json").json["entries"]) == 2


def test_json_of_a_refusal_has_the_same_keys(toys: Toys) -> None:
    done = toys.ctdeck("start", "n1/101", "--yes", "--json")
    assert (done.returncode, done.json["outcome"].keys()) == (4, OUTCOME)
    assert (
        json.dumps(done.json["plan"]["checks"][0]) == '{"id": "state", "verdict": "refuse", "text": "it runs already"}'
    )
