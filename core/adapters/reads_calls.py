"""The calls of the LLM, listed and each with its whole story. Each function uses one connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from core.adapters.postgres import Connection
from core.money_models import CallFilter, CallResult, CallStory, CallTask, CallView

PAGE_ROWS = 100
"""Rows of a list page: what a person scans; a filter finds the rest."""

TRIES = 50
"""Most other calls of a story: a task has at most some five attempts, each of few calls."""

_VIEW = """call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd::float8 AS cost_usd, purpose, subject, batch"""

_CALLS = f"""
SELECT {_VIEW} FROM assay_data.llm_calls_all
WHERE ($1 = '' OR lane = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR model = $3) AND ($4 = '' OR purpose = $4)
    AND ($5 = '' OR subject ->> 'query' = $5) AND started_at >= $6 AND started_at < $7
    AND ($8::uuid IS NULL OR tasks && ARRAY[$8::uuid])
ORDER BY started_at DESC, call_id LIMIT $9
"""  # noqa: S608 - parts of this file alone

_CALL = f"""
SELECT {_VIEW}, c.prompt_version, coalesce(p.system, '') AS system, request, reply, answered_by, fingerprint, error,
    endpoint, price_version, reserved_usd::float8 AS reserved_usd, reserved_tokens, tasks
FROM assay_data.llm_calls_all AS c LEFT JOIN assay_data.llm_prompts AS p USING (prompt_hash)
WHERE c.call_id = $1
"""  # noqa: S608 - parts of this file alone

_TASKS = """
SELECT task_id::text AS task_id, kind, lane, subject, state, reason, attempts, created_at, not_before, finished_at
FROM assay_data.tasks WHERE task_id = ANY($1::uuid[]) ORDER BY created_at, task_id
"""

_TRIES = f"""
SELECT {_VIEW} FROM assay_data.llm_calls_all
WHERE tasks && $1::uuid[] AND call_id <> $2 ORDER BY started_at, call_id LIMIT $3
"""  # noqa: S608 - parts of this file alone

_RESULTS = """
SELECT j.listing_id, coalesce(l.title, '') AS title, application, j.market, query, label, 0 AS score, confidence,
    reasoning
FROM assay_data.labels AS j LEFT JOIN assay_data.listings AS l USING (listing_id, market)
WHERE call_id = $1
UNION ALL
SELECT s.listing_id, '', '', '', '', '', score, NULL, reasoning FROM assay_data.image_scores AS s WHERE call_id = $1
UNION ALL
SELECT coalesce(a.listing ->> 'listing_id', anchor_id), coalesce(a.listing ->> 'title', ''), a.application, a.market,
    a.query, (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[o.grade + 1], 0, NULL,
    'An anchor, whose labels watch the judge; people graded it ' || a.human_grade || ' of 2.'
FROM assay_data.anchor_outcomes AS o JOIN assay_data.anchors AS a USING (anchor_id) WHERE o.call_id = $1
ORDER BY listing_id
"""

_STORY = ("prompt_version", "system", "request", "reply", "answered_by", "fingerprint", "error", "endpoint",
    "price_version", "reserved_usd", "reserved_tokens")  # fmt: skip

_ALWAYS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


async def calls(connection: Connection, wanted: CallFilter) -> list[CallView]:
    """The newest calls that are wanted, newest first, without what was said."""
    since, until = _ALWAYS
    if wanted.day is not None:
        since = datetime(wanted.day.year, wanted.day.month, wanted.day.day, tzinfo=UTC)
        until = since + timedelta(days=1)
    names = (wanted.lane, wanted.status, wanted.model, wanted.purpose, wanted.query)
    task = UUID(wanted.task) if wanted.task else None
    return [_view(row) for row in await connection.fetch(_CALLS, *names, since, until, task, PAGE_ROWS)]


async def call(connection: Connection, call_id: UUID) -> CallStory | None:
    """One call with all that was said, the tasks it was for, what came of it and their other calls."""
    row = await connection.fetchrow(_CALL, call_id)
    if row is None:
        return None
    tasks = row["tasks"]
    return CallStory(
        _view(row),
        tasks=[CallTask(**task) for task in await connection.fetch(_TASKS, tasks)],
        results=[CallResult(**found) for found in await connection.fetch(_RESULTS, call_id)],
        tries=[_view(other) for other in await connection.fetch(_TRIES, tasks, call_id, TRIES)] if tasks else [],
        **{name: row[name] for name in _STORY},
    )


def _view(row: asyncpg.Record) -> CallView:
    return CallView(
        call_id=str(row["call_id"]),
        lane=row["lane"],
        model=row["model"],
        status=row["status"],
        http_status=row["http_status"],
        started_at=row["started_at"],
        latency_ms=row["latency_ms"],
        input_tokens=row["input_tokens"],
        cached_tokens=row["cached_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        purpose=row["purpose"],
        subject=row["subject"],
        batch=row["batch"],
    )
