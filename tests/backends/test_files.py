"""The scripts that read a container's configuration and logs, run by a real /bin/sh on a folder that looks like a node."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from backends.backend import Files, Script, load


def sh(script: Script, root: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CTDECK_ROOT": str(root), "LC_ALL": "C"}
    command = ["/bin/sh", "-s", "--", *script.args]
    return subprocess.run(
        command, input=script.text, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture
def openvz() -> Files:
    backend = load(["openvz"])["openvz"]
    assert isinstance(backend, Files)
    return backend


@pytest.fixture
def lxc() -> Files:
    backend = load(["lxc"])["lxc"]
    assert isinstance(backend, Files)
    return backend


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "etc/vz/conf").mkdir(parents=True)
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "etc/vz/conf/101.conf").write_text('# a comment\nHOSTNAME="web $(id)"\n')
    (tmp_path / "secret.conf").write_text("secret\n")
    return tmp_path


def test_openvz_configuration_is_printed_as_it_is(openvz: Files, node: Path) -> None:
    done = sh(openvz.raw_config("101"), node)
    assert done.returncode == 0
    assert done.stdout == '/etc/vz/conf/101.conf\n# a comment\nHOSTNAME="web $(id)"\n'


def test_openvz_configuration_that_is_not_there(openvz: Files, node: Path) -> None:
    done = sh(openvz.raw_config("999"), node)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "there is no /etc/vz/conf/999.conf\n"


@pytest.mark.parametrize("odd", ["../../secret", "", ".", "a/b", "101;id", "$(id)", "-rf"])
def test_ids_that_would_name_another_file_are_refused(openvz: Files, lxc: Files, node: Path, odd: str) -> None:
    done = sh(openvz.raw_config(odd), node)
    assert done.returncode == 3
    assert "secret" not in done.stdout
    assert sh(openvz.logs(odd), node).returncode == 3
    assert sh(lxc.raw_config(odd), node).returncode == 3
    assert sh(lxc.logs(odd), node).returncode == 3


def test_openvz_log_lines_of_one_container(openvz: Files, node: Path) -> None:
    lines = [
        "2026-11-22T13:12:01+0000 vzctl : CT 101 : Starting container...",
        "2026-11-22T13:12:02+0000 vzctl : CT 1010 : Starting container...",
        "2026-11-22T13:12:03+0000 vzctl : CT 101 : Container is mounted",
    ]
    (node / "var/log/vzctl.log").write_text("\n".join(lines) + "\n")
    done = sh(openvz.logs("101"), node)
    assert done.stdout.splitlines() == ["/var/log/vzctl.log", lines[0], lines[2]]
    assert done.returncode == 0


def test_openvz_log_where_vz_conf_says(openvz: Files, node: Path) -> None:
    (node / "etc/vz/vz.conf").write_text("LOGGING=yes\nLOGFILE=/var/log/other.log # here\nLOG_LEVEL=0\n")
    (node / "var/log/other.log").write_text("x vzctl : CT 101 : Stopping container ...\n")
    assert sh(openvz.logs("101"), node).stdout.splitlines()[0] == "/var/log/other.log"
    (node / "etc/vz/vz.conf").write_text('LOGFILE="/var/log/other.log"\n')
    assert sh(openvz.logs("101"), node).stdout.splitlines()[0] == "/var/log/other.log"


def test_openvz_without_a_log_or_without_lines_says_so(openvz: Files, node: Path) -> None:
    done = sh(openvz.logs("101"), node)
    assert (done.returncode, done.stderr) == (3, "vzctl has written no log here (/var/log/vzctl.log)\n")
    (node / "var/log/vzctl.log").write_text("x vzctl : CT 7 : Stopping container ...\n")
    done = sh(openvz.logs("101"), node)
    assert (done.returncode, done.stderr) == (3, "/var/log/vzctl.log says nothing of container 101\n")


def test_a_long_log_is_bounded(openvz: Files, node: Path) -> None:
    (node / "var/log/vzctl.log").write_text("x vzctl : CT 101 : Stopping container ...\n" * 20_000)
    assert len(sh(openvz.logs("101"), node).stdout.splitlines()) == 501


def test_lxc_that_is_not_there(lxc: Files, node: Path) -> None:
    done = sh(lxc.raw_config("no-such-container"), node)
    assert done.returncode == 3
    assert "there is no" in done.stderr
    assert sh(lxc.logs("no-such-container"), node).returncode == 3
