"""All SSH connections of this process: one per node, one per jump host, and what they share (keys, known hosts, answers
that a person has given, the limit on handshakes)."""

from __future__ import annotations

import asyncio

import asyncssh

from ..errors import Fault, FaultKind
from ..inventory import NodeSpec, SshSettings
from ..prompts import Prompts
from ..sudo import SudoPassword
from ..text import clean
from ..transport import Transport
from . import config, faults, trust
from .connection import SshTransport
from .host import Host, parse_jump
from .jumps import Connected, Hops, Jump, Jumps, Lease
from .keys import KeyRing, Offer
from .known_hosts import Known
from .login import Client, Secrets, login
from .passwords import Passwords
from .trust import HostKeys
from .wire import Gate, Wire

_HANDSHAKES = 8  # at a time: no slower in total than all at once, and the screen stalls 41 ms instead of 1183
_RESOLVING = 8  # `ssh -G` at a time
_PER_HOST = 8  # logins at a time to one address: sshd's MaxStartups drops from 10 on
_ATTEMPTS = 6  # of one connect: without certificates, with the key just accepted, unlocked, with a password, old

_Connection = asyncssh.SSHClientConnection


class Pool:
    """Connects nodes. Of its methods only `connect` and `close` are needed; it belongs to one event loop."""

    def __init__(self, settings: SshSettings, prompts: Prompts) -> None:
        self._settings, self._prompts = settings, prompts
        self._host_keys = HostKeys(prompts)
        self._keys = KeyRing(prompts)
        self._passwords = Passwords(prompts)
        self._sudo: dict[tuple[str, int, str], SudoPassword] = {}
        self._gate = Gate(_HANDSHAKES)
        self._resolving = asyncio.Semaphore(_RESOLVING)
        self._per_host: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._jumps = Jumps(self._connect_jump)
        self._transports: set[SshTransport] = set()

    async def connect(self, spec: NodeSpec) -> Transport:
        """A connection to the node, logged in. Raises `Fault`; may take as long as a person needs to answer."""
        host = await self._resolve(spec)
        lease = await self._jumps.lease(host)
        try:
            connection, client, notes = await self._log_in(host, spec.name, lease)
        except BaseException:
            await lease.release()
            raise
        transport = SshTransport(
            spec.name, host, connection, client,
            sudo=self._sudo_of(host) if spec.sudo and host.user != "root" else None,
            notes=(*host.notes, *notes, *self._host_keys.problems()),
            release=lambda: self._released(transport, lease),
        )  # fmt: skip
        self._transports.add(transport)
        return transport

    def ask_again(self) -> None:
        """A person wants another try: questions that were answered with no, or wrongly, may be asked again."""
        self._host_keys.ask_again()
        self._keys.ask_again()
        self._passwords.ask_again()
        for sudo in self._sudo.values():
            sudo.ask_again()

    async def close(self) -> None:
        """End every connection, within some 3 s."""
        await asyncio.gather(*(transport.close() for transport in list(self._transports)), return_exceptions=True)
        await self._jumps.close()

    # --- one host

    async def _resolve(self, spec: NodeSpec) -> Host:
        async with self._resolving:
            return await config.resolve(spec, self._settings)

    async def _log_in(self, host: Host, node: str, lease: Lease) -> tuple[_Connection, Client, tuple[str, ...]]:
        """Try; answer, or have answered, what stood in the way; try again. Nothing is connected while we ask."""
        certificates, legacy = True, False
        for _ in range(_ATTEMPTS):
            known = await self._host_keys.lookup(host)
            offer = await self._keys.offer(host)
            try:
                if offer.locked and not offer.pairs and await self._keys.unlock(offer.locked):
                    continue  # no login without any key first, when the only one just has to be unlocked
                client = Client(known, host, Secrets(offer, self._passwords.get(host)))
                wire = Wire(host, lease.connection, lease.name, self._gate)
                connection = await self._try(host, known, wire, client, certificates, legacy)
            except asyncssh.HostKeyNotVerifiable as error:
                accepted = await self._host_keys.judge(host, node, known, client, error.reason)
                if not accepted and not certificates:
                    raise trust.unusable(host, error.reason) from None
                certificates = certificates and accepted
            except asyncssh.KeyExchangeFailed as error:
                if legacy or "No matching" not in error.reason:
                    raise faults.handshake_fault(error, host, wire, offer.tried) from None
                legacy = True
            except asyncssh.PermissionDenied:
                if not await self._help(host, client, offer):
                    raise faults.login_refused(host, offer.tried) from None
            except (asyncssh.Error, OSError, ValueError, EOFError) as error:
                raise faults.handshake_fault(error, host, wire, offer.tried) from None
            else:
                lease.add_cleanup(wire.close)
                return connection, client, _notes(connection, legacy, certificates)
            finally:
                offer.close()
        raise Fault(
            FaultKind.LOGIN, f"{host.address} asks for something else at every login", "See the log of its sshd"
        )

    async def _try(
        self, host: Host, known: Known, wire: Wire, client: Client, certificates: bool, legacy: bool
    ) -> _Connection:
        places = self._per_host.setdefault((host.hostname, host.port), asyncio.Semaphore(_PER_HOST))
        try:
            async with places:
                return await login(host, known, wire, client, certificates=certificates, legacy=legacy)
        except BaseException:
            await wire.close()
            raise

    # --- our secrets

    async def _help(self, host: Host, client: Client, offer: Offer) -> bool:
        """After a refused login: True when a person has given us something that was not tried yet."""
        if client.other_question:
            raise Fault(
                FaultKind.LOGIN,
                f"{host.address} asks {client.other_question!r} at the login, which ctdeck cannot answer",
                "Log in with a key",
            )
        if offer.locked and await self._keys.unlock(offer.locked):
            return True
        return client.wants_password and await self._passwords.ask(host, client.password_tried, offer.tried)

    def _sudo_of(self, host: Host) -> SudoPassword:
        return self._sudo.setdefault((host.hostname, host.port, host.user), SudoPassword(self._prompts))

    # --- jump hosts

    async def _connect_jump(self, hops: Hops, jump: Jump) -> Connected:
        """The last of `hops`, reached through those before it, or through its own configuration when it is alone."""
        user, name, port = parse_jump(hops[-1])
        spec = NodeSpec(name=name, user=user, port=port)
        host = await self._resolve(spec)
        lease = await self._jumps.lease(host, hops[:-1], jump)
        try:
            connection, _, _ = await self._log_in(host, name, lease)
        except BaseException:
            await lease.release()
            raise
        return connection, host.alias, lease

    async def _released(self, transport: SshTransport, lease: Lease) -> None:
        self._transports.discard(transport)
        await lease.release()


def _notes(connection: asyncssh.SSHClientConnection, legacy: bool, certificates: bool) -> tuple[str, ...]:
    notes = []
    if legacy:
        server = clean(str(connection.get_extra_info("server_version")), 60)
        notes.append(f"Old SSH algorithms are in use, which are no longer safe ({server})")
    if not certificates:
        notes.append("The host certificate does not hold; the plain host key is known")
    return tuple(notes)
