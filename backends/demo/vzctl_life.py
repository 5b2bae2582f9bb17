"""vzctl: create, start, stop, mount, suspend, destroy and what belongs to them."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from . import fleet, ploop_image, workload
from .resources import kibibytes
from .tree import DUMP_DIR, NAMES_DIR, write_file
from .vzconf import Conf, Configuration
from .vzctl_call import Call, Failure

Options = list[tuple[str, str]]


def _has(options: Options, name: str) -> bool:
    return any(key == name for key, _ in options)


def _value(options: Options, name: str) -> str | None:
    return next((value for key, value in reversed(options) if key == name), None)


# start, stop


def start(call: Call, options: Options) -> None:
    call.out("Starting container...")
    _start(call, force=_has(options, "force"))


def _start(call: Call, force: bool = False) -> None:
    if call.conf.get("DISABLED") == "yes" and not force:
        raise Failure(105, "Container start disabled")
    dump = call.tree.dump_file(call.ctid)
    if dump.exists() and not call.upstream:
        call.out(f"Dump file {call.tree.seen(dump)} exists, trying to restore from it")
        _restore(call, dump)
        return
    _mount(call)
    addresses = (call.conf.get("IP_ADDRESS") or "").split()
    try:
        check_addresses(call, addresses)
    except Failure:
        _umount(call)
        raise
    if addresses:
        call.out(f"Adding IP address(es): {' '.join(addresses)}")
    _verbose_scripts(call, bool(addresses))
    if not call.upstream:
        call.out(f"Setting CPU units: {call.conf.get('CPUUNITS') or 1000}")
        for key, text in (("CPULIMIT", "CPU limit"), ("CPUS", "CPUs")):
            if value := call.conf.get(key):
                call.out(f"Setting {text}: {value}")
    call.tree.pause(0.5)
    _run(call, time.time())
    call.out("Container start in progress...")
    call.distribution()


def _verbose_scripts(call: Call, addresses: bool) -> None:
    if call.verbose:
        for name in (*(("add_ip",) if addresses else ()), "set_hostname"):
            call.out(f"Running container script: /etc/vz/dists/scripts/redhat-{name}.sh")


def _run(call: Call, started: float, live: dict[str, str] | None = None) -> None:
    """Make it a running container, from now on the kernel's business."""
    with call.tree.changing(call.ctid) as state:
        state.status, state.started, state.frozen = "running", started, False
        layout = "ploop" if call.is_ploop else "simfs"
        state.live = live if live is not None else {**call.conf.own.values, "VE_LAYOUT": layout}
    call.tree.wake_kernel()


def check_addresses(call: Call, addresses: list[str]) -> None:
    """An OpenVZ kernel refuses an address that another running container of the node has (78)."""
    if call.upstream:
        return
    for other in call.tree.ids():
        state = call.tree.state(other)
        if other == call.ctid or not state.running:
            continue
        taken = {address.partition("/")[0] for address in state.live.get("IP_ADDRESS", "").split()}
        for address in addresses:
            if address.partition("/")[0] in taken:
                raise Failure(78, f"Unable to add IP {address}: Address already in use")


def stop(call: Call, options: Options) -> None:
    if not call.state().running:
        call.err("Unable to stop: container is not running")
        return
    _stop(call, fast=_has(options, "fast"), umount=not _has(options, "skip-umount"))


def _stop(call: Call, fast: bool, umount: bool = True) -> None:
    call.out("Killing container ..." if fast else "Stopping container ...")
    call.tree.pause(0.4 if fast else 1.2)
    call.set_state("mounted")
    call.out("Container was stopped")
    if umount:
        _umount(call)


def restart(call: Call, options: Options) -> None:
    call.out("Restarting container")
    if call.state().running:
        _stop(call, fast=_has(options, "fast"))
    call.out("Starting container...")
    _start(call, force=_has(options, "force"))


# mount, umount


def mount(call: Call, options: Options) -> None:
    if call.mounted():
        return
    _mount(call)


def _mount(call: Call) -> None:
    if call.state().status == "mounted":
        return
    if not call.private.is_dir():
        raise Failure(43, f"Container private area {call.conf.private} does not exist")
    if call.is_ploop:
        if call.upstream:
            raise Failure(
                47,
                "Container private area is owned by 0:0, but configuration file says we should run with 100000:100000.",
                "Refusing to run.",
            )
        _tell_of_image(call)
        ploop_image.mount(call.image, call.mount_point)
    call.mount_point.mkdir(parents=True, exist_ok=True)
    call.set_state("mounted")
    call.out("Container is mounted")


def _tell_of_image(call: Call) -> None:
    image = ploop_image.Image.read(call.image)
    if image is None:
        return
    device = f"/dev/ploop{call.ctid % 60000 + 10000}"
    for delta in image.deltas:
        call.out(f"Opening delta {call.conf.private}/root.hdd/{delta.file}")
    for delta in image.deltas:
        mode = "rw" if delta.guid == image.top else "ro"
        call.out(f"Adding delta dev={device} img={call.conf.private}/root.hdd/{delta.file} ({mode})")
    call.out(f"Mounting {device}p1 at {call.conf.root} fstype='ext4' data='balloon_ino=12,'")


def umount(call: Call, options: Options) -> None:
    if call.state().running:
        raise Failure(32, "Container is running -- stop it first")
    if call.state().status != "mounted":
        raise Failure(40, "CT is not mounted")
    _umount(call)


def _umount(call: Call) -> None:
    if call.is_ploop:
        ploop_image.umount(call.image, call.mount_point)
    call.set_state("stopped")
    call.out("Container is unmounted")


# suspend, resume


def suspend(call: Call, options: Options) -> None:
    if not call.state().running:
        raise Failure(31, "Unable to setup checkpointing: container is not running")
    if call.upstream:
        raise Failure(
            16,
            "Failed to checkpoint the Container",
            f"All dump files and logs were saved to {DUMP_DIR}/Dump.{call.ctid}.fail",
        )
    parts = [name for name in ("suspend", "dump", "kill", "resume") if _has(options, name)]
    file = _value(options, "dumpfile")
    dump = call.tree.path(file) if file else call.tree.dump_file(call.ctid)
    if "resume" in parts:
        call.out("Resuming...")
        _freeze(call, False)
        return
    call.out("Setting up checkpoint...")
    for part in parts or ["suspend", "dump", "kill"]:
        call.out(f"\t{part}...")
        if part == "suspend":
            _freeze(call, True)
        elif part == "dump":
            write_dump(call, dump)
        else:
            call.set_state("mounted")
    call.out("Checkpointing completed successfully")
    if not parts:
        _umount(call)


def _freeze(call: Call, frozen: bool) -> None:
    with call.tree.changing(call.ctid) as state:
        state.frozen = frozen
    call.tree.wake_kernel()
    call.tree.pause(0.1)


def write_dump(call: Call, path: Path) -> None:
    """Put what runs into a file."""
    state = call.state()
    call.tree.pause(0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps({"uptime": time.time() - state.started, "live": state.live}))


def resume(call: Call, options: Options) -> None:
    if call.state().running:
        if _has(options, "resume") or call.state().frozen:
            call.out("Resuming...")
            _freeze(call, False)
            return
        raise Failure(32, "Unable to perform restore: container already running")
    file = _value(options, "dumpfile")
    dump = call.tree.path(file) if file else call.tree.dump_file(call.ctid)
    if call.upstream:
        _fail_to_restore(call)
    if not dump.exists():
        raise Failure(
            17, f"Unable to open {call.tree.seen(dump)}: No such file or directory", "Container restore failed"
        )
    _restore(call, dump)


def _fail_to_restore(call: Call) -> None:
    """What CRIU says without a dump."""
    call.out("Container is mounted")
    call.distribution()
    directory = f"{DUMP_DIR}/Dump.{call.ctid}"
    call.err(f"Error (criu/image.c:566): Can't open dir {directory}: No such file or directory")
    call.err(f"Error (criu/crtools.c:237): Couldn't open image dir {directory}")
    call.err(f"The restore log was saved in {directory}/restore.log")
    call.out("Container is unmounted")
    raise Failure(17, 'Container restore failed (try to check kernel messages, e.g. "dmesg | tail")')


def _restore(call: Call, dump: Path) -> None:
    call.out("Restoring container ...")
    _mount(call)
    try:
        saved = json.loads(dump.read_text())
    except ValueError:
        raise Failure(17, "Error: undump failed: Invalid argument", "Container restore failed") from None
    call.out("\tundump...")
    call.tree.pause(0.3)
    live = saved["live"] or {**call.conf.own.values, "VE_LAYOUT": "ploop" if call.is_ploop else "simfs"}
    addresses = live.get("IP_ADDRESS", "").split()
    check_addresses(call, addresses)
    if addresses:
        call.out(f"Adding IP address(es): {' '.join(addresses)}")
    call.out("\tresume...")
    _run(call, time.time() - saved["uptime"], live)
    call.out("Container start in progress...")
    call.out("Restoring completed successfully")
    if dump == call.tree.dump_file(call.ctid):
        dump.unlink(missing_ok=True)


# create, destroy


def create(call: Call, options: Options) -> None:
    from .vzctl_set import assign_name, store

    conf = Conf.read(call.tree.conf_path(call.ctid))
    sample = _value(options, "config") or call.conf.node.get("CONFIGFILE") or "basic"
    if conf is not None:
        call.out("Warning: CT config file already exists, not applying a default config sample.")
        call.out("It might lead to incomplete CT configuration, you can use --applyconfig to fix.")
    else:
        conf = Conf.read(call.tree.root / f"etc/vz/conf/ve-{sample}.conf-sample")
        if conf is None:
            raise Failure(82, f"File /etc/vz/conf/ve-{sample}.conf-sample not found", *_FAILED)
        conf.set("VE_ROOT", _value(options, "root") or "/vz/root/$VEID")
        conf.set("VE_PRIVATE", _value(options, "private") or "/vz/private/$VEID")
    if name := _value(options, "name"):
        assign_name(call, name)
    layout = _value(options, "layout") or call.conf.node.get("VE_LAYOUT") or "ploop"
    template = _value(options, "ostemplate") or call.conf.node.get("DEF_OSTEMPLATE") or ""
    _check_creation(call, layout.partition(":")[0], template)

    for key, value in (("VE_LAYOUT", layout), ("OSTEMPLATE", template), ("ORIGIN_SAMPLE", sample)):
        conf.set(key, value)
    store(conf, [pair for pair in options if pair[0] not in _CREATION])
    _make_private(call, conf, layout.partition(":")[0], template)
    call.save(conf)
    call.out("Performing postcreate actions")
    call.out(f"CT configuration saved to /etc/vz/conf/{call.ctid}.conf")
    call.out("Container private area was created")
    call.distribution()
    call.set_state("stopped")


#: Options of create that are no settings.
_CREATION = ("ostemplate", "config", "layout", "root", "private", "pkgset", "local_uid", "local_gid")
_FAILED = ("Creation of container private area failed",)


def _check_creation(call: Call, layout: str, template: str) -> None:
    if layout not in ("simfs", "ploop"):
        raise Failure(21, f"Bad parameter for --layout: {layout}")
    if layout == "ploop" and call.upstream:
        raise Failure(
            99,
            "No ploop support in the kernel, or kernel is way too old.",
            "Make sure you have OpenVZ kernel 042stab058.7 or later running,",
            "and kernel ploop modules loaded.",
            "Alternatively, if you can't or don't want to use ploop, please",
            "add --layout simfs option, or set VE_LAYOUT=simfs in /etc/vz/vz.conf",
            *_FAILED,
        )
    if call.private.exists():
        raise Failure(44, f"Private area already exists in {call.conf.private}", *_FAILED)
    cache = call.tree.root / "vz/template/cache"
    if not any((cache / f"{template}.tar{suffix}").exists() for suffix in ("", ".gz", ".bz2", ".xz")):
        if call.upstream:
            call.err(f"vztmpl-dl ERROR: template {template} not found!")
        cached = f"/vz/template/cache/{template}.tar[.gz|.bz2|.xz]"
        raise Failure(91, f"Cached OS template {cached} not found", *_FAILED)


def _make_private(call: Call, conf: Conf, layout: str, template: str) -> None:
    """Unpack the template."""
    files = fleet.system_files(conf.get("HOSTNAME") or "localhost", template)
    if layout == "ploop":
        size = kibibytes(conf.get("DISKSPACE") or "2G") or (2097152, 2097152)
        temporary = f"{call.conf.private}.tmp/root.hdd"
        call.out(f"Creating image: {temporary}/root.hdd size={size[1]}K")
        call.out(f"Creating delta {temporary}/root.hdd bs=2048 size={size[1] * 2} sectors v2")
        call.out(f"Storing {temporary}/DiskDescriptor.xml")
        call.out("mke2fs 1.42.9 (28-Dec-2013)")
        ploop_image.create(call.image, size[1] * 2)
        ploop_image.fill(call.image, files)
    call.out(f"Creating container private area ({template})")
    call.tree.pause(0.5)
    if layout == "simfs":
        for name, text in files.items():
            path = call.private / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    call.mount_point.mkdir(parents=True, exist_ok=True)
    workload.write(call.private, workload.Workload())


def destroy(call: Call, options: Options) -> None:
    state = call.state()
    if state.running:
        call.out("Container is currently running. Stop it first.")
        raise Failure(32)
    if state.status == "mounted":
        raise Failure(41, "Container is currently mounted (umount first)")
    call.out(f"Destroying container private area: {call.conf.private}")
    shutil.rmtree(call.private, ignore_errors=True)
    shutil.rmtree(call.mount_point, ignore_errors=True)
    call.tree.dump_file(call.ctid).unlink(missing_ok=True)
    if (name := call.conf.own.get("NAME")) and call.tree.named(name) == call.ctid:
        call.tree.path(f"{NAMES_DIR}/{name}").unlink(missing_ok=True)
    path = call.tree.conf_path(call.ctid)
    path.rename(f"{path}.destroyed")
    call.tree.forget(call.ctid)
    call.tree.pause(0.3)
    call.out("Container private area was destroyed")


# The rest


def status(call: Call, options: Options) -> None:
    exist = call.private.is_dir() and call.tree.conf_path(call.ctid).exists()
    mounted = call.mounted()
    words = ["exist" if exist else "deleted", "mounted" if mounted else "unmounted"]
    words.append("running" if call.state().running else "down")
    if call.tree.dump_file(call.ctid).exists() and not mounted:
        words.append("suspended")
    call.print(f"CTID {call.ctid} {' '.join(words)}")


def compact(call: Call, options: Options) -> None:
    if not call.is_ploop:
        call.out("Compact only makes sense for ploop containers")
        return
    if call.upstream:
        raise Failure(166, "Failed to compact image")
    call.out("Trying to find free extents bigger than 0 bytes")
    call.tree.pause(0.5)
    call.out("0 clusters have been relocated")


def convert(call: Call, options: Options) -> None:
    layout = _value(options, "layout") or "ploop"
    if not layout.startswith("ploop"):
        raise Failure(20, f"Invalid layout: {layout}" if layout != "simfs" else "Conversion to simfs is not supported")
    if call.is_ploop:
        call.out("Container is already on ploop layout")
        return
    if call.state().status != "stopped":
        raise Failure(41, "Container is currently mounted (umount first)")
    if call.upstream:
        raise Failure(155, "Failed to convert CT to ploop")
    size = kibibytes(call.conf.get("DISKSPACE") or "2G") or (2097152, 2097152)
    old = call.private.with_name(f"{call.ctid}.simfs")
    work = workload.read(call.private)
    call.private.rename(old)
    ploop_image.create(call.image, size[1] * 2)
    ploop_image.sync(call.image, old)
    workload.write(call.private, work)
    shutil.rmtree(old)
    conf = Configuration(call.tree, call.ctid).own
    conf.set("VE_LAYOUT", "ploop")
    call.save(conf)
    call.tree.pause(0.5)
    call.out(f"CT configuration saved to /etc/vz/conf/{call.ctid}.conf")
    call.out("Container was successfully converted to the ploop layout")


def quota(call: Call, options: Options) -> None:
    """quotaon, quotaoff and quotainit: the simulation counts the disk in any case."""
    if call.upstream:
        raise Failure(60, "File /usr/sbin/vzquota not found")


def link_name(call: Call, name: str) -> None:
    """Point /etc/vz/names/NAME at the container."""
    path = call.tree.path(f"{NAMES_DIR}/{name}")
    path.unlink(missing_ok=True)
    os.symlink(f"{fleet.CONF_LINK}/{call.ctid}.conf", path)  # noqa: PTH211 - the target is a name on the node
