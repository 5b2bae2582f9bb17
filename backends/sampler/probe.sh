# First part of the sampler, read by `/bin/sh -s`: what this node is and has. Prints "WORD VALUE" lines between two markers.
# It only looks: nothing is written, nothing is installed. The second part (awk) follows on the same input.
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH
unset LANG LANGUAGE
CTDECK_ROOT=${CTDECK_ROOT-}   # prefix of /proc, /etc and the container area: empty but on a simulated node
export CTDECK_ROOT
ctdeck_probe() {
    kernel=$(cat "$CTDECK_ROOT/proc/sys/kernel/osrelease" 2>/dev/null || uname -r)
    echo "kernel $(uname -s) $kernel"
    echo "hostname $(cat "$CTDECK_ROOT/proc/sys/kernel/hostname" 2>/dev/null || uname -n)"
    # on a simulated node everybody is root
    if [ -n "$CTDECK_ROOT" ]; then echo "uid 0"; else echo "uid $(id -u)"; fi
    echo "tick $(getconf CLK_TCK 2>/dev/null || echo 100)"
    for file in "$CTDECK_ROOT/etc/os-release" "$CTDECK_ROOT/etc/redhat-release"; do
        [ -r "$file" ] || continue
        case $file in
        *os-release) echo "system $(sed -n 's/^PRETTY_NAME=//p' "$file" | head -n 1 | tr -d '"')" ;;
        *) echo "system $(head -n 1 "$file")" ;;
        esac
        break
    done
    # mawk waits for a full buffer on a pipe unless told that it is interactive; no other awk knows that option.
    ctdeck_awk= ctdeck_awk_options=
    if command -v awk >/dev/null 2>&1; then
        ctdeck_awk=awk
    elif command -v busybox >/dev/null 2>&1 && busybox awk 'BEGIN { exit 0 }' 2>/dev/null; then
        ctdeck_awk='busybox awk'
    fi
    if [ -n "$ctdeck_awk" ]; then
        version=$($ctdeck_awk -W version 2>&1 | head -n 1)
        case $version in
        mawk*) ctdeck_awk_options='-W interactive' ;;
        *[Uu]sage*|*nrecognized*|*nvalid*|*nknown*|'') version=$($ctdeck_awk --version 2>&1 | head -n 1) ;;
        esac
        case $version in
        mawk*|GNU*|awk*) echo "tool awk $version" | sed 's/,.*//; s/ Copyright.*//' ;;
        *) echo "tool awk $ctdeck_awk" ;;
        esac
    fi
    # A hung vzlist or lxc-info must not hold the sampler for ever (timeout -k is missing on CentOS 6).
    CTDECK_TIMEOUT=
    if timeout -k 1 5 true 2>/dev/null; then CTDECK_TIMEOUT='timeout -k 2 10'
    elif timeout 5 true 2>/dev/null; then CTDECK_TIMEOUT='timeout 10'; fi
    export CTDECK_TIMEOUT
@PROBES@
}
printf '\n#P %s\n' '@NONCE@'
ctdeck_probe </dev/null 2>/dev/null
printf '\n#p %s\n' '@NONCE@'
