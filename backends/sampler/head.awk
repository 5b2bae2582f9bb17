# Second part of the sampler: one resident awk. It reads the kernel's files again at each request and answers with one write.
#
# Request  "KIND SEQ\n"     f: counters only;  s: the slow part, then the counters;  any other: an empty answer.  End of input ends it.
# Answer   "#B NONCE SEQ KIND LENGTH\n" + LENGTH bytes + "#E SEQ LENGTH\n".  The first one, "s 0", comes unasked.
# The bytes are lines, in sections: "@node", then "@NAME" for each backend. Values are the kernel's own text, never made numbers of
# (some awks overflow at 2^31); "-" means that the file is not there.
#
# Lines of "@node":   P cpu u n s i w ...   first line of /proc/stat           M Name:kB ...    from /proc/meminfo
#                     U loadavg | uptime    as the files have it               S utime stime cutime cstime   of this process, ticks
#                     n NCPU                slow part only
#
# RS is "\001" while whole files are read, so that one getline does it; mawk goes on line by line, hence the loops.

function whole(path,   text, line) { text = ""; while ((getline line < path) > 0) text = text line "\n"; close(path); return text }

function first(path,   line) {
    if (path == "" || (getline line < path) < 1) line = "-"
    close(path); sub(/\n.*/, "", line); return line == "" ? "-" : line
}

# the value of "NAME value" in a text that begins with a newline
function field(text, name,   at) {
    if (!(at = index(text, "\n" name " "))) return "-"
    text = substr(text, at + length(name) + 2, 24); return substr(text, 1, index(text "\n", "\n") - 1)
}

function node_fast(   line, part, out, path) {
    RS = "\n"; out = ""
    path = ROOT "/proc/stat"; if ((getline line < path) > 0) out = "P " line "\n"; close(path)
    path = ROOT "/proc/meminfo"; out = out "M"
    while ((getline line < path) > 0) if (line ~ /^(Mem|Buffers|Cached|Swap[TF]|Shmem:|SRecl)/) { split(line, part, " "); out = out " " part[1] part[2] }
    close(path)
    path = ROOT "/proc/loadavg"; line = ""; getline line < path; close(path); out = out "\nU " line
    path = ROOT "/proc/uptime"; line = ""; getline line < path; close(path); out = out " | " line "\n"
    path = "/proc/self/stat"; line = ""; getline line < path; close(path); sub(/^.*\) /, "", line); split(line, part, " ")
    return out "S " part[12] " " part[13] " " part[14] " " part[15] "\n"
}

function node_slow(   line, path, count) {
    RS = "\n"; path = ROOT "/proc/stat"; count = 0
    while ((getline line < path) > 0) if (line ~ /^cpu[0-9]/) count++
    close(path); return "n " count "\n"
}
