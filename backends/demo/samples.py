"""The configuration files that vzctl 4.11 brings along: vz.conf and the samples for new containers."""

from __future__ import annotations

from collections.abc import Iterator

#: Beancounters of the sample configuration "basic" (vzctl 4.11).
BASIC_UBC = {
    "KMEMSIZE": "14372700:14790164",
    "LOCKEDPAGES": "2048:2048",
    "PRIVVMPAGES": "65536:69632",
    "SHMPAGES": "21504:21504",
    "NUMPROC": "240:240",
    "PHYSPAGES": "0:unlimited",
    "VMGUARPAGES": "33792:unlimited",
    "OOMGUARPAGES": "26112:unlimited",
    "NUMTCPSOCK": "360:360",
    "NUMFLOCK": "188:206",
    "NUMPTY": "16:16",
    "NUMSIGINFO": "256:256",
    "TCPSNDBUF": "1720320:2703360",
    "TCPRCVBUF": "1720320:2703360",
    "OTHERSOCKBUF": "1126080:2097152",
    "DGRAMRCVBUF": "262144:262144",
    "NUMOTHERSOCK": "360:360",
    "DCACHESIZE": "3409920:3624960",
    "NUMFILE": "9312:9312",
    "AVNUMPROC": "180:180",
    "NUMIPTENT": "128:128",
}

_SAMPLE_REST = """DISKSPACE="2G:2.2G"
DISKINODES="131072:144179"
QUOTATIME="0"
CPUUNITS="1000"
"""
_VSWAP_SAMPLES = {"256m": "256M:512M", "512m": "512M:1G", "1024m": "1G:2G", "1g": "1G:2G", "2g": "2G:4G", "4g": "4G:8G"}

VZ_CONF = """## Global parameters
VIRTUOZZO=yes
LOCKDIR=/vz/lock
DUMPDIR=/vz/dump
VE0CPUUNITS=1000

## Logging parameters
LOGGING=yes
LOGFILE=/var/log/vzctl.log
LOG_LEVEL=0
VERBOSE=0

## Disk quota parameters
DISK_QUOTA=yes
VZFASTBOOT=no

STOP_TIMEOUT=120
TEMPLATE=/vz/template
VE_ROOT=/vz/root/$VEID
VE_PRIVATE=/vz/private/$VEID
VE_LAYOUT={layout}
DEF_OSTEMPLATE="centos-6-x86_64"
CONFIGFILE="basic"
NETFILTER="stateless"
"""


def sample_files() -> Iterator[tuple[str, str]]:
    """Name and text of the sample configurations that vzctl ships."""
    basic = "".join(f'{key}="{value}"\n' for key, value in BASIC_UBC.items())
    for name in ("basic", "light"):
        yield f"ve-{name}.conf-sample", basic + _SAMPLE_REST + 'NETFILTER="stateless"\n'
    for name, sizes in _VSWAP_SAMPLES.items():
        memory, swap = sizes.split(":")
        yield f"ve-vswap-{name}.conf-sample", f'PHYSPAGES="0:{memory}"\nSWAPPAGES="0:{swap}"\n{_SAMPLE_REST}'
