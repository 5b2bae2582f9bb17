"""Host settings against OpenSSH's own answer (`ssh -G`), and what the fleet file adds."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from backends.errors import Fault, FaultKind
from backends.inventory import NodeSpec, SshSettings
from backends.ssh import config
from backends.ssh.config import home, resolve
from backends.ssh.host import Host, parse_jump
from tests import need

HOME = str(home())
CONFIGS = [
    "",
    "Host hn1\n User bob",
    "Host hn1\n User bob # on duty",
    "Host hn*\n Port 2222\nHost hn1\n Port 2223",
    "Host hn1 !hn1\n User bob",
    "Host * !hn1\n User bob\nHost *\n User carol",
    "Host hn1\n HostName %h.example.eu",
    "Host hn1\n HostName 10.0.0.7\n HostKeyAlias Seven",
    "Host HN1\n User bob",
    "Match host hn1 user root\n Port 2200\nMatch all\n Port 2201",
    "Match originalhost hn1\n HostName other\nMatch host other\n User bob",
    "Match exec true\n User bob",
    "Match exec false\n User bob",
    "Host hn1\n Port ssh",
    "Host hn1\n ConnectTimeout 1m",
    "Host hn1\n ConnectTimeout 30s",
    "ConnectTimeout none",
    "User=bob\nPort = 2222",
    'User "bob"',
    "IdentityFile ~/.ssh/work\nIdentityFile /keys/%h-%r-%p",
    "IdentityFile none",
    "IdentitiesOnly yes\nIdentityFile ~/a",
    "IdentityAgent none",
    "IdentityAgent SSH_AUTH_SOCK",
    "IdentityAgent ~/agent.sock",
    "IdentityAgent $MY_AGENT",
    "CertificateFile ~/%h-cert.pub",
    "ProxyJump gate",
    "ProxyJump bob@gate:2200,[::1]:22",
    "ProxyJump none",
    "ProxyCommand nc -X 5 %h %p # 100%%",
    "ProxyCommand none",
    "ProxyCommand nc %h %p\nProxyJump gate",
    "UserKnownHostsFile ~/kh.%h /etc/known",
    'UserKnownHostsFile "/with blank/kh" ~/other',
    "UserKnownHostsFile none\nGlobalKnownHostsFile none",
    "GlobalKnownHostsFile /etc/a /etc/b",
    "StrictHostKeyChecking yes",
    "StrictHostKeyChecking no",
    "StrictHostKeyChecking off",
    "StrictHostKeyChecking accept-new\nHashKnownHosts yes",
    "Compression yes\nAddressFamily inet6\nBindAddress 127.0.0.2",
    "Ciphers aes128-ctr\nMACs hmac-sha1\nKexAlgorithms +diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-ed25519",
    "PubkeyAuthentication no\nPreferredAuthentications password,publickey,gssapi-with-mic",
    "KbdInteractiveAuthentication no\nPasswordAuthentication no",
    "RequestTTY force\nRemoteCommand halt\nForwardAgent yes\nControlMaster auto\nControlPath ~/x",
    "SendEnv LANG\nSetEnv A=1\nLocalForward 80 x:80\nRekeyLimit 1G",
    "# caf\xe9\nUser bob",
]


def openssh(path: Path, *more: str) -> dict[str, list[str]]:
    output = subprocess.run(
        ["ssh", "-G", "-F", str(path), *more, "hn1"],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    ).stdout
    values: dict[str, list[str]] = {}
    for line in output.splitlines():
        key, _, value = line.partition(" ")
        values.setdefault(key, []).append(value)
    return values


def expanded(text: str) -> Path:
    return Path(text).expanduser()


def expand(text: str, host: Host) -> str:
    for token, value in {"%h": host.hostname, "%r": host.user, "%p": str(host.port), "%%": "%", "~": HOME}.items():
        text = text.replace(token, value)
    return text


@pytest.mark.parametrize("text", CONFIGS)
async def test_agrees_with_openssh(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need.tools("ssh")
    monkeypatch.setenv("MY_AGENT", "/run/my-agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    path = tmp_path / "config"
    path.write_bytes(text.encode("latin-1") + b"\n")
    theirs = await asyncio.to_thread(openssh, path)
    default = await asyncio.to_thread(openssh, Path("/dev/null"))
    host = await resolve(NodeSpec("hn1"), SshSettings(config=path))

    def one(key: str, missing: str = "") -> str:
        return theirs.get(key, [missing])[0]

    assert (host.hostname, host.user, host.port) == (one("hostname"), one("user"), int(one("port")))
    assert host.host_key_alias == one("hostkeyalias")
    files = [expand(file, host) for file in theirs["identityfile"] if file != "none" and "xmss" not in file]
    assert [str(file) for file in host.identity_files] == [file for file in files if not file.endswith("/id_dsa")]
    assert host.identities_set == (theirs["identityfile"] != default["identityfile"])
    assert [str(file) for file in host.certificate_files] == [
        expand(f, host) for f in theirs.get("certificatefile", [])
    ]
    assert host.identities_only == (one("identitiesonly") == "yes")
    agents = {"none": None, "SSH_AUTH_SOCK": "/run/agent", "": "/run/agent", "$MY_AGENT": "/run/my-agent"}
    agent = one("identityagent")
    assert (str(host.agent) if host.agent else None) == agents.get(agent, expand(agent, host))
    assert ",".join(host.proxy_jump) == one("proxyjump")
    assert host.proxy_command == expand(one("proxycommand"), host)
    for ours, key in ((host.known_hosts, "userknownhostsfile"), (host.global_known_hosts, "globalknownhostsfile")):
        assert " ".join(map(str, ours)) == expand(one(key).replace("none", ""), host)
    strict = {"ask": "ask", "true": "yes", "accept-new": "accept-new", "false": "accept-new"}
    assert host.strict == strict[one("stricthostkeychecking")]
    assert bool(host.notes) == (one("stricthostkeychecking") == "false")
    assert host.hash_known_hosts == (one("hashknownhosts") == "yes")
    assert host.compression == (one("compression") == "yes")
    assert (host.family, host.bind_address) == (one("addressfamily"), one("bindaddress"))
    assert host.connect_timeout == (5 if one("connecttimeout") == "none" else float(one("connecttimeout")))
    for chosen, key in (
        (host.algorithms.kex, "kexalgorithms"),
        (host.algorithms.ciphers, "ciphers"),
        (host.algorithms.macs, "macs"),
        (host.algorithms.host_keys, "hostkeyalgorithms"),
    ):
        assert ",".join(chosen) == ("" if theirs[key] == default[key] else one(key))


async def test_methods(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("PubkeyAuthentication no\nPreferredAuthentications password,publickey,gssapi-with-mic\n")
    assert (await resolve(NodeSpec("hn1"), SshSettings(config=path))).methods == ("password",)


async def test_fleet_file_wins(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("Match user admin\n Compression yes\nHost *\n User bob\n Port 23\n IdentityFile /a\n")
    spec = NodeSpec("name", host="10.0.0.9", port=2222, user="admin", identity_file=Path("~/mine"))
    host = await resolve(spec, SshSettings(config=path, known_hosts=(Path("~/k"),)))
    assert (host.hostname, host.port, host.user) == ("10.0.0.9", 2222, "admin")
    assert host.identity_files == (expanded("~/mine"),)
    assert host.known_hosts == (expanded("~/k"),)
    assert host.global_known_hosts == ()
    assert host.compression, "the fleet file's user counts for `Match user`"


async def test_no_configuration_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setattr("shutil.which", lambda name: pytest.fail("ssh must not be asked"))
    host = await resolve(NodeSpec("hn1", identity_file=Path("/key")), SshSettings(use_config=False))
    assert (host.hostname, host.port, host.identity_files, host.agent) == ("hn1", 22, (Path("/key"),), None)
    assert host.global_known_hosts == ()


@pytest.mark.parametrize("text", ["NoSuchKeyword x", "Port many", "Host hn1\n IdentityFile"])
async def test_configuration_that_ssh_refuses(text: str, tmp_path: Path) -> None:
    need.tools("ssh")
    path = tmp_path / "config"
    path.write_text(f"# first\n{text}\n")
    with pytest.raises(Fault, match=r"config.*line \d") as caught:
        await resolve(NodeSpec("hn1"), SshSettings(config=path))
    assert caught.value.kind is FaultKind.CONFIG


async def test_slow_match_exec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need.tools("ssh")
    monkeypatch.setattr(config, "_DEADLINE", 0.5)
    path = tmp_path / "config"
    path.write_text('Match exec "sleep 30"\n User bob\n')
    with pytest.raises(Fault, match="did not answer within") as caught:
        await resolve(NodeSpec("hn1"), SshSettings(config=path))
    assert caught.value.kind is FaultKind.CONFIG


@pytest.mark.parametrize(
    "text", ["HostName -oProxyCommand=x", 'HostName "a b"', "HostName a;b", "User a;b", 'User "a b"']
)
async def test_names_of_the_configuration_are_checked_too(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"{text}\n")
    with pytest.raises(Fault) as caught:
        await resolve(NodeSpec("hn1"), SshSettings(config=path))
    assert caught.value.kind is FaultKind.CONFIG


@pytest.mark.parametrize(
    "text",
    [text for text in CONFIGS if "#" not in text and "ssh\n" not in f"{text}\n" and "Timeout" not in text],
)
async def test_without_openssh(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncssh's parser, where it can read the file at all, gives the same host."""
    need.tools("ssh")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("HOME", HOME)
    path = tmp_path / "config"
    path.write_text(f"{text}\n")
    settings = SshSettings(config=path)
    same = (
        "hostname",
        "port",
        "user",
        "proxy_jump",
        "proxy_command",
        "identities_only",
        "identities_set",
        "host_key_alias",
    )
    with_ssh = await resolve(NodeSpec("hn1"), settings)
    monkeypatch.setattr("shutil.which", lambda name: None)
    without = await resolve(NodeSpec("hn1"), settings)
    assert [getattr(without, name) for name in same] == [getattr(with_ssh, name) for name in same]
    assert without.compression == with_ssh.compression
    assert without.family == with_ssh.family


async def test_unreadable_without_openssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    path = tmp_path / "config"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(Fault, match="install the OpenSSH client") as caught:
        await resolve(NodeSpec("hn1"), SshSettings(config=path))
    assert caught.value.kind is FaultKind.CONFIG


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("gate", (None, "gate", None)),
        ("bob@gate:2200", ("bob", "gate", 2200)),
        ("bob@corp@gate", ("bob@corp", "gate", None)),
        ("[::1]:22", (None, "::1", 22)),
        ("::1", (None, "::1", None)),
        ("ssh://bob@gate:2200/", ("bob", "gate", 2200)),
    ],
)
def test_jump_words(word: str, parts: tuple[str | None, str, int | None]) -> None:
    assert parse_jump(word) == parts


@pytest.mark.parametrize("word", ["-x", "gate:0", "gate:x", "gate:99999", "a b@gate", "@gate", "$(x)", ""])
def test_jump_words_that_are_none(word: str) -> None:
    with pytest.raises(Fault):
        parse_jump(word)
