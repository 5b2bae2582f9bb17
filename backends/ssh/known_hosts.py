"""Which host keys are known, told apart as OpenSSH does: unknown, known, changed, revoked.

Files are read line by line: one bad line, a missing file or a byte that is no UTF-8 costs nothing else (asyncssh drops
the whole file, and tells neither changed from unknown nor finds a revocation under another port form).
Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
import shlex
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ..text import clean
from .host import Host

_MAX_FILE = 64 << 20  # bytes
_MARKERS = {"@revoked", "@cert-authority"}


class Verdict(StrEnum):
    UNKNOWN = "unknown"
    KNOWN = "known"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a known_hosts line. `blob` is the public key as SSH sends it."""

    marker: str  # "", "@revoked" or "@cert-authority"
    algorithm: str
    blob: bytes
    file: Path
    line: int

    @property
    def place(self) -> str:
        return f"{clean(str(self.file), 200)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the files say about one host, under its name with the port and, where that is silent, without."""

    name: str  # as a new line would begin: `host` or `[host]:port`
    keys: tuple[Entry, ...]
    keys_without_port: tuple[Entry, ...]  # they may vouch for a key, but a difference is not a change: another server
    authorities: tuple[Entry, ...]
    revoked: tuple[Entry, ...]  # of both forms

    def with_keys(self, entries: list[Entry]) -> Known:
        """The same, with keys that stand in no file."""
        return replace(self, keys=(*self.keys, *entries)) if entries else self

    def check(self, blob: bytes) -> Verdict:
        """Verdict on a plain host key."""
        if any(entry.blob == blob for entry in self.revoked):
            return Verdict.REVOKED
        if any(entry.blob == blob for entry in self.keys):
            return Verdict.KNOWN
        if self.keys:
            return Verdict.CHANGED
        return Verdict.KNOWN if any(entry.blob == blob for entry in self.keys_without_port) else Verdict.UNKNOWN

    def check_authority(self, blob: bytes) -> bool:
        """Whether that key may sign certificates of this host."""
        revoked = any(entry.blob == blob for entry in self.revoked)
        return not revoked and any(entry.blob == blob for entry in self.authorities)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Types of the keys that could be recognised, each once: ask the server for these first."""
        return tuple(dict.fromkeys(entry.algorithm for entry in (*self.keys, *self.keys_without_port)))


@dataclass(slots=True)
class _File:
    """One file, parsed. Names are lower case; a hashed or pattern entry is looked up once per name."""

    version: tuple[int, int, int]
    exact: dict[str, list[Entry]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)
    patterns: list[tuple[list[tuple[bool, re.Pattern[str]]], Entry]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    answers: dict[str, list[Entry]] = field(default_factory=dict)

    def match(self, name: str) -> list[Entry]:
        found = self.answers.get(name)
        if found is None:
            found = list(self.exact.get(name, ()))
            value = name.encode()
            found += [entry for salt, want, entry in self.hashed if hmac.digest(salt, value, "sha1") == want]
            found += [entry for patterns, entry in self.patterns if _matches(patterns, name)]
            self.answers[name] = found
        return found


class KnownHosts:
    """All known_hosts files of this process, each read again only when it has changed. Blocking: call it in a thread."""

    def __init__(self) -> None:
        self._files: dict[Path, _File] = {}
        self._one_at_a_time = threading.Lock()  # two hundred connections must not all parse the same file

    def lookup(self, host: Host) -> Known:
        """What the files of `host` say about it. Never raises for what is in them."""
        with self._one_at_a_time:
            return self._lookup(host)

    def _lookup(self, host: Host) -> Known:
        files = [self._load(path) for path in (*host.known_hosts, *host.global_known_hosts)]
        plain = host.key_name.lower()
        name = plain if host.key_port == 22 else f"[{plain}]:{host.key_port}"
        entries = [entry for file in files if file for entry in file.match(name)]
        others = [entry for file in files if file for entry in file.match(plain)] if name != plain else []
        own_authorities = _of(entries, "@cert-authority")
        return Known(
            name=name,
            keys=_of(entries, ""),
            keys_without_port=_of(others, ""),
            authorities=own_authorities or _of(others, "@cert-authority"),
            revoked=_of(entries, "@revoked") + _of(others, "@revoked"),
        )

    def problems(self) -> list[str]:
        """Lines that were skipped: `file:line: why`."""
        return [problem for file in self._files.values() for problem in file.problems]

    def _load(self, path: Path) -> _File | None:
        try:
            with path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                version = (status.st_mtime_ns, status.st_size, status.st_ino)
                cached = self._files.get(path)
                if cached is not None and cached.version == version:
                    return cached
                if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE:
                    return None
                data = stream.read(_MAX_FILE)
        except OSError:
            self._files.pop(path, None)
            return None
        file = _File(version)
        for number, raw in enumerate(data.split(b"\n"), 1):
            line = raw.decode("utf-8", "replace").strip()
            if line and not line.startswith("#"):
                try:
                    _parse(line, path, number, file)
                except ValueError as error:
                    file.problems.append(f"{clean(str(path), 200)}:{number}: {error}")
        self._files[path] = file
        return file


def fingerprint(blob: bytes) -> str:
    """As `ssh-keygen -lf` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def add(path: Path, name: str, algorithm: str, blob: bytes, *, hashed: bool) -> None:
    """Append a key to `path`, which is made where it is missing (0600, its folder 0700). Raises OSError."""
    if hashed:
        salt = os.urandom(20)
        digest = hmac.digest(salt, name.encode(), "sha1")
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    line = f"{name} {algorithm} {base64.b64encode(blob).decode()}\n".encode()
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def removal_command(entry: Entry, name: str) -> str:
    """What a person runs when the change is legitimate."""
    return f"ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(entry.file))}"


def _of(entries: list[Entry], marker: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.marker == marker)


def _parse(line: str, path: Path, number: int, file: _File) -> None:
    fields = line.split()
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if marker and marker not in _MARKERS:
        raise ValueError(f"unknown marker {clean(marker, 40)}")
    if len(fields) < 3:
        raise ValueError("too few words")
    names, algorithm, text = fields[:3]
    if algorithm.isdigit():
        return  # SSH 1: nothing that we could meet
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("its key is no base64") from None
    prefix = len(algorithm).to_bytes(4, "big") + algorithm.encode()
    if not blob.startswith(prefix) or len(blob) <= len(prefix) + 4:
        raise ValueError(f"its key is no {clean(algorithm, 40)}")
    entry = Entry(marker, algorithm, blob, path, number)
    if names.startswith("|"):
        file.hashed.append((*_hash(names), entry))
    elif any(char in names for char in "*?!"):
        file.patterns.append((list(_patterns(names)), entry))
    else:
        for name in names.lower().split(","):
            file.exact.setdefault(name, []).append(entry)


def _hash(names: str) -> tuple[bytes, bytes]:
    try:
        _, kind, salt, digest = names.split("|")
        if kind != "1":
            raise ValueError
        return base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    except ValueError:
        raise ValueError("its hashed name is malformed") from None


def _patterns(names: str) -> Iterator[tuple[bool, re.Pattern[str]]]:
    """OpenSSH's patterns: only `*` and `?` are special; `!` takes a name out again."""
    for name in filter(None, names.lower().split(",")):
        body = re.escape(name.removeprefix("!")).replace(r"\*", ".*").replace(r"\?", ".")
        yield name.startswith("!"), re.compile(body, re.DOTALL)


def _matches(patterns: list[tuple[bool, re.Pattern[str]]], name: str) -> bool:
    hits = [negative for negative, pattern in patterns if pattern.fullmatch(name)]
    return bool(hits) and not any(hits)
