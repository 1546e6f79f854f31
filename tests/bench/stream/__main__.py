"""`python -m tests.bench.stream compare|restart|latency|memory|replicas|all [--quick]`: docs/benchmarks.md's tables."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
from typing import TypeVar

from tests.bench.stream import compare, latency, memory, replicas, restart, servers
from tests.bench.stream.tables import Table, show

T = TypeVar("T", compare.Sizes, restart.Sizes, latency.Sizes, memory.Sizes, replicas.Sizes)
NAMES = ("compare", "restart", "latency", "memory", "replicas")


def main() -> None:
    arguments = _parsed()
    signal.signal(signal.SIGTERM, _interrupt)  # so that servers and services are stopped on SIGTERM as on Ctrl-C
    wanted = NAMES if arguments.name == "all" else (arguments.name,)
    with servers.started() as running:
        for name in wanted:
            print(f"\n## {name}\n", flush=True)
            for table in asyncio.run(_bench(name, running, arguments)):
                show(table)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stream", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--quick", action="store_true", help="smaller sizes: to see that it works, not for figures")
    parser.add_argument("--records", type=int, help="compare, replicas: records of the log")
    parser.add_argument("--rounds", type=int, help="compare, replicas: how often those compared take turns")
    parser.add_argument("--sessions", type=int, help="restart: open sessions")
    parser.add_argument("--rate", type=int, help="restart, latency: records a second")
    parser.add_argument("--seconds", type=float, help="latency: how long")
    parser.add_argument("--minutes", type=float, help="memory: how long the load goes on")
    return parser.parse_args()


async def _bench(name: str, running: servers.Servers, given: argparse.Namespace) -> list[Table]:
    match name:
        case "compare":
            return await compare.compare(running, _sizes(compare.QUICK, compare.FULL, given))
        case "restart":
            return await restart.restart(running, _sizes(restart.QUICK, restart.FULL, given))
        case "latency":
            return await latency.latency(running, _sizes(latency.QUICK, latency.FULL, given))
        case "memory":
            return await memory.memory(running, _sizes(memory.QUICK, memory.FULL, given))
    return await replicas.replicas(running, _sizes(replicas.QUICK, replicas.FULL, given))


def _sizes(quick: T, full: T, given: argparse.Namespace) -> T:
    """The usual ones, but for what was given and is among them; `memory` takes its sessions as they are."""
    sizes = quick if given.quick else full
    names = {field.name for field in dataclasses.fields(sizes)} - ({"sessions"} if given.name == "memory" else set())
    asked = {name: getattr(given, name, None) for name in names}
    return dataclasses.replace(sizes, **{name: value for name, value in asked.items() if value is not None})


if __name__ == "__main__":
    main()
