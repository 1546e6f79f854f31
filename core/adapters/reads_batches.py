"""The batch lane for its page and `assay status`. Each function uses one connection; time is the database's."""

from __future__ import annotations

from core.adapters import llm_batch_statements as sql
from core.adapters.postgres import Connection
from core.batch_facts import BatchCounts, BatchReport, BatchSaving, BatchView

BATCH_ROWS = 100
"""Batches of the page: at one an hour and lane two days."""

SAVING_DAYS = 30
"""Days of what was saved: a month, as bills come."""

_BATCHES = """
SELECT batch_id, lane, model, state, provider_status, provider_id, requests, provider_done, answered, failed,
    unanswered, created_at, ordered_at, deadline_at, ended_at, cancel_asked_at, cost_usd::float8 AS cost_usd,
    live_usd::float8 AS live_usd, error
FROM assay_data.llm_batches ORDER BY state = 'ended', created_at DESC, batch_id LIMIT $1
"""

_SAVINGS = """
SELECT lane, model, count(*)::integer AS batches, sum(answered)::bigint AS answered,
    sum(unanswered)::bigint AS unanswered, sum(cost_usd)::float8 AS cost_usd, sum(live_usd)::float8 AS live_usd
FROM assay_data.llm_batches WHERE state = 'ended' AND created_at > now() - make_interval(days => $1)
GROUP BY lane, model ORDER BY lane, model
"""

_OLDEST = "SELECT min(collected_at) FROM assay_data.llm_batch_items WHERE state = 'collected'"


async def counts(connection: Connection) -> BatchCounts:
    """How the lane stands."""
    rows = await connection.fetch(sql.COUNTS, await connection.fetchval("SELECT now()"))
    return BatchCounts(**rows[0])


async def batches(connection: Connection) -> BatchReport:
    """The lane, open batches before those that have ended, newest first."""
    return BatchReport(
        counts=await counts(connection),
        oldest=await connection.fetchval(_OLDEST),
        batches=[BatchView(**row) for row in await connection.fetch(_BATCHES, BATCH_ROWS)],
        savings=[BatchSaving(**row) for row in await connection.fetch(_SAVINGS, SAVING_DAYS)],
        days=SAVING_DAYS,
    )
