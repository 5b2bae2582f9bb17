"""A fleet in which every node but three is in some way broken or hostile, and how each is to be told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.backends.sampler import roots

from .servers import Servers, awk_that, openvz_tools

#: node -> (fault, state), as they are published
EXPECTED = {
    "no-such-host": ("resolve", "down"),
    "refuses": ("refused", "down"),
    "silent": ("silent", "down"),
    "web-server": ("not-ssh", "down"),
    "closes": ("closed", "down"),
    "endless-banner": ("not-ssh", "down"),
    "unknown-key": ("host-key-unknown", "blocked"),
    "other-key": ("host-key-changed", "blocked"),
    "no-login": ("login", "blocked"),
    "no-shell": ("shell", "broken"),
    "no-tools": ("tools", "broken"),
    "too-noisy": ("shell", "broken"),
    "half-a-frame": ("data", "broken"),
    "long-line": ("data", "broken"),
    "garbage": ("data", "broken"),
    "other-kernel": ("kernel", "broken"),
    "good": (None, "up"),
    "hostile-names": (None, "up"),
    "noisy": (None, "up"),
}

EVIL = "\\033]0;owned\\007\\033[2J\\033P1$q\\033\\\\\\233[31m\\r[@click=app.quit]x[/]\\342\\200\\256"


def start(servers: Servers, directory: Path) -> Path:
    """Start all of them; the fleet file."""
    root = directory / "root"
    roots.build(root, roots.OPENVZ)
    bare = directory / "bare"
    roots.build(bare, roots.NODE)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<h1>\x1b[2Jno</h1>\r\n")
        await writer.drain()

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"welcome\x07\r\n" * 1000)
            await writer.drain()

    servers.refused("refuses")
    servers.raw("silent", silent)
    servers.raw("web-server", http)
    servers.raw("closes", closes)
    servers.raw("endless-banner", endless)
    tools = openvz_tools(directory / "tools")
    servers.ssh("unknown-key", tools=tools, root=root, known="nothing")
    servers.ssh("other-key", tools=tools, root=root, known="other")
    servers.ssh("no-login", tools=tools, root=root, welcome=False)
    servers.ssh("no-shell", shell="echo This account is currently not available.; exit 1")
    servers.ssh("no-tools", root=root)
    servers.ssh("too-noisy", shell='yes "$(printf "\\033[31mnoise")"')
    servers.ssh("half-a-frame", tools=awk_that(directory / "half", "printf '#B %s 0 s 100\\nx' $N"), root=root)
    servers.ssh("long-line", tools=awk_that(directory / "long", "head -c 20000000 /dev/zero | tr '\\0' x"), root=root)
    servers.ssh("garbage", tools=awk_that(directory / "garbage", "head -c 100000 /dev/urandom; echo"), root=root)
    servers.ssh("other-kernel", tools=openvz_tools(directory / "bare-tools", "exit 0\n"), root=bare)
    servers.ssh("good", tools=tools, root=root)
    noise = f"printf '{EVIL}\\n#P fake\\n'; head -c 100000 /dev/urandom; exec /bin/sh -c \"$1\""
    servers.ssh("noisy", shell=noise, tools=tools, root=root)
    fields = f'"ctid": 101,\\n    "name": "{EVIL}",\\n    "hostname": "{EVIL}\\377",\\n    "status": "running"'
    entry = f"[\\n  {{\\n    {fields}\\n  }}\\n]\\n"
    vzlist = f"case \"$*\" in *-a*) printf '{entry}' ;; esac\n"
    servers.ssh("hostile-names", tools=openvz_tools(directory / "hostile", vzlist), root=root)
    fleet = servers.fleet_file()
    fleet.write_text(fleet.read_text() + "  no-such-host: {host: no-such-host.invalid}\n")
    return fleet
