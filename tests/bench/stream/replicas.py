"""Two replicas against one on the same log, and who uses the cores meanwhile.

The log is sent in one transaction and the replicas join the group before it is committed: all of it turns up at once
for consumers that stand ready, so neither start nor rebalancing is in the figures.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from tests.bench.stream.records import PARTITIONS, shop_log
from tests.bench.stream.sending import ends, hidden, new_topic
from tests.bench.stream.servers import Cpu, Place, Servers, Service, connect
from tests.bench.stream.tables import Table, say
from tests.bench.stream.watching import State, applied_to, until

SETTLED_S = 3.0
"""After the last partition has its owner: what the hand-over still does is done."""


@dataclass(frozen=True)
class Sizes:
    """Records, and how often one and two take turns."""

    records: int
    rounds: int


QUICK = Sizes(300_000, 1)
FULL = Sizes(1_000_000, 3)


class Pass(NamedTuple):
    """One pass over the log."""

    replicas: int
    records: int
    wall: float
    own: float
    """CPU seconds of the replicas together."""
    others: Cpu

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.wall


async def replicas(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table: by rounds, one beside two."""
    rounds = []
    for _ in range(sizes.rounds):
        one, two = await _pass(servers, sizes.records, 1), await _pass(servers, sizes.records, 2)
        say(f"one {one.rate:,.0f}/s, two {two.rate:,.0f}/s")
        rounds.append((one, two))
    return [_table(sizes, rounds)]


async def _pass(servers: Servers, records: int, count: int) -> Pass:
    async with servers.place() as place:
        with (
            new_topic(place.bootstrap, place.topic),
            hidden(place.bootstrap, place.topic, shop_log(records)) as show,
            ExitStack() as stack,
        ):
            services = [stack.enter_context(place.service()) for _ in range(count)]
            return await _measured(servers, place, services, show, records)


async def _measured(
    servers: Servers, place: Place, services: list[Service], show: Callable[[], None], records: int
) -> Pass:
    connection = await connect(place)
    try:
        await until(connection, place.topic, shared_by(len(services)), *services)
        await asyncio.sleep(SETTLED_S)
        own, others, began = sum(service.cpu() for service in services), servers.cpu(), time.monotonic()
        await asyncio.to_thread(show)
        # The last offset of each partition is the transaction's end, which is no record.
        wanted = {partition: end - 1 for partition, end in ends(place.bootstrap, place.topic).items()}
        ended = await until(connection, place.topic, applied_to(wanted), *services)
        used = sum(service.cpu() for service in services) - own
        return Pass(len(services), records, ended - began, used, servers.cpu().since(others))
    finally:
        await connection.close()


def shared_by(count: int) -> Callable[[list[State]], bool]:
    """Whether so many owners have equal parts of the partitions."""
    return lambda found: sorted(Counter(s.owner for s in found).values()) == [PARTITIONS // count] * count


def _table(sizes: Sizes, rounds: list[tuple[Pass, Pass]]) -> Table:
    passes = [one for pair in rounds for one in pair]
    rows = [
        ["records/s", *(f"{one.rate:,.0f}" for one in passes)],
        ["times one", *(f"{one.rate / rounds[i // 2][0].rate:.2f}" for i, one in enumerate(passes))],
        ["`search-log`, all replicas: cores", *(f"{one.own / one.wall:.2f}" for one in passes)],
        ["PostgreSQL: cores", *(f"{one.others.postgres / one.wall:.2f}" for one in passes)],
        ["the broker: cores", *(f"{one.others.broker / one.wall:.2f}" for one in passes)],
        [
            "everything else on the machine: cores",
            *(f"{one.others.elsewhere(one.own, one.wall):.2f}" for one in passes),
        ],
        ["`search-log`: CPU s a million", *(f"{one.own / one.records * 1e6:.1f}" for one in passes)],
    ]
    note = f"{sizes.records:,} records in {PARTITIONS} partitions, {os.cpu_count()} cores for all that is named here"
    return Table(note, ["", *(f"{one.replicas} replica{'s' * (one.replicas - 1)}" for one in passes)], rows)
