# What a restart would destroy, put into one file beside the job. A part that hangs is ended after 10 seconds.
id=$1
root=${CTDECK_ROOT-}
part() { # TITLE COMMAND...
    echo "=== $1"; shift
    "$@" </dev/null 2>&1 &
    count=0
    while kill -0 $! 2>/dev/null && [ $count -lt 100 ]; do count=$((count + 1)); sleep 0.1 2>/dev/null || sleep 1; done
    kill -9 $! 2>/dev/null || :
}
counters() { awk -v own="$id:" '$1 ~ /:$/ { ours = ($1 == own) } ours' "$root/proc/bc/resources" || :; }
logged() { grep -F " : CT $id : " "$root/var/log/vzctl.log" | tail -n 100 || :; }
kernel() { dmesg | tail -n 200 || :; }
{
    part "when" date
    part "processes" vzctl exec "$id" "ps auxww || ps"
    part "sockets" vzctl exec "$id" "ss -tanp || netstat -tanp || cat /proc/net/tcp"
    part "its last log lines" vzctl exec "$id" "tail -n 200 /var/log/messages || tail -n 200 /var/log/syslog"
    part "beancounters" counters
    part "log of vzctl" logged
    part "log of the kernel" kernel
} >evidence 2>&1
chmod 600 evidence
echo "evidence is in $PWD/evidence ($(wc -c <evidence) bytes)"
