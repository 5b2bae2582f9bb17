"""Text files of a container on an OpenVZ node: its configuration, and what vzctl logged of it."""

from __future__ import annotations

from ..backend import Script

# The id comes from the node itself: it must not name another file.
_REFUSE = """
case $1 in ""|.*|*[!A-Za-z0-9._{}-]*) echo "that id names no file" >&2; exit 3 ;; esac
"""

_RAW = (
    _REFUSE
    + """
file=${CTDECK_ROOT-}/etc/vz/conf/$1.conf
[ -e "$file" ] || { echo "there is no /etc/vz/conf/$1.conf" >&2; exit 3; }
echo "/etc/vz/conf/$1.conf" && cat -- "$file"
"""
)

# LOGFILE of vz.conf(5). Lines are "2026-11-22T13:12:01+0000 vzctl : CT 101 : Starting container..."; legacy vzctl 3
# wrote "VE" for "CT" until 3.0.24. The last 4 MB are enough, and bound the work.
_LOGS = (
    _REFUSE
    + """
root=${CTDECK_ROOT-}
log=$(sed -n 's/^[[:blank:]]*LOGFILE="\\{0,1\\}\\([^"#]*[^"#[:blank:]]\\).*/\\1/p' "$root/etc/vz/vz.conf" 2>/dev/null | tail -n 1)
case $log in /*) ;; *) log=/var/log/vzctl.log ;; esac
[ -e "$root$log" ] || { echo "vzctl has written no log here ($log)" >&2; exit 3; }
lines=$(tail -c 4194304 "$root$log" | grep -aF -e " : CT $1 : " -e " : VE $1 : " | tail -n 500)
[ -n "$lines" ] || { echo "$log says nothing of container $1" >&2; exit 3; }
printf '%s\\n' "$log" "$lines"
"""
)


def raw_config(container_id: str) -> Script:
    return Script(_RAW, (container_id,))


def logs(container_id: str) -> Script:
    return Script(_LOGS, (container_id,))
