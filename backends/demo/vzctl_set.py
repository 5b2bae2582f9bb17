"""`vzctl set`: which settings there are, how each is written, what a running container takes and what it refuses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence

from . import ploop_image, resources, vzctl_life
from .resources import COUNTERS, kibibytes, pair, scaled
from .tree import CONF_DIR, NAMES_DIR
from .vzconf import Conf
from .vzctl_call import Call, Failure, Syntax, limits
from .vzctl_mount import check_addresses

Option = tuple[str, str]
#: Turns an argument into what the configuration says; None: "Bad parameter for --x: ..." (21).
Check = Callable[[str], str | None]


def _word(*allowed: str) -> Check:
    return lambda text: text if text in allowed else None


def _number(low: int = 0, high: int = resources.UNLIMITED) -> Check:
    return lambda text: text if text.isdigit() and low <= int(text) <= high else None


def _cpulimit(text: str) -> str | None:
    number = text.removesuffix("%")
    if not re.fullmatch(r"-?[0-9]+", number):
        return None
    return str(int(number) % (1 << 64))  # what strtoul makes of a negative one


def _iolimit(text: str) -> str | None:
    value = scaled(f"{text}M" if text.isdigit() else text)
    return None if value is None or value == resources.UNLIMITED else str(value)


def _sized(name: str, one: bool = False) -> Check:
    def check(text: str) -> str | None:
        if one:
            value = scaled(text, resources.PAGE)
            return None if value is None else resources.written(0, value // (resources.PAGE if text.isdigit() else 1))
        values = pair(name, text)
        return None if values is None else resources.written(*values)

    return check


def _disk(text: str) -> str | None:
    values = kibibytes(text)
    return None if values is None else ":".join(map(str, values))


def _inodes(text: str) -> str | None:
    values = pair("numfile", text)
    return None if values is None else ":".join(map(str, values))


def _address(text: str) -> str | None:
    address, slash, prefix = text.partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return None
    if slash and not (prefix.isdigit() and int(prefix) <= (32 if version == 4 else 128)):
        return None
    return text


def _name(text: str) -> str | None:
    return text if re.fullmatch(r"[\w .+,-]+", text) else None


def _switches(text: str) -> str | None:
    items = text.replace(",", " ").split()
    return " ".join(items) if items and all(item.endswith((":on", ":off")) for item in items) else None


def _any(text: str) -> str | None:
    return text


#: Option -> key of the configuration file, and its check.
SETTINGS: dict[str, tuple[str, Check]] = {
    **{name: (name.upper(), _sized(name)) for name in (*COUNTERS, "avnumproc")},
    "ram": ("PHYSPAGES", _sized("physpages", one=True)),
    "swap": ("SWAPPAGES", _sized("swappages", one=True)),
    "cpuunits": ("CPUUNITS", _number(8, 500000)),
    "cpulimit": ("CPULIMIT", _cpulimit),
    "cpus": ("CPUS", _number()),
    "cpumask": ("CPUMASK", _any),
    "nodemask": ("NODEMASK", _any),
    "ioprio": ("IOPRIO", _number(0, 7)),
    "iolimit": ("IOLIMIT", _iolimit),
    "iopslimit": ("IOPSLIMIT", _number()),
    "diskspace": ("DISKSPACE", _disk),
    "diskinodes": ("DISKINODES", _inodes),
    "quotatime": ("QUOTATIME", _number()),
    "quotaugidlimit": ("QUOTAUGIDLIMIT", _number()),
    "diskquota": ("DISK_QUOTA", _word("yes", "no")),
    "mount_opts": ("MOUNT_OPTS", _any),
    "onboot": ("ONBOOT", _word("yes", "no")),
    "bootorder": ("BOOTORDER", _number()),
    "disabled": ("DISABLED", _word("yes", "no")),
    "hostname": ("HOSTNAME", _any),
    "name": ("NAME", _name),
    "description": ("DESCRIPTION", _any),
    "nameserver": ("NAMESERVER", _any),
    "searchdomain": ("SEARCHDOMAIN", _any),
    "ipadd": ("IP_ADDRESS", _address),
    "ip": ("IP_ADDRESS", _address),
    "ipdel": ("IP_ADDRESS", lambda text: text if text == "all" else _address(text)),
    "features": ("FEATURES", _switches),
    "capability": ("CAPABILITY", _switches),
    "netfilter": ("NETFILTER", _word("disabled", "stateless", "stateful", "full")),
    "iptables": ("IPTABLES", _any),
    "netif_add": ("NETIF", _any),
    "netif_del": ("", _any),
    "devices": ("DEVICES", _any),
    "devnodes": ("DEVNODES", _any),
    "stop-timeout": ("STOP_TIMEOUT", _number()),
    "private": ("VE_PRIVATE", _any),
    "root": ("VE_ROOT", _any),
    "ostemplate": ("OSTEMPLATE", _any),
    "vm_overcommit": ("VM_OVERCOMMIT", _any),
    "userpasswd": ("", lambda text: text if ":" in text else None),
}

#: Options of set that take no argument, and those that say how to set.
FLAGS = frozenset({"save", "force", "reset_ub", "offline-resize"})
OTHERS: dict[str, Check] = {
    "setmode": _word("restart", "ignore"),
    "applyconfig": _any,
    "applyconfig_map": _any,
}

#: Settings that only a start applies, and what the complaint calls them.
_AT_START = {
    "features": "features",
    "capability": "capabilities",
    "netfilter": "iptables/netfilter",
    "iptables": "iptables/netfilter",
}
_QUOTA = ("diskspace", "diskinodes", "quotatime", "quotaugidlimit")
_SCRIPTED = ("hostname", "ipadd", "ip", "ipdel", "nameserver", "searchdomain", "quotaugidlimit")
_REFUSED = "Error: failed to apply some parameters, not saving configuration file!"

#: Keys in the order in which vzctl appends new ones to a configuration file.
_ORDER = ("ORIGIN_SAMPLE", "VE_ROOT", "VE_PRIVATE", "IP_ADDRESS", "HOSTNAME", "NAMESERVER", "SEARCHDOMAIN", "NAME")


def check(call: Call, options: Sequence[Option]) -> None:
    """Refuse what vzctl refuses while it reads the command line."""
    for name, value in options:
        if name in ("ram", "swap") and call.upstream:
            raise Syntax(
                3,
                "Error: kernel does not support vswap, unable to use --ram/--swap parameters",
                "Error parsing options",
            )
        known = SETTINGS[name][1] if name in SETTINGS else OTHERS.get(name)
        if known is not None and known(value) is None:
            raise Syntax(21, f"Bad parameter for --{name}: {value}")


def assign_name(call: Call, name: str) -> None:
    """Give the container a name that no other one of the node has."""
    owner = call.tree.named(name)
    if owner is not None and owner != call.ctid and call.tree.conf_path(owner).exists():
        raise Failure(131, f"Conflict: name {name} already used by container {owner}")
    old = call.conf.own.get("NAME")
    if old and old != name and call.tree.named(old) == call.ctid:
        call.tree.path(f"{NAMES_DIR}/{old}").unlink(missing_ok=True)
    path = call.tree.path(f"{NAMES_DIR}/{name}")
    path.unlink(missing_ok=True)
    path.symlink_to(f"{CONF_DIR}/{call.ctid}.conf")
    call.out(f"Name {name} assigned")


def store(conf: Conf, options: Iterable[Option]) -> None:
    """Put settings into a configuration."""
    new: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in options:
        if name not in SETTINGS or name in ("ipadd", "ip", "ipdel"):
            continue
        key, known = SETTINGS[name]
        text = known(value)
        if name in ("nameserver", "searchdomain"):
            lists.setdefault(key, []).append(value)
            text = " ".join(lists[key])
        elif name in ("features", "capability"):
            text = _merged(new.get(key) or conf.get(key), text or "")
        if key and text is not None:
            new[key] = text
    addresses = changed_addresses((conf.get("IP_ADDRESS") or "").split(), options)
    if addresses is not None:
        new["IP_ADDRESS"] = " ".join(addresses)
    for key in sorted(new, key=lambda key: _ORDER.index(key) if key in _ORDER else -1):
        conf.set(key, new[key])


def _merged(old: str | None, new: str) -> str:
    """Switches: the new ones over the old ones."""
    states = dict(item.rsplit(":", 1) for item in f"{old or ''} {new}".split())
    return " ".join(f"{name}:{state}" for name, state in states.items())


def changed_addresses(present: Sequence[str], options: Iterable[Option]) -> list[str] | None:
    """The addresses after --ipdel and --ipadd; None where neither was said. An address added again moves to the end."""
    added = [value for name, value in options if name in ("ipadd", "ip")]
    removed = [value for name, value in options if name == "ipdel"]
    if not added and not removed:
        return None
    gone = {_bare(address) for address in (*removed, *added)}
    kept = [] if "all" in removed else [address for address in present if _bare(address) not in gone]
    return [*kept, *added]


def _bare(address: str) -> str:
    return address.partition("/")[0]


def apply(call: Call, options: list[Option]) -> None:
    """The command itself."""
    names = {name for name, _ in options}
    save = "save" in names
    mode = next((value for name, value in options if name == "setmode"), None)
    running = call.state().running
    if "name" in names and not save:
        raise Failure(131, "Error: unable to use --name option without --save")
    if mode == "restart" and not save:
        raise Failure(20, "Error: --setmode restart doesn't make sense without --save flag")
    if "diskspace" in names and call.is_ploop and not save:
        raise Failure(20, "Error: can't use --diskspace without --save for a ploop-based container")
    try:
        if sample := next((value for name, value in options if name == "applyconfig"), None):
            options = [*_sample(call, sample), *options]
            names = {name for name, _ in options}
        if running and mode == "restart" and names & _AT_START.keys():
            _save(call, options)
            vzctl_life.restart(call, [])
            return
        if name := next((value for key, value in options if key == "name"), None):
            assign_name(call, name)
        if running:
            _apply_to_running(call, options, names, mode)
        else:
            _apply_to_stopped(call, names, save)
    except Failure as failure:
        if failure.code == 31:
            raise
        raise Failure(failure.code, *failure.lines, _REFUSED) from None
    if save:
        _save(call, options)
    elif "reset_ub" not in names:
        call.out(
            "WARNING: Settings were not saved to config and will be lost after CT restart (use --save flag)",
        )


def _save(call: Call, options: list[Option]) -> None:
    conf = Conf.read(call.tree.conf_path(call.ctid)) or Conf()
    store(conf, options)
    image = ploop_image.Image.read(call.image) if call.is_ploop else None
    size = kibibytes(conf.get("DISKSPACE") or "")
    if image is not None and size is not None and any(name == "diskspace" for name, _ in options):
        image.size = size[1] * 2
        image.save()
    call.save(conf)
    call.out(f"CT configuration saved to {CONF_DIR}/{call.ctid}.conf")


def _sample(call: Call, name: str) -> list[Option]:
    """The settings of a sample configuration, as options; a container keeps who it is."""
    path = f"{CONF_DIR}/ve-{name}.conf-sample"
    conf = Conf.read(call.tree.path(path))
    if conf is None:
        raise Failure(109, f"Sample config file not found: {path}")
    keys = {
        key: option for option, (key, _) in SETTINGS.items() if key and option not in ("ram", "swap", "ip", "ipdel")
    }
    kept = ("HOSTNAME", "IP_ADDRESS", "OSTEMPLATE", "VE_ROOT", "VE_PRIVATE", "NAME")
    return [(keys[key], value) for key, value in conf.values.items() if key in keys and key not in kept]


def _apply_to_stopped(call: Call, names: set[str], save: bool) -> None:
    if "reset_ub" in names:
        call.out("UB limits were set successfully")
    elif not save and names - FLAGS:
        raise Failure(31, "Unable to apply UBC parameters: container is not running")
    if names & {*_SCRIPTED}:
        call.distribution()


def _apply_to_running(call: Call, options: list[Option], names: set[str], mode: str | None) -> None:
    """What the kernel takes at once; each group in the order in which vzctl tries it."""
    counted = {name.upper() for name in COUNTERS}
    if "private" in names or "root" in names:
        raise Failure(32, f"Unable to change VE_{'PRIVATE' if 'private' in names else 'ROOT'} on a running container")
    wanted = Conf(call.tree.conf_path(call.ctid).read_text(errors="surrogateescape"))
    store(wanted, options)
    touched = {SETTINGS[name][0] for name in names if name in SETTINGS}
    if (touched & counted) or "reset_ub" in names:
        found = limits(wanted)
        if "physpages" in found and found["physpages"][1] < resources.UNLIMITED and "swappages" not in found:
            raise Failure(28, "Error: required UB parameter (swap) not set")
        call.out("UB limits were set successfully")
    if "quotaugidlimit" in names:
        call.distribution()
    refused = dict.fromkeys(_AT_START[name] for name in (*_AT_START,) if name in names)
    for what in refused:
        call.err(f"Unable to set {what} on a running container")
    if "quotaugidlimit" in names and call.upstream:
        call.err("Unable to turn on second-level disk quota on a running container")
        refused["quota"] = None
    if refused and mode == "ignore":
        raise Failure(32)
    if refused:
        call.err(
            "WARNING: Some of the parameters could not be applied to a running container.\n"
            "\tPlease consider using --setmode option",
        )
    if "quotaugidlimit" in names and call.upstream:
        call.out("Unable to find init.d runlevel directories (tried /etc/rc.d /etc)")
        call.complain_of_context()
    _cpu(call, names, wanted)
    _input_output(call, names, wanted)
    if names & {*_QUOTA} and call.upstream:
        raise Failure(
            62, "File /usr/sbin/vzquota not found", "Error: Unable to apply new quota values: quota not running"
        )
    _network(call, options, names)
    _take_over(call, touched, wanted, "reset_ub" in names)


def _cpu(call: Call, names: set[str], wanted: Conf) -> None:
    if call.upstream:
        if "cpus" in names and wanted.get("CPUS") == "0":
            raise Failure(96, "Failed to set limits for CPU limits (Invalid argument)")
        return
    for name, text in (("cpulimit", "CPU limit"), ("cpuunits", "CPU units"), ("cpus", "CPUs")):
        if name in names:
            call.out(f"Setting {text}: {wanted.get(name.upper()) or 0}")


def _input_output(call: Call, names: set[str], wanted: Conf) -> None:
    for name, unit in (("iolimit", "bytes/sec"), ("iopslimit", "iops")):
        if name in names:
            call.out(f"Setting {name}: {wanted.get(name.upper()) or 0} {unit}")
            if call.upstream:
                raise Failure(148, f"Unable to set {name}: Bad file descriptor")


def _network(call: Call, options: list[Option], names: set[str]) -> None:
    """Host name, name servers and addresses, which scripts inside the container set."""
    scripted = names & {*_SCRIPTED} - {"quotaugidlimit"}
    if not scripted:
        return
    call.distribution()
    present = call.state().live.get("IP_ADDRESS", "").split()
    added = [value for name, value in options if name in ("ipadd", "ip")]
    removed = [value for name, value in options if name == "ipdel"]
    if "all" in removed and call.upstream:
        raise Failure(100, "Unable to open /proc/vz/veinfo: No such file or directory")
    check_addresses(call, added)
    again = [value for value in added if _bare(value) in {_bare(address) for address in present}]
    gone = [*(present if "all" in removed else removed), *again]
    if gone:
        call.out(f"Deleting IP address(es): {' '.join(gone)}")
        if call.upstream and any("/" in address for address in gone):
            call.err('Cannot find device "venet0"')
        call.complain_of_context()
    if added:
        call.out(f"Adding IP address(es): {' '.join(added)}")
        call.tree.pause(0.2)
    if added or scripted & {"hostname", "nameserver", "searchdomain"}:
        call.complain_of_context()
    if added and call.upstream:
        call.err("main: line 710: /etc/init.d/network: No such file or directory")


def _take_over(call: Call, touched: set[str], wanted: Conf, everything: bool) -> None:
    """Let the kernel have the new values."""
    with call.tree.changing(call.ctid) as state:
        counted = {name.upper() for name in COUNTERS} if everything else set()
        for key in touched | counted:
            value = wanted.values.get(key)
            if value is not None:
                state.live[key] = value
    call.tree.wake_kernel()
