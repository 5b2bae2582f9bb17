"""The connection layer's questions, asked in dialogs: one at a time, each with an answer that connects nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from backends.prompts import UnknownHostKey

if TYPE_CHECKING:
    from textual.app import App

    from .screens.dialog import Dialog

Answer = TypeVar("Answer")


class ScreenPrompts:
    """`backends.prompts.Prompts` by modal dialogs. Questions of many nodes queue up; a question whose asker has given
    up goes away by itself."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def trust(self, key: UnknownHostKey) -> bool:
        from .screens.host_key import UnknownKey

        return await self._ask(lambda waiting: UnknownKey(key, waiting)) is True

    async def passphrase(self, what: str) -> str | None:
        from .screens.prompt import Secret

        return await self._ask(lambda waiting: Secret("passphrase", what, waiting))

    async def password(self, what: str) -> str | None:
        from .screens.prompt import Secret

        return await self._ask(lambda waiting: Secret("password", what, waiting))

    async def _ask(self, make: Callable[[int], Dialog[Answer | None]]) -> Answer | None:
        """Show the dialog when its turn has come. None when the app ends before."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            if not self._app.is_running:
                return None
            dialog = make(self._waiting)
            answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

            def answered(value: Answer | None) -> None:
                if not answer.done():
                    answer.set_result(value)

            # Asked from a poller's task: the dialog has to be made in the app's own context.
            self._app.call_later(self._app.push_screen, dialog, answered)
            try:
                return await answer
            finally:
                if not answer.done() or answer.cancelled():
                    self._app.call_later(dialog.expire)
        finally:
            self._turn.release()
