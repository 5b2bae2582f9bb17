"""What a connection needs to know of its host, resolved, and the rules for names that may reach a command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Fault, FaultKind
from ..text import clean

#: Seconds until TCP must stand, unless `ConnectTimeout` of the configuration says otherwise.
CONNECT_TIMEOUT = 5.0

# OpenSSH's own list (CVE-2023-51385: metacharacters in a name reach ProxyCommand through %h and %r), and what would be
# a pattern, a list or a comment in known_hosts.
_BAD_IN_HOST = frozenset("'\"`$\\;&<>|(){},*?!#/@^")
_BAD_IN_USER = frozenset("'\"`;&<>|(){}")


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Lists that the user has set, in asyncssh's terms and its knowledge; empty: not set."""

    kex: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """One host, ready to connect to. Hashable: equal hosts can share one connection."""

    alias: str  # as the user calls it
    hostname: str
    port: int = 22
    user: str = "root"
    identity_files: tuple[Path, ...] = ()
    identities_set: bool = False  # False: OpenSSH's default files, most of which do not exist
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: Path | None = None  # socket of the key agent; None: none
    proxy_jump: tuple[str, ...] = ()  # `[user@]host[:port]`, outermost first
    proxy_command: str = ""  # tokens already expanded; for /bin/sh -c
    host_key_alias: str = ""
    known_hosts: tuple[Path, ...] = ()  # the first one takes new keys
    global_known_hosts: tuple[Path, ...] = ()
    strict: str = "ask"  # yes, ask, accept-new
    hash_known_hosts: bool = False
    algorithms: Algorithms = field(default_factory=Algorithms)
    compression: bool = False
    connect_timeout: float = CONNECT_TIMEOUT  # seconds
    family: str = "any"  # any, inet, inet6
    bind_address: str = ""
    methods: tuple[str, ...] = ("publickey", "keyboard-interactive", "password")
    notes: tuple[str, ...] = ()  # for people: settings that are understood in another way than written

    @property
    def key_name(self) -> str:
        """The name under which known_hosts has it, without the port."""
        return self.host_key_alias or self.hostname.lower()

    @property
    def key_port(self) -> int:
        """HostKeyAlias stands for host and port together, as in OpenSSH."""
        return 22 if self.host_key_alias else self.port

    @property
    def address(self) -> str:
        """For people."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return host if self.port == 22 else f"{host}:{self.port}"


def check_host(name: str) -> str:
    """`name`, if it may be given to ssh, to a resolver and to known_hosts; else a `Fault`."""
    if not name or name[0] == "-" or len(name) > 255 or not _plain(name, _BAD_IN_HOST):
        raise Fault(
            FaultKind.CONFIG,
            f"{clean(name, 80)!r} cannot be a host name",
            "Use letters, digits, dots, dashes and colons",
        )
    return name


def check_user(name: str) -> str:
    """`name`, if it may be given to ssh and to a shell; else a `Fault`."""
    if not name or name[0] == "-" or len(name) > 255 or name[-1] == "\\" or not _plain(name, _BAD_IN_USER):
        raise Fault(FaultKind.CONFIG, f"{clean(name, 80)!r} cannot be a user name", "Correct `user` of this node")
    return name


def _plain(name: str, bad: frozenset[str]) -> bool:
    return name.isprintable() and not any(char in bad or char.isspace() for char in name)


def parse_jump(word: str) -> tuple[str | None, str, int | None]:
    """User, host and port of one hop of ProxyJump: `[user@]host[:port]`, `[user@][v6]:port` or `ssh://...`."""
    rest = word.removeprefix("ssh://").rstrip("/") if word.startswith("ssh://") else word
    user, at, place = rest.rpartition("@")
    if place.startswith("["):
        host, _, tail = place[1:].partition("]")
        port = tail.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        host, port = place, ""
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Fault(FaultKind.CONFIG, f"{clean(word, 80)!r} is no jump host", "Write ProxyJump as user@host:port")
    return (check_user(user) if at else None), check_host(host), int(port) if port else None
