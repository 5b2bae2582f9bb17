# Looks at the LXC container $1: the checksum of what `ctdeck_check` (check.sh) prints, then that, then what moves by itself:
#
# tool NAME, cpus LIST, pid_max N, memory BYTES, swap BYTES (of the node), memsw (its kernel counts swap)
# use NAME NUMBER, device MAJOR:MINOR (the disk below its root), free BYTES (where it lies), size ID BYTES (of a snapshot)
text=$(ctdeck_check "$1") || exit $?
printf '%s\n' "$text" | cksum
printf '%s\n' "$text"

LC_ALL=C; export LC_ALL
name=$1 root=${CTDECK_ROOT-}
value() { printf '%s\n' "$text" | sed -n "s/^$1 //p" | tail -n 1; }
home=$root$(value area)/$name pid=$(value pid)
path=$(value 'config *lxc\.rootfs\.path *=' | sed 's/^ *//'); kind=${path%%:*}; disk=$root${path##*:}

for tool in nsenter ip rsync lxc-copy lxc-attach setsid btrfs; do
    if command -v $tool >/dev/null 2>&1; then echo "tool $tool"; fi
done
echo "cpus $(cat "$root/sys/devices/system/cpu/online")"
echo "pid_max $(cat "$root/proc/sys/kernel/pid_max")"
awk '$1 == "MemTotal:" { print "memory", $2 * 1024 } $1 == "SwapTotal:" { print "swap", $2 * 1024 }' "$root/proc/meminfo"
[ ! -e "$root/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes" ] || echo memsw

cgroup() { lxc-cgroup -n "$name" "$1" 2>/dev/null </dev/null | head -n 500; }
if [ -n "$pid" ]; then
    case $(value cgroup) in
    v1) used=memory.usage_in_bytes idle=total_inactive_file swap=total_swap ;;
    v2) used=memory.current idle=inactive_file swap= ;;
    esac
    { cgroup $used; cgroup memory.stat; } | awk -v idle=$idle -v swap=$swap '
        NR == 1 { used = $1 } $1 == idle { used -= $2 } $1 == swap { print "use swap", $2 }
        END { if (used != "") printf "use memory %.0f\n", used < 0 ? 0 : used }'
    [ -n "$swap" ] || cgroup memory.swap.current | sed -n 's/^\([0-9]\)/use swap \1/p'
    cgroup pids.current | sed -n 's/^\([0-9]\)/use processes \1/p'
fi

free() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { printf "%s %.0f\n", "'"$2"'", $4 * 1024 }'; }
free "$home" free
# a directory has no counter: its size is asked for, as long as that takes less than two seconds in all
begun=$(date +%s)
size_of() {
    [ $(($(date +%s) - begun)) -lt 2 ] && command -v timeout >/dev/null 2>&1 || return 0
    timeout 2 du -skx "$1" 2>/dev/null </dev/null | awk -v word="$2" '{ printf "%s %.0f\n", word, $1 * 1024 }'
}
case $kind in
loop | lvm | nbd | rbd | zfs)
    if [ -n "$pid" ]; then stat -f -c '%b %f %S' "$root/proc/$pid/root/." 2>/dev/null | awk '{ printf "use disk %.0f\n", ($1 - $2) * $3 }'; fi
    if [ -f "$disk" ]; then ls -ls "$disk" | awk '{ printf "size @ %.0f\n", $1 * 1024 }'; fi ;;
*)
    size_of "$disk" 'use disk' ;;
esac
for path in "$home"/snaps/*; do
    [ ! -f "$path/config" ] || size_of "$path" "size ${path##*/}"
done
# the numbers of the whole disk: the kernel throttles no partition
number=$(stat -c %d "$disk" 2>/dev/null) || number=0
disk_number=$(awk -v n="$number" 'BEGIN { print int(n / 256) % 4096 ":" n % 256 + int(n / 1048576) * 256 }')
block=$root/sys/dev/block/$disk_number
case $kind in loop | lvm | nbd | rbd | zfs | overlay | overlayfs) block= ;; esac
if [ -e "$block/partition" ]; then disk_number=$(cat "$block/../dev"); fi
[ -z "$block" ] || [ ! -e "$block" ] || echo "device $disk_number"
