"""What known_hosts files say, line by line, and what becomes of it at a real server."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import subprocess
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import SshSettings
from backends.ssh import known_hosts
from backends.ssh.host import Host
from backends.ssh.known_hosts import KnownHosts, Verdict, fingerprint
from backends.ssh.pool import Pool
from backends.transport import Transport

from .servers import Answers, Keys, Sshd, fake_node, keygen, node, settings, sshd


def key(keys: Keys, name: str) -> tuple[str, bytes]:
    """Algorithm and key of `name`, as a known_hosts line has them."""
    words = keys.public(name).split()
    return f"{words[0]} {words[1]}", base64.b64decode(words[1])


def host(*files: Path, name: str = "hn1.eu", port: int = 22, **more: object) -> Host:
    return Host(alias=name, hostname=name, port=port, known_hosts=files, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "port", "verdict"),
    [
        ("", 22, Verdict.UNKNOWN),
        ("hn1.eu A", 22, Verdict.KNOWN),
        ("HN1.EU A", 22, Verdict.KNOWN),
        ("other,hn1.eu A comment", 22, Verdict.KNOWN),
        ("hn1.eu B", 22, Verdict.CHANGED),
        ("hn1.eu B\nhn1.eu A", 22, Verdict.KNOWN),
        ("[hn1.eu]:2222 A", 2222, Verdict.KNOWN),
        ("[hn1.eu]:2222 B", 2222, Verdict.CHANGED),
        ("[hn1.eu]:2222 A", 22, Verdict.UNKNOWN),
        # ssh falls back to the line without port, but another key there is another server's
        ("hn1.eu A", 2222, Verdict.KNOWN),
        ("hn1.eu B", 2222, Verdict.UNKNOWN),
        ("[hn1.eu]:2222 B\nhn1.eu A", 2222, Verdict.CHANGED),
        # a revocation counts in whichever form it is written
        ("@revoked hn1.eu A\nhn1.eu A", 22, Verdict.REVOKED),
        ("@revoked [hn1.eu]:2222 A\nhn1.eu A", 2222, Verdict.REVOKED),
        ("@revoked hn1.eu A\n[hn1.eu]:2222 A", 2222, Verdict.REVOKED),
        ("@revoked * A\nhn1.eu A", 22, Verdict.REVOKED),
        ("@revoked hn1.eu B\nhn1.eu A", 22, Verdict.KNOWN),
        # patterns
        ("*.eu A", 22, Verdict.KNOWN),
        ("hn?.eu A", 22, Verdict.KNOWN),
        ("*.eu,!hn1.eu A", 22, Verdict.UNKNOWN),
        ("!hn2.eu,*.eu A", 22, Verdict.KNOWN),
        ("h[n]1.eu A", 22, Verdict.UNKNOWN),
        ("[*.eu]:2222 A", 2222, Verdict.KNOWN),
        # an authority signs certificates; it says nothing about a plain key
        ("@cert-authority *.eu A", 22, Verdict.UNKNOWN),
        # bad lines cost nothing else
        ("garbage\nhn1.eu A", 22, Verdict.KNOWN),
        ("@strange hn1.eu B\nhn1.eu A", 22, Verdict.KNOWN),
        ("|1|not-base64|x ssh-ed25519 AAAA\nhn1.eu A", 22, Verdict.KNOWN),
        ("|2|AAAA|AAAA A\nhn1.eu A", 22, Verdict.KNOWN),
        ("hn1.eu ssh-ed25519 !!!\nhn1.eu A", 22, Verdict.KNOWN),
        ("hn1.eu ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA\nhn1.eu A", 22, Verdict.KNOWN),
        ("hn1.eu 1024 35 1234567\nhn1.eu A", 22, Verdict.KNOWN),
        ("# hn1.eu B\n\n  \t\nhn1.eu A", 22, Verdict.KNOWN),
    ],
)
def test_verdict(lines: str, port: int, verdict: Verdict, keys: Keys, tmp_path: Path) -> None:
    text, blob = key(keys, "a")
    other, _ = key(keys, "b")
    path = tmp_path / "known"
    words = {"A": text, "B": other}
    path.write_text(
        "\n".join(" ".join(words.get(word, word) for word in line.split(" ")) for line in lines.split("\n")) + "\n"
    )
    assert KnownHosts().lookup(host(path, port=port)).check(blob) is verdict


def test_agrees_with_openssh_about_hashed_names(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "known"
    text, blob = key(keys, "a")
    path.write_text(f"hn1.eu,10.0.0.1 {text}\n[hn1.eu]:2222 {text}\n")
    keygen("-H", "-f", str(path))
    assert "hn1" not in path.read_text()
    for where in (host(path), host(path, port=2222), host(path, name="10.0.0.1"), host(path, name="HN1.eu")):
        assert KnownHosts().lookup(where).check(blob) is Verdict.KNOWN
    assert KnownHosts().lookup(host(path, name="hn2.eu")).check(blob) is Verdict.UNKNOWN
    assert fingerprint(blob) == keygen("-lf", str(keys.path("a"))).split()[1]


@pytest.mark.parametrize(("hashed", "port"), [(False, 22), (True, 22), (False, 2222), (True, 2222)])
def test_openssh_finds_what_we_add(hashed: bool, port: int, keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "new" / "known"
    text, blob = key(keys, "a")
    name = "hn1.eu" if port == 22 else f"[hn1.eu]:{port}"
    known_hosts.add(path, name, text.split()[0], blob, hashed=hashed)
    path.write_text(path.read_text().rstrip("\n"))  # somebody's editor
    known_hosts.add(path, "hn2.eu", text.split()[0], blob, hashed=hashed)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert text in keygen("-F", name, "-f", str(path))
    assert text in keygen("-F", "hn2.eu", "-f", str(path))
    assert ("hn1" in path.read_text()) is not hashed


def test_bad_lines_are_told_with_their_place(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "known"
    path.write_bytes(f"hn1.eu {key(keys, 'a')[0]} caf\xe9\n".encode("latin-1") + b"what \x1b[2J\n@huh x y z\n")
    files = KnownHosts()
    assert files.lookup(host(path, tmp_path / "missing", tmp_path)).check(key(keys, "a")[1]) is Verdict.KNOWN
    problems = files.problems()
    assert [problem.split(": ")[0] for problem in problems] == [f"{path}:2", f"{path}:3"]
    assert all(problem.isprintable() for problem in problems)


def test_a_changed_file_is_read_again(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "known"
    files = KnownHosts()
    text, blob = key(keys, "a")
    assert files.lookup(host(path)).check(blob) is Verdict.UNKNOWN
    path.write_text(f"hn1.eu {text}\n")
    assert files.lookup(host(path)).check(blob) is Verdict.KNOWN
    path.unlink()
    assert files.lookup(host(path)).check(blob) is Verdict.UNKNOWN


def test_five_thousand_hashed_names(keys: Keys, tmp_path: Path) -> None:
    text, blob = key(keys, "a")
    lines = []
    for index in range(5000):
        salt = os.urandom(20)
        digest = hmac.digest(salt, f"hn{index}.eu".encode(), "sha1")
        lines.append(f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()} {text}")
    path = tmp_path / "known"
    path.write_text("\n".join(lines))
    files = KnownHosts()
    for index in (0, 4999):
        assert files.lookup(host(path, name=f"hn{index}.eu")).check(blob) is Verdict.KNOWN
    assert files.lookup(host(path, name="hn5000.eu")).check(blob) is Verdict.UNKNOWN


async def connect(server: Sshd, known: Path, person: Answers | None = None, **more: object) -> Transport:
    """Connect, close; raises what the connection raises."""
    pool = Pool(settings(known), person or Answers())
    try:
        transport = await pool.connect(node(server, **more))  # type: ignore[arg-type]
        assert (await transport.run("true", timeout=20)).ok
        return transport
    finally:
        await pool.close()


async def test_unknown_key_is_shown_and_accepted(server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / ".ssh" / "known"
    person = Answers(trusts=True)
    await connect(server, known, person)
    asked = person.keys[0]
    assert (asked.node, asked.host, asked.port, asked.known_hosts) == ("hn1", "127.0.0.1", server.port, str(known))
    assert asked.fingerprint == keygen("-lf", str(server.keys.path("host-ed25519"))).split()[1]
    assert known.read_text() == server.known_hosts_line("host-ed25519") + "\n"
    await connect(server, known, person)
    assert len(person.keys) == 1


async def test_unknown_key_is_refused_without_a_yes(server: Sshd, tmp_path: Path) -> None:
    person = Answers(trusts=False)
    pool = Pool(settings(tmp_path / "known"), person)
    for _ in range(2):  # a retry by itself must not ask again
        with pytest.raises(Fault) as caught:
            await pool.connect(node(server))
        assert caught.value.kind is FaultKind.HOST_KEY_UNKNOWN
        assert keygen("-lf", str(server.keys.path("host-ed25519"))).split()[1] in caught.value.message
    assert len(person.keys) == 1
    assert not os.access(tmp_path / "known", os.F_OK)
    pool.ask_again()
    person.trusts = True
    await pool.connect(node(server))
    assert len(person.keys) == 2
    await pool.close()


async def test_changed_key_is_refused_without_a_question(server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"# first line\n[127.0.0.1]:{server.port} {' '.join(server.keys.public('b').split()[:2])}\n")
    person = Answers(trusts=True)
    with pytest.raises(Fault) as caught:
        await connect(server, known, person)
    assert caught.value.kind is FaultKind.HOST_KEY_CHANGED
    assert person.keys == []
    assert f"{known}:2" in caught.value.message
    assert fingerprint(key(server.keys, "b")[1]) in caught.value.message
    command = caught.value.remedy.split(": ", 1)[1]
    await asyncio.to_thread(subprocess.run, ["sh", "-c", command], check=True, capture_output=True)  # it is a remedy
    await connect(server, known, person)
    assert len(person.keys) == 1


@pytest.mark.parametrize("form", ["[127.0.0.1]:{port}", "127.0.0.1"])
async def test_revoked_key_is_refused(form: str, server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    text = " ".join(server.keys.public("host-ed25519").split()[:2])
    known.write_text(f"@revoked {form.format(port=server.port)} {text}\n127.0.0.1 {text}\n")
    person = Answers(trusts=True)
    with pytest.raises(Fault) as caught:
        await connect(server, known, person)
    assert caught.value.kind is FaultKind.HOST_KEY_REVOKED
    assert person.keys == []


async def test_any_known_type_will_do(keys: Keys, tmp_path: Path) -> None:
    """A host with three keys of which one is known must not look changed."""
    names = ("host-ed25519", "host-ecdsa", "host-rsa")
    with sshd(tmp_path / "sshd", keys, host_keys=names) as server:
        for name in names:
            known = tmp_path / name
            known.write_text(server.known_hosts_line(name) + "\n")
            await connect(server, known)
        person = Answers(trusts=True)
        await connect(server, tmp_path / "empty", person)
        assert person.keys[0].algorithm == "ssh-ed25519"


@pytest.mark.parametrize(
    ("strict", "kind"),
    [("yes", FaultKind.HOST_KEY_UNKNOWN), ("accept-new", None), ("no", None), ("ask", FaultKind.HOST_KEY_UNKNOWN)],
)
async def test_strict_host_key_checking(strict: str, kind: FaultKind | None, server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    config = tmp_path / "config"
    config.write_text(f"StrictHostKeyChecking {strict}\nHashKnownHosts yes\nUserKnownHostsFile {known}\n")
    person = Answers()
    pool = Pool(SshSettings(config=config), person)
    if kind is None:
        await pool.connect(node(server))
        assert "127.0.0.1" not in known.read_text()
        assert f"[127.0.0.1]:{server.port}" in keygen("-F", f"[127.0.0.1]:{server.port}", "-f", str(known))
    else:
        with pytest.raises(Fault) as caught:
            await pool.connect(node(server))
        assert caught.value.kind is kind
    assert len(person.keys) == (strict == "ask")
    await pool.close()
    known.write_text(f"[127.0.0.1]:{server.port} {' '.join(server.keys.public('b').split()[:2])}\n")
    with pytest.raises(Fault) as caught:
        await Pool(SshSettings(config=config), person).connect(node(server))
    assert caught.value.kind is FaultKind.HOST_KEY_CHANGED


async def test_no_file_to_write_to(server: Sshd, tmp_path: Path) -> None:
    """The person's yes holds for this session; another key is then a changed one."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    person = Answers(trusts=True)
    pool = Pool(settings(blocked / "known"), person)
    for _ in range(2):
        transport = await pool.connect(node(server))
        await transport.close()
    assert len(person.keys) == 1


async def test_host_certificates(keys: Keys, tmp_path: Path) -> None:
    host_key = keys.path("signed-ed25519")
    authority = " ".join(keys.public("ca").split()[:2])
    keygen("-q", "-s", str(keys.path("ca")), "-I", "hn1", "-h", "-n", "hn1.eu", f"{host_key}.pub")
    extra = f"HostCertificate {host_key}-cert.pub"
    with sshd(tmp_path / "sshd", keys, host_keys=("signed-ed25519",), extra=extra) as server:
        config = tmp_path / "config"
        known = tmp_path / "known"
        config.write_text(f"Host hn1.eu\n HostName 127.0.0.1\n HostKeyAlias hn1.eu\n UserKnownHostsFile {known}\n")

        async def attempt(person: Answers, **more: object) -> Transport:
            pool = Pool(SshSettings(config=config), person)
            try:
                return await pool.connect(node(server, **({"name": "hn1.eu", "host": None} | more)))  # type: ignore[arg-type]
            finally:
                await pool.close()

        known.write_text(f"@cert-authority *.eu {authority}\n")
        await attempt(Answers())

        # another name than the certificate's: as ssh does, the plain key counts, which nobody knows
        config.write_text(config.read_text().replace("HostKeyAlias hn1.eu", "HostKeyAlias hn9.eu"))
        person = Answers(trusts=False)
        with pytest.raises(Fault) as caught:
            await attempt(person)
        assert caught.value.kind is FaultKind.HOST_KEY_UNKNOWN
        assert len(person.keys) == 1

        # a revoked authority, a revoked key below a good authority
        config.write_text(config.read_text().replace("hn9.eu", "hn1.eu"))
        for revoked in (authority, " ".join(keys.public("signed-ed25519").split()[:2])):
            known.write_text(f"@cert-authority *.eu {authority}\n@revoked * {revoked}\n")
            with pytest.raises(Fault) as caught:
                await attempt(Answers(trusts=True))
            assert caught.value.kind is FaultKind.HOST_KEY_REVOKED


async def test_two_nodes_on_one_unknown_host_ask_once(keys: Keys, tmp_path: Path) -> None:
    async with fake_node(keys) as fake:
        person = Answers(trusts=True)
        pool = Pool(settings(tmp_path / "known"), person)
        await asyncio.gather(*(pool.connect(fake.node(keys, name=f"hn{index}")) for index in range(3)))
        assert len(person.keys) == 1
        assert len((tmp_path / "known").read_text().splitlines()) == 1
        await pool.close()
