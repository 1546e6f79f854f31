"""Resident memory: an open session's share, flatness under load, the most when the database or the log presses.

Each part is a run of its own. `VmHWM`, the most there was, counts what a snapshot takes for a moment too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import asyncpg
import numpy as np

from tests.bench.stream.records import PARTITIONS, START_MS, STEP_MS, Record, closing, full_log, open_sessions, shop_log
from tests.bench.stream.sending import Steady, ends, fill, loaded, new_topic
from tests.bench.stream.servers import MIB, Place, Servers, Service, connect
from tests.bench.stream.tables import Table, say
from tests.bench.stream.watching import applied_count, applied_to, states, taken, until

T = TypeVar("T")

OPENING_MS = 25 * 60_000.0
"""Log time in which all sessions are opened: under the 30 minutes after which one would be closed."""

TRICKLE_RATE = 200  # records a second, so that there is something to write
SAMPLE_S = 5.0
SAMPLES = 6  # at least, however short the load is
LAG_RECORDS = 200_000  # a load at full speed is sent in parts of half of it, so the broker keeps little
KEPT_BYTES = 256 * MIB  # of a partition's log, by the broker: a load of an hour is 20 GB
ENOUGH_MIB = 4_096.0
"""Above it the service is killed and the figure is "over": the machine is others' too."""

_STALL = "LOCK TABLE assay_data.stream_partitions IN ACCESS EXCLUSIVE MODE"


@dataclass(frozen=True)
class Sizes:
    """Open sessions at which memory is read; minutes of load; records of a backlog, and of 1 MiB each."""

    sessions: tuple[int, ...]
    minutes: float
    backlog: int
    full: int
    warm: int = 200_000
    """Records read, and their sessions closed, before the first figure: pools and buffers then have their size."""
    kept_s: float = 15.0
    """Under a trickle each partition's sessions are kept every 10 s; a figure is taken once all have been."""
    stall_s: float = 20.0


QUICK = Sizes((0, 25_000, 50_000), 0.5, 300_000, 300)
FULL = Sizes((0, 100_000, 200_000, 400_000), 5.0, 1_000_000, 2_000)


async def memory(servers: Servers, sizes: Sizes) -> list[Table]:
    """Three tables."""
    return [
        await _sessions(servers, sizes),
        await _flatness(servers, sizes.minutes),
        await _pressure(servers, sizes),
    ]


class Level(NamedTuple):
    """Memory with so many sessions open, MiB."""

    sessions: int
    rss: float
    peak: float


async def _sessions(servers: Servers, sizes: Sizes) -> Table:
    async def body(place: Place, connection: asyncpg.Connection, service: Service) -> list[Level]:
        await _read(place, connection, service, shop_log(sizes.warm))
        later = int(START_MS + sizes.warm * STEP_MS + 3_600_000)
        await _read(place, connection, service, closing(later))
        step, levels, opened = OPENING_MS / (3 * max(sizes.sessions)), [], 0
        for count in sizes.sessions:
            start = later + 3 * opened * step
            sent = open_sessions(opened, count - opened, start_ms=start, step_ms=step)
            await _read(place, connection, service, sent)
            opened = count
            levels.append(await _level(place, connection, service, start, sizes.kept_s))
            say(f"{levels[-1].sessions:,} open sessions: {levels[-1].rss:.0f} MiB")
        return levels

    levels = await _running(servers, body)
    rows = [
        [f"{now.sessions:,}", f"{now.rss:.0f}", f"{now.peak:.0f}", _share(now, before), _share(now, levels[0])]
        for before, now in zip([levels[0], *levels], levels, strict=False)
    ]
    note = "Memory by open sessions of three searches: resident, and of it what each further session added"
    since = ["KB a session since the row before", "KB a session since the first row"]
    return Table(note, ["open sessions", "resident, MiB", "most so far, MiB", *since], rows)


def _share(now: Level, before: Level) -> str:
    more = now.sessions - before.sessions
    return f"{(now.rss - before.rss) * MIB / 1_000 / more:.2f}" if more > 0 else ""


async def _read(place: Place, connection: asyncpg.Connection, service: Service, records: Iterable[Record]) -> None:
    await asyncio.to_thread(fill, place.bootstrap, place.topic, records)
    await until(connection, place.topic, applied_to(ends(place.bootstrap, place.topic)), service)


async def _level(place: Place, connection: asyncpg.Connection, service: Service, at_ms: float, kept_s: float) -> Level:
    with loaded(Steady(place.bootstrap, place.topic, TRICKLE_RATE, at_ms, 0.0)):
        await asyncio.sleep(kept_s)
        found = await states(connection, place.topic)
        return Level(sum(state.open_sessions for state in found), service.rss(), service.peak_rss())


async def _flatness(servers: Servers, minutes: float) -> Table:
    samples: list[tuple[float, float, int]] = []

    async def body(place: Place, connection: asyncpg.Connection, service: Service) -> None:
        log, sent, began = shop_log(10**12), 0, time.monotonic()
        while time.monotonic() - began < minutes * 60:
            done = applied_count(await states(connection, place.topic))
            if sent - done < LAG_RECORDS:
                part = [next(log) for _ in range(LAG_RECORDS // 10)]
                sent += (await asyncio.to_thread(fill, place.bootstrap, place.topic, part))[0]
            if time.monotonic() - began > len(samples) * min(SAMPLE_S, minutes * 60 / SAMPLES):
                service.check()
                samples.append((time.monotonic() - began, service.rss(), done))

    await _running(servers, body, kept_bytes=KEPT_BYTES)
    seconds, rss, done = (np.array(column, dtype=float) for column in zip(*samples, strict=True))
    later = seconds >= seconds[-1] / 3  # the first third fills what has a bound
    slope = np.polyfit(seconds[later], rss[later], 1)[0] * 3_600 if later.sum() > 2 else float("nan")
    rate = (done[-1] - done[0]) / (seconds[-1] - seconds[0])
    row = [f"{minutes:g}", f"{rate:,.0f}", f"{rss[0]:.0f}", f"{rss[later].min():.0f}", f"{rss[later].max():.0f}",
           f"{rss[-1]:.0f}", f"{slope:+.0f}"]  # fmt: skip
    columns = ["minutes", "records/s", "first, MiB", "least later", "most later", "last", "slope, MiB an hour"]
    return Table("Memory under a load that never ends; later: after the first third of the time", columns, [row])


async def _pressure(servers: Servers, sizes: Sizes) -> Table:
    stall = f"the database stands still for {sizes.stall_s:.0f} s, {sizes.backlog:,} records come"
    rows = [
        [f"a backlog of {sizes.backlog:,} records", *await _backlog(servers, shop_log(sizes.backlog))],
        [f"a backlog of {sizes.full:,} records of 1 MiB", *await _backlog(servers, full_log(sizes.full))],
        [stall, *await _stalled(servers, shop_log(sizes.backlog), sizes.stall_s)],
    ]
    return Table("The most memory under pressure", ["", "at the start, MiB", "most, MiB", "all applied"], rows)


async def _backlog(servers: Servers, records: Iterable[Record]) -> list[str]:
    async with servers.place() as place:
        with new_topic(place.bootstrap, place.topic):
            await asyncio.to_thread(fill, place.bootstrap, place.topic, records)
            connection = await connect(place)
            try:
                with place.service() as service:
                    await until(connection, place.topic, taken, service)
                    return await _guarded(place, connection, service)
            finally:
                await connection.close()


async def _stalled(servers: Servers, records: Iterable[Record], seconds: float) -> list[str]:
    async def body(place: Place, connection: asyncpg.Connection, service: Service) -> list[str]:
        other = await connect(place)
        try:
            async with other.transaction():
                await other.execute(_STALL)
                await asyncio.to_thread(fill, place.bootstrap, place.topic, records)
                await asyncio.sleep(seconds)
                say(f"after {seconds:.0f} s without database {service.rss():.0f} MiB")
        finally:
            await other.close()
        return await _guarded(place, connection, service)

    return await _running(servers, body)


async def _guarded(place: Place, connection: asyncpg.Connection, service: Service) -> list[str]:
    """Memory at first and at most until all is applied; given up above `ENOUGH_MIB`."""
    first, wanted = service.rss(), ends(place.bootstrap, place.topic)
    reading = asyncio.create_task(until(connection, place.topic, applied_to(wanted), service))
    while not reading.done() and service.rss() < ENOUGH_MIB:
        await asyncio.wait([reading], timeout=0.2)
    most = service.peak_rss()
    if not reading.done():
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        return [f"{first:.0f}", f"over {ENOUGH_MIB:.0f}", "no: given up"]
    reading.result()
    return [f"{first:.0f}", f"{most:.0f}", "yes"]


async def _running(
    servers: Servers, body: Callable[[Place, asyncpg.Connection, Service], Awaitable[T]], kept_bytes: int = -1
) -> T:
    """What `body` gives, with a service that has its partitions of an empty topic."""
    async with servers.place() as place:
        with new_topic(place.bootstrap, place.topic, kept_bytes), place.service() as service:
            connection = await connect(place)
            try:
                await until(connection, place.topic, lambda found: len(found) == PARTITIONS, service)
                return await body(place, connection, service)
            finally:
                await connection.close()
