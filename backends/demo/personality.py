"""What the tools of a simulated node claim to run on.

`upstream` agrees with recorded transcripts of the real vzctl 4.11.1 on an ordinary kernel, its lies included; the
differential test replays them. `openvz`, the demo's, does what only an OpenVZ kernel can; no such kernel was at hand,
so it follows the sources of vzctl and of the kernel. What differs:

                            upstream                                 openvz (from the sources)
    first line              "Directory /proc/vz not found ..."       nothing
    --ram, --swap           refused, 3                               sets PHYSPAGES and SWAPPAGES
    suspend, resume         needs CRIU, fails with 16 and 17         checkpoint in /vz/dump/Dump.ID
    ploop                   create 99; a stopped one can be changed  start, mount, resize, snapshot of a running one
    --iolimit, --iopslimit  148 on a running container               applied
    simfs disk quota        62 on a running container (no vzquota)   applied
    --ipdel all             100 on a running container (no veinfo)   works
    an IP used on the node  not noticed                              78 when the other one runs
    exec                    three complaints on stderr               silent
"""

from __future__ import annotations

UPSTREAM = "upstream"
OPENVZ = "openvz"
