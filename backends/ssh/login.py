"""One login: from nothing to an authenticated connection, with our own verdict on the host key.

asyncssh gets every option from here and reads no configuration of its own. It is told no trusted key; each key that it
meets is put to `_Client`, which asks `Known`. So a changed and an unknown key are told apart, and `known_hosts=None`
(no check at all) appears nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_certificate_algs, get_public_key_algs
from cryptography.utils import CryptographyDeprecationWarning

from ..text import clean
from .host import Algorithms, Host
from .keys import Offer
from .known_hosts import Known, Verdict
from .wire import Wire

# What asyncssh logs, and what cryptography warns of, would be written across the screen. Faults and notes say it.
logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning, module="asyncssh")

# A dead peer is noticed after interval x (count + 1) = 5.1 s; any packet from it starts that anew.
_KEEPALIVE = 1.7
_KEEPALIVE_COUNT = 2

_PLAIN = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-ed448",
    "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa",
)  # fmt: skip
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")

#: What OpenSSH 5.3 and its age have that asyncssh does not offer by itself; added on a second attempt only.
LEGACY = Algorithms(
    kex=("diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"),
    ciphers=("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"),
    macs=("hmac-sha1-96", "hmac-md5"),
    host_keys=("ssh-dss",),
)


@dataclass(slots=True)
class Secrets:
    """What this login may use."""

    offer: Offer
    password: str | None = None


class Client(asyncssh.SSHClient):
    """The answers to what a server asks during the login, and what we learned from its questions."""

    def __init__(self, known: Known, host: Host, secrets: Secrets) -> None:
        self.verdict: Verdict | None = None
        self.algorithm = ""  # of the plain key that was offered
        self.blob = b""
        self.wants_password = False
        self.other_question = ""  # what the server asked that is no password
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._known, self._host, self._secrets = known, host, secrets
        self.password_tried: str | None = None
        self._keys_offered = False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.algorithm, self.blob = key.get_algorithm(), key.public_data
        self.verdict = self._known.check(self.blob)
        return self.verdict is Verdict.KNOWN

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._known.check_authority(key.public_data)

    def public_key_auth_requested(self) -> Any:
        offered, self._keys_offered = self._keys_offered, True
        return None if offered else self._secrets.offer.pairs

    def password_auth_requested(self) -> str | None:
        self.wants_password = True
        return self._password()

    def kbdint_auth_requested(self) -> str | None:
        self.wants_password = True
        return "" if self._secrets.password is not None else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            return []
        if len(prompts) == 1 and "password" in prompts[0][0].lower():
            password = self._password()
            return None if password is None else [password]
        self.other_question = clean(prompts[0][0], 100).strip()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(exc)

    def _password(self) -> str | None:
        """Once a login: a wrong one must not be tried over and over."""
        if self.password_tried is not None:
            return None
        self.password_tried = self._secrets.password
        return self.password_tried


async def login(
    host: Host, known: Known, wire: Wire, client: Client, *, certificates: bool, legacy: bool
) -> asyncssh.SSHClientConnection:
    """Connect and log in. Raises whatever asyncssh, the system or `Wire` raises; `client` knows more then."""
    try:
        return await asyncssh.connect(
            host.hostname,
            host.port,
            tunnel=wire,
            options=None,
            config=None,
            client_factory=lambda: client,
            proxy_command=None,
            known_hosts=([], [], _imported(known)),
            host_key_alias=host.host_key_alias or None,
            server_host_key_algs=host_key_algorithms(host, known, certificates=certificates, legacy=legacy),
            server_host_keys_handler=None,
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            username=host.user,
            password=None,
            client_keys=None,
            client_host_keys=None,
            gss_host=None,
            host_based_auth=False,
            preferred_auth=list(host.methods),
            agent_path=None,
            agent_forwarding=False,
            pkcs11_provider=None,
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=_KEEPALIVE,
            keepalive_count_max=_KEEPALIVE_COUNT,
            compression_algs=["zlib@openssh.com", "none"] if host.compression else ["none"],
            command=None,
            env=None,
            send_env=None,
            request_pty=False,
            x11_forwarding=False,
            encoding=None,
            utf8_decode_errors="replace",
            **_ciphers(host.algorithms, legacy=legacy),
        )
    finally:
        wire.logged_in()


def host_key_algorithms(host: Host, known: Known, *, certificates: bool, legacy: bool) -> list[str]:
    """All that we can check, those of known keys first: asked for another type, a good host would look changed.

    A host of which nothing is known is asked for Ed25519 first, as ssh does: that is the fingerprint people know.
    """
    first: list[str] = []
    for algorithm in known.algorithms:
        first += _RSA if algorithm == "ssh-rsa" else [algorithm]
    plain = list(dict.fromkeys([*first, *_PLAIN, *(LEGACY.host_keys if legacy or "ssh-dss" in first else ())]))
    signed = [_certificate(name) for name in plain] if certificates and known.authorities else []
    possible = {name.decode() for name in (*get_public_key_algs(), *get_certificate_algs())}
    usable = [name for name in (*signed, *plain) if name in possible]
    wanted = _expand(host.algorithms.host_keys, usable)
    return [name for name in usable if name in wanted] or usable


def _certificate(algorithm: str) -> str:
    return algorithm.removesuffix("@openssh.com") + "-cert-v01@openssh.com"


def _expand(wanted: tuple[str, ...], usable: list[str]) -> set[str]:
    """Nothing set: everything; `+`, `-`, `^`: everything, or all but those."""
    if not wanted or wanted[0][:1] in {"+", "^"}:
        return set(usable)
    if wanted[0][:1] == "-":
        return set(usable) - set(wanted[0][1:].split(","))
    return set(wanted)


def _ciphers(algorithms: Algorithms, *, legacy: bool) -> dict[str, Any]:
    """asyncssh's arguments for the lists that the user set, or that a second attempt adds to."""
    lists = (
        ("kex_algs", algorithms.kex, LEGACY.kex, get_kex_algs()),
        ("encryption_algs", algorithms.ciphers, LEGACY.ciphers, get_encryption_algs()),
        ("mac_algs", algorithms.macs, LEGACY.macs, get_mac_algs()),
    )
    arguments: dict[str, Any] = {}
    for name, wanted, old, possible in lists:
        have = {one.decode() for one in possible}
        if wanted and wanted[0][:1] in {"+", "-", "^"}:
            arguments[name] = wanted[0][:1] + ",".join(_known_only(wanted[0][1:].split(","), have))
        elif wanted:
            arguments[name] = list(_known_only(wanted, have)) or ()
        elif legacy:
            arguments[name] = "+" + ",".join(_known_only(old, have))
    return arguments


def _known_only(names: Iterable[str], have: set[str]) -> Iterable[str]:
    return (name for name in names if name in have)


def _imported(known: Known) -> list[asyncssh.SSHKey]:
    """Revoked keys for asyncssh, which looks for them in certificates too."""
    keys = []
    for entry in known.revoked:
        try:
            keys.append(asyncssh.import_public_key(f"{entry.algorithm} {base64.b64encode(entry.blob).decode()}"))
        except asyncssh.KeyImportError:
            continue  # a type that asyncssh does not know, so the server cannot have shown it
    return keys
