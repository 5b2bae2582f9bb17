"""vzctl: start, stop, restart, status, compact, quota."""

from __future__ import annotations

import time

from .vzctl_call import Call, Failure, Options, has
from .vzctl_checkpoint import restore
from .vzctl_mount import check_addresses, mount_now, run_now, umount_now


def start(call: Call, options: Options) -> None:
    call.out("Starting container...")
    _start(call, force=has(options, "force"))


def _start(call: Call, force: bool = False) -> None:
    if call.conf.get("DISABLED") == "yes" and not force:
        raise Failure(105, "Container start disabled")
    dump = call.tree.dump_file(call.ctid)
    if dump.exists() and not call.upstream:
        call.out(f"Dump file {call.tree.seen(dump)} exists, trying to restore from it")
        restore(call, dump)
        return
    mount_now(call)
    addresses = (call.conf.get("IP_ADDRESS") or "").split()
    try:
        check_addresses(call, addresses)
    except Failure:
        umount_now(call)
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
    run_now(call, time.time())
    call.out("Container start in progress...")
    call.distribution()


def _verbose_scripts(call: Call, addresses: bool) -> None:
    if call.verbose:
        for name in (*(("add_ip",) if addresses else ()), "set_hostname"):
            call.out(f"Running container script: /etc/vz/dists/scripts/redhat-{name}.sh")


def stop(call: Call, options: Options) -> None:
    if not call.state().running:
        call.err("Unable to stop: container is not running")
        return
    _stop(call, fast=has(options, "fast"), umount=not has(options, "skip-umount"))


def _stop(call: Call, fast: bool, umount: bool = True) -> None:
    call.out("Killing container ..." if fast else "Stopping container ...")
    call.tree.pause(0.4 if fast else 1.2)
    call.set_state("mounted")
    call.out("Container was stopped")
    if umount:
        umount_now(call)


def restart(call: Call, options: Options) -> None:
    call.out("Restarting container")
    if call.state().running:
        _stop(call, fast=has(options, "fast"))
    call.out("Starting container...")
    _start(call, force=has(options, "force"))


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


def quota(call: Call, options: Options) -> None:
    """quotaon, quotaoff and quotainit: the simulation counts the disk in any case."""
    if call.upstream:
        raise Failure(60, "File /usr/sbin/vzquota not found")
