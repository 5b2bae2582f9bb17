"""How a host is reached: the user's own OpenSSH configuration, read by OpenSSH itself (`ssh -G`) where it is installed.

asyncssh's parser differs from ssh in some twenty places (no /etc/ssh/ssh_config, comments after values, time units,
StrictHostKeyChecking, ...), so it only serves where there is no `ssh`. `ssh -G` prints every default too; what equals
its output for an empty configuration was not set by anyone and is not taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from ..errors import Fault, FaultKind
from ..inventory import NodeSpec, SshSettings
from ..text import clean, decode_lines
from .host import CONNECT_TIMEOUT, Algorithms, Host, check_host, check_user

#: Values by lower-case keyword; several where the keyword may be repeated.
Values = dict[str, list[str]]

_DEADLINE = 5.0  # seconds for one `ssh -G` (`Match exec` runs commands)
_DEFAULT_IDENTITIES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
_DEFAULT_KNOWN_HOSTS = ("known_hosts", "known_hosts2")
_SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_SYSTEM_KNOWN_HOSTS = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
_METHODS = {
    "publickey": "pubkeyauthentication",
    "keyboard-interactive": "kbdinteractiveauthentication",
    "password": "passwordauthentication",
}
_TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")

_baseline: Values | None = None


async def resolve(spec: NodeSpec, settings: SshSettings) -> Host:
    """Everything that a connection to `spec` needs. What the fleet file says wins over the configuration.

    Raises Fault(CONFIG) for a name that may not reach a command line, for a configuration that ssh refuses, and when
    `ssh -G` takes longer than 5 s.
    """
    alias = check_host(spec.host or spec.name)
    if spec.user is not None:
        check_user(spec.user)
    ssh = shutil.which("ssh") if settings.use_config else None
    if ssh is not None:
        values = await _ask_ssh(ssh, alias, spec, settings.config)
    elif settings.use_config:
        values = await asyncio.to_thread(_ask_asyncssh, alias, spec, settings.config)
    else:
        values = {}
    return _host(alias, spec, settings, values)


def _expanded(config: Path) -> Path:
    return config.expanduser()


def home() -> Path:
    """The account's home as ssh takes it: from the password database, whatever HOME says."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()


async def _ask_ssh(ssh: str, alias: str, spec: NodeSpec, config: Path | None) -> Values:
    """What the configuration sets for `alias`: the answer of `ssh -G` without that for an empty configuration."""
    global _baseline
    argv = [ssh, "-G"]
    if config is not None:
        argv += ["-F", str(_expanded(config))]
    if spec.port is not None:
        argv += ["-p", str(spec.port)]
    if spec.user is not None:
        argv += ["-l", spec.user]
    if _baseline is None:
        _baseline = await _run([ssh, "-G", "-F", "/dev/null", "--", "ctdeck.invalid"], "its defaults")
    values = await _run([*argv, "--", alias], alias)
    always = ("hostname", "port", "user")
    return {key: value for key, value in values.items() if key in always or value != _baseline.get(key)}


async def _run(argv: list[str], what: str) -> Values:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_DEADLINE):
            output, errors = await process.communicate()
    except TimeoutError:
        raise Fault(
            FaultKind.CONFIG,
            f"`ssh -G {what}` did not answer within {_DEADLINE:.0f} s",
            "Look for a slow `Match exec` or a slow name server in the SSH configuration",
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()
    if process.returncode != 0:
        lines = [line for line in decode_lines(errors, 300) if not line.startswith("Pseudo-terminal")]
        said = lines[0] if lines else f"exit {process.returncode}"
        raise Fault(FaultKind.CONFIG, f"ssh refuses its configuration: {said}", "Correct that line")
    values: Values = {}
    for line in output.decode("utf-8", "surrogateescape").splitlines():
        key, _, value = line.partition(" ")
        values.setdefault(key.lower(), []).append(value)
    return values


def _ask_asyncssh(alias: str, spec: NodeSpec, config: Path | None) -> Values:
    """The same from asyncssh's parser, for a machine without `ssh`."""
    from asyncssh.config import SSHClientConfig

    paths = [config.expanduser()] if config is not None else [home() / ".ssh" / "config", _SYSTEM_CONFIG]
    options = (spec.user if spec.user is not None else (), alias, spec.port if spec.port is not None else ())
    try:
        parsed = SSHClientConfig.load(
            None, [path for path in paths if path.is_file()], False, False, False, _local_user(), *options
        )
    except (ValueError, OSError) as error:
        raise Fault(
            FaultKind.CONFIG,
            f"The SSH configuration cannot be read: {clean(str(error), 300)}",
            "Correct it, or install the OpenSSH client, which reads more",
        ) from None
    values: Values = {}
    options_set = {key: value for key, value in parsed.get_options(False).items() if value is not None}
    ways = [
        key for key in options_set if key in {"ProxyJump", "ProxyCommand"}
    ]  # in the order of the file: the first counts
    for key, value in options_set.items():
        if key in ways[1:]:
            continue
        several = value if isinstance(value, list) else [value]
        words = ["yes" if one is True else "no" if one is False else str(one) for one in several]
        values[key.lower()] = [" ".join(words)] if key.endswith("KnownHostsFile") else words
    if values.get("addressfamily"):
        family = {"0": "any", str(int(socket.AF_INET)): "inet", str(int(socket.AF_INET6)): "inet6"}
        values["addressfamily"] = [family.get(values["addressfamily"][0], "any")]
    return values


def _local_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER") or "root"


def _host(alias: str, spec: NodeSpec, settings: SshSettings, values: Values) -> Host:
    def one(key: str, default: str = "") -> str:
        return values[key][0] if values.get(key) else default

    hostname = check_host(one("hostname", alias).lower())
    user = check_user(spec.user if spec.user is not None else one("user", _local_user()))
    port = spec.port if spec.port is not None else int(one("port", "22"))
    key_alias = one("hostkeyalias").lower()
    jump = tuple(word.strip() for word in one("proxyjump", "none").split(",")) if one("proxyjump") else ()
    tokens = {
        "%": "%", "d": str(home()), "h": hostname, "i": str(os.getuid()), "j": one("proxyjump"), "k": key_alias or alias,
        "L": socket.gethostname().partition(".")[0], "l": socket.gethostname(), "n": alias, "p": str(port),
        "r": user, "u": _local_user(),
    }  # fmt: skip

    def path(text: str) -> Path:
        return _path(text, tokens)

    certificates = tuple(path(text) for text in values.get("certificatefile", ()) if text != "none")
    identities = tuple(path(text) for text in values.get("identityfile", ()) if text != "none")
    identities_set = "identityfile" in values
    only = one("identitiesonly") == "yes"
    if spec.identity_file is not None:
        identities, identities_set = (spec.identity_file.expanduser(),), True
        only = only or not settings.use_config
    elif not identities_set:
        identities = tuple(home() / ".ssh" / name for name in _DEFAULT_IDENTITIES)
    known, system = _known_hosts(settings, values, tokens)
    strict, notes = _strict(one("stricthostkeychecking", "ask"))
    if one("proxyusefdpass") == "yes":
        notes += ("ProxyUseFdpass is not supported and ignored",)
    command = one("proxycommand")
    timeout = one("connecttimeout", "none")
    return Host(
        alias=alias,
        hostname=hostname,
        port=port,
        user=user,
        identity_files=identities,
        identities_set=identities_set,
        certificate_files=certificates,
        identities_only=only,
        agent=None if only and not settings.use_config else _agent(one("identityagent", "SSH_AUTH_SOCK"), tokens),
        proxy_jump=() if jump == ("none",) else jump,
        proxy_command="" if command == "none" else _expand(command, tokens, environment=False),
        host_key_alias=key_alias,
        known_hosts=known,
        global_known_hosts=system,
        strict=strict,
        hash_known_hosts=one("hashknownhosts") == "yes",
        algorithms=Algorithms(
            kex=_list(one("kexalgorithms")),
            ciphers=_list(one("ciphers")),
            macs=_list(one("macs")),
            host_keys=_list(one("hostkeyalgorithms")),
        ),
        compression=one("compression") == "yes",
        connect_timeout=float(timeout) if timeout.isdigit() and int(timeout) > 0 else CONNECT_TIMEOUT,
        family=one("addressfamily", "any"),
        bind_address=one("bindaddress"),
        methods=_methods(values),
        notes=notes,
    )


def _expand(text: str, tokens: Mapping[str, str], *, environment: bool = True) -> str:
    """`%h` and the like, and `${VARIABLE}`; what is unknown stays as it is."""

    def put(found: re.Match[str]) -> str:
        token, variable = found.groups()
        if token is not None:
            return tokens.get(token, found.group())
        return os.environ.get(variable, found.group()) if environment else found.group()

    return _TOKEN.sub(put, text)


def _path(text: str, tokens: Mapping[str, str]) -> Path:
    text = text.strip('"')
    if text == "~" or text.startswith("~/"):
        text = str(home()) + text[1:]
    return Path(_expand(text, tokens)).expanduser()


def _list(text: str) -> tuple[str, ...]:
    """An algorithm list. asyncssh's own parser leaves `+`, `-` and `^` to asyncssh, which takes them as one word."""
    return (text,) if text[:1] in {"+", "-", "^"} else tuple(filter(None, text.split(",")))


def _known_hosts(
    settings: SshSettings, values: Values, tokens: Mapping[str, str]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Known-hosts files of the user and of the system. `none` means no file, never: no check."""
    if settings.known_hosts:
        return tuple(file.expanduser() for file in settings.known_hosts), ()

    def files(key: str, default: tuple[Path, ...]) -> tuple[Path, ...]:
        if key not in values:
            return default
        # ssh prints several names on one line without quotes, even those with blanks
        names = re.split(r" (?=[/~%$])", " ".join(values[key]))
        return tuple(_path(name, tokens) for name in names if name != "none")

    user = tuple(home() / ".ssh" / name for name in _DEFAULT_KNOWN_HOSTS)
    system = _SYSTEM_KNOWN_HOSTS if settings.use_config else ()
    return files("userknownhostsfile", user), files("globalknownhostsfile", system)


def _strict(word: str) -> tuple[str, tuple[str, ...]]:
    if word in {"yes", "true"}:
        return "yes", ()
    if word == "accept-new":
        return "accept-new", ()
    if word in {"no", "false", "off"}:
        return "accept-new", (f"StrictHostKeyChecking {word} is taken as accept-new: a changed host key is refused",)
    return "ask", ()


def _agent(word: str, tokens: Mapping[str, str]) -> Path | None:
    if word == "none":
        return None
    if word == "SSH_AUTH_SOCK":
        word = os.environ.get("SSH_AUTH_SOCK", "")
    elif word.startswith("$") and word[1:].isidentifier():
        word = os.environ.get(word[1:], "")
    return _path(word, tokens) if word else None


def _methods(values: Values) -> tuple[str, ...]:
    """Login methods in the order of the user, without those switched off."""
    wanted = (values.get("preferredauthentications") or [",".join(_METHODS)])[0].split(",")
    off = {"no", "false"}
    return tuple(name for name in wanted if name in _METHODS and (values.get(_METHODS[name]) or [""])[0] not in off)
