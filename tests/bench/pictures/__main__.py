"""`python -m tests.bench.pictures throughput|many|latency|all [--quick]`: docs/benchmarks.md's tables of pictures.

`python -m tests.bench.pictures report [--pictures DIR] [--out FILE]`: docs/picture-report.md.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from tests.bench.pictures import latency, many, report, throughput
from tests.bench.stream import servers
from tests.bench.stream.tables import Table, show
from tests.support.needs import SHARED_DATA

T = TypeVar("T", throughput.Sizes, many.Sizes, latency.Sizes)
NAMES = ("throughput", "many", "latency")


def main() -> None:
    arguments = _parsed()
    signal.signal(signal.SIGTERM, _interrupt)  # so that servers and services are stopped on SIGTERM as on Ctrl-C
    if arguments.name == "report":
        report.write(arguments.pictures, arguments.out)
        return
    wanted = NAMES if arguments.name == "all" else (arguments.name,)
    for name in wanted:
        print(f"\n## {name}\n", flush=True)
        for table in _bench(name, arguments):
            show(table)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pictures", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all", "report"])
    parser.add_argument("--quick", action="store_true", help="smaller sizes: to see that it works, not for figures")
    parser.add_argument("--rounds", type=int, help="throughput: how often both sides take turns")
    parser.add_argument("--in-flight", type=int, help="many: pictures under way")
    parser.add_argument("--rate", type=float, help="latency: listings a second")
    parser.add_argument("--seconds", type=float, help="latency: how long")
    parser.add_argument("--backlog", type=int, help="latency: older tasks that wait")
    parser.add_argument("--latency-s", type=float, help="many, latency: of the picture host")
    parser.add_argument("--pictures", type=Path, default=SHARED_DATA / "images", help="report: with an index.csv")
    parser.add_argument("--out", type=Path, help="report: the page, else it is printed")
    return parser.parse_args()


def _bench(name: str, given: argparse.Namespace) -> list[Table]:
    if name == "throughput":
        return asyncio.run(throughput.throughput(_sizes(throughput.QUICK, throughput.FULL, given)))
    with ExitStack() as stack:
        running = stack.enter_context(servers.started())
        if name == "many":
            return asyncio.run(many.many(running, _sizes(many.QUICK, many.FULL, given)))
        return asyncio.run(latency.latency(running, _sizes(latency.QUICK, latency.FULL, given)))


def _sizes(quick: T, full: T, given: argparse.Namespace) -> T:
    """The usual ones, but for what was given and is among them."""
    sizes = quick if given.quick else full
    asked = {field.name: getattr(given, field.name, None) for field in dataclasses.fields(sizes)}
    return dataclasses.replace(sizes, **{name: value for name, value in asked.items() if value is not None})


if __name__ == "__main__":
    main()
