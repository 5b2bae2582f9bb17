"""What is remembered of one container or node between judgements: its usual figures, and what stands since when.

Some 600 bytes for a container, whatever its history.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import State

#: Seconds over which the usual is a mean; less while it was not yet watched, or lived, so long.
USUAL_OVER = 600.0
#: Seconds that must be known before it may be called usual.
KNOWN_AFTER = 30.0
#: What is this many times the usual, and then some, becomes usual slower by so much.
ODD_TIMES, ODD_MORE = 2.0, 20.0
RELUCTANCE = 10.0


@dataclass(slots=True)
class Usual:
    """A sliding mean of one figure."""

    mean: float = 0.0
    seconds: float = 0.0  # that it covers, at most USUAL_OVER

    @property
    def known(self) -> float | None:
        return self.mean if self.seconds >= KNOWN_AFTER else None

    def learn(self, value: float, seconds: float) -> None:
        """`value` was true for `seconds`."""
        if self.seconds >= KNOWN_AFTER and value > ODD_TIMES * self.mean + ODD_MORE:
            self.mean += (value - self.mean) * min(1.0, seconds / (RELUCTANCE * USUAL_OVER))
            return
        self.seconds = min(USUAL_OVER, self.seconds + seconds)
        self.mean += (value - self.mean) * min(1.0, seconds / max(self.seconds, seconds, 1e-9))


@dataclass(slots=True)
class Gates:
    """Reasons with hysteresis: one begins when its figure has been high for a while, and ends when it has been low for one."""

    standing: dict[str, float] = field(default_factory=dict)  # kind -> since
    turning: dict[str, float] = field(default_factory=dict)  # kind -> since when its figure says the contrary

    def since(
        self, kind: str, value: float, enter: float, leave: float, now: float, *, rise: float = 0.0, fall: float = 0.0
    ) -> float | None:
        """When it began, if it stands now. `rise` and `fall`: seconds above `enter`, and below `leave`, until it turns."""
        began = self.standing.get(kind)
        if value < enter if began is None else value >= leave:
            self.turning.pop(kind, None)
            return began
        turned = self.turning.setdefault(kind, now)
        if now - turned < (rise if began is None else fall):
            return began
        del self.turning[kind]
        if began is None:
            self.standing[kind] = turned
            return turned
        del self.standing[kind]
        return None

    def forget(self, kind: str) -> None:
        self.standing.pop(kind, None)
        self.turning.pop(kind, None)


@dataclass(slots=True)
class Past:
    """Of one container. Times are our monotonic clock."""

    sampled: float | None = None  # when its node's last sample came that was learnt from
    state: State | None = None
    cpu: Usual = field(default_factory=Usual)  # percent of one core
    processes: Usual = field(default_factory=Usual)
    gates: Gates = field(default_factory=Gates)
    hot: bool = False  # its CPU is out of the usual
    started: float | None = None  # on the node's clock: seconds after its boot
    starts: tuple[float, ...] = ()  # those of the last minutes that we saw
    ran: float | None = None  # when it was last seen running, before it stopped
    failures: tuple[tuple[float, int], ...] = ()  # (when, how many) of the last minute
    growth: int = 0  # the last `Usage.failcnt_growth`
    counted: object = None  # the last `Container.beancounters`, to see that it was read anew
    counts: dict[str, int] = field(default_factory=dict)  # failcnt by beancounter, where not 0
    failing: dict[str, float] = field(default_factory=dict)  # beancounter -> when it last failed
    kills: int | None = None  # the last `Usage.oom_kills`
    killed: float | None = None  # when that last grew
    ips: tuple[str, ...] = ()  # addresses that it has in the index of all
