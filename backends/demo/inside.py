"""What `ps`, `ip`, `free` and the like say inside a simulated container. They read what the kernel of the node says."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from . import workload
from .resources import UNLIMITED
from .tree import Tree, read_text
from .vzconf import Configuration

_DAEMONS = {
    "web": ("/usr/sbin/httpd", "php-fpm: pool www"),
    "shop": ("nginx: worker process", "php-fpm: pool shop"),
    "db": ("/usr/sbin/mysqld --basedir=/usr",),
    "mail": ("/usr/libexec/postfix/master", "dovecot/imap-login", "amavisd (child)"),
    "cron": ("/usr/sbin/crond -n",),
    "dev": ("/usr/sbin/sshd -D", "node server.js"),
    "dns": ("/usr/sbin/named -u named",),
    "cache": ("/usr/bin/redis-server *:6379",),
    "proxy": ("/usr/sbin/haproxy -f /etc/haproxy/haproxy.cfg",),
    "ci": ("java -jar agent.jar", "gcc -O2 -c"),
}


class Container:
    """One running container, seen from inside."""

    def __init__(self, tree: Tree, ctid: int) -> None:
        self.tree = tree
        self.ctid = ctid
        self.conf = Configuration(tree, ctid)
        self.state = tree.state(ctid)
        self.hostname = self.state.live.get("HOSTNAME") or self.conf.get("HOSTNAME") or "localhost"
        self.addresses = self.state.live.get("IP_ADDRESS", "").split()
        known: dict[str, Any] = json.loads(read_text(tree.root / ".sim/ioctl.json") or "{}")
        answer = known.get(str(ctid), {})
        self.load: list[float] = answer.get("laverage", [0.0, 0.0, 0.0])
        self.uptime: float = answer.get("uptime", max(0.0, time.time() - self.state.started))
        self.disk: list[int] = answer.get("disk", [4200, 2097152, 2306867])
        self.counters = self._counters()

    def _counters(self) -> dict[str, list[int]]:
        """held, maxheld, barrier, limit and failcnt of each resource."""
        found: dict[str, list[int]] = {}
        ours = False
        for line in (read_text(self.tree.root / "proc/bc/resources") or "").splitlines():
            ctid, colon, rest = line.partition(":")
            if colon:
                ours = ctid.strip() == str(self.ctid)
            cells = (rest if colon else line).split()
            if ours and len(cells) == 6:
                found[cells[0]] = [int(cell) for cell in cells[1:]]
        return found

    def held(self, name: str) -> int:
        return self.counters.get(name, [0])[0]

    def limit(self, name: str) -> int:
        return self.counters.get(name, [0, 0, 0, UNLIMITED])[3]

    @property
    def memory(self) -> tuple[int, int, int, int]:
        """KiB: total, used, swap, swap used."""
        node = self.tree.node()
        total, swap = self.limit("physpages"), self.limit("swappages")
        whole = node.get("memory", 1024) * 1024
        return (
            min(total * 4, whole),
            self.held("physpages") * 4,
            min(swap * 4, node.get("swap", 0) * 1024),
            self.held("swappages") * 4,
        )


def write_proc(tree: Tree, ctid: int, files: Path) -> None:
    """The files of /proc that people look at inside a container."""
    container = Container(tree, ctid)
    total, used, swap, swapped = container.memory
    load = " ".join(f"{value:.2f}" for value in container.load)
    processes = max(1, container.held("numproc"))
    texts = {
        "loadavg": f"{load} 1/{processes} {os.getpid() % 32768}\n",
        "uptime": f"{container.uptime:.2f} {container.uptime * 0.9:.2f}\n",
        "meminfo": f"MemTotal:{total:>15} kB\nMemFree:{total - used:>16} kB\n"
        f"SwapTotal:{swap:>14} kB\nSwapFree:{swap - swapped:>15} kB\n",
        "user_beancounters": _own_counters(container),
    }
    directory = files / "proc"
    directory.mkdir(exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text)


def _own_counters(container: Container) -> str:
    from .kernel_files import beancounters, counters

    return beancounters([counters(container.ctid, {name: (*values,) for name, values in container.counters.items()})])  # type: ignore[misc]


def ps(container: Container) -> str:
    """A plausible process list: an init, a few services, and what the container is for."""
    work = workload.read(container.tree.path(container.conf.private))
    daemons = _DAEMONS.get(work.kind, ("/sbin/agetty",))
    lines = ["USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND"]
    names = ["init", "/sbin/rsyslogd -n", "/usr/sbin/sshd"]
    count = max(3, container.held("numproc"))
    names += [daemons[number % len(daemons)] for number in range(count - len(names))]
    for number, name in enumerate(names):
        pid = 1 if number == 0 else 100 + number * 7
        cpu = work.cpu / max(1, count - 3) if number > 2 else 0.0
        lines.append(f"root     {pid:>5} {cpu:>4.1f}  0.3  19232  1504 ?        Ss   00:00   0:00 {name}")
    return "\n".join(lines)


_LINKS = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: venet0: <BROADCAST,POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN
    link/void"""


def ip(container: Container) -> str:
    lines = [_LINKS]
    for number, address in enumerate(container.addresses):
        bare = address.partition("/")[0]
        family, prefix = ("inet6", "128") if ":" in bare else ("inet", "32")
        lines.append(f"    {family} {bare}/{prefix} scope global venet0:{number}")
    return "\n".join(lines)


def free(container: Container) -> str:
    total, used, swap, swapped = container.memory
    return (
        "             total       used       free     shared    buffers     cached\n"
        f"Mem:    {total:>10} {used:>10} {total - used:>10}          0          0          0\n"
        f"Swap:   {swap:>10} {swapped:>10} {swap - swapped:>10}"
    )


def uptime(container: Container) -> str:
    days, rest = divmod(int(container.uptime), 86400)
    load = ", ".join(f"{value:.2f}" for value in container.load)
    now = time.strftime("%H:%M:%S")
    return f" {now} up {days} days, {rest // 3600:2}:{rest // 60 % 60:02},  0 users,  load average: {load}"


def df(container: Container) -> str:
    used, size = container.disk[:2]
    share = used * 100 // size if size else 0
    return (
        "Filesystem     1K-blocks      Used Available Use% Mounted on\n"
        f"/dev/ploop0p1 {size:>10} {used:>9} {max(0, size - used):>9} {share:>3}% /"
    )


def main() -> None:
    name = sys.argv[1]
    container = Container(Tree.from_environment(), int(os.environ.get("CTDECK_DEMO_CTID", "0")))
    if name == "hostname":
        print(container.hostname)
    elif name in ("ip", "ifconfig"):
        print(ip(container))
    elif name == "top":
        print(f"top -{uptime(container)}\n{ps(container)}")
    else:
        answers = {"ps": ps, "free": free, "uptime": uptime, "df": df}
        print(answers[name](container))
