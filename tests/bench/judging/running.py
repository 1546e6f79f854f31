"""One whole run: pairs queued, replicas started, every task ended; what it took and what it left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import asyncpg

from tests.bench.judging.service import Fleet, ended, fleet, gone
from tests.bench.judging.work import Shape, put
from tests.bench.stream.servers import Cpu, Servers, connect
from tests.bench.stream.tables import say
from tests.support.provider import Call, Knobs, StandIn, Stats, started

LONGEST_S = 1_200.0
"""No run takes longer: a service that stands still ends it."""

RUNNING_S = 90.0
"""After the last task has ended, `--until-idle` ends within its pauses."""

LEDGER = """
SELECT c.status, c.started_at, c.latency_ms, c.cost_usd, coalesce(c.input_tokens, 0) AS input,
    coalesce(c.cached_tokens, 0) AS cached, coalesce(c.output_tokens, 0) AS output, coalesce(k.fingerprint, '') AS named
FROM assay.llm_calls AS c LEFT JOIN assay_data.llm_calls AS k ON k.call_id = c.call_id
ORDER BY c.started_at
"""
LABELS = """
SELECT application, market, query, listing_id, label, fingerprint, content_key FROM assay_data.labels
"""
TASKS = "SELECT state, reason, subject ->> 'query' AS query, subject ->> 'listing_id' AS listing FROM assay_data.tasks"
EVENTS = "SELECT count(*) FROM assay_data.outbox"
SPENT = "SELECT coalesce(sum(spent_usd + reserved_usd), 0) FROM assay_data.llm_spend"
MIXED = "UPDATE assay_data.tasks SET priority = random()"


@dataclass(frozen=True)
class Job:
    """What is run. `knobs`: the stand-in's; `settings`: the service's beyond the usual."""

    shape: Shape
    knobs: Knobs
    settings: Mapping[str, object] = field(default_factory=dict)
    replicas: int = 1
    mixed: bool = False
    """In no order: calls of one query are not side by side."""


class Entry(NamedTuple):
    """A call in the service's ledger. `named`: the fingerprint that its answer carried."""

    status: str
    started_at: datetime
    latency_ms: int | None
    cost_usd: Decimal
    input: int
    cached: int
    output: int
    named: str


class LabelRow(NamedTuple):
    """A label."""

    application: str
    market: str
    query: str
    listing_id: str
    label: str
    fingerprint: str
    content_key: str


class TaskRow(NamedTuple):
    """A task's end."""

    state: str
    reason: str
    query: str
    listing_id: str


@dataclass(frozen=True)
class Left:
    """What PostgreSQL holds at the end."""

    ledger: list[Entry]
    labels: list[LabelRow]
    tasks: list[TaskRow]
    events: int
    spent: Decimal

    @cached_property
    def named(self) -> frozenset[str]:
        """Fingerprints of the answers that the ledger knows."""
        return frozenset(entry.named for entry in self.ledger if entry.named)


@dataclass(frozen=True)
class Run:
    """Seconds: `start_s` from the command to its processes' start, `wall_s` from then to the last label."""

    job: Job
    start_s: float
    wall_s: float
    exit_s: float
    """From the last label to the end of the command."""
    own: float
    """CPU seconds of the replicas that lived to the end."""
    others: Cpu
    stats: Stats
    calls: list[Call]
    left: Left


Meanwhile = Callable[[Fleet], Awaitable[None]]
"""What is done to the replicas while they work."""


async def run(servers: Servers, job: Job, meanwhile: Meanwhile | None = None) -> Run:
    """Everything, on a database of its own."""
    knobs = job.knobs
    limits = {
        "llm_requests_per_minute": knobs.requests_per_minute or 10_000_000,
        "llm_tokens_per_minute": knobs.tokens_per_minute or 100_000_000_000,
    }
    async with servers.place() as place:
        await put(place, job.shape)
        connection = await connect(place)
        try:
            if job.mixed:
                await connection.execute(MIXED)
            await connection.execute("ANALYZE assay_data.tasks")
            with (
                started(knobs) as provider,
                fleet(place, provider, "--until-idle", **(limits | job.settings)) as replicas,
            ):
                return await _to_its_end(servers, job, connection, provider, replicas, meanwhile)
        finally:
            await connection.close()


async def _to_its_end(
    servers: Servers,
    job: Job,
    connection: asyncpg.Connection,
    provider: StandIn,
    replicas: Fleet,
    meanwhile: Meanwhile | None,
) -> Run:
    cpu = servers.cpu()
    first = [replicas.start() for _ in range(job.replicas)]
    began = [await replica.started() for replica in first]
    doing = asyncio.create_task(meanwhile(replicas)) if meanwhile else None
    done = await ended(connection, replicas, LONGEST_S)
    own, others = sum(replica.cpu() for replica in replicas.up()), servers.cpu().since(cpu)
    now = asyncio.get_running_loop().time()
    say(f"{done.tasks:,} pairs in {done.last - min(began):.1f} s")
    if doing is not None:
        await doing
    await gone(replicas, RUNNING_S)
    return Run(
        job,
        max(one - replica.began for one, replica in zip(began, first, strict=True)),
        done.last - min(began),
        asyncio.get_running_loop().time() - now,
        own,
        others,
        await provider.stats(),
        await provider.calls(),
        await _left(connection),
    )


async def _left(connection: asyncpg.Connection) -> Left:
    return Left(
        [Entry(*row) for row in await connection.fetch(LEDGER)],
        [LabelRow(*row) for row in await connection.fetch(LABELS)],
        [TaskRow(*row) for row in await connection.fetch(TASKS)],
        await connection.fetchval(EVENTS),
        await connection.fetchval(SPENT),
    )
