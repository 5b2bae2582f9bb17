"""What a person wants done, before it is a plan; and how the question about it was answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from backends.model import Key
from backends.plans.plan import Plan
from backends.plans.request import Request


@dataclass(slots=True)
class Option:
    """Something about the change that a key in the dialog switches; the plan is then made anew."""

    key: str
    label: str
    change: Callable[[Request, bool], Request]
    on: bool = False


@dataclass(slots=True)
class Proposal:
    """What a person wants done. `request` None: undo the last change. `editable`: there is a form to go back to.

    `planned` makes the plan of what is more than one request.
    """

    what: str  # as in the title: "stop", "limits"
    keys: tuple[Key, ...]
    request: Request | None
    options: tuple[Option, ...] = ()
    editable: bool = False
    planned: Callable[[Key], Awaitable[Plan]] | None = None

    @property
    def asked(self) -> Request | None:
        """The request with its options as they are switched now."""
        request = self.request
        for option in self.options if request is not None else ():
            assert request is not None
            request = option.change(request, option.on)
        return request


class Left(Enum):
    """How the dialog was left without a yes."""

    CANCEL = "cancel"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Approved:
    """The plans that were said yes to. `stop`: at the first failure."""

    plans: tuple[Plan, ...]
    stop: bool = False
