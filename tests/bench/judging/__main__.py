"""`python -m tests.bench.judging steady|pairs|calls|faults|kills|all [--quick]`: docs/benchmarks.md's tables."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys
from typing import TypeVar

from tests.bench.judging import calls, faults, kills, pairs, steady
from tests.bench.stream import servers
from tests.bench.stream.tables import Table, show

T = TypeVar("T", steady.Sizes, pairs.Sizes, calls.Sizes, faults.Sizes, kills.Sizes)
NAMES = ("steady", "pairs", "calls", "faults", "kills")


def main() -> None:
    arguments = _parsed()
    signal.signal(signal.SIGTERM, _interrupt)  # so that servers and services are stopped on SIGTERM as on Ctrl-C
    wanted = NAMES if arguments.name == "all" else (arguments.name,)
    failed = False
    with servers.started() as running:
        for name in wanted:
            print(f"\n## {name}\n", flush=True)
            for table in asyncio.run(_bench(name, running, arguments)):
                show(table)
                failed |= any(row[0] == "FAIL" for row in table.rows)
    sys.exit(1 if failed else 0)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judging", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"], nargs="?", default="all")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: to see that it works, not for figures")
    parser.add_argument("--limits", help="steady: one pair of limits, such as 6000,4000000")
    parser.add_argument("--replicas", help="steady: such as 1,3; others: how many")
    parser.add_argument("--charge", choices=("used", "asked", "settled"), help="how the stand-in charges tokens")
    parser.add_argument("--start", type=float, help="steady, pairs: how full its buckets are at the start, 0 to 1")
    parser.add_argument("--burst-s", type=float, help="steady, pairs: 1: it enforces its limits by the second")
    parser.add_argument("--warm-s", type=float, help="steady: seconds before the window")
    parser.add_argument("--window-s", type=float, help="steady: seconds of the window")
    parser.add_argument("--queries", type=int, help="pairs, faults, kills: how many")
    parser.add_argument("--products", type=int, help="steady: a call; calls: a request; faults, kills: a query")
    parser.add_argument("--rounds", type=int, help="calls: how often those compared take turns")
    parser.add_argument("--seconds", type=float, help="calls: of each turn")
    parser.add_argument("--kills", type=int, help="kills: how many")
    return parser.parse_args()


async def _bench(name: str, running: servers.Servers, given: argparse.Namespace) -> list[Table]:
    match name:
        case "steady":
            return await steady.steady(running, steady.only(_sizes(steady.QUICK, steady.FULL, given), given.limits))
        case "pairs":
            return await pairs.pairs(running, _sizes(pairs.QUICK, pairs.FULL, given))
        case "calls":
            return await calls.calls(running, _sizes(calls.QUICK, calls.FULL, given))
        case "faults":
            return await faults.faults(running, _sizes(faults.QUICK, faults.FULL, given))
    return await kills.kills(running, _sizes(kills.QUICK, kills.FULL, given))


def _sizes(quick: T, full: T, given: argparse.Namespace) -> T:
    """The usual ones, but for what was given and is among them."""
    sizes = quick if given.quick else full
    asked: dict[str, object] = {
        field.name: getattr(given, field.name, None) for field in dataclasses.fields(sizes) if field.name != "limits"
    }
    if given.replicas:
        counts = tuple(int(part) for part in given.replicas.split(","))
        asked["replicas"] = counts if isinstance(sizes, steady.Sizes) else counts[0]
    return dataclasses.replace(sizes, **{name: value for name, value in asked.items() if value is not None})


if __name__ == "__main__":
    main()
