# Waits until the leash in file $2 ends, then puts the old values of container $1 back; ends at once when its token is no longer $3.
# POSIX sh, handed to `sh -c` whole. It survives whoever started it and holds no lock. The lines of the file: leash.py.
id=$1 file=$2 token=$3
says() { sed -n -e "s/^$1 //p" -e "s/^${2:-$1} //p" "$file" 2>/dev/null; }
mine() { [ "$(says token)" = "$token" ]; }
now() { read -r up rest </proc/uptime; echo "${up%.*}"; }
end=$(says end)

# the present values are still our own
ours() {
    says key to | while read -r key; read -r to; do
        lxc-cgroup -n "$id" "$key" 2>/dev/null </dev/null | grep -qxF -e "$to" || { echo other; break; }
    done | grep -q other && return 1
    return 0
}
# below what it uses the kernel of cgroup v2 would kill: it waits until there is room
fits() {
    says key from | while read -r key; read -r from; do
        [ "$key" = memory.max ] || continue
        used=$(lxc-cgroup -n "$id" memory.current 2>/dev/null </dev/null | head -n 1)
        case $from in *[!0-9]*) ;; *) [ "${used:-0}" -le "$from" ] || echo full ;; esac
    done | grep -q full && return 1
    return 0
}
# twice: of memory and memory with swap, one may have to go first
put_back() {
    for round in 1 2; do
        says key from | while read -r key; read -r from; do
            lxc-cgroup -n "$id" -- "$key" "$from" 2>/dev/null </dev/null || echo failed
        done | grep -q failed || return 0
    done
    return 1
}

while mine; do
    left=$((end - $(now)))
    if [ $left -le 0 ]; then
        if ! ours; then said="has another limit by now, which stays"; break; fi
        if fits && put_back; then said="has its limit back"; break; fi
        left=30
    fi
    [ $left -le 30 ] || left=30
    sleep $left
done
mine || exit 0
rm -f -- "$file"
logger -t ctdeck "leash of ${file##*/}: $id $said" 2>/dev/null
