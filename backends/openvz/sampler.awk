# OpenVZ with legacy vzctl or OpenVZ 7: counters from /proc/vz and /proc/bc, names and states from vzlist, settings from the .conf files.
#
# slow  z text            output of `vzlist -a -j`, its strings unescaped as vzlist prints them; "z rc N" is the last line
#       y text            the same of `vzlist -j` for running ones: disk, load, uptime (vzlist mounts stopped ploop images to tell their disk)
#       t CTID STATUS     instead of z where vzlist knows no -j (before 4.0)
#       o FILE:KEY="..."  lines of the .conf files
#       B CTID name:held:maxheld:barrier:limit:failcnt ...     all beancounters; "-" is LONG_MAX (unlimited)
#       K CTID mtime alive pid status | command line           lock files
#       h CTID limit until                                     a limit for a while, of this boot of the node; seconds since the epoch
#       a blocks free block-size                               file system of the container area
#       w yes|no          vswap kernel
#       q CTID usage soft inodes soft                          simfs disk of running ones: KiB, items (/proc/vz/vzquota)
#       ! word ...        trouble: "kernel" (no /proc/vz), "root" (not allowed to read)
# fast  v CTID used-ns uptime-ns                               /proc/vz/vestat
#       b CTID physpages(held limit) swappages numproc privvmpages failcnt-sum     pages of 4 KiB
#       L CTID pid        locked (its file is in LOCKDIR)
function openvz_begin(   path, line) {
    VZ_STAT = ROOT "/proc/vz/vestat"; VZ_BC = ROOT "/proc/bc/resources"
    if ((getline line < VZ_BC) < 1) VZ_BC = ROOT "/proc/user_beancounters"
    close(ROOT "/proc/bc/resources"); close(VZ_BC)
    VZ_LOCK = "/vz/lock"; VZ_PRIVATE = "/vz/private"; path = ROOT "/etc/vz/vz.conf"; RS = "\n"
    while ((getline line < path) > 0) {
        if (line ~ /^LOCKDIR=/) VZ_LOCK = openvz_value(line)
        if (line ~ /^VE_PRIVATE=/) { VZ_PRIVATE = openvz_value(line); sub(/\/?\$\{?VEID.*$/, "", VZ_PRIVATE) }
    }
    close(path)
    if (VZ_LOCK !~ /^\/[A-Za-z0-9._\/-]*$/) VZ_LOCK = "/vz/lock"
    if (VZ_PRIVATE !~ /^\/[A-Za-z0-9._\/-]*$/) VZ_PRIVATE = "/vz/private"
    VZ_IDS = 0
}

function openvz_value(line) { sub(/^[A-Z_]*=/, "", line); gsub(/["\r]/, "", line); sub(/ *#.*$/, "", line); return line }

function openvz_fast(   line, part, out, path, id, i, sum, held) {
    RS = "\n"; out = ""
    while ((getline line < VZ_STAT) > 0) if (line ~ /^ *[0-9a-f]+[-0-9a-f]* +[0-9]/) { split(line, part, " "); out = out "v " part[1] " " part[9] " " part[8] "\n" }
    close(VZ_STAT); id = ""; split("", held)
    while ((getline line < VZ_BC) > 0) {
        if (line ~ /: *kmemsize/) {   # the first line of a container has "ID:", the others have not
            if (id != "") out = out openvz_bc(id, held, sum)
            split("", held); sum = 0; id = line; sub(/:.*/, "", id); gsub(/ /, "", id); sub(/^.*: */, "", line)
        }
        if (id == "" || id == "0") continue
        split(line, part, " "); held[part[1]] = part[2] " " part[5]; if (part[6] != "0") sum += part[6]
    }
    close(VZ_BC); if (id != "") out = out openvz_bc(id, held, sum)
    for (i = 1; i <= VZ_IDS; i++) {
        path = ROOT VZ_LOCK "/" VZ_ID[i] ".lck"
        if ((getline line < path) > 0) { split(line, part, " "); out = out "L " VZ_ID[i] " " (part[1] ~ /^[0-9]+$/ ? part[1] : "-") "\n" }
        close(path)
    }
    return out
}

function openvz_pair(held, name) { return (name in held) ? " " held[name] : " - -" }

function openvz_bc(id, held, sum) {
    if (id == "0") return ""
    return "b " id openvz_pair(held, "physpages") openvz_pair(held, "swappages") openvz_pair(held, "numproc") openvz_pair(held, "privvmpages") sprintf(" %.0f\n", sum)
}

function openvz_short(number) { return number == "9223372036854775807" || number == "2147483647" ? "-" : number }

function openvz_all_bc(   line, part, out, id) {
    RS = "\n"; out = ""; id = ""
    while ((getline line < VZ_BC) > 0) {
        if (line ~ /: *kmemsize/) {
            id = line; sub(/:.*/, "", id); gsub(/ /, "", id); sub(/^.*: */, "", line)
            if (id != "0") out = out (out == "" ? "" : "\n") "B " id
        }
        if (id == "" || id == "0" || line ~ /^ *dummy/) continue
        split(line, part, " ")
        out = out " " part[1] ":" part[2] ":" part[3] ":" openvz_short(part[4]) ":" openvz_short(part[5]) ":" part[6]
    }
    close(VZ_BC); return out == "" ? "" : out "\n"
}

function openvz_quota(   line, part, out, id, path, space) {
    RS = "\n"; out = ""; id = ""; path = ROOT "/proc/vz/vzquota"
    while ((getline line < path) > 0) {
        if (line ~ /^ *[0-9]+: /) { id = line; sub(/:.*/, "", id); gsub(/ /, "", id) }
        else if (id != "" && line ~ /^ *1k-blocks /) { split(line, part, " "); space = part[2] " " part[3] }
        else if (id != "" && line ~ /^ *inodes /) { split(line, part, " "); out = out "q " id " " space " " part[2] " " part[3] "\n"; id = "" }
    }
    close(path); return out
}

function openvz_slow(   line, out, command, conf, path) {
    RS = "\n"; out = ""; conf = ROOT "/etc/vz/conf"
    if ((getline line < VZ_STAT) < 1) out = out "! " (system("test -e " VZ_STAT) ? "kernel" : "root") "\n"
    close(VZ_STAT)
    path = ROOT "/proc/vz/vswap"; out = out "w " ((getline line < path) >= 0 ? "yes" : "no") "\n"; close(path)
    # OpenVZ 7 finds "ip" by entering the container: there configured_ip is asked. Older vzlists know fewer fields: fall back.
    command = "I=ip; command -v prlctl >/dev/null && I=configured_ip; vz() { " TIMEOUT " vzlist \"$@\" 2>/dev/null; }; " \
        "F=ctid,status,$I,hostname,name,ostemplate,onboot,layout,cpulimit,cpuunits,physpages,swappages,numproc; " \
        "if O=$(vz -a -j -o $F,cpus,ioprio,iolimit,iopslimit) || O=$(vz -a -j -o $F,ioprio) || O=$(vz -a -j -o ctid,status,$I,hostname); " \
        "then printf \"%s\\nrc 0\\n\" \"$O\" | sed \"s/^/z /\"; else vz -a -H -o ctid,status | sed \"s/^ */t /\"; fi; " \
        "vz -j -o ctid,diskspace,diskinodes,laverage,uptime | sed \"s/^/y /\"; " \
        "cd " conf " 2>/dev/null && grep -E \"^(NAME|HOSTNAME|IP_ADDRESS|OSTEMPLATE|ONBOOT|DISABLED|VE_LAYOUT|CPULIMIT|CPUS|CPUUNITS|PHYSPAGES|SWAPPAGES|PRIVVMPAGES|NUMPROC|DISKSPACE|DISKINODES|IOPRIO|IOLIMIT|IOPSLIMIT)=\" [0-9]*.conf [a-f]*-*.conf /dev/null 2>/dev/null | sed \"s/^/o /\"; " \
        "cd " ROOT VZ_LOCK " 2>/dev/null && for f in [0-9]*.lck [a-f]*-*.lck; do [ -f \"$f\" ] || continue; " \
        "{ read -r p; read -r s; } < \"$f\" 2>/dev/null; case $p in \"\"|*[!0-9]*) p=-;; esac; a=no; c=; " \
        "if [ $p != - ]; then if [ -d " ROOT "/proc/$p ] || kill -0 $p 2>/dev/null; then a=yes; fi; " \
        "c=$(tr \"\\000\" \" \" < " ROOT "/proc/$p/cmdline 2>/dev/null || tr \"\\000\" \" \" < /proc/$p/cmdline 2>/dev/null); fi; " \
        "echo \"K ${f%.lck} $(stat -c %Y \"$f\" 2>/dev/null || echo -) $a $p ${s:--} | $c\"; done; " \
        "read -r B </proc/sys/kernel/random/boot_id; for d in @PLACES@; do for f in " ROOT "$d/leashes/openvz-*; do " \
        "case $f in *.sh | *.tmp) continue ;; esac; [ -f \"$f\" ] && [ -O \"$f\" ] || continue; read -r o v u b r <\"$f\" || continue; " \
        "[ \"$b\" = \"$B\" ] || continue; f=${f##*/openvz-}; echo \"h ${f%%.*} ${f#*.} $u\"; done; done; " \
        "stat -f -c \"a %b %a %S\" " ROOT VZ_PRIVATE " 2>/dev/null"
    command = "{ " command "; } </dev/null 2>/dev/null"
    VZ_IDS = 0
    while ((command | getline line) > 0) {
        out = out line "\n"
        if (line ~ /^o [^:]*\.conf:/) {
            sub(/^o /, "", line); sub(/\.conf:.*/, "", line)
            if (line != "0" && line != VZ_ID[VZ_IDS]) VZ_ID[++VZ_IDS] = line
        }
    }
    close(command)
    out = out openvz_quota() openvz_all_bc(); return out
}
