"""A page about one container that looks closely at it: when it is opened, on a key, and after each change of it."""

from __future__ import annotations

from typing import Any, ClassVar

from backends.change import Outcome
from backends.errors import CtdeckError
from backends.model import Key
from backends.store import Changes
from tui.propose import change_refused

from .container_page import ContainerPage
from .list_page import ListPage


class InspectedPage(ListPage[Key], ContainerPage):
    """`values` is what the inspection said (`backends.plans.plan.Inspection`), None until it has."""

    ACTIONS: ClassVar[tuple[str, ...]] = (*ContainerPage.ACTIONS, "refresh", "jobs", "undo")

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.values: dict[str, Any] | None = None
        self.wrong = ""  # why there are no values
        self._last_change: Outcome | None = self.app.changing.last_of(key)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_refresh()

    def action_refresh(self) -> None:
        self.run_worker(self._look(), group="look", exclusive=True, description="look at the container")

    async def _look(self) -> None:
        try:
            self.values = (await self.app.changing.changer.look(self.key_shown)).values
            self.wrong = ""
        except CtdeckError as error:
            self.wrong = str(error)
        self.show()

    def store_changed(self, changes: Changes) -> None:
        last = self.app.changing.last_of(self.key_shown)
        if last is not self._last_change:
            self._last_change = last
            self.action_refresh()
        super().store_changed(changes)

    def may_change(self) -> bool:
        """Whether it can be changed now; says why not."""
        why = change_refused(self.app, self.key_shown)
        if why:
            self.say_error(why)
        return not why
