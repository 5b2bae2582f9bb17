"""`ip add`, `ip del`, `ip set`: inside at once, and in the configuration. Without entering the container where the node can."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

from ...model import State
from ...plans.plan import Change, Check, Misused, Plan, Refused, Step, Verdict, words
from ...plans.request import Addresses, address, bare
from ..inspect import configured
from .subject import Subject, edit, every

_KEY = re.compile(r"lxc\.net\.(\d+)\.ipv([46])\.address")


class _Network:
    """The addresses of a container as they are: inside and in its configuration."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        facts = subject.facts
        settings = facts.settings()
        kinds = [value for key, value in settings if key == "lxc.net.0.type"]
        if not kinds:
            old = any(key.startswith("lxc.network.") for key, _ in settings)
            raise Refused(
                f"{subject.id} has no network interface in its configuration",
                f"It is written for LXC 2: `lxc-update-config -c {facts.area}/{subject.id}/config` brings it up to date"
                if old
                else "Give it one: lxc.net.0.type, lxc.net.0.link",
            )
        if kinds[-1] in ("none", "empty") or facts.net == "node":
            raise Refused(f"{subject.id} has no network of its own (lxc.net.0.type = {kinds[-1][:20]})")
        names = [value for key, value in settings if key == "lxc.net.0.name"]
        self.link = names[-1] if names else "eth0"
        self.exact: frozenset[str] = frozenset()  # addresses whose prefix is to be just as it was given
        self.live = [(link, ip_interface(written)) for link, written in facts.addresses]
        self.config = [(key, written) for key, written in settings if _KEY.fullmatch(key) and written]
        if subject.live and facts.net != "own":
            raise Refused(
                f"The network of {subject.id} cannot be seen: {subject.node.name} has no nsenter or no ip, and neither "
                "has the container",
                "Install iproute2 and util-linux on the node, or stop the container and change its configuration",
            )
        if subject.live and self.link not in facts.links:
            raise Refused(
                f"{subject.id} has no interface {self.link} inside, as its configuration says (lxc.net.0.name)",
                f"It has: {', '.join(facts.links)}",
            )

    def is_live(self, ip: str) -> bool:
        return any(str(one.ip) == ip for _, one in self.live)

    def is_written(self, ip: str) -> bool:
        return any(_same(written, ip) for _, written in self.config)

    def fits(self, present: IPv4Interface | IPv6Interface, one: IPv4Interface | IPv6Interface) -> bool:
        """Whether an address that is there is the one that is wanted."""
        return present == one or (present.ip == one.ip and str(one.ip) not in self.exact)

    def prefix(self, ip: str) -> tuple[int, bool]:
        """Prefix length for an address that was given without, and whether it is known."""
        wanted = ip_address(ip)
        known = [one for link, one in self.live if link == self.link]
        for key, written in self.config:
            if key.startswith("lxc.net.0.") and "/" in written.split()[0]:
                try:
                    known.append(ip_interface(written.split()[0]))
                except ValueError:
                    continue
        known = [one for one in known if one.version == wanted.version and one.network.num_addresses > 1]
        near = [one for one in known if wanted in one.network]
        for one in near or known:
            return one.network.prefixlen, True
        return wanted.max_prefixlen, False


def plan(subject: Subject, request: Addresses) -> Plan:
    network = _Network(subject)
    wanted = _wanted(network, request)
    if request.verb == "add":
        present = [str(one.ip) for one in wanted if network.is_written(str(one.ip)) and _there(network, one)]
        if present:
            raise Refused(f"{subject.id} has {', '.join(present)} already")
        return _plan(network, request, add=wanted, drop=[])
    if request.verb == "del":
        missing = [str(one.ip) for one in wanted if not _has(network, str(one.ip))]
        if missing:
            has = ", ".join(sorted({*subject.value("ips.config"), *(subject.value("ips.live") or ())})) or "none"
            raise Refused(f"{subject.id} has no {', '.join(missing)}", f"Its addresses: {has}")
        return _plan(network, request, add=[], drop=[str(one.ip) for one in wanted])
    if request.verb == "set":
        keep = {str(one.ip) for one in wanted}
        inside = {str(one.ip) for link, one in network.live if link == network.link}
        written = {_bare(value) for key, value in network.config if key.startswith("lxc.net.0.")}
        network.exact = frozenset(bare(address(text)) for text in request.ips if "/" in text)
        return _plan(network, request, add=wanted, drop=sorted((inside | written) - keep))
    raise Misused(f"{request.verb!r} is nothing that can be done with addresses")


def _has(network: _Network, ip: str) -> bool:
    return network.is_live(ip) or network.is_written(ip)


def _there(network: _Network, one: IPv4Interface | IPv6Interface) -> bool:
    return not network.subject.live or network.is_live(str(one.ip))


def _same(written: str, ip: str) -> bool:
    return _bare(written) == ip


def _bare(written: str) -> str:
    """An address of the configuration without prefix and broadcast, shortest; as it is where it is none."""
    word = bare((written.split() or [""])[0])
    try:
        return str(ip_address(word))
    except ValueError:
        return word


def _wanted(network: _Network, request: Addresses) -> list[IPv4Interface | IPv6Interface]:
    if not request.ips:
        raise Misused("Which address?", "Name at least one")
    found: dict[str, IPv4Interface | IPv6Interface] = {}
    for text in request.ips:
        written = address(text)
        ip = ip_address(bare(written))
        if ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_link_local:
            raise Misused(f"{ip} is no address that a container can be given")
        length = written.partition("/")[2] or network.prefix(str(ip))[0]
        one = ip_interface(f"{ip}/{length}")
        edge = one.network.num_addresses > 2 and one.version == 4
        if request.verb != "del" and edge and one.ip in (one.network.network_address, one.network.broadcast_address):
            raise Misused(f"{one} is the address of a whole network, not of a container")
        found[str(ip)] = one
    return list(found.values())


def _plan(network: _Network, request: Addresses, *, add: list[IPv4Interface | IPv6Interface], drop: list[str]) -> Plan:
    subject = network.subject
    live, written = list(subject.value("ips.live") or ()), list(subject.value("ips.config"))
    steps: list[Step] = []
    expect: dict[str, object] = {}
    if subject.live:
        new = [one for one in add if not any(network.fits(present, one) for _, present in network.live)]
        changed = {str(one.ip) for one in new}
        old = [(link, one) for link, one in network.live if str(one.ip) in drop or str(one.ip) in changed]
        if new or old:
            steps.append(_live_step(network, new, old))
        expect["ips.live"] = sorted({*live, *(str(one.ip) for one in add)} - set(drop))
    lines = [(line, found) for line in subject.facts.config if (found := _line(line))]
    more = [one for one in add if not any(_written_as(network, line, one) for line, _ in lines)]
    out = {*drop, *(str(one.ip) for one in more)}
    remove = [line for line, (number, ip) in lines if ip in out and (request.verb == "del" or number == "0")]
    if remove or more:
        steps.append(edit(subject, remove, [f"lxc.net.0.ipv{one.version}.address = {one}" for one in more]))
    kept = [line.partition("=") for line, _ in lines if line not in remove]
    expect["ips.config"] = sorted(
        [*configured([(key.strip(), value.strip()) for key, _, value in kept]), *(str(one) for one in more)]
    )
    if not steps:
        raise Refused(f"{subject.id} has just these addresses already")
    return subject.plan(
        f"ip {request.verb}",
        *steps,
        checks=(subject.state_is(State.RUNNING, State.FROZEN, State.STOPPED), *_checks(network, request, add, drop)),
        changes=_changes(network, live, written, expect),
        expect=expect,
        **_undo(network, request, add, drop),
    )


def _written_as(network: _Network, line: str, one: IPv4Interface | IPv6Interface) -> bool:
    word = (line.partition("=")[2].split() or [""])[0]
    try:
        return network.fits(ip_interface(word), one)
    except ValueError:
        return False


def _line(line: str) -> tuple[str, str] | None:
    """The number of the interface and the bare address of a line of the configuration that gives one."""
    key, _, value = line.partition("=")
    found = _KEY.fullmatch(key.strip())
    return (found[1], _bare(value)) if found and value.strip() else None


def _inside(subject: Subject) -> tuple[str, str]:
    """Shell text before, and the words in front of a command that works on the container's network."""
    if "nsenter" in subject.facts.tools and "ip" in subject.facts.tools:
        return f"pid=$({words('lxc-info', '-n', subject.id, '-pH')})\n", 'nsenter -t "$pid" -n '
    return "", words("lxc-attach", "-n", subject.id, "--") + " "


def _live_step(
    network: _Network,
    new: list[IPv4Interface | IPv6Interface],
    old: list[tuple[str, IPv4Interface | IPv6Interface]],
) -> Step:
    """New ones come first. Each line may be run again without harm."""
    before, inside = _inside(network.subject)
    script, undo = before, []
    for one in new:
        script += inside + words("ip", "addr", "replace", str(one), "dev", network.link) + "\n"
    promoted = sorted({link for link, one in old if _leads(network, link, one, new)})
    for link in promoted:  # without it the kernel drops the other addresses of that network together with the first
        script += f"{inside}sh -c {words(f'echo 1 >/proc/sys/net/ipv4/conf/{link}/promote_secondaries')}\n"
    for link, one in old:
        script += inside + words("ip", "addr", "del", str(one), "dev", link) + "\n"
        undo.append(inside + words("ip", "addr", "replace", str(one), "dev", link))
    for link, gateway in network.subject.facts.routes:
        if any(link == of and ip_address(gateway).version == one.version for of, one in old):
            undo.append(inside + words("ip", "route", "replace", "default", "via", gateway, "dev", link))
    for one in new:  # perhaps it never came so far
        undo.append(f"{{ {inside}{words('ip', 'addr', 'del', str(one), 'dev', network.link)} 2>/dev/null || :; }}")
    return Step("set it inside, live", script, before + every(undo))


def _leads(
    network: _Network, link: str, one: IPv4Interface | IPv6Interface, new: list[IPv4Interface | IPv6Interface]
) -> bool:
    """Whether the kernel may hold other addresses of its network as its secondaries."""
    others = [other for of, other in network.live if of == link and other != one]
    others += new if link == network.link else []
    return one.version == 4 and any(other.network == one.network for other in others)


def _checks(
    network: _Network, request: Addresses, add: list[IPv4Interface | IPv6Interface], drop: list[str]
) -> list[Check]:
    checks = []
    for one in add:
        given = any("/" in text and bare(address(text)) == str(one.ip) for text in request.ips)
        length, known = network.prefix(str(one.ip))
        if given:
            continue
        if known:
            checks.append(Check("prefix", Verdict.OK, f"{one.ip} takes the prefix of its interface: /{length}"))
        else:
            text = (
                f"no prefix is known for {one.ip}: it becomes /{length}, reached by a route only; write it with its own"
            )
            checks.append(Check("prefix", Verdict.WARN, text))
    for version in (4, 6):
        old = [one for _, one in network.live if one.version == version]
        left = [one for one in old if str(one.ip) not in drop] + [one for one in add if one.version == version]
        if old and not left:
            text = f"that is its last IPv{version} address inside: its routes go with it"
            checks.append(Check("last-address", Verdict.WARN, text))
    left_live = [one for _, one in network.live if str(one.ip) not in drop] + add
    for link, gateway in network.subject.facts.routes:
        reached = [one for of, one in network.live if of == link and ip_address(gateway) in one.network]
        if reached and not any(ip_address(gateway) in one.network for one in left_live):
            checks.append(Check("route", Verdict.WARN, f"its default route over {gateway} goes with it"))
    return checks


def _changes(network: _Network, live: list[str], written: list[str], expect: dict[str, object]) -> tuple[Change, ...]:
    def spelled(addresses: object) -> str:
        return ", ".join(addresses) if isinstance(addresses, list) and addresses else "none"

    changes = []
    if "ips.live" in expect:
        changes.append(Change(f"addresses inside ({network.link})", spelled(live), spelled(expect["ips.live"])))
    if expect["ips.config"] != written:
        note = "" if network.subject.live else "from its next start on"
        changes.append(Change("addresses configured", spelled(written), spelled(expect["ips.config"]), note))
    return tuple(changes)


def _undo(
    network: _Network, request: Addresses, add: Iterable[IPv4Interface | IPv6Interface], drop: list[str]
) -> dict[str, object]:
    if request.verb == "add":
        return {"undo": ("ip", "del", *(str(one.ip) for one in add))}
    known = {str(one.ip): str(one) for _, one in network.live}
    known.update({_bare(written): written.split()[0] for _, written in network.config})
    if request.verb == "del":
        return {"undo": ("ip", "add", *(known[ip] for ip in drop))}
    inside = {str(one.ip) for link, one in network.live if link == network.link}
    before = sorted(inside | {_bare(written) for key, written in network.config if key.startswith("lxc.net.0.")})
    if before:
        return {"undo": ("ip", "set", *(known[ip] for ip in before))}
    return {"undo": ("ip", "del", *(str(one.ip) for one in add))}
