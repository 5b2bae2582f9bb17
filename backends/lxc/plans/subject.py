"""The container that a plan is about, and what all plans of LXC have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...model import Container, Node, State
from ...plans.plan import Check, Inspection, Plan, Refused, Step, Verdict, words
from ...text import clean
from ..inspect import Facts, valid


@dataclass(frozen=True, slots=True)
class Subject:
    """One container, as it was found."""

    container: Container
    node: Node
    found: Inspection
    facts: Facts

    @classmethod
    def of(cls, container: Container, node: Node, found: Inspection) -> Subject:
        valid(container.id)
        return cls(container, node, found, Facts.of(found))

    @property
    def id(self) -> str:
        return self.container.id

    @property
    def state(self) -> str:
        return str(self.found.values.get("state", State.UNKNOWN))

    @property
    def live(self) -> bool:
        """Whether it has processes; they may be frozen."""
        return self.state in (State.RUNNING, State.FROZEN)

    @property
    def home(self) -> str:
        """Shell text that sets C to the container's directory."""
        return "C=${CTDECK_ROOT-}" + words(f"{self.facts.area}/{self.id}") + "\n"

    def value(self, name: str) -> Any:
        return self.found.values.get(name)

    def plan(self, action: str, *steps: Step, checks: tuple[Check, ...] = (), **more: Any) -> Plan:
        return Plan(
            action,
            self.container.key,
            self.container.name,
            self.node.production,
            steps,
            self.found.fingerprint,
            self.found.check,
            checks=(*self._made(), *checks),
            **more,
        )

    def _made(self) -> tuple[Check, ...]:
        if self.facts.partial:
            text = f"{self.id} is not finished: liblxc is still making it, or died while it did"
            return (Check("lock", Verdict.REFUSE, text),)
        return (Check("lock", Verdict.OK, "nobody else is at work on it"),)

    def state_is(self, *wanted: State, help_: str = "") -> Check:
        """The check that the container is in one of these states."""
        if self.state in wanted:
            return Check("state", Verdict.OK, f"it is {self.state}")
        what = " or ".join(str(state) for state in wanted)
        return Check("state", Verdict.REFUSE, f"it is {self.state}, not {what}{help_}")

    def thawed(self) -> str:
        """What helps a frozen container."""
        return f"; `lxc-unfreeze -n {self.id}` lets it go on" if self.state == State.FROZEN else ""

    def tools(self, *names: str) -> Check:
        """The check that the node has these programs."""
        missing = [name for name in names if name not in self.facts.tools]
        if missing:
            return Check("tools", Verdict.REFUSE, f"{self.node.name} has no {', '.join(missing)}: install it there")
        return Check("tools", Verdict.OK, f"{self.node.name} has {', '.join(names)}")

    def unshared(self) -> Check:
        """The check that removing files of the container removes nobody else's."""
        if self.facts.mounted:
            where = ", ".join(self.facts.mounted[:3])
            return Check("mounts", Verdict.REFUSE, f"the node has mounted something there, which would go too: {where}")
        return Check("mounts", Verdict.OK, "nothing of the node is mounted in it")

    def untouched(self) -> Check:
        """The check that no earlier change has left something. Only an old disk or configuration is worth a thought."""
        aside = [path for path in self.facts.left if path.endswith(".ctdeck-old")]
        if aside:
            text = f"an earlier change has left {', '.join(aside)}: look which one is right, and move the other away"
            return Check("left", Verdict.REFUSE, text)
        if self.facts.left:
            text = f"an earlier change was killed before it had removed {', '.join(self.facts.left[:3])}: remove it"
            return Check("left", Verdict.WARN, text)
        return Check("left", Verdict.OK, "no earlier change has left anything")


def running(subject: Subject) -> str:
    """Shell text that succeeds when the container runs or is frozen."""
    return f'test "$({words("lxc-info", "-n", subject.id, "-sH")})" != STOPPED'


def start(subject: Subject) -> str:
    """Shell text that starts it. A job's umask is not what a container should begin its life with."""
    return "umask 022\n" + words("lxc-start", "-n", subject.id, "-d") + "\n"


def start_again(subject: Subject) -> str:
    """What takes a stop back."""
    return f"if {running(subject)}; then exit 0; fi\n{start(subject)}"


def every(commands: list[str]) -> str:
    """Shell text that runs all commands, whatever becomes of the others, and succeeds when all have."""
    return "failed=\n" + "".join(f"{command} || failed=1\n" for command in commands) + 'test -z "$failed"\n'


def edit(subject: Subject, remove: list[str], add: list[str]) -> Step:
    """Lines of the configuration taken out and put at its end. Owner and mode stay; the old file is kept with the job.

    Raises `Refused` for what cannot be edited line by line.
    """
    if subject.facts.linked:
        raise Refused(f"The configuration of {subject.id} is a symbolic link", "Change the file that it names by hand")
    odd = [line for line in remove if "\ufffd" in line or "\r" in line]
    if odd:
        raise Refused(
            f"A line of the configuration of {subject.id} has odd bytes: {clean(odd[0], 60)}", "Mend it by hand"
        )
    keep = "LC_ALL=C grep ''"
    if remove:
        patterns = " ".join("-e " + words(line) for line in dict.fromkeys(remove))
        keep = f"LC_ALL=C grep -vxF {patterns}"
    script = subject.home + (
        'cp -p -- "$C/config" config.copying\n'
        "mv -- config.copying config.before\n"
        'cp -p -- "$C/config" "$C/config.ctdeck-new"\n'
        f'{keep} <config.before >"$C/config.ctdeck-new" || test $? = 1\n'
    )
    if add:
        script += "printf '%s\\n' " + words(*add) + ' >>"$C/config.ctdeck-new"\n'
    script += 'mv -- "$C/config.ctdeck-new" "$C/config"\n'
    undo = subject.home + (
        'rm -f -- "$C/config.ctdeck-new"\n'
        "[ ! -f config.before ] || {\n"
        '    cp -p -- config.before "$C/config.ctdeck-new" && mv -- "$C/config.ctdeck-new" "$C/config"\n'
        "}\n"
    )
    return Step("write it into the configuration", script, undo)
