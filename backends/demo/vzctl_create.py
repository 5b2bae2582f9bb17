"""vzctl: create, destroy, convert: containers that come, go, or change their layout."""

from __future__ import annotations

import shutil

from . import fleet, ploop_image, workload
from .resources import kibibytes
from .tree import NAMES_DIR
from .vzconf import Conf, Configuration
from .vzctl_call import Call, Failure, Options, value_of
from .vzctl_set import assign_name, store


def create(call: Call, options: Options) -> None:
    conf = Conf.read(call.tree.conf_path(call.ctid))
    sample = value_of(options, "config") or call.conf.node.get("CONFIGFILE") or "basic"
    if conf is not None:
        call.out("Warning: CT config file already exists, not applying a default config sample.")
        call.out("It might lead to incomplete CT configuration, you can use --applyconfig to fix.")
    else:
        conf = Conf.read(call.tree.root / f"etc/vz/conf/ve-{sample}.conf-sample")
        if conf is None:
            raise Failure(82, f"File /etc/vz/conf/ve-{sample}.conf-sample not found", *_FAILED)
        conf.set("VE_ROOT", value_of(options, "root") or "/vz/root/$VEID")
        conf.set("VE_PRIVATE", value_of(options, "private") or "/vz/private/$VEID")
    if name := value_of(options, "name"):
        assign_name(call, name)
    layout = value_of(options, "layout") or call.conf.node.get("VE_LAYOUT") or "ploop"
    template = value_of(options, "ostemplate") or call.conf.node.get("DEF_OSTEMPLATE") or ""
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


def convert(call: Call, options: Options) -> None:
    layout = value_of(options, "layout") or "ploop"
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
