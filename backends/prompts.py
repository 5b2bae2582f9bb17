"""Questions that only a person can answer while we connect. Asked through the screen or the command line, never on the
tty behind their back; each has a default that connects nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UnknownHostKey:
    """A host that none of the known_hosts files knows. `fingerprint` is `SHA256:...`, as `ssh-keygen -lf` prints it."""

    node: str
    host: str
    port: int
    algorithm: str
    fingerprint: str
    known_hosts: str  # the file that the key would be added to


class Prompts(Protocol):
    """How the connection layer asks. Every method may take as long as the person does: nothing is connected meanwhile."""

    async def trust(self, key: UnknownHostKey) -> bool:
        """True only if the person has compared the fingerprint and said so."""
        ...

    async def passphrase(self, what: str) -> str | None:
        """Passphrase of a key file (`what` names it); None to do without that key. Asked once for a file."""
        ...

    async def password(self, what: str) -> str | None:
        """Password for a login or for sudo (`what` says which, with node and user); None to give up."""
        ...


class NoPrompts:
    """Answers no to everything: scripts, tests, the demo."""

    async def trust(self, key: UnknownHostKey) -> bool:
        return False

    async def passphrase(self, what: str) -> str | None:
        return None

    async def password(self, what: str) -> str | None:
        return None
