"""vzctl: suspend and resume (chkpnt and restore), and dumps of what runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

from .tree import DUMP_DIR, write_file
from .vzctl_call import Call, Failure, Options, has, value_of
from .vzctl_mount import check_addresses, mount_now, run_now, umount_now


def suspend(call: Call, options: Options) -> None:
    if not call.state().running:
        raise Failure(31, "Unable to setup checkpointing: container is not running")
    if call.upstream:
        raise Failure(
            16,
            "Failed to checkpoint the Container",
            f"All dump files and logs were saved to {DUMP_DIR}/Dump.{call.ctid}.fail",
        )
    parts = [name for name in ("suspend", "dump", "kill", "resume") if has(options, name)]
    file = value_of(options, "dumpfile")
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
        umount_now(call)


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
        if has(options, "resume") or call.state().frozen:
            call.out("Resuming...")
            _freeze(call, False)
            return
        raise Failure(32, "Unable to perform restore: container already running")
    file = value_of(options, "dumpfile")
    dump = call.tree.path(file) if file else call.tree.dump_file(call.ctid)
    if call.upstream:
        _fail_to_restore(call)
    if not dump.exists():
        raise Failure(
            17, f"Unable to open {call.tree.seen(dump)}: No such file or directory", "Container restore failed"
        )
    restore(call, dump)


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


def restore(call: Call, dump: Path) -> None:
    call.out("Restoring container ...")
    mount_now(call)
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
    run_now(call, time.time() - saved["uptime"], live)
    call.out("Container start in progress...")
    call.out("Restoring completed successfully")
    if dump == call.tree.dump_file(call.ctid):
        dump.unlink(missing_ok=True)
