"""How soon panes move again after kill -9 and after a clean stop, with many sessions open.

Sessions of three searches are opened and stay open while a load goes on in the log's own time. The service is stopped,
another is started at once; the clock runs from the moment the new one takes a partition (its epoch in
`stream_partitions`) to the moment that partition's `applied` moves, which is one transaction with its panes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from tests.bench.stream.records import PARTITIONS, START_MS, open_sessions
from tests.bench.stream.sending import Steady, ends, fill, loaded, new_topic
from tests.bench.stream.servers import Place, Servers, Service, connect
from tests.bench.stream.tables import Table, say
from tests.bench.stream.watching import LOOK_S, State, applied_to, states, until

OPENING_MS = 20 * 60_000.0
"""Log time in which the sessions are opened: under the 30 minutes after which one would be closed."""

BETWEEN_S = 5.0
"""From a partition's last snapshot to the kill: half of the interval on average, so neither best nor worst."""

_SNAPSHOTS = """
SELECT count(*) FROM assay_data.session_snapshots WHERE topic = $1 AND taken_at > $2
"""
_READ_BACK = """
SELECT coalesce(sum(p.applied - s.at_offset), 0) FROM assay_data.stream_partitions AS p
JOIN assay_data.session_snapshots AS s USING (topic, partition) WHERE topic = $1
"""


@dataclass(frozen=True)
class Sizes:
    """Open sessions, and the load meanwhile in records a second."""

    sessions: int
    rate: int
    kept: bool = True
    """Whether to wait, before each stop, until every partition's sessions have been kept since the load is read."""
    kafka_options: str = "{}"


QUICK = Sizes(50_000, 2_000)
FULL = Sizes(200_000, 5_000)


class Restart(NamedTuple):
    """Seconds, but for the first two."""

    open_sessions: int
    read_back: int
    ended: float
    """From the signal until the old process was gone."""
    assigned: float
    """From there until the new one had taken its last partition."""
    first: float
    last: float
    """From its assignment until a partition moved: the first one, and the one that took longest."""


async def restart(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table: kill -9 beside a clean stop."""
    async with servers.place() as place:
        with new_topic(place.bootstrap, place.topic):
            step = OPENING_MS / (3 * sizes.sessions)
            fill(place.bootstrap, place.topic, open_sessions(0, sizes.sessions, start_ms=START_MS, step_ms=step))
            connection = await connect(place)
            try:
                found = await _both(place, connection, sizes)
            finally:
                await connection.close()
    return [_table(sizes, found)]


async def _both(place: Place, connection: asyncpg.Connection, sizes: Sizes) -> list[tuple[str, Restart]]:
    wanted = ends(place.bootstrap, place.topic)
    load = Steady(place.bootstrap, place.topic, sizes.rate, START_MS + OPENING_MS, 1_000 / sizes.rate)
    with place.service(kafka_options=sizes.kafka_options) as first:
        await until(connection, place.topic, applied_to(wanted), first)
        with loaded(load):
            await _settled(place, connection, sizes)
            say("kill -9")
            killed_at, before = time.monotonic(), await _before(place, connection)
            first.kill9()
            with place.service(kafka_options=sizes.kafka_options) as second:
                killed = await _watch(place, connection, second, before, killed_at, time.monotonic())
                await _settled(place, connection, sizes)
                say("a clean stop")
                stopped_at, _ = time.monotonic(), await second.terminate()
                before = await _before(place, connection)
                with place.service(kafka_options=sizes.kafka_options) as third:
                    stopped = await _watch(place, connection, third, before, stopped_at, time.monotonic())
    return [("kill -9", killed), ("clean stop", stopped)]


class Before(NamedTuple):
    """What stood in the database when the old process went."""

    states: list[State]
    read_back: int


async def _before(place: Place, connection: asyncpg.Connection) -> Before:
    return Before(await states(connection, place.topic), await connection.fetchval(_READ_BACK, place.topic))


async def _settled(place: Place, connection: asyncpg.Connection, sizes: Sizes) -> None:
    """Every partition is at the load's pace again, and its sessions have been kept since."""

    await until(connection, place.topic, applied_to(ends(place.bootstrap, place.topic)))
    now = await connection.fetchval("SELECT now()")
    kept = 0
    while sizes.kept and kept < PARTITIONS:
        kept = await connection.fetchval(_SNAPSHOTS, place.topic, now)
        await asyncio.sleep(1)
    await asyncio.sleep(BETWEEN_S if sizes.kept else 0)


async def _watch(
    place: Place, connection: asyncpg.Connection, service: Service, before: Before, told: float, gone: float
) -> Restart:
    """Watch until every partition has been taken by the new process and has moved."""
    was = {state.partition: state for state in before.states}
    taken: dict[int, float] = {}
    moved: dict[int, float] = {}
    async with asyncio.timeout(300):
        while len(moved) < len(was):
            service.check()
            for state in await states(connection, place.topic):
                if state.epoch > was[state.partition].epoch:
                    taken.setdefault(state.partition, time.monotonic())
                if state.applied > was[state.partition].applied:
                    moved.setdefault(state.partition, time.monotonic())
            await asyncio.sleep(LOOK_S)
    waits = [moved[number] - taken[number] for number in was]
    count = sum(state.open_sessions for state in before.states)
    return Restart(count, before.read_back, gone - told, max(taken.values()) - gone, min(waits), max(waits))


def _table(sizes: Sizes, found: list[tuple[str, Restart]]) -> Table:
    rows = [
        ["open sessions", *(f"{one.open_sessions:,}" for _, one in found)],
        ["records between the last snapshots and the end, to be read again", *(f"{o.read_back:,}" for _, o in found)],
        ["signal to the process's end, s", *(f"{one.ended:.2f}" for _, one in found)],
        ["its end to the new one's assignment, s", *(f"{one.assigned:.2f}" for _, one in found)],
        ["assignment until the first partition's panes move, s", *(f"{one.first:.2f}" for _, one in found)],
        ["assignment until the last partition's panes move, s", *(f"{one.last:.2f}" for _, one in found)],
    ]
    note = f"{sizes.sessions:,} sessions of three searches opened before, {sizes.rate:,} records/s meanwhile"
    return Table(note, ["", *(name for name, _ in found)], rows)
