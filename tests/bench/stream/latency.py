"""From a record to its pane, at a steady load.

A pane becomes visible when its session closes. Two measures, by another process than the one that sends:

- **panes**: ten times a second a session of one search is sent and at once the record, 31 minutes of log time later,
  that closes it: the clock runs from handing that record to the producer until a SELECT on the view shows the pane;
- **all records**: until `applied` of the record's partition, which stands in one transaction with the panes, has
  reached it.

A look at the database every 20 ms is part of both.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg
import numpy as np

from tests.bench.stream.records import MARKER, START_MS, STEP_MS, marker_query
from tests.bench.stream.sending import Sent, Steady, ends, loaded, new_topic
from tests.bench.stream.servers import Cpu, Servers, Service, connect
from tests.bench.stream.tables import Table, say
from tests.bench.stream.watching import LOOK_S, states, taken, until

_PANES = "SELECT query FROM assay.query_panes WHERE run = 'live' AND application = $1"


@dataclass(frozen=True)
class Sizes:
    """Records a second, and for how many seconds after the warm-up."""

    rate: int
    seconds: float
    warm_s: float = 10.0
    """Seconds left out before: connections, first statements, the first closed sessions."""
    last_s: float = 5.0
    """Seconds in which the last records may still be seen."""


QUICK = Sizes(5_000, 20.0)
FULL = Sizes(5_000, 120.0)


class Seen(NamedTuple):
    """What became visible when, in monotonic seconds."""

    applied: dict[int, list[tuple[float, int]]]
    panes: dict[str, float]


async def latency(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table: percentiles of both measures."""
    async with servers.place() as place:
        with new_topic(place.bootstrap, place.topic), place.service() as service:
            connection = await connect(place)
            try:
                await until(connection, place.topic, taken, service)
                first = ends(place.bootstrap, place.topic)
                steady = Steady(place.bootstrap, place.topic, sizes.rate, START_MS, STEP_MS, markers=True)
                with loaded(steady) as load:
                    say(f"{sizes.rate:,} records/s for {sizes.warm_s + sizes.seconds:.0f} s")
                    seen = Seen({number: [] for number in first}, {})
                    began, cpu, used = time.monotonic(), servers.cpu(), service.cpu()
                    await _look(connection, place.topic, seen, service, began + sizes.warm_s + sizes.seconds)
                    used, cpu, took = service.cpu() - used, servers.cpu().since(cpu), time.monotonic() - began
                    sent = await asyncio.to_thread(load.stop)
                    await _look(connection, place.topic, seen, service, time.monotonic() + sizes.last_s)
            finally:
                await connection.close()
    began += sizes.warm_s
    return [_table(sizes, _of_records(sent, seen, first, began), _of_panes(sent, seen, began), used / took, cpu, took)]


async def _look(connection: asyncpg.Connection, topic: str, seen: Seen, service: Service, until_s: float) -> None:
    while time.monotonic() < until_s:
        service.check()
        found, names = await states(connection, topic), await connection.fetch(_PANES, MARKER)
        now = time.monotonic()
        for state in found:
            changes = seen.applied[state.partition]
            if not changes or changes[-1][1] < state.applied:
                changes.append((now, state.applied))
        for (name,) in names:
            seen.panes.setdefault(name, now)
        await asyncio.sleep(LOOK_S)


def _of_records(sent: Sent, seen: Seen, first: dict[int, int], began: float) -> np.ndarray:
    """Seconds from sending to being applied, of all records sent since `began`; those never seen are infinite."""
    waits = []
    for partition, times in sent.times.items():
        changes = seen.applied[partition]
        at, applied = np.array([t for t, _ in changes]), np.array([a for _, a in changes])
        change = np.searchsorted(applied, first[partition] + np.arange(len(times)))
        waits.append(np.append(at, np.inf)[change] - np.array(times))
    started = np.concatenate([np.array(times) for times in sent.times.values()])
    return np.concatenate(waits)[started > began]


def _of_panes(sent: Sent, seen: Seen, began: float) -> np.ndarray:
    late = {number: at for number, at in sent.markers.items() if at > began}
    return np.array([seen.panes.get(marker_query(number), np.inf) - at for number, at in late.items()])


def _table(sizes: Sizes, records: np.ndarray, panes: np.ndarray, share: float, cpu: Cpu, took: float) -> Table:
    rows = [
        [name, f"{len(waits):,}", *(f"{np.quantile(waits, q, method='higher'):.3f}" for q in (0.5, 0.9, 0.99, 1.0))]
        for name, waits in (("to its pane in the view", panes), ("to `applied`, all records", records))
    ]
    note = (
        f"{sizes.rate:,} records/s for {sizes.seconds:.0f} s; of a core `search-log` used {share:.0%}, "
        f"PostgreSQL {cpu.postgres / took:.0%}, the broker {cpu.broker / took:.0%}"
    )
    return Table(note, ["seconds from sending", "measured", "p50", "p90", "p99", "longest"], rows)
