"""Login passwords, in memory only: asked for once per user and host, forgotten as soon as one is refused."""

from __future__ import annotations

import asyncio

from ..errors import Fault, FaultKind
from ..prompts import Prompts
from .host import Host

_Account = tuple[str, int, str]


class Passwords:
    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._passwords: dict[_Account, str] = {}
        self._declined: set[_Account] = set()
        self._locks: dict[_Account, asyncio.Lock] = {}

    def get(self, host: Host) -> str | None:
        return self._passwords.get(_account(host))

    def ask_again(self) -> None:
        """Forget that a password was refused or wrong."""
        self._declined.clear()

    async def ask(self, host: Host, tried: str | None, offered: str) -> bool:
        """True when there is a password to try; `tried` is the one that was just refused, and is never tried again."""
        account = _account(host)
        async with self._locks.setdefault(account, asyncio.Lock()):
            if tried is not None and self._passwords.get(account) == tried:
                del self._passwords[account]
                self._declined.add(account)
                raise Fault(
                    FaultKind.LOGIN,
                    f"{host.address} refuses the password of {host.user} ({offered})",
                    "Refresh, or run ctdeck again, to be asked again",
                )
            if account in self._passwords:
                return True  # another connection to it has asked meanwhile
            if account in self._declined:
                return False
            password = await self._prompts.password(f"Password of {host.user} on {host.address}")
            if password is None:
                self._declined.add(account)
                return False
            self._passwords[account] = password
            return True


def _account(host: Host) -> _Account:
    return host.hostname, host.port, host.user
