"""Rules of the house that no single test of a module would notice."""

from __future__ import annotations

import ast
import functools
import gc
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = sorted((*ROOT.glob("backends/**/*.py"), *ROOT.glob("tui/**/*.py")))
TESTS = sorted(ROOT.glob("tests/**/*.py"))

#: Import name -> distribution that has it. Rich comes with Textual, cryptography with asyncssh: parts of their interfaces.
THIRD_PARTY = {
    "asyncssh": "asyncssh",
    "cryptography": "asyncssh",
    "platformdirs": "platformdirs",
    "rich": "textual",
    "textual": "textual",
    "yaml": "PyYAML",
}


@functools.cache
def tree(path: Path) -> ast.Module:
    gc.disable()  # before 3.11.5 a collection in the middle of it may end as "AST constructor recursion depth mismatch"
    try:
        return ast.parse(path.read_text(), str(path))
    finally:
        gc.enable()


def imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that is imported, at the top or late, also by name."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and not name.value.startswith("."):
                yield node.lineno, name.value


def called(call: ast.Call) -> str:
    """The last name of what is called: `run` of `subprocess.run(...)`."""
    function = call.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def dotted(call: ast.Call) -> str:
    return ast.unparse(call.func)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def is_constant(expression: ast.expr | None, value: object) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is value


def found(paths: list[Path], wrong: Callable[[ast.AST], bool]) -> list[str]:
    """Where something wrong stands."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:100]}"
        for path in paths
        for node in ast.walk(tree(path))
        if wrong(node)
    ]


def outside(node: ast.AST, border: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    """A node and everything in it, except what is inside of a border."""
    if not border(node):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from outside(child, border)


def python(program: str) -> str:
    """The output of a program in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- who may import whom


def test_backends_never_import_the_screen() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in PRODUCT
        if path.is_relative_to(ROOT / "backends")
        for line, name in imports(tree(path))
        if name.split(".")[0] in ("tui", "textual", "rich")
    ]
    assert wrong == []


def test_only_declared_dependencies_are_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert declared == set(THIRD_PARTY.values())
    allowed = sys.stdlib_module_names | THIRD_PARTY.keys() | {"backends", "tui"}
    wrong = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in PRODUCT
        for line, name in imports(tree(path))
        if name.split(".")[0] not in allowed
    }
    assert wrong == set()


def test_loading_every_backend_module_loads_no_screen() -> None:
    assert (
        python(
            "import importlib, pkgutil, sys, backends\n"
            "for module in pkgutil.walk_packages(backends.__path__, 'backends.'):\n"
            "    if not module.name.endswith('__main__'):\n"
            "        importlib.import_module(module.name)\n"
            "print(sorted(name for name in sys.modules if name.split('.')[0] in ('tui', 'textual', 'rich')))"
        )
        == "[]"
    )


#: The screen and the wire, half a second of CPU together.
HEAVY = "{'textual', 'rich', 'asyncssh', 'cryptography'}"
#: What even a verb's own help may load, but nothing that is answered before a verb is chosen.
MEDIUM = "{'asyncio', 'platformdirs', 'yaml'}"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        ([], f"{HEAVY} | {MEDIUM}"),
        (["--version"], f"{HEAVY} | {MEDIUM}"),
        (["--help"], f"{HEAVY} | {MEDIUM}"),
        (["--nonsense"], f"{HEAVY} | {MEDIUM}"),
        (["ls", "--help"], HEAVY),
        (["demo", "--help"], HEAVY),
    ],
)
def test_the_command_line_answers_without_loading_what_is_slow(arguments: list[str], unwanted: str) -> None:
    loaded = python(
        "import contextlib, io, sys, tui.cli\n"
        f"arguments = {arguments}\n"
        "if arguments:\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "        tui.cli.main(arguments)\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & ({unwanted})))"
    )
    assert loaded == "[]"


# --- what nobody writes


def test_host_keys_are_always_checked() -> None:
    def unchecked(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and is_constant(keyword(node, "known_hosts"), None)

    assert found([*PRODUCT, *TESTS], unchecked) == []


def test_no_data_becomes_shell_syntax_here() -> None:
    def shell(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and (
            is_constant(keyword(node, "shell"), True)
            or called(node) in ("create_subprocess_shell", "getoutput", "getstatusoutput")
            or dotted(node) in ("os.system", "os.popen")
        )

    assert found([*PRODUCT, *TESTS], shell) == []


#: What reads its text as markup unless told otherwise, and attributes that always do.
READS_MARKUP = {"Static", "Label", "notify", "from_markup", "Button", "Checkbox", "RadioButton", "Option"}
MARKUP_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip"}


def computed(text: ast.expr | None) -> bool:
    """Text that is put together with something that is no constant."""
    if isinstance(text, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in text.values)
    if isinstance(text, ast.BinOp):
        return isinstance(text.op, ast.Mod | ast.Add)
    return isinstance(text, ast.Call) and called(text) == "format"


def reads_as_markup(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
        return bool(names & MARKUP_ATTRIBUTES) and computed(node.value)
    if not isinstance(node, ast.Call) or called(node) not in READS_MARKUP:
        return False
    if is_constant(keyword(node, "markup"), False):
        return False
    return any(computed(argument) for argument in [*node.args[:1], *(given.value for given in node.keywords)])


def test_remote_text_is_never_put_into_markup() -> None:
    assert found(PRODUCT, reads_as_markup) == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("Static(f'{name} is down')", True),
        ("app.notify('no answer of ' + name)", True),
        ("Content.from_markup('[b]{}[/b]'.format(name))", True),
        ("self.border_title = f' {name} '", True),
        ("Label(f'{name}', markup=False)", False),
        ("Static('[b]constant[/b]')", False),
        ("Static(Content(name))", False),
        ("Content.from_markup('[b]$name[/b]', name=name)", False),
    ],
)
def test_the_rule_about_markup_knows_right_from_wrong(source: str, wrong: bool) -> None:
    assert any(reads_as_markup(node) for node in ast.walk(ast.parse(source))) is wrong


def sleeps(node: ast.AST) -> bool:
    """Spends a fixed time: neither a turn of the event loop (0) nor a server that is silent for good (60 and more)."""
    if not isinstance(node, ast.Call) or dotted(node) not in ("time.sleep", "asyncio.sleep", "sleep"):
        return False
    seconds = node.args[0] if node.args else None
    return not (
        isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and not 0 < seconds.value < 60
    )


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    """Only a loop that looks again and again may pause."""

    def looks_again(node: ast.AST) -> bool:
        return isinstance(node, ast.While)

    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in TESTS
        for node in outside(tree(path), looks_again)
        if isinstance(node, ast.Call) and sleeps(node)
    ]
    assert wrong == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in PRODUCT
        if path.read_text().strip() and not ast.get_docstring(tree(path))
    ]
    assert silent == []


# --- one version


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert python("import sys, tui.cli; sys.exit(tui.cli.main(['--version']))") == f"ctdeck {version}"
