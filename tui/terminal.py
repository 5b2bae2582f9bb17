"""A shell in a container (`s`): the screen steps aside, and the bytes go between our tty and the node's pty.

`visit` is the whole of it for the app, `relay` the part that knows no screen. Whatever happens in between, the tty is
given back as it was found.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from backends.errors import CtdeckError

if TYPE_CHECKING:
    from textual.app import App

    from backends.fleet import Fleet
    from backends.model import Container
    from backends.transport import Terminal

#: Pressed this often within a second it leaves a shell that no longer answers (as `machinectl shell` does).
_LEAVE = b"\x1d"
_LEAVE_TIMES = 3
#: What a program that was cut off may have left behind: colours, charset, margins, mouse, alternate screen, hidden cursor.
_RESET = (
    b"\x1b[0m\x1b(B\x1b[r\x1b[?1l\x1b>\x1b[?6l\x1b[?7h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"
    b"\x1b[?1004l\x1b[?2004l\x1b[?1047l\x1b[?25h"
)
#: Seconds to wait for the exit status after the output has ended.
_STATUS_WAIT = 3.0


@dataclass(frozen=True, slots=True)
class Visit:
    """How a shell ended. `status` is None when the node never told; `error` says what went wrong, or is empty."""

    status: int | None = None
    left: bool = False  # the person left it by the key: its end was not seen
    error: str = ""


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """The tty gives every key as it is; in every outcome it is put back."""
    saved = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, saved)
        termios.tcflush(descriptor, termios.TCIFLUSH)  # what was typed into a shell that died is no key of the deck


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class _Keys:
    """What is typed, on its way to the node."""

    def __init__(self, descriptor: int, terminal: Terminal) -> None:
        self.descriptor = descriptor
        self.terminal = terminal
        self.left = asyncio.Event()
        self._presses: list[float] = []

    def ready(self) -> None:
        """The tty has something for us. An end of input means that our own terminal is gone."""
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            data = b""
        if not data or self._wants_out(data):
            asyncio.get_running_loop().remove_reader(self.descriptor)
            self.left.set()
            return
        with suppress(OSError):  # the shell is gone: its end of output says so
            self.terminal.write(data)

    def _wants_out(self, data: bytes) -> bool:
        now = monotonic()
        if data.strip(_LEAVE):
            self._presses.clear()
            return False
        self._presses = [at for at in self._presses if now - at < 1.0] + [now] * len(data)
        return len(self._presses) >= _LEAVE_TIMES


async def relay(terminal: Terminal, keys_from: int, output_to: int) -> Visit:
    """Bytes between a tty and a remote pty until the remote ends, with changes of the window size. Closes `terminal`.

    Output is written in a thread: a slow tty must not hold up the loop that also reads the fleet.
    """
    loop = asyncio.get_running_loop()
    keys = _Keys(keys_from, terminal)

    def resize() -> None:
        with suppress(OSError):
            size = os.get_terminal_size(output_to)
            terminal.resize(size.columns, size.lines)

    async def output() -> None:
        while data := await terminal.read():
            await asyncio.to_thread(_write, output_to, data)

    with _raw(keys_from):
        reading = asyncio.ensure_future(output())
        leaving = asyncio.ensure_future(keys.left.wait())
        loop.add_reader(keys_from, keys.ready)
        loop.add_signal_handler(signal.SIGWINCH, resize)
        resize()
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return Visit(left=True)
            try:
                reading.result()
                status = await asyncio.wait_for(terminal.wait(), _STATUS_WAIT)
            except CtdeckError as error:
                return Visit(error=str(error))
            except (OSError, TimeoutError):
                status = None
            return Visit(status, error="" if status is not None else "the connection broke before the shell ended")
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            loop.remove_reader(keys_from)
            terminal.close()
            for task in (reading, leaving):
                task.cancel()
            await asyncio.gather(reading, leaving, return_exceptions=True)
            with suppress(OSError):
                _write(output_to, _RESET)


async def visit(app: App[Any], fleet: Fleet, container: Container) -> Visit:
    """Open a shell in `container`, take the terminal away from `app`, give it back when the shell ends.

    The shell is opened first, so that a node that refuses costs no flicker. Raises `CtdeckError` with the reason when
    it could not be opened at all; what goes wrong later is in the result. The caller asks first (production) and
    refuses (`--read-only`); this only does it.
    """
    key = container.key
    backend = fleet.backend(key.backend)
    size = app.size
    terminal = await fleet.terminal(
        key.node,
        backend.shell(key.id),
        term=os.environ.get("TERM") or "xterm-256color",
        columns=size.width,
        rows=size.height,
    )
    name = f"{key.node}/{key.id}" + (f" {container.name}" if container.name and container.name != key.id else "")
    dash = "—" if (sys.__stdout__ and (sys.__stdout__.encoding or "").lower().startswith("utf")) else "-"
    ended = Visit()
    stopped: BaseException | None = None
    try:
        # `suspend` stops the thread that writes: a repaint would first queue, then block the loop for ever. And it
        # does not resume when its body raises, so nothing may leave it that way.
        with app.batch_update(), app.suspend():
            keys_from, output_to = _descriptors()
            try:
                _say(
                    output_to, f"ctdeck: shell in {name} {dash} exit or Ctrl-D to come back (stuck: Ctrl-] three times)"
                )
                ended = await relay(terminal, keys_from, output_to)
            except BaseException as error:  # kept, and raised again outside
                stopped = error
            with suppress(OSError):
                _say(output_to, "\nback in ctdeck" if ended.error or ended.left else "back in ctdeck")
    except SuspendNotSupported:
        raise CtdeckError(
            f"no shell in {name}: this terminal cannot be handed over", "Start ctdeck in a terminal"
        ) from None
    finally:
        terminal.close()
    app.refresh(layout=True)
    if isinstance(stopped, termios.error | OSError):
        return Visit(error=f"the shell in {name} ended: our terminal cannot be used ({stopped})")
    if stopped is not None:
        raise stopped
    return ended


def _descriptors() -> tuple[int, int]:
    """The tty's two sides as Textual uses them: keys from stdin, the screen on stderr."""
    keys, screen = sys.__stdin__, sys.__stderr__
    if keys is None or screen is None:
        raise SuspendNotSupported("no terminal")
    return keys.fileno(), screen.fileno()


def _say(descriptor: int, line: str) -> None:
    _write(descriptor, f"{line}\n".encode())
