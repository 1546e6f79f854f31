"""Where the service stands, and the calls and dead letters behind the figures. Each function uses one connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from core.adapters.postgres import Connection
from core.letter_models import DeadLetterView
from core.read_models import CallStory, CallView
from core.read_ports import ReasonCount, Replica, Spend, StatusReport, StreamPosition, TaskCount

PAGE_ROWS = 100
"""Rows of a list page: what a person scans; a filter finds the rest."""

PREVIEW_BYTES = 1_024
"""Bytes of a dead letter shown: enough to see what it is, while a stored payload has up to 64 KiB."""

_STREAMS = """
SELECT topic, partition, applied, end_offset, watermark, open_sessions, owner, updated_at,
    stopped, stopped_detail, stopped_at, pass_until, missing
FROM assay_data.stream_partitions ORDER BY topic, partition
"""

_REPLICAS = """
SELECT name, processes, started_at, seen_at, extract(epoch FROM now() - seen_at)::float8 AS silent_s
FROM assay_data.replicas ORDER BY name
"""

_TASKS = """
SELECT kind, lane, state, reason, count(*) AS count, min(created_at) AS oldest
FROM assay_data.tasks GROUP BY kind, lane, state, reason ORDER BY kind, lane, state, reason
"""

_SPEND = """
SELECT (SELECT coalesce(sum(spent_usd), 0) FROM assay_data.llm_spend WHERE day >= $2)::float8 AS usd,
    (SELECT coalesce(sum(reserved_usd), 0) FROM assay_data.llm_spend WHERE day >= $2)::float8 AS reserved_usd,
    count(*) AS calls, count(*) FILTER (WHERE status NOT IN ('ok', 'running')) AS failed,
    coalesce(sum(input_tokens), 0)::bigint AS input_tokens, coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
    coalesce(sum(output_tokens), 0)::bigint AS output_tokens
FROM assay_data.llm_calls_all WHERE started_at >= $1
"""

_DEAD_COUNTS = """
SELECT reason, topic, count(*) AS count, max(received_at) AS newest
FROM assay_data.dead_letters GROUP BY reason, topic ORDER BY count(*) DESC, reason, topic
"""

_DEAD = """
SELECT run, topic, partition, "offset", reason, detail, substring(payload FROM 1 FOR $3) AS payload,
    octet_length(payload) AS size, received_at, requeued_at, requeue_confirmed_at
FROM assay_data.dead_letters
WHERE ($1 = '' OR reason = $1) AND ($2 = '' OR topic = $2)
ORDER BY received_at DESC, topic, partition, "offset" DESC LIMIT $4
"""

_CALLS = """
SELECT call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd::float8 AS cost_usd, purpose, subject
FROM assay_data.llm_calls_all
WHERE ($1 = '' OR lane = $1) AND ($2 = '' OR status = $2) ORDER BY started_at DESC, call_id LIMIT $3
"""

_CALL = """
SELECT c.call_id, c.lane, c.model, c.status, c.http_status, c.started_at, c.latency_ms, c.input_tokens,
    c.cached_tokens, c.output_tokens, c.cost_usd::float8 AS cost_usd, c.purpose, c.subject,
    c.prompt_version, coalesce(p.system, '') AS system, c.request, c.reply, c.answered_by, c.fingerprint, c.error
FROM assay_data.llm_calls_all AS c LEFT JOIN assay_data.llm_prompts AS p USING (prompt_hash)
WHERE c.call_id = $1
"""

_STORY = ("prompt_version", "system", "request", "reply", "answered_by", "fingerprint", "error")


def day_start(now: datetime) -> datetime:
    """Midnight of the UTC day: budgets are by UTC day."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def status(connection: Connection, now: datetime, budget_usd: float) -> StatusReport:
    """Lag, tasks, spend of the UTC day, dead letters, outbox, replicas."""
    return StatusReport(
        at=now,
        streams=await streams(connection),
        tasks=[TaskCount(**row) for row in await connection.fetch(_TASKS)],
        spend=await spend(connection, now, budget_usd),
        dead_letters=await dead_letter_counts(connection),
        outbox_waiting=await connection.fetchval("SELECT count(*) FROM assay_data.outbox"),
        outbox_oldest=await connection.fetchval("SELECT time FROM assay_data.outbox ORDER BY id LIMIT 1"),
        replicas=[Replica(**row) for row in await connection.fetch(_REPLICAS)],
    )


async def streams(connection: Connection) -> list[StreamPosition]:
    """Every partition that was ever owned, by topic and number."""
    return [StreamPosition(**row) for row in await connection.fetch(_STREAMS)]


async def spend(connection: Connection, since: datetime, budget_usd: float) -> Spend:
    """What the UTC days from that of `since` on have cost so far."""
    row = await connection.fetchrow(_SPEND, day_start(since), since.astimezone(UTC).date())
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always has its row
    return Spend(budget_usd=budget_usd, **row)


async def made_since_yesterday(connection: Connection, now: datetime) -> tuple[dict[str, int], int]:
    """(labels by label, picture scores) of the last 24 hours."""
    since = now - timedelta(days=1)
    labels = await connection.fetch(
        "SELECT label, count(*) FROM assay_data.labels WHERE judged_at > $1 GROUP BY label", since
    )
    scores = await connection.fetchval("SELECT count(*) FROM assay_data.image_scores WHERE judged_at > $1", since)
    return {row["label"]: row["count"] for row in labels}, scores


async def dead_letter_counts(connection: Connection) -> list[ReasonCount]:
    """Dead letters by reason and topic, most first."""
    return [ReasonCount(**row) for row in await connection.fetch(_DEAD_COUNTS)]


async def dead_letters(connection: Connection, reason: str, topic: str) -> list[DeadLetterView]:
    """The newest, with the beginning of their payload."""
    rows = await connection.fetch(_DEAD, reason, topic, PREVIEW_BYTES, PAGE_ROWS)
    return [DeadLetterView(**row) for row in rows]


async def calls(connection: Connection, lane: str, status: str) -> list[CallView]:
    """The newest calls, without what was said."""
    return [_call(row) for row in await connection.fetch(_CALLS, lane, status, PAGE_ROWS)]


async def call(connection: Connection, call_id: UUID) -> CallStory | None:
    """One call with all that was said."""
    row = await connection.fetchrow(_CALL, call_id)
    return None if row is None else CallStory(_call(row), **{name: row[name] for name in _STORY})


def _call(row: asyncpg.Record) -> CallView:
    fields = {name: value for name, value in row.items() if name not in _STORY}
    return CallView(**fields | {"call_id": str(row["call_id"])})
