"""What the plans of all actions share: the frame of a plan, the checks that every change passes, and how amounts are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...model import Container, Node, State
from ...plans.plan import Check, Inspection, Plan, Step, Verdict, words
from ..inspect import checked_id


@dataclass(frozen=True, slots=True)
class Target:
    """The one container that a plan is about, as it was found."""

    container: Container
    found: Inspection
    node: Node

    @property
    def id(self) -> str:
        return checked_id(self.container.id)

    @property
    def values(self) -> dict[str, Any]:
        return self.found.values

    @property
    def state(self) -> str:
        return str(self.values["state"])

    @property
    def running(self) -> bool:
        return self.state == State.RUNNING

    @property
    def ploop(self) -> bool:
        return bool(self.values["storage"] == "ploop")

    @property
    def vswap(self) -> bool:
        return "vz/vswap" in self.values["kernel"]

    @property
    def seven(self) -> bool:
        """OpenVZ 7, whose vzctl knows fewer options."""
        return self.node.facts.tools.get("vzctl", "").startswith("7")

    def vzctl(self, command: str, *rest: str) -> str:
        """One call of vzctl on this container, by its id: a name of digits would be taken for another id."""
        return words("vzctl", command, self.id, *rest) + "\n"

    def unless_running(self, script: str) -> str:
        """`script`, only while the container does not run. `vzctl status` always exits with 0; its words tell."""
        body = "".join(f"    {line}\n" for line in script.strip().splitlines())
        return f'case "$({words("vzctl", "status", self.id)})" in\n*" running"*) ;;\n*)\n{body}    ;;\nesac\n'

    def plan(self, action: str, *steps: Step, checks: tuple[Check, ...] = (), **more: Any) -> Plan:
        return Plan(
            action,
            self.container.key,
            self.container.name,
            self.node.production,
            steps,
            self.found.fingerprint,
            self.found.check,
            checks=(*self._standing(), *checks),
            **more,
        )

    def _standing(self) -> tuple[Check, ...]:
        lock = self.values["lock"]
        checks = [refuse("lock", f"it is locked by {lock}") if lock else passed("lock", "nobody else is at work on it")]
        if "kernel" not in self.values["kernel"]:
            checks.append(refuse("kernel", "the node does not run an OpenVZ kernel"))
        if self.state == State.UNKNOWN:
            checks.append(
                refuse("files", "its private area is missing, or vzctl tells a state that ctdeck does not know")
            )
        return tuple(checks)

    def in_state(self, *states: str, otherwise: str = "") -> Check:
        """That the state fits the action."""
        if self.state in states:
            return passed("state", f"it is {self.state}")
        return refuse("state", f"it is {self.state}{', ' if otherwise else ''}{otherwise}")

    def room(self, needed: int, what: str, *, key: str = "room") -> Check:
        """That `needed` bytes are free where its files are."""
        free = self.values.get(key)
        if free is None:
            return warn("room", f"it is not known whether there is room for {what}")
        text = f"{size(needed)} wanted for {what}, {size(free)} free"
        return passed("room", text) if free > needed * 1.05 else refuse("room", text)


def passed(name: str, text: str) -> Check:
    return Check(name, Verdict.OK, text)


def warn(name: str, text: str) -> Check:
    return Check(name, Verdict.WARN, text)


def refuse(name: str, text: str) -> Check:
    return Check(name, Verdict.REFUSE, text)


def size(value: float | None) -> str:
    """Bytes as people read them: 1.5G."""
    if value is None:
        return "unlimited"
    for unit, factor in (("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if value >= factor:
            return f"{value / factor:.2f}".rstrip("0").rstrip(".") + unit
    return f"{value:.0f}B"


def span(seconds: int) -> str:
    """A time as people write it: 90s, 15m, 1h."""
    for unit, factor in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % factor == 0:
            return f"{seconds // factor}{unit}"
    return f"{seconds}s"
