"""Simulated OpenVZ hardware nodes: real SSH, a real /bin/sh, and tools that keep configuration and kernel files like a node.

Run it with `python -m backends.demo`. What stands where:

    fleet.py        which nodes and containers there are; writes one tree of files for each node, and the fleet file
    run.py          from the first file to the last process
    server.py       one SSH server for each node; processes.py: what runs on a node, and how it ends
    simulation.py   the kernel of a node, over time; cell.py: one container in it; kernel_files.py: how a kernel writes
    scenarios.py    what goes wrong, and where; chaos.py: random faults
    vzlist*.py vzctl*.py snapshots.py ploop*.py inside.py    the tools (each call is a process of its own)
    tree.py vzconf.py resources.py workload.py personality.py    what tools and simulation share: files, nothing else

The tools import only the standard library, so that they start fast.
"""
