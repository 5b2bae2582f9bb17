# What must not move between a plan and its job, of the LXC container $1, as "WORD VALUE" lines. POSIX sh. Exits with 3 where
# there is no such container.
#
# area DIR, linked (config is a symbolic link), partial (being created), config LINE..., boot ID, state WORD
# pid PID, start TICKS, cgroup v1|v2, key FILE (the kernel has it), limit FILE LINE
# net own|node|unseen, link NAME, address LINK inet|inet6 ADDRESS/PREFIX SCOPE, route LINK GATEWAY       all live
# taken NAME (in the folder of snapshots), snapshot ID DATE, root ID LXC.ROOTFS.PATH, comment ID TEXT
# left PATH (of a change that could not be put back), mounted PATH, needed (clones stand on its root)
# leash NAME LINE
LC_ALL=C; export LC_ALL
name=$1 root=${CTDECK_ROOT-}
area=$(lxc-config lxc.lxcpath 2>/dev/null); area=${area:-/var/lib/lxc}
home=$root$area/$name
[ -f "$home/config" ] || { echo "there is no $home/config" >&2; exit 3; }
bounded=; if command -v timeout >/dev/null 2>&1; then bounded='timeout 10'; fi

echo "area $area"
[ ! -L "$home/config" ] || echo linked
[ ! -e "$home/partial" ] || echo partial
sed 's/^/config /' "$home/config"
echo "boot $(cat "$root/proc/sys/kernel/random/boot_id")"
state=$($bounded lxc-info -n "$name" -sH </dev/null)
echo "state $state"
pid=
case $state in RUNNING | FROZEN)
    pid=$($bounded lxc-info -n "$name" -pH </dev/null) ;;
esac

addresses() {
    awk '$3 ~ /^inet6?$/ { link = $2; sub(/@.*/, "", link); scope = "-"
        for (i = 4; i < NF; i++) if ($i == "scope") scope = $(i + 1)
        print "address", link, $3, $4, scope }'
}
routes() { awk '$1 == "default" && $2 == "via" && $4 == "dev" { print "route", $5, $3 }'; }

if grep -q '^[0-9]*:\([^:]*,\)\{0,1\}memory[,:]' "$root/proc/${pid:-1}/cgroup" 2>/dev/null; then
    echo 'cgroup v1'
    keys='memory.limit_in_bytes memory.memsw.limit_in_bytes cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpuset.cpus pids.max
        blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device blkio.throttle.write_iops_device'
else
    echo 'cgroup v2'
    keys='memory.max memory.swap.max cpu.weight cpu.max cpuset.cpus pids.max io.max'
fi
if [ -n "$pid" ]; then
    echo "pid $pid"
    line=$(cat "$root/proc/$pid/stat"); line=${line##*) }
    echo "start $(echo "$line" | cut -d' ' -f20)"
    for key in $keys; do
        value=$($bounded lxc-cgroup -n "$name" "$key" 2>/dev/null </dev/null) || continue
        echo "key $key"
        echo "$value" | sed "/^\$/d; s/^/limit $key /"
    done
    if [ "$(readlink "$root/proc/$pid/ns/net")" = "$(readlink "$root/proc/self/ns/net")" ]; then
        echo 'net node'
    else
        inside="$bounded nsenter -t $pid -n"
        command -v nsenter >/dev/null 2>&1 && command -v ip >/dev/null 2>&1 || inside="$bounded lxc-attach -n $name --"
        if found=$($inside ip -o addr show 2>/dev/null </dev/null); then
            echo 'net own'
            sed -n 's/^ *\([^ :]*\):.*/link \1/p' "$root/proc/$pid/net/dev"
            echo "$found" | addresses
            $inside ip -o route show default 2>/dev/null </dev/null | routes
            $inside ip -6 -o route show default 2>/dev/null </dev/null | routes
        else
            echo 'net unseen'
        fi
    fi
fi

for path in "$home"/snaps/*; do
    id=${path##*/}
    [ ! -e "$path" ] || echo "taken $id"
    [ -f "$path/config" ] || continue
    echo "snapshot $id $(head -c 40 "$path/ts" 2>/dev/null | head -n 1)"
    sed -n "s/^ *lxc\.rootfs\.path *= */root $id /p" "$path/config"
    [ ! -f "$path/comment" ] || echo "comment $id $(head -c 1000 "$path/comment" | head -n 1)"
done
disk=$(sed -n 's/^[[:blank:]]*lxc\.rootfs\.path[[:blank:]]*=[[:blank:]]*//p' "$home/config" | tail -n 1)
disk=$root${disk##*:}
for path in "$home"/*.ctdeck-* "$home"/snaps/*.ctdeck-* "$disk".ctdeck-*; do
    [ ! -e "$path" ] || echo "left $path"
done | sort -u
HOME_DIR=$home DISK=$disk awk 'index($2, ENVIRON["HOME_DIR"] "/") == 1 || index($2 "/", ENVIRON["DISK"] "/") == 1 { print "mounted " $2 }' \
    "$root/proc/self/mounts"
[ ! -s "$home/lxc_snapshots" ] || echo needed
for path in "$root/var/lib/ctdeck/leashes/lxc-$name".*; do
    kind=${path##*/"lxc-$name".}
    case $kind in *[!a-z_]*) continue ;; esac
    sed "s/^/leash $kind /" "$path"
done
