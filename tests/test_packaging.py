"""The wheel: whole, and running where there is no source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.xdist_group("packaging")  # the wheel is built once


def run(*argv: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        env={"PATH": os.defpath, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without the network: the build backend is part of the development environment."""
    place = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT)
    (wheel,) = place.glob("ctdeck-*-py3-none-any.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment that has the wheel and nothing else."""
    place = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", place)
    pip = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--python", place / "bin/python")
    run(*pip, "install", "--no-index", "--no-deps", "--no-compile", wheel)
    return place / "bin"


#: The dependencies, from the environment of the tests. (Path files in it, such as the editable project's, are not read.)
DEPENDENCIES = {"PYTHONPATH": sysconfig.get_path("purelib")}


def test_everything_that_is_no_python_is_in_the_wheel_too(wheel: Path) -> None:
    source = {
        str(path.relative_to(ROOT))
        for package in ("backends", "tui")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == source
    assert {Path(name).suffix for name in packed} >= {".py", ".awk", ".sh"}


def test_the_licence_is_in_the_wheel(wheel: Path) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_installed_program_runs(installed: Path) -> None:
    where = run(installed / "python", "-c", "import tui, backends; print(tui.__file__)", **DEPENDENCIES)
    assert where.startswith(str(installed.parent))
    assert run(installed / "ctdeck", "--version").startswith("ctdeck ")  # needs none of the dependencies
    assert "demo" in run(installed / "ctdeck", "--help")


def test_the_bundled_backends_are_found_by_their_entry_points(installed: Path) -> None:
    program = (
        "from importlib.metadata import entry_points\n"
        "print(*sorted(f'{point.name}={point.load().__name__}' for point in entry_points(group='ctdeck.backends')))"
    )
    assert run(installed / "python", "-c", program, **DEPENDENCIES) == "lxc=Lxc openvz=OpenVz\n"
