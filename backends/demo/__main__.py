"""`python -m backends.demo`: serve a simulated fleet until a signal comes (or, with --until-eof, standard input ends).

The first line of the output is the path of the fleet file, printed when all nodes listen; a scenario with a culprit
prints `culprit NODE/ID` or `culprit NODE` as the second.
"""

from __future__ import annotations

import argparse
import sys

from . import scenarios


def main() -> int:
    parser = argparse.ArgumentParser(prog="backends.demo", description="A simulated fleet of OpenVZ hardware nodes.")
    parser.add_argument("--nodes", type=int, default=4, metavar="N", help="hardware nodes (default 4)")
    parser.add_argument("--containers", type=int, metavar="N", help="containers on each node (default 15)")
    parser.add_argument("--chaos", action="store_true", help="random faults from time to time")
    parser.add_argument(
        "--scenario", default="healthy", metavar="NAME", help="what goes wrong; `list` prints the names"
    )
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    if options.scenario == "list":
        print("\n".join(scenarios.listed()))
        return 0
    if options.scenario not in scenarios.SCENARIOS:
        names = ", ".join(scenarios.listed())
        parser.error(f"there is no scenario {options.scenario!r} (there are: {names})")
    scenario = scenarios.SCENARIOS[options.scenario]
    nodes = max(options.nodes, scenario.nodes)
    if not 1 <= options.nodes <= 99:
        parser.error("--nodes must be from 1 to 99")
    containers = options.containers if options.containers is not None else scenario.containers
    if not scenario.least_containers <= containers <= 900:
        parser.error(f"--containers must be from {scenario.least_containers} to 900 in the scenario {options.scenario}")

    from .run import serve

    return serve(nodes, containers, scenario, chaos=options.chaos, until_eof=options.until_eof)


if __name__ == "__main__":
    sys.exit(main())
