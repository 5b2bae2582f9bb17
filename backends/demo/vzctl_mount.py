"""vzctl: mount and umount; and the steps that starting, stopping and restoring are made of."""

from __future__ import annotations

from . import ploop_image
from .vzctl_call import Call, Failure, Options


def mount(call: Call, options: Options) -> None:
    if call.mounted():
        return
    mount_now(call)


def mount_now(call: Call) -> None:
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
    umount_now(call)


def umount_now(call: Call) -> None:
    if call.is_ploop:
        ploop_image.umount(call.image, call.mount_point)
    call.set_state("stopped")
    call.out("Container is unmounted")


def run_now(call: Call, started: float, live: dict[str, str] | None = None) -> None:
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
