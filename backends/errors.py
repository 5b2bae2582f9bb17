"""What can go wrong, said for people.

CtdeckError                 message (one sentence: what, where) + remedy (one sentence: what to do)
├── ConfigError             the fleet file or an option is wrong: nothing was started (exit code 2)
└── Fault                   one node cannot be reached or read; all other nodes go on
"""

from __future__ import annotations

from enum import StrEnum


class CtdeckError(Exception):
    """Base of every error that ctdeck raises on purpose.

    `message` says what happened and where, `remedy` what to do about it (may be empty). Both are plain text that has
    passed `backends.text.clean` where a part of it came from a node.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message


class ConfigError(CtdeckError):
    """Wrong input of the person who starts ctdeck: names file, line, key and the nearest valid word."""


class FaultKind(StrEnum):
    """Why a node cannot be read. Published as `nodes[].fault` of `ctdeck ls --json`: values may be added, never renamed."""

    CONFIG = "config"  # the SSH configuration, or a name in it, is wrong
    RESOLVE = "resolve"  # the host name has no address
    REFUSED = "refused"  # nothing listens on that port
    UNREACHABLE = "unreachable"  # no route, network down
    TIMEOUT = "timeout"  # no TCP connection within the connect time-out
    SILENT = "silent"  # accepts the connection and says nothing, or freezes during the handshake
    NOT_SSH = "not-ssh"  # answers, but not in SSH
    CLOSED = "closed"  # closes at once, or in the middle of the handshake
    PROTOCOL = "protocol"  # handshake failed: no common algorithm, garbled data
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    HOST_KEY_REVOKED = "host-key-revoked"
    LOGIN = "login"  # the node refuses our login
    KEY = "key"  # our key, certificate or agent cannot be used
    SUDO = "sudo"  # logged in, but sudo refuses
    SHELL = "shell"  # the login shell is noisy, ends early or gives no /bin/sh
    TOOLS = "tools"  # no awk, or no container tool that we know
    KERNEL = "kernel"  # the tools are there, the kernel is not (vzlist on a kernel without OpenVZ)
    DATA = "data"  # an answer that is no frame of ours, too long, or cut
    NO_ANSWER = "no-answer"  # was up; requests are no longer answered
    LOST = "lost"  # was up; the connection broke
    INTERNAL = "internal"  # a mistake of ctdeck's own
    JUMP = "jump"  # the jump host in front of it has one of these faults


#: Faults that no retry will heal: a person has to act. The poller still retries them, but rarely (each 60 s) or on a key.
NEEDS_PERSON = frozenset(
    {
        FaultKind.CONFIG,
        FaultKind.HOST_KEY_UNKNOWN,
        FaultKind.HOST_KEY_CHANGED,
        FaultKind.HOST_KEY_REVOKED,
        FaultKind.LOGIN,
        FaultKind.KEY,
        FaultKind.SUDO,
    }
)


class Fault(CtdeckError):
    """One node's trouble. Never a traceback: `kind` for programs, `message` and `remedy` for people."""

    def __init__(self, kind: FaultKind, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.kind = kind

    @property
    def needs_person(self) -> bool:
        return self.kind in NEEDS_PERSON
