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

VIEW = """call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd::float8 AS cost_usd, purpose, subject, batch"""

_CALLS = f"""
SELECT {VIEW} FROM assay_data.llm_calls_all
WHERE ($1 = '' OR lane = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR model = $3) AND ($4 = '' OR purpose = $4)
    AND started_at >= $5 AND started_at < $6 AND ($7::uuid IS NULL OR tasks && ARRAY[$7::uuid])
"""  # noqa: S608 - parts of this file alone

_NEWEST = "ORDER BY started_at DESC, call_id LIMIT $8"

# Each of these is there only where it is asked for, so that its index is used.
_OF_QUERY = "AND subject ->> 'query' = {}"
_OF_JUDGE = """AND subject ->> 'judge' = ANY(
    ARRAY(SELECT {0} UNION SELECT version FROM assay_data.judges WHERE name = {0}))"""
_OF_RUN = """AND subject ->> 'eval_run' = ANY(
    ARRAY(SELECT {0} UNION SELECT run_id::text FROM assay_data.eval_runs WHERE name = {0}))"""
_OF_LISTING = "AND call_id = ANY({}::uuid[])"

_CALLS_OF_LISTING = """
SELECT call_id FROM assay_data.labels WHERE listing_id = $1
UNION SELECT call_id FROM assay_data.image_scores WHERE listing_id = $1
UNION SELECT s.call_id FROM assay_data.shadow_labels AS s JOIN assay_data.labels AS l ON l.event_id = s.live_event_id
    WHERE l.listing_id = $1
UNION SELECT s.call_id FROM assay_data.shadow_scores AS s
    JOIN assay_data.image_scores AS i ON i.event_id = s.live_event_id WHERE i.listing_id = $1
UNION SELECT e.call_id FROM assay_data.eval_items AS i JOIN assay_data.eval_results AS e USING (item_id)
    WHERE i.listing_id = $1
UNION SELECT call_id FROM assay_data.llm_calls_all
    WHERE tasks && ARRAY(SELECT task_id FROM assay_data.tasks WHERE subject ->> 'listing_id' = $1)
"""

_CALL = f"""
SELECT {VIEW}, c.prompt_version, coalesce(p.system, '') AS system, request, reply, answered_by, fingerprint, error,
    endpoint, price_version, reserved_usd::float8 AS reserved_usd, reserved_tokens, tasks
FROM assay_data.llm_calls_all AS c LEFT JOIN assay_data.llm_prompts AS p USING (prompt_hash)
WHERE c.call_id = $1
"""  # noqa: S608 - parts of this file alone

_TASKS = """
SELECT task_id::text AS task_id, kind, lane, subject, state, reason, attempts, created_at, not_before, finished_at
FROM assay_data.tasks WHERE task_id = ANY($1::uuid[]) ORDER BY created_at, task_id
"""

_TRIES = f"""
SELECT {VIEW} FROM assay_data.llm_calls_all
WHERE tasks && $1::uuid[] AND call_id <> $2 ORDER BY started_at, call_id LIMIT $3
"""  # noqa: S608 - parts of this file alone

_RESULTS = """
SELECT 'label' AS kind, j.event_id::text AS event_id, j.judge, '' AS note, j.listing_id, coalesce(l.title, '') AS title,
    application, j.market, query, label, 0 AS score, confidence, reasoning
FROM assay_data.labels AS j LEFT JOIN assay_data.listings AS l USING (listing_id, market)
WHERE call_id = $1
UNION ALL
SELECT 'score', s.event_id::text, s.judge, '', s.listing_id, '', '', '', '', '', score, NULL, reasoning
FROM assay_data.image_scores AS s WHERE call_id = $1
UNION ALL
SELECT 'anchor', '', '', '', coalesce(a.listing ->> 'listing_id', anchor_id), coalesce(a.listing ->> 'title', ''),
    a.application, a.market, a.query, (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[o.grade + 1], 0,
    NULL, 'An anchor, whose labels watch the judge; people graded it ' || a.human_grade || ' of 2.'
FROM assay_data.anchor_outcomes AS o JOIN assay_data.anchors AS a USING (anchor_id) WHERE o.call_id = $1
UNION ALL
SELECT 'shadow', s.live_event_id::text, s.judge, '', j.listing_id, '', '', j.market, j.query,
    (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[s.grade + 1], 0, s.confidence, s.reasoning
FROM assay_data.shadow_labels AS s JOIN assay_data.labels AS j ON j.event_id = s.live_event_id WHERE s.call_id = $1
UNION ALL
SELECT 'shadow', s.live_event_id::text, s.judge, '', i.listing_id, '', '', '', '', '', s.score, NULL, s.reasoning
FROM assay_data.shadow_scores AS s JOIN assay_data.image_scores AS i ON i.event_id = s.live_event_id
WHERE s.call_id = $1
UNION ALL
SELECT 'evaluation', '', e.judge, r.name, i.listing_id, coalesce(i.listing ->> 'title', ''), '', i.market, i.query,
    CASE WHEN r.kind = 'relevance'
        THEN (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[e.grade + 1] ELSE '' END,
    CASE WHEN r.kind = 'image' THEN e.grade ELSE 0 END, e.confidence, e.reasoning
FROM assay_data.eval_results AS e JOIN assay_data.eval_runs AS r USING (run_id)
JOIN assay_data.eval_datasets AS d ON d.name || '@' || d.version = r.dataset
JOIN assay_data.eval_items AS i ON i.dataset = d.id AND i.item_id = e.item_id
WHERE e.call_id = $1 AND e.grade IS NOT NULL AND NOT e.reused
ORDER BY listing_id
"""

_STORY = ("prompt_version", "system", "request", "reply", "answered_by", "fingerprint", "error", "endpoint",
    "price_version", "reserved_usd", "reserved_tokens")  # fmt: skip

_ALWAYS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


async def calls(connection: Connection, wanted: CallFilter) -> list[CallView]:
    """The newest calls that are wanted, newest first, without what was said."""
    of_listing: list[UUID] | None = None
    if wanted.listing:
        of_listing = [row["call_id"] for row in await connection.fetch(_CALLS_OF_LISTING, wanted.listing)]
    statement, told = asked(wanted, of_listing)
    return [view(row) for row in await connection.fetch(statement, *told)]


def asked(wanted: CallFilter, of_listing: list[UUID] | None = None) -> tuple[str, list[object]]:
    """The statement of a filter, and what it is told. `of_listing`: the calls to look among."""
    since, until = _ALWAYS
    if wanted.day is not None:
        since = datetime(wanted.day.year, wanted.day.month, wanted.day.day, tzinfo=UTC)
        until = since + timedelta(days=1)
    task = UUID(wanted.task) if wanted.task else None
    told: list[object] = [wanted.lane, wanted.status, wanted.model, wanted.purpose, since, until, task, PAGE_ROWS]
    parts = [_CALLS]
    for given, part in ((wanted.query, _OF_QUERY), (wanted.judge, _OF_JUDGE), (wanted.run, _OF_RUN)):
        if given:
            told.append(given)
            parts.append(part.format(f"${len(told)}::text"))
    if of_listing is not None:
        told.append(of_listing)
        parts.append(_OF_LISTING.format(f"${len(told)}"))
    return " ".join([*parts, _NEWEST]), told


async def call(connection: Connection, call_id: UUID) -> CallStory | None:
    """One call with all that was said, the tasks it was for, what came of it and their other calls."""
    row = await connection.fetchrow(_CALL, call_id)
    if row is None:
        return None
    tasks = row["tasks"]
    return CallStory(
        view(row),
        tasks=[CallTask(**task) for task in await connection.fetch(_TASKS, tasks)],
        results=[CallResult(**found) for found in await connection.fetch(_RESULTS, call_id)],
        tries=[view(other) for other in await connection.fetch(_TRIES, tasks, call_id, TRIES)] if tasks else [],
        **{name: row[name] for name in _STORY},
    )


def view(row: asyncpg.Record) -> CallView:
    """A call of a row with the columns `VIEW`."""
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
