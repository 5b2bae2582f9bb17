"""What went wrong with a connection, in one sentence with its remedy. asyncssh's own texts are often empty."""

from __future__ import annotations

import re

import asyncssh

from ..errors import Fault, FaultKind
from ..text import clean
from .host import Host
from .known_hosts import Entry, Known, fingerprint, removal_command
from .wire import Wire

_NO_COMMON = re.compile(r"No matching (.+) algorithm found, sent .* and received (.*)", re.DOTALL)


def handshake_fault(error: BaseException, host: Host, wire: Wire, tried: str) -> Fault:
    """Why a connection did not come to be. `tried` says which keys were offered."""
    if isinstance(error, Fault):
        return error
    if wire.fault is not None:
        return wire.fault
    if isinstance(error, asyncssh.PermissionDenied):
        return login_refused(host, tried)
    if isinstance(error, asyncssh.DisconnectError) and "too many auth" in error.reason.lower():
        return Fault(
            FaultKind.LOGIN,
            f"{host.address} stopped the login of {host.user}: too many keys were offered ({tried})",
            "Name the right key: `identity_file:` of the node, or IdentitiesOnly with IdentityFile",
        )
    if isinstance(error, asyncssh.KeyExchangeFailed | asyncssh.MACError | asyncssh.CompressionError):
        return _no_agreement(error, host)
    if isinstance(error, asyncssh.ProtocolNotSupported):
        return Fault(
            FaultKind.PROTOCOL,
            f"{host.address} speaks another version of SSH: {clean(wire.heard.decode('latin-1'), 60)}".rstrip(": "),
            "Only SSH 2 is supported",
        )
    if isinstance(error, asyncssh.ConnectionLost | ConnectionError | BrokenPipeError | EOFError):
        return closed(host, wire)
    if isinstance(error, asyncssh.ProtocolError) and not wire.spoke_ssh:
        return wire.not_ssh() or closed(host, wire)
    if isinstance(error, asyncssh.DisconnectError):
        said = clean(error.reason, 200)
        return Fault(
            FaultKind.PROTOCOL,
            f"{host.address} ended the handshake" + (f": {said}" if said else ""),
            "See the log of its sshd",
        )
    said = clean(str(error), 200) or type(error).__name__
    return Fault(FaultKind.PROTOCOL, f"The handshake with {host.address} failed: {said}", "Try `ssh` by hand")


def login_refused(host: Host, tried: str) -> Fault:
    return Fault(
        FaultKind.LOGIN,
        f"{host.address} refuses the login of {host.user} ({tried})",
        f"Put a key there with `ssh-copy-id {host.alias}`, or correct user and key of this node",
    )


def closed(host: Host, wire: Wire) -> Fault:
    """The far end hung up before the login was through."""
    told = wire.not_ssh() or wire.proxy_fault()
    if told is not None:
        return told
    if wire.spoke_ssh:
        return Fault(
            FaultKind.CLOSED,
            f"{host.address} closed the connection in the middle of the handshake",
            "See the log of its sshd; it is tried again",
        )
    return Fault(
        FaultKind.CLOSED,
        f"{host.address} closes the connection at once",
        "Too many logins at a time (MaxStartups), or we are banned (fail2ban, hosts.deny)?",
    )


def _no_agreement(error: asyncssh.DisconnectError, host: Host) -> Fault:
    found = _NO_COMMON.search(error.reason)
    if found is None:
        said = clean(error.reason, 200)
        return Fault(
            FaultKind.PROTOCOL,
            f"Garbled data from {host.address} during the handshake" + (f": {said}" if said else ""),
            "Something between here and there changes the data, or its sshd is broken",
        )
    kind, theirs = found.groups()
    return Fault(
        FaultKind.PROTOCOL,
        f"{host.address} and ctdeck share no {clean(kind, 40)} algorithm; it has {clean(theirs, 200)}",
        "Update its sshd, or remove the restriction from the SSH configuration",
    )


def lost(error: BaseException | None, host: Host) -> Fault:
    """Why a connection that was up is no more."""
    said = clean(str(error), 200) if error is not None else ""
    if "not responding to keepalive" in said:
        return Fault(
            FaultKind.NO_ANSWER, f"{host.address} no longer answers", "Is the node frozen, or the network to it down?"
        )
    if isinstance(error, asyncssh.DisconnectError) and not isinstance(error, asyncssh.ConnectionLost) and error.reason:
        return Fault(FaultKind.LOST, f"{host.address} ended the connection: {said}", "It is connected again")
    return Fault(FaultKind.LOST, f"The connection to {host.address} broke", "It is connected again")


def key_changed(host: Host, known: Known, algorithm: str, blob: bytes) -> Fault:
    old = _same_type(known.keys, algorithm)
    return Fault(
        FaultKind.HOST_KEY_CHANGED,
        f"The host key of {host.address} has changed: {fingerprint(blob)} ({algorithm}) is offered, "
        f"{fingerprint(old.blob)} is known ({old.place})",
        f"Someone may be listening. Only if the node was reinstalled: {removal_command(old, known.name)}",
    )


def key_revoked(host: Host, known: Known) -> Fault:
    place = f" ({known.revoked[0].place})" if known.revoked else ""
    return Fault(
        FaultKind.HOST_KEY_REVOKED,
        f"The host key of {host.address} is revoked{place}",
        "Do not connect; give the node a new host key",
    )


def key_unknown(host: Host, algorithm: str, blob: bytes, why: str) -> Fault:
    return Fault(
        FaultKind.HOST_KEY_UNKNOWN,
        f"The host key of {host.address} is not known: {algorithm} {fingerprint(blob)} ({why})",
        f"Compare the fingerprint, then accept it: in ctdeck, or with `ssh {host.alias}`",
    )


def _same_type(entries: tuple[Entry, ...], algorithm: str) -> Entry:
    return next((entry for entry in entries if entry.algorithm == algorithm), entries[0])
