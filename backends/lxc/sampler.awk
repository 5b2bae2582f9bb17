# Classic LXC, read from the kernel's files. No container is entered: /proc/INIT/net/* shows its network, statfs of /proc/INIT/root its disk.
#
# slow  R NAME INIT START CGROUP   running; START is the start time of its init in ticks after boot; CGROUP is v1 or v2
#       T NAME                     not running
#       k NAME key = value         lines of its configuration
#       i NAME address ...         live IPv4 addresses, then IPv6 as 32 hex digits
#       l NAME memory swap quota period pids cpuset freezer weight   its limits ("max" and "-" as the kernel has them)
#       d NAME FSID blocks free block-size inodes free-inodes   its file system; NAME "@host" is the container area itself:
#                                  the same FSID means that it has no disk of its own
#       h NAME limit until         a limit for a while, of this boot of the node; seconds since the epoch
#       r NAME rootfs-type         kind of its root: overlay, btrfs, ext4 ... as mounted
#       ! word ...                 trouble: "name X" (a directory that no container can be called), "noinit NAME"
# fast  c NAME v cpu memory inactive_file file shmem swap pids throttled-periods periods [oom-kills]    v1: cpu in ns; v2: in us;
#                                  oom-kills only where its memory is limited
#       x NAME                     its cgroup is gone
function lxc_begin() { LXC_AREA = ENVIRON["CTDECK_LXC_AREA"]; LXC_COUNT = 0 }

function lxc_fast(   i, name, out, cpu, text, stat) {
    out = ""; RS = "\001"
    for (i = 1; i <= LXC_COUNT; i++) {
        name = LXC_NAME[i]
        if (LXC_V2[name]) { stat = "\n" whole(LXC_CPU[name]); cpu = field(stat, "usage_usec") }
        else { stat = ""; cpu = first(LXC_CPU[name]) }
        if (cpu == "-") { out = out "x " name "\n"; continue }
        text = "\n" whole(LXC_MEMSTAT[name])
        out = out "c " name " " (LXC_V2[name] ? 2 : 1) " " cpu " " first(LXC_MEM[name])
        if (LXC_V2[name]) out = out " " field(text, "inactive_file") " " field(text, "file") " " field(text, "shmem") " " first(LXC_SWAP[name])
        else {
            out = out " " field(text, "total_inactive_file") " " field(text, "total_cache") " " field(text, "total_shmem") " " field(text, "total_swap")
            if (LXC_THROTTLE[name] != "") stat = "\n" whole(LXC_THROTTLE[name])
        }
        out = out " " first(LXC_PIDS[name]) " " field(stat, "nr_throttled") " " field(stat, "nr_periods")
        if (LXC_OOM[name] != "") out = out " " field("\n" whole(LXC_OOM[name]), "oom_kill")
        out = out "\n"
    }
    RS = "\n"; return out
}

# The container's cgroup, above that of its init (systemd adds init.scope, Proxmox ns): up to the part that names the container.
# After an unclean death liblxc adds "-1".
function lxc_cut(path, name,   part, count, i, out, word) {
    count = split(path, part, "/"); out = ""
    for (i = 2; i <= count; i++) {
        out = out "/" part[i]; word = part[i]; sub(/^lxc\.payload\./, "", word); if (word == name) return out
        sub(/-[0-9]+$/, "", word); if (word == name) return out
    }
    sub(/\/init\.scope$/, "", path); return path
}

function lxc_mounts(   line, part, option, count, i, path) {
    RS = "\n"; path = ROOT "/proc/self/mounts"; split("", LXC_MOUNT)
    while ((getline line < path) > 0) {
        split(line, part, " ")
        if (part[3] == "cgroup2" && !("" in LXC_MOUNT)) LXC_MOUNT[""] = ROOT part[2]
        if (part[3] == "cgroup") { count = split(part[4], option, ","); for (i = 1; i <= count; i++) if (!(option[i] in LXC_MOUNT)) LXC_MOUNT[option[i]] = ROOT part[2] }
    }
    close(path)
}

function lxc_start(pid,   text, part) { RS = "\001"; text = whole(ROOT "/proc/" pid "/stat"); RS = "\n"; sub(/^.*\) /, "", text); split(text, part, " "); return part[20] }

# Sets the paths of a container's counters, from /proc/INIT/cgroup; returns its "l" line.
function lxc_cgroups(name, pid,   line, part, word, count, i, path, top, group, state) {
    RS = "\n"; split("", group); path = ROOT "/proc/" pid "/cgroup"
    while ((getline line < path) > 0) {
        top = line; sub(/^[^:]*:[^:]*:/, "", top); if (top ~ /^\/\.\./) continue
        split(line, part, ":"); top = lxc_cut(top, name)
        if (part[2] == "") group[""] = LXC_MOUNT[""] top
        else { count = split(part[2], word, ","); for (i = 1; i <= count; i++) if (word[i] in LXC_MOUNT) group[word[i]] = LXC_MOUNT[word[i]] top }
    }
    close(path); LXC_V2[name] = !("memory" in group); top = group[""]; RS = "\001"
    if (LXC_V2[name]) {
        LXC_CPU[name] = top "/cpu.stat"; LXC_MEM[name] = top "/memory.current"; LXC_MEMSTAT[name] = top "/memory.stat"
        LXC_SWAP[name] = top "/memory.swap.current"; LXC_PIDS[name] = top "/pids.current"; LXC_THROTTLE[name] = ""
        line = first(top "/cpu.max"); if (line == "-") line = "- -"
        state = index(whole(top "/cgroup.events"), "frozen 1") ? "FROZEN" : "THAWED"
        LXC_OOM[name] = first(top "/memory.max") ~ /^[0-9]/ ? top "/memory.events" : ""
        line = first(top "/memory.max") " " first(top "/memory.swap.max") " " line " " first(top "/pids.max") " " first(top "/cpuset.cpus.effective") " " state " " first(top "/cpu.weight")
    } else {
        LXC_CPU[name] = group["cpuacct"] "/cpuacct.usage"; LXC_MEM[name] = group["memory"] "/memory.usage_in_bytes"
        LXC_MEMSTAT[name] = group["memory"] "/memory.stat"; LXC_SWAP[name] = ""; LXC_PIDS[name] = group["pids"] "/pids.current"
        line = first(group["cpu"] "/cpu.cfs_quota_us")
        LXC_THROTTLE[name] = line ~ /^[0-9]/ ? group["cpu"] "/cpu.stat" : ""   # no limit, no throttling: one read less
        line = first(group["memory"] "/memory.limit_in_bytes") " " first(group["memory"] "/memory.memsw.limit_in_bytes") " " line " " first(group["cpu"] "/cpu.cfs_period_us")
        LXC_OOM[name] = line ~ /^[0-9]+ / && length(first(group["memory"] "/memory.limit_in_bytes")) < 17 ? group["memory"] "/memory.oom_control" : ""
        line = line " " first(group["pids"] "/pids.max") " " first(group["cpuset"] "/cpuset.cpus") " " first(group["freezer"] "/freezer.state") " " first(group["cpu"] "/cpu.shares")
    }
    RS = "\n"; gsub(/,/, ";", line)   # a cpuset "0,2-3" stays one word
    return "l " name " " line "\n"
}

function lxc_addresses(pid,   path, line, ip, out, part, seen) {
    RS = "\n"; out = ""; path = ROOT "/proc/" pid "/net/fib_trie"
    while ((getline line < path) > 0) {
        if (line ~ /\|-- /) { ip = line; sub(/^.*\|-- /, "", ip) }
        else if (line ~ /\/32 host LOCAL/ && ip !~ /^127\./ && !(ip in seen)) { seen[ip]; out = out " " ip }
    }
    close(path); path = ROOT "/proc/" pid "/net/if_inet6"
    while ((getline line < path) > 0) { split(line, part, " "); if (part[4] == "00") out = out " " part[1] }
    close(path); return out
}

function lxc_root_type(pid,   path, line, part, kind) {
    RS = "\n"; kind = "-"; path = ROOT "/proc/" pid "/mounts"
    while ((getline line < path) > 0) { split(line, part, " "); if (part[2] == "/") kind = part[3] }
    close(path); return kind
}

function lxc_slow(   out, line, name, i, count, config, command, ask, running, list, part, known, of) {
    LXC_COUNT = 0; out = ""; RS = "\n"; lxc_mounts()
    # a running container's monitor listens on @AREA/NAME/command; a process title could be anybody's
    config = ROOT "/proc/net/unix"
    while ((getline line < config) > 0) if ((i = index(line, "@" LXC_AREA "/")) && line ~ /\/command$/) {
        name = substr(line, i + length(LXC_AREA) + 2); sub(/\/command$/, "", name); running[name]
    }
    close(config)
    # no name has a slash: what begins with one is a leash
    command = "{ ls -1 " ROOT LXC_AREA "; read -r B </proc/sys/kernel/random/boot_id; " \
        "for f in " ROOT "/var/lib/ctdeck/leashes/lxc-*.*; do [ -f \"$f\" ] && [ -O \"$f\" ] || continue; b= u=-; " \
        "while read -r w v; do case $w in boot) b=$v ;; until) u=$v ;; esac; done <\"$f\"; " \
        "[ \"$b\" = \"$B\" ] || continue; f=${f##*/lxc-}; echo \"/h ${f%.*} ${f##*.} $u\"; done; } 2>/dev/null </dev/null"
    count = 0
    while ((command | getline line) > 0) {
        if (line ~ /^\//) out = out substr(line, 2) "\n"
        else if (line ~ /^[A-Za-z0-9_][A-Za-z0-9._-]*$/) list[++count] = line
        else if (line != "") out = out "! name " line "\n"
    }
    close(command); ask = ""
    for (i = 1; i <= count; i++) {
        name = list[i]; config = ROOT LXC_AREA "/" name "/config"; known = 0
        while ((getline line < config) > 0) {
            known = 1
            if (line ~ /^ *lxc\.(uts|net|start|cgroup|cgroup2|rootfs|group|include|prlimit)/) out = out "k " name " " line "\n"
        }
        close(config)
        if (!known) { list[i] = ""; continue }
        if (!(name in running)) { out = out "T " name "\n"; delete LXC_INIT[name] }
        else if (!(name in LXC_INIT) || lxc_start(LXC_INIT[name]) != LXC_START[name]) ask = ask " " name
    }
    # the init pid comes from the monitor: two forks, once in the life of a container
    if (ask != "") {
        command = "for n in" ask "; do echo $n $(" TIMEOUT " lxc-info -P " LXC_AREA " -n $n -pH); done 2>/dev/null </dev/null"
        while ((command | getline line) > 0) {
            split(line, part, " ")
            if (part[2] ~ /^[0-9]+$/) { LXC_INIT[part[1]] = part[2]; LXC_START[part[1]] = lxc_start(part[2]) } else delete LXC_INIT[part[1]]
        }
        close(command)
    }
    ask = ROOT LXC_AREA; of[ROOT LXC_AREA] = "@host"
    for (i = 1; i <= count; i++) {
        name = list[i]; if (name == "" || !(name in running)) continue
        if (!(name in LXC_INIT)) { out = out "! noinit " name "\n"; continue }
        LXC_NAME[++LXC_COUNT] = name; line = lxc_cgroups(name, LXC_INIT[name])
        out = out "R " name " " LXC_INIT[name] " " LXC_START[name] " " (LXC_V2[name] ? "v2" : "v1") "\n" line
        out = out "i " name lxc_addresses(LXC_INIT[name]) "\nr " name " " lxc_root_type(LXC_INIT[name]) "\n"
        config = ROOT "/proc/" LXC_INIT[name] "/root/."; ask = ask " " config; of[config] = name
    }
    RS = "\n"; command = TIMEOUT " stat -f -c \"%n %i %b %f %S %c %d\" " ask " 2>/dev/null </dev/null"
    while ((command | getline line) > 0) {
        name = line; sub(/ .*/, "", name); sub(/^[^ ]* /, "", line); if (name in of) out = out "d " of[name] " " line "\n"
    }
    close(command); return out
}
