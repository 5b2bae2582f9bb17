"""Root on a node where the login is another user's: `sudo -n`, and a password on standard input where sudo asks for one.

The password is remembered in memory only, is written only when sudo's prompt (a random word) is there, and so can
neither reach a command line nor be taken for a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from . import shell
from .errors import Fault, FaultKind
from .process import Process
from .prompts import Prompts

_MAX_NOISE = 256 << 10  # bytes that a login shell may print first

Start = Callable[[str], Awaitable[Process]]


class PasswordWanted(Exception):
    """sudo asks, and nobody has told us yet: `ask`, outside of any deadline, then start again."""


class SudoPassword:
    """How one user becomes root on one host. The password is asked for once, and forgotten when it was wrong."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._asking = asyncio.Lock()
        self._password: str | None = None
        self._declined = self._needed = False

    def ask_again(self) -> None:
        """Forget that a password was refused or wrong."""
        self._declined = False

    async def ask(self, node: str, user: str) -> None:
        """Ask the person. Raises Fault(SUDO) when there is no answer."""
        async with self._asking:
            if self._password is None and not self._declined:
                self._password = await self._prompts.password(f"sudo password of {user} on {node}")
                self._declined = self._password is None
            if self._password is None:
                raise Fault(
                    FaultKind.SUDO,
                    f"sudo on {node} wants a password of {user}",
                    "Refresh to be asked for it, or allow NOPASSWD in the sudoers file",
                )

    async def start(self, inner: str, start: Start, *, node: str, user: str) -> Process:
        """`inner` as root. Raises PasswordWanted, or Fault(SUDO) when sudo does not let us."""
        if not self._needed:
            mark = shell.new_mark()
            channel = await start(shell.sudo_command(inner, mark))
            try:
                if await _let_in(channel, mark.encode(), b""):
                    return channel
                status = await channel.wait()
            except BaseException:
                channel.close()
                raise
            channel.close()
            # Which words it uses depends on the node's language; what it cannot do without a password ends with 1.
            if status != 1 or shell.sudo_said_no(channel.stderr):
                raise _missing(node) if status == 127 else shell.sudo_fault(node, channel.stderr)
            self._needed = True
        if self._password is None:
            raise PasswordWanted
        return await self._with_password(self._password, inner, start, node, user)

    async def _with_password(self, password: str, inner: str, start: Start, node: str, user: str) -> Process:
        mark, prompt = shell.new_mark(), shell.new_mark()
        channel = await start(shell.sudo_command(inner, mark, prompt=prompt))
        try:
            if await _let_in(channel, mark.encode(), prompt.encode()):
                return channel
            if prompt.encode() in channel.stderr:
                told = len(channel.stderr)
                channel.write(password.encode() + b"\n")
                if await _let_in(channel, mark.encode(), prompt.encode(), told):
                    return channel
        except BaseException:
            channel.close()
            raise
        channel.close()
        if self._password == password:
            self._password, self._declined = None, True
        if channel.stderr.count(prompt.encode()) > 1:
            raise Fault(
                FaultKind.SUDO,
                f"sudo on {node} refuses the password of {user}",
                "Refresh, or run ctdeck again, to be asked again",
            )
        raise shell.sudo_fault(node, channel.stderr.replace(prompt.encode(), b""))


async def _let_in(channel: Process, mark: bytes, prompt: bytes, told: int = 0) -> bool:
    """True when `mark` is on the output (what follows it stays readable); False at the end or at a prompt."""
    seen = b""
    while True:
        seen += channel.take()
        own = shell.cut_noise(seen, mark)
        if own is not None:
            channel.put_back(own)
            return True
        if channel.ended or len(seen) > _MAX_NOISE or (prompt and prompt in channel.stderr[told:]):
            return False
        await channel.news()


def _missing(node: str) -> Fault:
    return Fault(FaultKind.SUDO, f"There is no sudo on {node}", "Install it, or log in as root and leave `sudo:` out")
