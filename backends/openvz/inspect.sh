# One container, looked at closely. The first line is the checksum of what must not move, then lines of a letter and a text:
#   S status   C configuration   V vz.conf   I live address   B counters   U path value   Q quota of simfs   D disk as vzlist says
#   L lock   X Snapshots.xml   E DiskDescriptor.xml   F size file of the image   M file in dump/   A room in bytes: private, dumps
#   K what kernel and image have   H leash   W clock and boot of the node
# `vzctl snapshot-list` is not asked, since it takes the container's lock: a look would make somebody's change fail (9).
lines() { sed "s/^/$1 /"; }
room() { # DIRECTORY: bytes that are free where it is, or will be
    dir=$root$1
    while [ ! -d "$dir" ] && [ -n "$dir" ]; do dir=${dir%/*}; done
    set -- $(stat -f -c '%a %S' "${dir:-/}" 2>/dev/null)
    awk -v blocks="${1:-0}" -v size="${2:-0}" 'BEGIN { printf "%.0f\n", blocks * size }'
}
[ -f "$root$conf" ] || { echo "there is no container $id (no /etc/vz/conf/$id.conf)" >&2; exit 3; }
command -v vzctl >/dev/null 2>&1 || { echo "there is no vzctl on the node" >&2; exit 1; }

status=$(vzctl status "$id" 2>/dev/null)
fixed | cksum
echo "S $status"
lines C <"$root$conf"
sed -n -E '/^[[:blank:]]*(STOP_TIMEOUT|DISK_QUOTA|VE_LAYOUT)=/s/^[[:blank:]]*/V /p' "$root/etc/vz/vz.conf" 2>/dev/null
addresses | lines I
counters | lines B
scheduled | lines U
awk -v own="$id:" '$1 ~ /:$/ { ours = ($1 == own); next }
    ours && ($1 == "1k-blocks" || $1 == "inodes") { print "Q", $1, $2, $3, $4 }' "$root/proc/vz/vzquota" 2>/dev/null
if [ -f "$root$lockfile" ]; then
    { read -r pid; read -r word; } <"$root$lockfile"
    case $pid in "" | *[!0-9]*) pid=0 ;; esac
    alive=no
    if [ "$pid" -gt 0 ] && { kill -0 "$pid" 2>/dev/null || [ -d "$root/proc/$pid" ]; }; then alive=yes; fi
    command=$({ cat "$root/proc/$pid/cmdline" || cat "/proc/$pid/cmdline"; } 2>/dev/null | tr '\000\n' '  ')
    echo "L $pid $alive $(stat -c %Y "$root$lockfile" 2>/dev/null || echo 0) ${command:-$word}"
fi
image=$private/root.hdd
if [ -f "$root$image/DiskDescriptor.xml" ]; then
    echo "K ploop"
    lines E <"$root$image/DiskDescriptor.xml"
    [ ! -f "$root$private/Snapshots.xml" ] || lines X <"$root$private/Snapshots.xml"
    for file in "$root$image"/root.hdd*; do
        [ ! -f "$file" ] || stat -c "F %b %B ${file##*/}" "$file"
    done
    for file in "$root$private"/dump/*; do
        [ ! -e "$file" ] || echo "M ${file##*/}"
    done
    # vzlist would mount the image of a stopped one
    case $status in *running*) vzlist -H -o diskspace,diskinodes "$id" 2>/dev/null | lines D ;; esac
fi
for name in vz vz/vswap cpt; do
    [ ! -e "$root/proc/$name" ] || echo "K $name"
done
[ ! -r "$root/proc/vz/veinfo" ] || echo "K kernel"
echo "A $(room "$private") $(room "$dumpdir")"
leashes | lines H
echo "W $(date +%s) $(cat /proc/sys/kernel/random/boot_id)"
