"""One node tried step by step, as an admin would by hand: what works, what fails, and what to do about it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from .backend import Backend
from .errors import Fault, FaultKind
from .inventory import NodeSpec, SshSettings
from .model import NodeFacts
from .sampler.client import BE_ROOT, MAX_NOISE, Sample, Sampler
from .sampler.head import NodeReader
from .text import clean, decode_lines
from .transport import SessionsUsedUp, Transport

if TYPE_CHECKING:
    from .ssh.host import Host

_log = logging.getLogger(__name__)

Connect = Callable[[NodeSpec], Awaitable[Transport]]

#: Seconds. Connecting has deadlines of its own, and a person may be asked meanwhile.
_RESOLVE = 10.0
_SHELL = 15.0
_FIRST_SAMPLE = 45.0
_SECOND_SAMPLE = 15.0

#: Steps in their order. Published in JSON: may be added to, never renamed.
STEPS = ("dns", "tcp", "host key", "login", "shell", "sudo", "tools", "parsers")

NOT_REACHED = "not reached"

#: The step that a fault of connecting belongs to; those before it went well.
_STEP_OF: Mapping[str, str] = MappingProxyType(
    {
        FaultKind.CONFIG: "dns",
        FaultKind.RESOLVE: "dns",
        FaultKind.REFUSED: "tcp",
        FaultKind.UNREACHABLE: "tcp",
        FaultKind.TIMEOUT: "tcp",
        FaultKind.JUMP: "tcp",
        FaultKind.SILENT: "host key",
        FaultKind.NOT_SSH: "host key",
        FaultKind.CLOSED: "host key",
        FaultKind.PROTOCOL: "host key",
        FaultKind.HOST_KEY_UNKNOWN: "host key",
        FaultKind.HOST_KEY_CHANGED: "host key",
        FaultKind.HOST_KEY_REVOKED: "host key",
        FaultKind.SUDO: "sudo",
    }
)


class Outcome(StrEnum):
    """How a step went. Published in JSON."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"  # not needed here, or a step before it failed


@dataclass(slots=True)
class Step:
    """One step. `detail` is what was seen, or what is wrong; `seconds` is None where it was not timed by itself."""

    name: str
    outcome: Outcome
    detail: str = ""
    remedy: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class Report:
    """All steps of one node."""

    node: str
    steps: list[Step] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(step.outcome is not Outcome.FAILED for step in self.steps)

    def passed(self, step: str, detail: str = "", seconds: float | None = None) -> None:
        self.steps.append(Step(step, Outcome.OK, detail, seconds=seconds))

    def skipped(self, step: str, why: str) -> None:
        self.steps.append(Step(step, Outcome.SKIPPED, why))

    def failed(self, step: str, fault: Fault, seconds: float | None = None) -> None:
        """The steps before `step` that have not been told went well; those after it are skipped."""
        for name in STEPS[len(self.steps) : STEPS.index(step)]:
            self.passed(name)
        self.steps.append(Step(step, Outcome.FAILED, fault.message, fault.remedy, seconds))
        for name in STEPS[len(self.steps) :]:
            self.skipped(name, NOT_REACHED)


async def examine(spec: NodeSpec, settings: SshSettings, connect: Connect, backends: Sequence[Backend]) -> Report:
    """Try one node. Never raises: what goes wrong is the failed step of the report."""
    report = Report(spec.name)
    transport: Transport | None = None
    try:
        if spec.transport == "local":
            for step in STEPS[: STEPS.index("shell")]:
                report.skipped(step, "this machine")
            transport = await connect(replace(spec, sudo=False))
        else:
            transport = await _reach(spec, settings, connect, report)
        await _shell(transport, report)
        if spec.sudo:
            await transport.close()
            transport = await connect(spec)
        else:
            report.skipped("sudo", "not asked for")
        await _read(spec, transport, backends, report)
    except SessionsUsedUp:
        report.failed(
            STEPS[len(report.steps)],
            Fault(FaultKind.SHELL, "The server gives no further session", "Raise MaxSessions in its sshd_config"),
        )
    except Fault as fault:
        step = _STEP_OF.get(fault.kind, "login")
        report.failed(max(step, STEPS[len(report.steps)], key=STEPS.index), fault)
    except Exception as error:  # a mistake of ours must not hide what the other nodes have
        _log.exception("%s", spec.name)
        mistake = Fault(
            FaultKind.INTERNAL, f"ctdeck itself failed on it: {clean(repr(error), 200)}", "Please report it"
        )
        report.failed(STEPS[len(report.steps)], mistake)
    finally:
        if transport is not None:
            await transport.close()
    return report


async def _reach(spec: NodeSpec, settings: SshSettings, connect: Connect, report: Report) -> Transport:
    """DNS, TCP, host key, login."""
    from .ssh.config import resolve

    host = await resolve(spec, settings)
    way = f"jump host {host.proxy_jump[-1]}" if host.proxy_jump else "a ProxyCommand" if host.proxy_command else ""
    if way:
        report.skipped("dns", f"{host.hostname} is resolved by {way}")
    else:
        began = time.monotonic()
        addresses = await _addresses(host)
        report.passed("dns", _listed(addresses, host.hostname), time.monotonic() - began)
    began = time.monotonic()
    transport = await connect(replace(spec, sudo=False))
    spent = time.monotonic() - began
    report.passed("tcp", f"{host.address} through {way}" if way else host.address)
    report.passed("host key", f"known as {host.key_name}")
    report.passed("login", ", ".join([f"as {host.user}", *host.notes]), spent)
    return transport


async def _addresses(host: Host) -> list[str]:
    from .ssh.dial import lookup

    name = host.hostname
    try:
        async with asyncio.timeout(_RESOLVE):
            found = await lookup(host)
    except TimeoutError:
        raise Fault(
            FaultKind.RESOLVE,
            f"No name server has answered for {name} within {_RESOLVE:g} s",
            "Look at /etc/resolv.conf",
        ) from None
    except OSError as error:
        raise Fault(
            FaultKind.RESOLVE,
            f"{name} cannot be resolved: {clean(error.strerror or str(error), 200)}",
            "Correct the name, or give the node an address with `host:`",
        ) from None
    return [str(address[0]) for _, address in found]


def _listed(addresses: Sequence[str], name: str) -> str:
    return "an address already" if list(addresses) == [name] else " ".join(addresses[:4])


async def _shell(transport: Transport, report: Report) -> None:
    """A shell that does as it is told, and what its login files print before that."""
    began = time.monotonic()
    noise = await _noise(transport)
    lines = [line for line in decode_lines(noise) if line.strip()]
    quiet = f'its login files print {len(noise)} bytes ("{lines[0][:60]}"), which is passed over' if lines else "quiet"
    report.passed("shell", quiet, time.monotonic() - began)


async def _noise(transport: Transport) -> bytes:
    """What is printed before the first command's own output."""
    mark = f"ctdeck-{secrets.token_hex(8)}".encode()
    seen = bytearray()
    channel = await transport.open(timeout=_SHELL)
    try:
        channel.write(b"printf '\\n%s\\n' " + mark + b"; exit\n")
        async with asyncio.timeout(_SHELL):
            while (at := seen.find(b"\n" + mark + b"\n")) < 0 and len(seen) <= MAX_NOISE:
                data = await channel.read()
                if not data:
                    break
                seen += data
    except TimeoutError:
        raise Fault(
            FaultKind.SHELL,
            f"The login works, but its shell does nothing for {_SHELL:g} s",
            "Do its login files (.bashrc, .profile) wait for something?",
        ) from None
    finally:
        channel.close()
    if at < 0:
        said = next((line for line in reversed(decode_lines(bytes(seen[-200:]))) if line.strip()), "")
        raise Fault(
            FaultKind.SHELL,
            f"The login works, but it gives no shell (it printed {len(seen)} bytes{': ' + said if said else ''})",
            "Has the account a shell (not nologin), and do its login files end in exit, or print without end?",
        )
    return bytes(seen[:at])


async def _read(spec: NodeSpec, transport: Transport, backends: Sequence[Backend], report: Report) -> None:
    """Sudo, tools and parsers: the sampler itself, as the deck runs it."""
    wanted = [backend for backend in backends if not spec.backends or backend.name in spec.backends]
    began = time.monotonic()
    sampler = Sampler(await transport.open(timeout=_SHELL))
    if spec.sudo:
        report.passed("sudo", "", time.monotonic() - began)
    try:
        began = time.monotonic()
        first = await sampler.start(wanted, timeout=_FIRST_SAMPLE)
        if sampler.hello.limited:
            raise Fault(FaultKind.SUDO, sampler.hello.limited, BE_ROOT)
        report.passed("tools", _tools(sampler), time.monotonic() - began)
        began = time.monotonic()
        second = await sampler.ask(timeout=_SECOND_SAMPLE)
        report.passed("parsers", _parsed(spec, sampler, [first, second], wanted), time.monotonic() - began)
    finally:
        sampler.close()


def _tools(sampler: Sampler) -> str:
    return ", ".join(f"{name} {version}".strip() for name, version in sampler.hello.tools.items())


def _parsed(spec: NodeSpec, sampler: Sampler, samples: Sequence[Sample], backends: Sequence[Backend]) -> str:
    """Reads whole samples as the deck does; what it cannot read is a `Fault`."""
    facts = NodeFacts()
    head = NodeReader()
    head.greet(sampler.hello, facts)
    found = [backend for backend in backends if backend.name in sampler.hello.backends]
    readers = {backend.name: backend.reader(spec.name) for backend in found}
    count: dict[str, int] = {}
    for sample in samples:
        if not head.read(sample.sections.get("node", []), facts):
            raise Fault(FaultKind.DATA, "The node's own figures are not whole", "Is its /proc mounted?")
        for name, reader in readers.items():
            reading = reader.read(sample.sections.get(name, []), facts)
            if reading.broken:
                raise Fault(FaultKind.KERNEL, reading.broken)
            notes = [*reading.notes, *(f"{each.id}: {each.note}" for each in reading.containers if each.note)]
            if notes:
                more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
                raise Fault(FaultKind.DATA, f"{name}: {notes[0]}{more}")
            if reading.whole:
                count[name] = len(reading.containers)
    seen = ", ".join(f"{number} containers of {name}" for name, number in count.items())
    return f"{seen}; {samples[0].size / 1024:.1f} kB whole, {samples[-1].size / 1024:.1f} kB each"
