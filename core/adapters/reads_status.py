"""Where the service stands, and the dead letters behind the figures. Each function uses one connection."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.adapters import reads_batches
from core.adapters.postgres import Connection
from core.letter_models import DeadLetterView
from core.status_models import (
    HeldEndpoint,
    ReasonCount,
    Replica,
    Spend,
    StatusReport,
    StoppedModel,
    StreamPosition,
    TaskCount,
)

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

_STOPPED_MODELS = """
SELECT replica, endpoint, model, phase, why, since, until
FROM assay.llm_breakers ORDER BY since, replica, endpoint, model
"""

_HELD = """
SELECT endpoint, to_timestamp(until) AS until FROM assay_data.llm_holds
WHERE to_timestamp(until) > now() ORDER BY endpoint
"""

_TASKS = """
SELECT kind, lane, state, reason, count(*) AS count, min(created_at) AS oldest,
    min(not_before) FILTER (WHERE state = 'waiting') AS next_try
FROM assay_data.tasks GROUP BY kind, lane, state, reason ORDER BY kind, lane, state, reason
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


async def status(connection: Connection, now: datetime, spend: Spend) -> StatusReport:
    """Lag, tasks, spend of the UTC day, dead letters, outbox, replicas."""
    return StatusReport(
        at=now,
        streams=await streams(connection),
        tasks=[TaskCount(**row) for row in await connection.fetch(_TASKS)],
        spend=spend,
        dead_letters=await dead_letter_counts(connection),
        outbox_waiting=await connection.fetchval("SELECT count(*) FROM assay_data.outbox"),
        outbox_oldest=await connection.fetchval("SELECT time FROM assay_data.outbox ORDER BY id LIMIT 1"),
        replicas=[Replica(**row) for row in await connection.fetch(_REPLICAS)],
        stopped_models=[StoppedModel(**row) for row in await connection.fetch(_STOPPED_MODELS)],
        batches=await reads_batches.counts(connection),
        held_endpoints=[HeldEndpoint(**row) for row in await connection.fetch(_HELD)],
    )


async def streams(connection: Connection) -> list[StreamPosition]:
    """Every partition that was ever owned, by topic and number."""
    return [StreamPosition(**row) for row in await connection.fetch(_STREAMS)]


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
