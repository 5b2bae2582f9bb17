"""Logging in: key files, the agent, certificates, passwords."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import psutil
import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec, SshSettings
from backends.ssh.pool import Pool
from tests import need
from tests.backends.processes import running
from tests.wait import until, until_blocking

from .servers import USER, Answers, Keys, Sshd, fake_node, keygen, node, settings, sshd

RUBBISH = "-----BEGIN OPENSSH PRIVATE KEY-----\ncnViYmlzaA==\n-----END OPENSSH PRIVATE KEY-----\n"
RELAY = """
import os, socket, sys, threading
far = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while data := os.read(0, 65536):
        far.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := far.recv(65536):
    os.write(1, data)
"""


@pytest.fixture
def locked(keys: Keys, tmp_path: Path) -> Path:
    """The client's key, with a passphrase, and nothing beside it."""
    path = tmp_path / "locked"
    shutil.copy(keys.path("client"), path)
    keygen("-q", "-p", "-P", "", "-N", "open sesame", "-f", str(path))
    return path


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A running key agent without keys, named by SSH_AUTH_SOCK."""
    need.tools("ssh-agent", "ssh-add")
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    until_blocking(socket.exists)
    yield socket
    process.kill()
    process.wait()


def ssh_add(what: Path | str) -> None:
    subprocess.run(["ssh-add", "-q", str(what)], check=True, stderr=subprocess.DEVNULL)


def configured(tmp_path: Path, known: Path, lines: str) -> SshSettings:
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {known}\n{lines}\n")
    return SshSettings(config=config)


async def log_in(server: Sshd, settings: SshSettings, person: Answers | None = None, **more: object) -> None:
    pool = Pool(settings, person or Answers())
    try:
        await pool.connect(node(server, **more))  # type: ignore[arg-type]
    finally:
        await pool.close()


async def test_encrypted_key_is_unlocked_once(
    server: Sshd, known: Path, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = []
    real = asyncssh.import_private_key

    def counting(data: bytes, passphrase: str | None = None) -> asyncssh.SSHKey:
        imports.append(passphrase)
        return real(data, passphrase)

    monkeypatch.setattr(asyncssh, "import_private_key", counting)
    before = server.log.read_text().count("Failed") + server.log.read_text().count("Connection closed by auth")
    person = Answers(passphrases=["open sesame"])
    pool = Pool(settings(known), person)
    await asyncio.gather(*(pool.connect(node(server, name=f"hn{n}", identity_file=locked)) for n in range(5)))
    assert person.asked == [str(locked)]
    assert imports.count("open sesame") == 1
    # with nothing else to offer there is no login without the key first
    assert server.log.read_text().count("Failed") + server.log.read_text().count("Connection closed by auth") == before
    await pool.close()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [(None, FaultKind.LOGIN, "is locked"), ("wrong canary", FaultKind.KEY, "passphrase of .* is wrong")],
)
async def test_encrypted_key_stays_locked(
    answer: str | None, kind: FaultKind, words: str, server: Sshd, known: Path, locked: Path
) -> None:
    person = Answers(passphrases=[answer, "open sesame"])
    pool = Pool(settings(known), person)
    with pytest.raises(Fault, match=words) as caught:
        await pool.connect(node(server, identity_file=locked))
    assert caught.value.kind is kind
    assert "canary" not in str(caught.value)
    with pytest.raises(Fault, match="is locked"):
        await pool.connect(node(server, identity_file=locked))
    assert len(person.asked) == 1
    pool.ask_again()
    await pool.connect(node(server, identity_file=locked))
    await pool.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path, keys: None, "cannot be read: No such file"),
        (lambda path, keys: (path.write_text(RUBBISH), path.chmod(0o600)), "cannot be used"),
        (lambda path, keys: (shutil.copy(keys.path("client"), path), path.chmod(0o644)), "readable by others"),
        (lambda path, keys: shutil.copy(keys.path("other"), path), "offered: .*key"),
    ],
)
async def test_key_that_does_not_open(make: object, words: str, server: Sshd, known: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    make(path, server.keys)  # type: ignore[operator]
    with pytest.raises(Fault, match=words) as caught:
        await log_in(server, settings(known), identity_file=path)
    assert caught.value.kind is FaultKind.LOGIN
    assert f"refuses the login of {USER}" in caught.value.message
    assert "ssh-copy-id" in caught.value.remedy


async def test_missing_identity_file_costs_nothing_else(server: Sshd, known: Path, tmp_path: Path) -> None:
    lines = f"IdentityFile {tmp_path}/missing\nIdentityFile {server.keys.path('client')}"
    await log_in(server, configured(tmp_path, known, lines), identity_file=None)


async def test_agent(server: Sshd, known: Path, agent: Path, tmp_path: Path) -> None:
    ssh_add(server.keys.path("client"))
    await log_in(server, configured(tmp_path, known, f"IdentityFile {tmp_path}/none"), identity_file=None)
    # a public key alone names the agent's key
    public = tmp_path / "id.pub"
    public.write_text(server.keys.public("client") + "\n")
    only = configured(tmp_path, known, f"IdentitiesOnly yes\nIdentityFile {public}")
    await log_in(server, only, identity_file=None)
    none = configured(tmp_path, known, f"IdentityAgent none\nIdentityFile {tmp_path}/none")
    with pytest.raises(Fault, match="no key to offer"):
        await log_in(server, none, identity_file=None)


async def test_too_many_keys_of_the_agent(server: Sshd, known: Path, agent: Path, tmp_path: Path) -> None:
    for index in range(8):
        ssh_add(server.keys.path(f"agent{index}"))
    ssh_add(server.keys.path("client"))
    with pytest.raises(Fault, match="too many keys") as caught:
        await log_in(server, configured(tmp_path, known, f"IdentityFile {tmp_path}/none"), identity_file=None)
    assert caught.value.kind is FaultKind.LOGIN
    assert "identity_file" in caught.value.remedy
    # the remedy is one: a named key is tried first
    await log_in(server, configured(tmp_path, known, ""), identity_file=server.keys.path("client"))


@pytest.mark.parametrize("how", ["missing", "dead", "frozen"])
async def test_agent_that_does_not_answer(
    how: str, server: Sshd, known: Path, agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.ssh.keys._AGENT_DEADLINE", 0.5)
    pid = agent_pid(agent)
    if how == "missing":
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    elif how == "dead":
        os.kill(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Fault, match=r"the key agent at .* does not answer") as caught:
        await log_in(server, configured(tmp_path, known, f"IdentityFile {tmp_path}/none"), identity_file=None)
    assert caught.value.kind is FaultKind.LOGIN
    # another key that works is enough
    await log_in(server, configured(tmp_path, known, f"IdentityFile {server.keys.path('client')}"), identity_file=None)


def agent_pid(socket: Path) -> int:
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["ssh-agent", "-D", "-a", str(socket)]:
            return int(process.pid)
    raise AssertionError("no agent")


@pytest.mark.parametrize("where", ["beside the key", "CertificateFile", "agent"])
async def test_user_certificate(where: str, keys: Keys, tmp_path: Path, agent: Path) -> None:
    authority = keys.path("ca")
    key = tmp_path / "id"
    keygen("-q", "-t", "ed25519", "-N", "", "-f", str(key))
    keygen("-q", "-s", str(authority), "-I", "test", "-n", USER, f"{key}.pub")
    with sshd(tmp_path / "sshd", keys, extra=f"TrustedUserCAKeys {authority}.pub") as server:
        known = server.known_hosts(tmp_path / "known")
        extra = f"IdentityFile {key}"
        if where == "CertificateFile":
            (tmp_path / "id-cert.pub").rename(tmp_path / "signed.pub")
            extra += f"\nCertificateFile {tmp_path}/signed.pub"
        elif where == "agent":
            ssh_add(key)
            key.unlink()
        await log_in(server, configured(tmp_path, known, extra), identity_file=None)
        for name in ("id-cert.pub", "signed.pub"):
            (tmp_path / name).unlink(missing_ok=True)
        ssh_add("-D")
        with pytest.raises(Fault):
            await log_in(server, configured(tmp_path, known, extra), identity_file=None)


@pytest.mark.parametrize("keyboard", [None, "Password: "])
async def test_password_is_asked_once(keyboard: str | None, keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, password="open sesame", keyboard=keyboard, public_key=False) as fake:
        person = Answers(passwords=["open sesame"])
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), person)
        for _ in range(2):
            transport = await pool.connect(fake.node(keys))
            assert (await transport.run("echo in", timeout=20)).stdout == b"in\n"
            await transport.close()
        assert person.asked == [f"Password of root on 127.0.0.1:{fake.port}"]
        await pool.close()


@pytest.mark.parametrize("keyboard", [None, "Password: "])
async def test_wrong_password_is_tried_once(keyboard: str | None, keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, password="open sesame", keyboard=keyboard, public_key=False) as fake:
        person = Answers(passwords=["wrong canary", "open sesame"])
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), person)
        with pytest.raises(Fault, match="refuses the password of root") as caught:
            await pool.connect(fake.node(keys))
        assert caught.value.kind is FaultKind.LOGIN
        assert "canary" not in str(caught.value)
        with pytest.raises(Fault, match="refuses the login"):
            await pool.connect(fake.node(keys))
        assert len(person.asked) == 1
        pool.ask_again()
        await pool.connect(fake.node(keys))
        await pool.close()


async def test_question_that_is_no_password(keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, password="123456", keyboard="Verification code\x1b[2J: ", public_key=False) as fake:
        person = Answers(passwords=["123456"])
        pool = Pool(settings(fake.known_hosts(tmp_path / "known")), person)
        with pytest.raises(Fault, match="Verification code") as caught:
            await pool.connect(fake.node(keys))
        assert caught.value.kind is FaultKind.LOGIN
        assert caught.value.message.isprintable()
        await pool.close()


async def test_nothing_is_connected_while_a_person_is_asked(keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys, password="open sesame", public_key=False) as fake:

        class Slow(Answers):
            async def password(self, what: str) -> str | None:
                for connection in fake.connections:
                    await asyncio.wait_for(connection.wait_closed(), 10)
                return await super().password(what)

            async def trust(self, key: object) -> bool:
                for connection in fake.connections:
                    await asyncio.wait_for(connection.wait_closed(), 10)
                return True

        pool = Pool(settings(tmp_path / "known"), Slow(passwords=["open sesame"]))
        await pool.connect(fake.node(keys))
        assert len(fake.connections) == 3
        await pool.close()


async def test_methods_switched_off_are_not_used(server: Sshd, known: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        await log_in(server, configured(tmp_path, known, "PubkeyAuthentication no"))
    assert caught.value.kind is FaultKind.LOGIN


async def test_what_the_configuration_asks_for_beyond_a_shell(server: Sshd, known: Path, tmp_path: Path) -> None:
    """No pty, no agent, no environment, no command of the user's configuration reaches the node."""
    lines = "RequestTTY force\nRemoteCommand false\nForwardAgent yes\nSendEnv *\nSetEnv CANARY=1\nForwardX11 yes"
    pool = Pool(configured(tmp_path, known, lines), Answers())
    transport = await pool.connect(node(server))
    done = await transport.run("tty; echo $SSH_AUTH_SOCK$CANARY$DISPLAY", timeout=20)
    assert done.stdout == b"not a tty\n\n"
    await pool.close()


async def test_a_node_of_the_ssh_configuration(server: Sshd, known: Path, tmp_path: Path) -> None:
    lines = f"Host hn1.eu\n HostName 127.0.0.1\n Port {server.port}\n User {USER}\n IdentityFile {server.keys.path('client')}"
    pool = Pool(configured(tmp_path, known, lines), Answers())
    await pool.connect(NodeSpec("hn1.eu"))
    await pool.close()


async def test_proxy_command(server: Sshd, known: Path, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    lines = f"ProxyCommand sh -c 'echo noise >&2; exec {sys.executable} {relay} %p'"
    pool = Pool(configured(tmp_path, known, lines), Answers())
    transport = await pool.connect(node(server))
    assert (await transport.run("echo in", timeout=20)).stdout == b"in\n"
    assert running(sys.executable, str(relay), str(server.port))
    await pool.close()
    await until(lambda: not running(sys.executable, str(relay), str(server.port)), what="no relay left")
    with pytest.raises(Fault, match=r"ProxyCommand of 127\.0\.0\.1 gives no connection: sorry") as caught:
        await log_in(server, configured(tmp_path, known, "ProxyCommand echo sorry >&2 && exit 1"))
    assert caught.value.kind is FaultKind.CLOSED
