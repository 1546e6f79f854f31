"""Ten thousand listings with pictures behind a host that takes 0.2 s for each: kept at the limit, memory flat.

`assay run image-score --until-idle` as a process of its own with its decoders, a student live, its tasks queued before
it starts. The host counts what is under way; a picture is in one of the process's places a little longer than at the
host, as long as it is decoded. Each number of listings is a process of its own.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from tests.bench.judging.service import Replica
from tests.bench.pictures import student
from tests.bench.pictures.running import HOSTS, Host, Memory, queue, running, small_host
from tests.bench.stream.servers import Cpu, Place, Servers
from tests.bench.stream.tables import Table, say

LOOK_S = 0.25
PATIENCE = 20.0
"""Times the ideal time, after which a run is given up."""

SCORED = "SELECT count(*) FROM assay_data.image_scores WHERE tier = 'student'"


@dataclass(frozen=True)
class Sizes:
    """Listings of each run, the host's latency in seconds, pictures in flight, pictures the student learns from."""

    listings: tuple[int, ...]
    latency_s: float = 0.2
    in_flight: int = 16
    learnt: int = student.PICTURES


QUICK = Sizes((200, 1_000))
FULL = Sizes((1_000, 10_000))


@dataclass(frozen=True)
class Run:
    """One number of listings."""

    listings: int
    scored: int
    seconds: float
    host: dict[str, float]
    memory: Memory
    cpu: Cpu
    """Of broker, PostgreSQL and machine, from the start of the process to its end, which took `whole_s`."""
    whole_s: float


async def many(servers: Servers, sizes: Sizes) -> list[Table]:
    """Two tables: the limit, and memory."""
    scorer = student.made(sizes.learnt)
    runs = []
    for count in sizes.listings:
        async with servers.place() as place:
            with small_host(sizes.latency_s) as host:
                await student.promoted(place.dsn, scorer)
                await queue(place, host, count)
                runs.append(await _run(servers, place, host, sizes, count))
        say(f"{count:,} listings: {runs[-1].scored:,} scored in {runs[-1].seconds:.0f} s")
    return [_limit(runs, sizes), _memory(runs)]


async def _run(servers: Servers, place: Place, host: Host, sizes: Sizes, count: int) -> Run:
    memory, before, began = Memory(), servers.cpu(), time.monotonic()
    with running(place, "image-score", "--until-idle", image_in_flight=str(sizes.in_flight)) as service:
        await _watched(service, memory, sizes, count)
    cpu, whole_s = servers.cpu().since(before), time.monotonic() - began
    told = await host.under_way()
    connection = await asyncpg.connect(place.dsn)
    try:
        scored = await connection.fetchval(SCORED)
    finally:
        await connection.close()
    return Run(count, scored, told["seconds"], told, memory, cpu, whole_s)


async def _watched(service: Replica, memory: Memory, sizes: Sizes, count: int) -> None:
    until = time.monotonic() + 60 + PATIENCE * _ideal(sizes, count)
    while service.is_up() and time.monotonic() < until:
        memory.look(service.process.pid)
        await asyncio.sleep(LOOK_S)
    service.check()


def _ideal(sizes: Sizes, count: int) -> float:
    return count * sizes.latency_s / sizes.in_flight


def _limit(runs: list[Run], sizes: Sizes) -> Table:
    rows = [
        (
            f"{run.listings:,}",
            f"{run.scored:,}",
            f"{run.host['mean']:.1f} of {sizes.in_flight}",
            f"{run.host['most']:.0f}",
            f"{run.seconds:.1f}",
            f"{_ideal(sizes, run.listings):.1f}",
            f"{run.host['mean'] / sizes.in_flight:.2f}",
            f"{run.listings / run.seconds:.0f}",
            f"{run.memory.cpu_s / run.listings * 1_000:.0f}",
            f"{run.cpu.elsewhere(run.memory.cpu_s, run.whole_s):.1f}",
        )
        for run in runs
    ]
    columns = (
        "listings",
        "scored",
        "at the host, mean",
        "most",
        "seconds",
        "ideal",
        "of the limit",
        "pictures/s",
        "ms of CPU a picture",
        "cores that others used",
    )
    note = (
        f"Pictures under way at a host of {sizes.latency_s:g} s under {HOSTS} names; ideal: every place at the host "
        "all the time"
    )
    return Table(note, columns, rows)


def _memory(runs: list[Run]) -> Table:
    """The most there was, beside that of the fewest listings."""
    first = runs[0].memory
    rows = [
        (
            f"{run.listings:,}",
            f"{run.memory.main:.0f}",
            f"{run.memory.decoders:.0f}",
            f"{run.memory.together:.0f}",
            f"{run.memory.together / first.together:.2f}" if first.together else "",
        )
        for run in runs
    ]
    columns = ("listings", "process, MiB", "decoders, MiB", "together, MiB", f"of that of {runs[0].listings:,}")
    return Table("The most resident memory", columns, rows)
