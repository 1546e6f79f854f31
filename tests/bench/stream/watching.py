"""What a running service has applied, looked at from outside: in PostgreSQL, as everybody else would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import asyncpg

from tests.bench.stream.servers import Service

LOOK_S = 0.02
"""Between two looks: two of a hundred transactions a second are seen as one, and a look costs PostgreSQL a fifth of
a millisecond."""

LONGEST_S = 1_800.0
"""No wait of a benchmark is longer: a service that stands still ends it."""

_STATES = """
SELECT partition, epoch, owner, applied, open_sessions FROM assay_data.stream_partitions WHERE topic = $1
ORDER BY partition
"""


class State(NamedTuple):
    """A partition, as the database shows it."""

    partition: int
    epoch: int
    owner: str
    applied: int
    open_sessions: int


async def states(connection: asyncpg.Connection, topic: str) -> list[State]:
    """Every partition that was ever taken."""
    return [State(*row) for row in await connection.fetch(_STATES, topic)]


async def until(
    connection: asyncpg.Connection,
    topic: str,
    is_so: Callable[[list[State]], bool],
    *services: Service,
    longest_s: float = LONGEST_S,
) -> float:
    """The monotonic time at which it is so; TimeoutError, and RuntimeError when a service has ended."""
    async with asyncio.timeout(longest_s):
        while True:
            found = await states(connection, topic)
            now = time.monotonic()
            if is_so(found):
                return now
            for service in services:
                service.check()
            await asyncio.sleep(LOOK_S)


def taken(found: list[State]) -> bool:
    """Whether a first partition has an owner."""
    return bool(found)


def applied_to(ends: Mapping[int, int]) -> Callable[[list[State]], bool]:
    """Whether each partition is applied up to its end. `ends`: the offset of the next record."""
    wanted = {partition: end - 1 for partition, end in ends.items() if end > 0}
    return lambda found: {s.partition for s in found if s.applied >= wanted.get(s.partition, -1)} >= wanted.keys()


def applied_count(found: list[State]) -> int:
    """Records applied of all partitions, where every offset is a record."""
    return sum(state.applied + 1 for state in found)
