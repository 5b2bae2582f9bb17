"""Our keys: files, certificates, the agent. A key file is read once per process, however many nodes want it (an
encrypted one costs 150 ms each time), and its passphrase is asked for once."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from asyncssh.public_key import decode_ssh_certificate, load_keypairs

from ..errors import Fault, FaultKind
from ..prompts import Prompts
from ..text import clean
from .host import Host

_AGENT_DEADLINE = 3.0  # seconds until the agent has listed its keys
_MAX_FILE = 1 << 20


@dataclass(slots=True)
class _KeyFile:
    """A private key file as it is on disk. `key` is None while it is locked or unusable; `why` then says which."""

    version: tuple[int, int] | None  # None: it is not there
    key: asyncssh.SSHKey | None = None
    public: bytes = b""  # the public key as SSH sends it, where it can be known
    locked: bool = False
    why: str = ""
    certificates: tuple[asyncssh.SSHCertificate, ...] = ()
    data: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Offer:
    """The keys for one login, in the order in which they are tried. `close` when the login is over."""

    pairs: list[asyncssh.SSHKeyPair] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    locked: list[Path] = field(default_factory=list)  # could be tried too, with their passphrase
    troubles: list[str] = field(default_factory=list)
    agent: asyncssh.SSHAgentClient | None = None

    @property
    def tried(self) -> str:
        """For people."""
        names = self.names if len(self.names) <= 4 else [*self.names[:3], f"{len(self.names) - 3} more"]
        offered = "offered: " + ", ".join(names) if names else "no key to offer"
        locked = [f"{clean(str(path), 200)} is locked" for path in self.locked]
        return "; ".join([offered, *locked, *self.troubles])

    def close(self) -> None:
        if self.agent is not None:
            self.agent.close()


class KeyRing:
    """All key files of this process."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._files: dict[Path, _KeyFile] = {}
        self._reading: dict[Path, asyncio.Lock] = {}
        self._unlocking: dict[Path, asyncio.Lock] = {}
        self._declined: set[Path] = set()

    async def offer(self, host: Host) -> Offer:
        """What to try at `host`: named files first (through the agent where it has them), then the agent, then defaults."""
        offer = Offer()
        held = await self._agent_keys(host, offer)
        files = [(path, await self._load(path)) for path in host.identity_files]
        certificates = [await asyncio.to_thread(_read_certificates, path) for path in host.certificate_files]
        extra = [certificate for group in certificates for certificate in group]
        named = {file.public for _, file in files if file.public}
        if not host.identities_set and not host.identities_only:
            self._put_agent(offer, [pair for pair in held if _public(pair) not in named])
        for path, file in files:
            own = [pair for pair in held if _public(pair) == file.public]
            self._put_file(offer, path, file, own, extra, named=host.identities_set)
        if host.identities_set and not host.identities_only:
            self._put_agent(offer, [pair for pair in held if _public(pair) not in named])
        return offer

    async def unlock(self, paths: list[Path]) -> bool:
        """Ask for the passphrases; True if a key was unlocked (now or, meanwhile, for another node)."""
        return any([await self._unlock(path) for path in paths])

    def ask_again(self) -> None:
        """Forget that a passphrase was refused or wrong."""
        self._declined.clear()

    async def _unlock(self, path: Path) -> bool:
        async with self._unlocking.setdefault(path, asyncio.Lock()):
            file = await self._load(path)
            if file.key is not None:
                return True
            if path in self._declined or not file.locked:
                return False
            passphrase = await self._prompts.passphrase(str(path))
            if passphrase is None:
                self._declined.add(path)
                return False
            try:
                file.key = await asyncio.to_thread(asyncssh.import_private_key, file.data, passphrase)
            except ValueError as error:
                self._declined.add(path)
                raise _stays_locked(path, str(error)) from None
            file.locked, file.data, file.public = False, b"", file.key.public_data
            return True

    async def _agent_keys(self, host: Host, offer: Offer) -> list[asyncssh.SSHKeyPair]:
        if host.agent is None:
            return []
        agent = asyncssh.SSHAgentClient(str(host.agent))
        try:
            async with asyncio.timeout(_AGENT_DEADLINE):
                keys = list(await agent.get_keys())
        except (TimeoutError, ValueError, OSError):
            agent.close()
            offer.troubles.append(f"the key agent at {clean(str(host.agent), 200)} does not answer")
            return []
        offer.agent = agent
        return keys

    async def _load(self, path: Path) -> _KeyFile:
        async with self._reading.setdefault(path, asyncio.Lock()):
            known = self._files.get(path)
            version = await asyncio.to_thread(_version, path)
            if known is None or known.version != version:
                known = self._files[path] = await asyncio.to_thread(_read_key, path, version)
            return known

    @staticmethod
    def _put_agent(offer: Offer, pairs: list[asyncssh.SSHKeyPair]) -> None:
        for pair in pairs:
            offer.pairs.append(pair)
            offer.names.append(f"{clean(pair.get_comment() or pair.get_algorithm(), 60)} (agent)")

    def _put_file(
        self,
        offer: Offer,
        path: Path,
        file: _KeyFile,
        held: list[asyncssh.SSHKeyPair],
        extra: list[asyncssh.SSHCertificate],
        *,
        named: bool,
    ) -> None:
        name = clean(str(path), 200)
        certificates = [one for one in (*extra, *file.certificates) if one.key.public_data == file.public]
        if held:
            for certificate in certificates:
                pair = copy.copy(held[0])
                pair.set_certificate(certificate)
                self._put_agent(offer, [pair])
            self._put_agent(offer, held)
        elif file.key is not None:
            for certificate in certificates:
                offer.pairs += [pair for pair in load_keypairs([(file.key, certificate)]) if pair.has_cert]
                offer.names.append(f"{name} with its certificate")
            offer.pairs += load_keypairs([file.key])
            offer.names.append(name)
        elif file.locked:
            if path in self._declined:
                offer.troubles.append(f"{name} is locked")
            else:
                offer.locked.append(path)
        elif named and file.why:
            offer.troubles.append(f"{name} {file.why}")


def _stays_locked(path: Path, said: str) -> Fault:
    name = clean(str(path), 200)
    if "bcrypt" in said:
        return Fault(FaultKind.KEY, f"{name} cannot be unlocked without the Python package bcrypt", "Install it")
    return Fault(FaultKind.KEY, f"The passphrase of {name} is wrong", "Refresh, or run ctdeck again, to be asked again")


def _public(pair: asyncssh.SSHKeyPair) -> bytes:
    """The plain public key, also of a certificate that the agent holds."""
    if pair.has_cert:
        with contextlib.suppress(ValueError):
            return decode_ssh_certificate(pair.public_data).key.public_data
    return pair.public_data


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _read_key(path: Path, version: tuple[int, int] | None) -> _KeyFile:
    """Read a key file as ssh does: what cannot be used is passed over, and said when the login fails."""
    file = _KeyFile(version)
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE)
            status = os.fstat(stream.fileno())
    except OSError as error:
        file.why = f"cannot be read: {error.strerror}"
    else:
        if status.st_uid == os.getuid() and status.st_mode & 0o077 and b"PRIVATE KEY" in data:
            file.why = "is readable by others, so it is not used (chmod 600)"
            return file
        _import(file, data)
    for name in (path.name + ".pub", path.name):
        if not file.public:
            with contextlib.suppress(OSError, ValueError):
                file.public = asyncssh.read_public_key(path.with_name(name)).public_data
    if file.key is not None or file.locked:
        file.certificates = tuple(_read_certificates(path.with_name(path.name + "-cert.pub")))
    return file


def _import(file: _KeyFile, data: bytes) -> None:
    try:
        file.key = asyncssh.import_private_key(data)
        file.public = file.key.public_data
    except asyncssh.KeyImportError as error:
        if str(error).startswith("Passphrase"):
            file.locked, file.data = True, data
        elif b"PRIVATE KEY" in data:
            file.why = f"cannot be used: {clean(str(error), 200)}"
    except ValueError as error:
        file.why = f"cannot be used: {clean(str(error), 200)}"


def _read_certificates(path: Path) -> list[asyncssh.SSHCertificate]:
    try:
        return list(asyncssh.load_certificates(path)) if path.is_file() else []
    except (OSError, ValueError):
        return []
