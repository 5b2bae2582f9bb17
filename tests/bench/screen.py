"""The deck with 10,000 containers on a terminal of 200x50, each second new figures, beside Textual's DataTable."""

from __future__ import annotations

from collections.abc import Iterator

from .figure import Figure
from .terminal import measure

CONTAINERS = "10000"


def figures() -> Iterator[Figure]:
    all_of, peer = measure("tests.bench.replay", [CONTAINERS, "1"]), measure("tests.bench.datatable", [CONTAINERS, "1"])
    tenth, still = measure("tests.bench.replay", [CONTAINERS, "0.1"]), measure("tests.bench.replay", [CONTAINERS, "0"])
    name = "screen: 10,000 rows, all change at 1 Hz"
    # goals are absolute: the peer stands beside for the ratio
    yield Figure(f"{name}, CPU", all_of.cpu_percent, peer.cpu_percent, "DataTable", "%", 5.0, "one run", absolute=True)
    yield Figure(f"{name}, key p95", all_of.key_p95, peer.key_p95, "DataTable", "ms", 16.0, "one run", absolute=True)
    yield Figure(
        f"{name}, bytes",
        all_of.bytes_per_second / 1000,
        peer.bytes_per_second / 1000,
        "DataTable",
        "kB/s",
        12.0,
        "one run",
        absolute=True,
    )
    yield Figure("screen: 10 % change, bytes", tenth.bytes_per_second / 1000, None, "", "kB/s", 2.0, "one run")
    yield Figure("screen: nothing changes, bytes", still.bytes_per_second / 1000, None, "", "kB/s", 0.0, "one run")
    yield Figure(f"{name}, memory", all_of.rss_mb, peer.rss_mb, "DataTable", "MB", 150.0, "one run", absolute=True)
