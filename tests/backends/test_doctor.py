"""Which step a node fails at, as `ctdeck doctor` tells it. The node is scripted: its shell is canned output."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from backends import backend
from backends.doctor import STEPS, Outcome, Report, examine
from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec, SshSettings
from backends.transport import Completed, SessionsUsedUp, Terminal

SETTINGS = SshSettings(use_config=False)
SPEC = NodeSpec("hn01", host="127.0.0.1", user="root")


class Shell:
    """A channel: `answer` gives what is printed for what is written; None is the end of output."""

    def __init__(self, answer: Callable[[bytes], Sequence[bytes | None]]) -> None:
        self._answer = answer
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    def write(self, data: bytes) -> None:
        for chunk in self._answer(data):
            self._output.put_nowait(chunk or b"")

    async def read(self, limit: int = 65536) -> bytes:
        return await self._output.get()

    def write_eof(self) -> None:
        pass

    async def wait(self) -> int | None:
        return 0

    def close(self) -> None:
        self.closed = True


@dataclass
class Scripted:
    """A connection whose shells are given one after another."""

    shells: list[Shell | Exception]
    closed: bool = False

    async def open(self, *, timeout: float) -> Shell:
        shell = self.shells.pop(0)
        if isinstance(shell, Exception):
            raise shell
        return shell

    async def run(self, script: str, *args: str, timeout: float, stdin: bytes = b"", limit: int = 1 << 20) -> Completed:
        raise NotImplementedError

    async def terminal(self, argv: tuple[str, ...], *, term: str, columns: int, rows: int) -> Terminal:
        raise NotImplementedError

    async def wait_closed(self) -> Fault:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


@dataclass
class Connecting:
    """Gives the connections one after another; an exception is raised."""

    outcomes: list[Scripted | Exception]
    asked: list[NodeSpec] = field(default_factory=list)

    async def __call__(self, spec: NodeSpec) -> Scripted:
        self.asked.append(spec)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def says(before: bytes = b"") -> Shell:
    """A shell that prints `before`, then does what it is told."""

    def answer(data: bytes) -> list[bytes]:
        mark = re.search(rb"ctdeck-[0-9a-f]+", data)
        assert mark
        return [before + b"\n", mark.group() + b"\n"]

    return Shell(answer)


def ends(output: bytes) -> Shell:
    return Shell(lambda data: [output, None])


async def examined(connecting: Connecting, spec: NodeSpec = SPEC) -> Report:
    return await examine(spec, SETTINGS, connecting, list(backend.load().values()))


def outcomes(report: Report) -> dict[str, str]:
    return {step.name: str(step.outcome) for step in report.steps}


def failed(report: Report) -> tuple[str, str, str]:
    assert [step.name for step in report.steps] == list(STEPS)
    assert not report.ok
    (step,) = [step for step in report.steps if step.outcome is Outcome.FAILED]
    return step.name, step.detail, step.remedy


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        (FaultKind.REFUSED, "tcp"),
        (FaultKind.TIMEOUT, "tcp"),
        (FaultKind.UNREACHABLE, "tcp"),
        (FaultKind.JUMP, "tcp"),
        (FaultKind.SILENT, "host key"),
        (FaultKind.NOT_SSH, "host key"),
        (FaultKind.CLOSED, "host key"),
        (FaultKind.HOST_KEY_CHANGED, "host key"),
        (FaultKind.LOGIN, "login"),
        (FaultKind.KEY, "login"),
    ],
)
async def test_a_fault_of_connecting_is_the_failed_step(kind: FaultKind, step: str) -> None:
    report = await examined(Connecting([Fault(kind, "It is so", "Do that")]))
    assert failed(report) == (step, "It is so", "Do that")
    place = STEPS.index(step)
    assert set(list(outcomes(report).values())[:place]) == {"ok"}
    assert set(list(outcomes(report).values())[place + 1 :]) == {"skipped"}


async def test_a_name_without_an_address() -> None:
    step, detail, remedy = failed(
        await examined(Connecting([]), NodeSpec("hn01", host="no-such-host.invalid", user="root"))
    )
    assert step == "dns"
    assert detail.startswith("no-such-host.invalid cannot be resolved: ")
    assert "host:" in remedy


async def test_a_name_that_may_not_reach_a_command_line() -> None:
    step, detail, _ = failed(await examined(Connecting([]), NodeSpec("hn01", host="a b", user="root")))
    assert (step, detail) == ("dns", "'a b' cannot be a host name")


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        (ends(b"This account is currently not available.\n"), "gives no shell (it printed 41 bytes: This account is"),
        (ends(b""), "gives no shell (it printed 0 bytes)"),
        (Shell(lambda data: [b"x" * 65536] * 5), "gives no shell (it printed 327680 bytes: xxx"),
        (ends(b"\x1b]0;owned\x07\n"), "\\x1b]0;owned\\x07"),
        (SessionsUsedUp(), "no further session"),
    ],
)
async def test_no_shell(shell: Shell | Exception, said: str) -> None:
    transport = Scripted([shell])
    step, detail, remedy = failed(await examined(Connecting([transport])))
    assert step == "shell"
    assert said in detail
    assert detail.isprintable()
    assert remedy
    assert transport.closed


async def test_noise_of_login_files_is_told_but_no_fault() -> None:
    report = await examined(Connecting([Scripted([says(b"Welcome to hn01!\n"), ends(b"")])]))
    shell = report.steps[STEPS.index("shell")]
    assert shell.outcome is Outcome.OK
    assert '"Welcome to hn01!"' in shell.detail


async def test_sudo_refuses() -> None:
    connecting = Connecting(
        [Scripted([says()]), Scripted([Fault(FaultKind.SUDO, "admin may not use sudo", "Allow it")])]
    )
    report = await examined(connecting, NodeSpec("hn01", host="127.0.0.1", user="admin", sudo=True))
    assert failed(report) == ("sudo", "admin may not use sudo", "Allow it")
    assert [spec.sudo for spec in connecting.asked] == [False, True]


async def test_no_container_tools() -> None:
    def probe(data: bytes) -> list[bytes]:
        mark = re.search(rb"#P %s' '([0-9a-f]+)'|'([0-9a-f]{16})'", data)
        assert mark
        nonce = mark.group(1) or mark.group(2)
        return [b"\n#P " + nonce + b"\ntool awk mawk\n\n#p " + nonce + b"\n"]

    report = await examined(Connecting([Scripted([says(), Shell(probe)])]))
    step, detail, _ = failed(report)
    assert step == "tools"
    assert "No container tools" in detail
    assert outcomes(report)["sudo"] == "skipped"


async def test_this_machine_has_no_ssh_steps() -> None:
    report = await examined(Connecting([Scripted([ends(b"")])]), NodeSpec("here", transport="local"))
    assert list(outcomes(report).values()) == ["skipped"] * 4 + ["failed"] + ["skipped"] * 3


async def test_a_mistake_of_our_own_is_one_nodes_trouble() -> None:
    step, detail, _ = failed(await examined(Connecting([ZeroDivisionError("by zero")])))
    assert step == "tcp"
    assert "ctdeck itself failed on it: ZeroDivisionError('by zero')" in detail
