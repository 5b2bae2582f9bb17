"""Whether to trust a host key: what the known_hosts files say, and what a person answers. Nobody is ever asked about a
changed or a revoked key."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..errors import Fault, FaultKind
from ..prompts import Prompts, UnknownHostKey
from ..text import clean
from . import faults, known_hosts
from .host import Host
from .known_hosts import Entry, Known, KnownHosts, Verdict
from .login import Client


class HostKeys:
    """The known keys of this process, and the decisions of its user."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._files = KnownHosts()
        self._deciding: dict[str, asyncio.Lock] = {}  # one question about a host at a time
        self._only_here: dict[str, list[Entry]] = {}  # accepted, but no file would take them
        self._refused: set[tuple[str, bytes]] = set()

    async def lookup(self, host: Host) -> Known:
        known = await asyncio.to_thread(self._files.lookup, host)
        return known.with_keys(self._only_here.get(known.name, []))

    def problems(self) -> list[str]:
        """Lines of known_hosts files that were skipped."""
        return self._files.problems()

    def ask_again(self) -> None:
        """Forget the refusals."""
        self._refused.clear()

    async def judge(self, host: Host, node: str, known: Known, client: Client, said: str) -> bool:
        """After a host key that is not known: True when it is accepted now; False for a certificate that does not hold
        (as ssh does, see what the plain key is worth). Raises Fault when it must not or shall not be trusted."""
        if client.verdict is Verdict.REVOKED or "revoked" in said:
            raise faults.key_revoked(host, known)
        if client.verdict is Verdict.CHANGED:
            raise faults.key_changed(host, known, client.algorithm, client.blob)
        if client.verdict is None:
            return False
        await self._decide(host, node, known.name, client.algorithm, client.blob)
        return True

    async def _decide(self, host: Host, node: str, name: str, algorithm: str, blob: bytes) -> None:
        if host.strict == "yes":
            raise faults.key_unknown(host, algorithm, blob, "StrictHostKeyChecking yes")
        async with self._deciding.setdefault(name, asyncio.Lock()):
            if (await self.lookup(host)).check(blob) is Verdict.KNOWN:
                return  # accepted meanwhile, for another connection to the same host
            if (name, blob) in self._refused:
                raise faults.key_unknown(host, algorithm, blob, "not accepted")
            if host.strict == "ask" and not await self._ask(host, node, algorithm, blob):
                self._refused.add((name, blob))
                raise faults.key_unknown(host, algorithm, blob, "not accepted")
            await self._add(host, name, algorithm, blob)

    async def _ask(self, host: Host, node: str, algorithm: str, blob: bytes) -> bool:
        return await self._prompts.trust(
            UnknownHostKey(
                node=node,
                host=host.hostname,
                port=host.port,
                algorithm=algorithm,
                fingerprint=known_hosts.fingerprint(blob),
                known_hosts=str(host.known_hosts[0]) if host.known_hosts else "no file: for this session only",
            )
        )

    async def _add(self, host: Host, name: str, algorithm: str, blob: bytes) -> None:
        try:
            if not host.known_hosts:
                raise FileNotFoundError
            path = host.known_hosts[0]
            await asyncio.to_thread(known_hosts.add, path, name, algorithm, blob, hashed=host.hash_known_hosts)
        except OSError:
            entry = Entry("", algorithm, blob, Path("accepted in this session"), 0)
            self._only_here.setdefault(name, []).append(entry)


def unusable(host: Host, said: str) -> Fault:
    """The server shows a key that cannot even be judged."""
    return Fault(
        FaultKind.PROTOCOL, f"{host.address} shows no usable host key: {clean(said, 200)}", "See the log of its sshd"
    )
