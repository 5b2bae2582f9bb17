# Where the things of one container are, and what of it must not move between a plan and its job. POSIX sh; $1 is the id.
# Stands before inspect.sh, and is the check of a job; changes nothing and takes no lock.
LC_ALL=C; export LC_ALL
id=$1
root=${CTDECK_ROOT-}
conf=/etc/vz/conf/$id.conf
status=
case $id in "" | .* | *[!A-Za-z0-9.-]*) echo "that id names no container" >&2; exit 3 ;; esac

# a directory that the container's configuration, else the node's, names; odd ones are not believed
place() { # KEY DEFAULT
    found=$(sed -n "s/^[[:blank:]]*$1=//p" "$root/etc/vz/vz.conf" "$root$conf" 2>/dev/null | tail -n 1 |
        sed "s/[[:blank:]]*#.*//; s/^\"//; s/\"[[:blank:]]*\$//; s/\${VEID}/$id/g; s/\$VEID/$id/g")
    case $found in /*) ;; *) found=$2 ;; esac
    case $found in *[!A-Za-z0-9._/-]*) found=$2 ;; esac
    echo "$found"
}
lockfile=$(place LOCKDIR /vz/lock)/$id.lck
private=$(place VE_PRIVATE "/vz/private/$id")
dumpdir=$(place DUMPDIR /vz/dump)

# NAME HELD MAXHELD BARRIER LIMIT FAILCNT of each of its beancounters (kernel/bc/proc.c of OpenVZ 6)
counters() {
    alone=
    for file in /proc/bc/resources /proc/user_beancounters "/proc/bc/$id/resources"; do
        [ ! -r "$root$file" ] || break
    done
    case $file in /proc/bc/"$id"/*) alone=1 ;; esac
    awk -v own="$id:" -v ours="$alone" '
        $1 ~ /:$/ { ours = ($1 == own); $1 = ""; $0 = $0 }
        ours && NF == 6 && $1 != "dummy" { print $1, $2, $3, $4, $5, $6 }' "$root$file" 2>/dev/null
}
# what the kernel has of CPU and priority now: PATH VALUE. The scheduler's own directory in OpenVZ 6, a cgroup in 7
scheduled() {
    for file in "/proc/vz/fairsched/$id" "/sys/fs/cgroup/cpu/machine.slice/$id"; do
        for name in cpu.nr_cpus cpu.rate cpu.shares; do
            [ ! -r "$root$file/$name" ] || echo "$file/$name $(cat "$root$file/$name")"
        done
    done
    file=/proc/bc/$id/ioprio
    [ ! -r "$root$file" ] || echo "$file $(sed 's/^prio: //' "$root$file")"
}
# addresses that it answers to: of its line in veinfo (OpenVZ 6), else in veip (7)
addresses() {
    found=$(awk -v id="$id" '$1 == id { for (i = 4; i <= NF; i++) print $i }' "$root/proc/vz/veinfo" 2>/dev/null)
    [ -n "$found" ] || found=$(awk -v id="$id" 'NF == 2 && $2 == id { print $1 }' "$root/proc/vz/veip" 2>/dev/null)
    [ -z "$found" ] || echo "$found"
}
leashes() {
    for base in @PLACES@; do
        for file in "$root$base/leashes/openvz-$id."*; do
            case $file in *.sh | *"*") continue ;; esac
            echo "${file#"$root"} $(cat "$file")"
        done
    done
}
fixed() {
    cat "$root$conf"
    echo "${status:=$(vzctl status "$id" 2>/dev/null)}"
    for file in "$lockfile" "$private/Snapshots.xml"; do
        [ ! -f "$root$file" ] || cat "$root$file"
    done
    counters | cut -d ' ' -f 1,4,5
    scheduled
    addresses
    leashes
}
