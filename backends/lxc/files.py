"""Text files of a container on an LXC node: its configuration, and the log of its monitor."""

from __future__ import annotations

from ..backend import Script

# The name comes from the node itself: it must not name another file.
_REFUSE = """
case $1 in ""|.*|*/*) echo "that name names no file" >&2; exit 3 ;; esac
"""

_RAW = (
    _REFUSE
    + """
area=$(lxc-config lxc.lxcpath 2>/dev/null)
file=${area:-/var/lib/lxc}/$1/config
[ -e "$file" ] || { echo "there is no $file" >&2; exit 3; }
echo "$file" && cat -- "$file"
"""
)

# Where liblxc logs unless lxc.log.file says another place; see lxc.container.conf(5). Debian's packages log there.
_LOGS = (
    _REFUSE
    + """
area=$(lxc-config lxc.lxcpath 2>/dev/null)
config=${area:-/var/lib/lxc}/$1/config
log=$(sed -n 's/^[[:blank:]]*lxc\\.log\\.file[[:blank:]]*=[[:blank:]]*//p' "$config" 2>/dev/null | tail -n 1)
case $log in /*) ;; *) log=/var/log/lxc/$1.log ;; esac
[ -e "$log" ] || { echo "LXC has written no log of it ($log)" >&2; exit 3; }
[ -s "$log" ] || { echo "the log is empty ($log)" >&2; exit 3; }
echo "$log" && tail -c 1048576 -- "$log" | tail -n 500
"""
)


def raw_config(container_id: str) -> Script:
    return Script(_RAW, (container_id,))


def logs(container_id: str) -> Script:
    return Script(_LOGS, (container_id,))
