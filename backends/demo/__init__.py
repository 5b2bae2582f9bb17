"""Simulated OpenVZ hardware nodes: real SSH, a real /bin/sh, and tools that keep configuration and kernel files like a node.

Run it with `python -m backends.demo`. What stands where:

    fleet.py        which nodes and containers there are; writes one tree of files for each node, and the fleet file
    server.py       one SSH server for each node; processes.py: what runs on a node, and how it ends
    simulation.py   what the containers do over time; kernel_files.py: how the kernel would say so
    scenarios.py    what goes wrong, and where; chaos.py: random faults
    vzlist.py vzctl.py ploop.py inside.py    the tools (each call is a process of its own)
    tree.py vzconf.py resources.py personality.py    what the tools and the simulation share: files, nothing else

The tools import only the standard library, so that they start fast.
"""
