"""Old nodes are normal: CentOS 6 has OpenSSH 5.3, and some are older."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import SshSettings
from backends.ssh.pool import Pool

from .servers import Answers, Keys, fake_node, node, settings, sshd

# asyncssh and cryptography warn of what these servers need; to people it is said as a note of the connection.
pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")

# What sshd of OpenSSH 5.3p1 on CentOS 6 offers, as far as asyncssh can play it (its order, without what nobody has).
CENTOS6 = {
    "server_version": "OpenSSH_5.3",
    "kex_algs": [
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
    ],
    "encryption_algs": ["aes128-ctr", "aes192-ctr", "aes256-ctr", "arcfour256", "arcfour128", "aes128-cbc", "3des-cbc"],
    "mac_algs": ["hmac-md5", "hmac-sha1", "hmac-sha1-96", "hmac-md5-96"],
    "signature_algs": ["ssh-rsa", "ssh-dss"],
}


@pytest.mark.parametrize("client", ["client-rsa", "client"])
async def test_centos6(client: str, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `server-sig-algs` came with OpenSSH 7.2: before, nobody tells which signatures are taken
    monkeypatch.setattr(asyncssh.SSHServerConnection, "_send_ext_info", lambda self: None, raising=False)
    key = keys.path(client, "rsa" if client.endswith("rsa") else "ed25519")
    old = dict(CENTOS6)
    if client == "client":
        old.pop("signature_algs")
    async with fake_node(keys, host_key="host-rsa", authorized=client, **old) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), Answers())
        transport = await pool.connect(fake.node(keys, identity_file=key))
        assert (await transport.run("echo in", timeout=20)).stdout == b"in\n"
        assert transport.notes == ()  # type: ignore[attr-defined]
        await pool.close()


@pytest.mark.parametrize(
    "old",
    [
        {"kex_algs": ["diffie-hellman-group1-sha1"]},
        {"kex_algs": ["diffie-hellman-group-exchange-sha1"]},
        {"encryption_algs": ["3des-cbc"]},
        {"encryption_algs": ["aes128-cbc"], "mac_algs": ["hmac-md5"]},
    ],
)
async def test_still_older(old: dict[str, list[str]], keys: Keys, tmp_path: Path) -> None:
    """Served on a second attempt, and said."""
    async with fake_node(keys, server_version="OpenSSH_4.3", **old) as fake:
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), Answers())
        transport = await pool.connect(fake.node(keys))
        assert (await transport.run("echo in", timeout=20)).stdout == b"in\n"
        assert transport.notes == (  # type: ignore[attr-defined]
            "Old SSH algorithms are in use, which are no longer safe (SSH-2.0-OpenSSH_4.3)",
        )
        assert len(fake.connections) == 2
        await pool.close()


async def test_lists_of_the_user_are_kept(keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, kex_algs=["diffie-hellman-group1-sha1"]) as fake:
        config = tmp_path / "config"
        known = fake.known_hosts(tmp_path / "known")
        config.write_text("KexAlgorithms curve25519-sha256\n")
        pool = Pool(SshSettings(config=config, known_hosts=(known,)), Answers())
        with pytest.raises(Fault, match="share no key exchange algorithm") as caught:
            await pool.connect(fake.node(keys))
        assert caught.value.kind is FaultKind.PROTOCOL
        config.write_text("KexAlgorithms +diffie-hellman-group1-sha1\n")
        await pool.connect(fake.node(keys))
        await pool.close()


async def test_real_sshd_with_what_it_still_has(keys: Keys, tmp_path: Path) -> None:
    extra = (
        "KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1\n"
        "Ciphers aes128-ctr\nMACs hmac-sha1\nHostKeyAlgorithms ssh-rsa"
    )
    with sshd(tmp_path / "sshd", keys, host_keys=("host-rsa",), extra=extra) as server:
        pool = Pool(settings(server.known_hosts(tmp_path / "known")), Answers())
        transport = await pool.connect(node(server))
        assert (await transport.run("echo in", timeout=20)).stdout == b"in\n"
        assert transport.notes == ()  # type: ignore[attr-defined]
        await pool.close()
