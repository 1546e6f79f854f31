"""Engines' result lists and comparisons in PostgreSQL: port `EngineStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from core.adapters.postgres import Connection, Pool, connection, transaction
from core.adapters.signals import shown
from core.domain.engines import Candidate, EngineList, EngineQuery, QueryKey, Sampling
from core.domain.labels import LIVE_RUN
from core.domain.selection import Deep
from core.engine_ports import Comparison, EngineSummary, TaskState
from core.signal_ports import ShownResults

KEPT = timedelta(days=400)
"""How long a list is kept, as panes are: a year to compare with, and a month to look at it."""

NO_DEEP = Deep(0, 0)
"""As the table has it: no ranks far down were asked for."""

_KEYS = "unnest($1::text[], $2::text[], $3::text[]) AS k (application, market, query)"

_SAVE = """
INSERT INTO assay_data.engine_lists
    (engine, application, market, query, language, top, deep_first, deep_count, ranks, hits, fetched_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

_FORGET = f"""
DELETE FROM assay_data.engine_lists AS l USING {_KEYS}
WHERE l.application = k.application AND l.market = k.market AND l.query = k.query AND l.fetched_at < $4
"""  # noqa: S608 - only constants of this file enter

_NEWEST = f"""
SELECT n.* FROM {_KEYS} CROSS JOIN unnest($4::text[]) AS e (engine)
CROSS JOIN LATERAL (
    SELECT l.* FROM assay_data.engine_lists AS l
    WHERE l.application = k.application AND l.market = k.market AND l.query = k.query AND l.engine = e.engine
        AND l.top >= $5 AND ($6 = 0 OR (l.deep_first = $6 AND l.deep_count >= $7))
    ORDER BY l.fetched_at DESC, l.id DESC LIMIT 1
) AS n
"""  # noqa: S608 - only constants of this file enter

_SHOWN = f"""
SELECT r.application, r.market, r.query, r.engine, r.language,
    array_agg(hit.rank ORDER BY hit.rank) AS ranks,
    array_agg(l.listing_id ORDER BY hit.rank) AS ids,
    array_agg(l.content_hash ORDER BY hit.rank) AS hashes
FROM ({_NEWEST}) AS r
CROSS JOIN LATERAL unnest(r.ranks, r.hits) AS hit (rank, id)
JOIN assay_data.listings AS l ON l.listing_id = hit.id AND NOT l.deleted
WHERE hit.rank <= $5 OR (hit.rank >= $6 AND hit.rank < $6 + $7)
GROUP BY r.application, r.market, r.query, r.engine, r.language
ORDER BY r.application, r.market, r.query, r.engine
"""  # noqa: S608 - only constants of this file enter

_LANGUAGES = f"""
SELECT DISTINCT ON (r.application, r.market, r.query) r.application, r.market, r.query, r.language
FROM {_KEYS} JOIN assay_data.result_lists AS r USING (application, market, query)
WHERE r.run = $4 AND r.language <> '' ORDER BY r.application, r.market, r.query, r.seen_at DESC
"""  # noqa: S608 - only constants of this file enter

_PANEL = """
SELECT m.application, m.market, m.query, coalesce(s.searches, 0)::int AS searches, coalesce(r.language, '') AS language,
    coalesce(r.engines, '') AS engines
FROM assay_data.panel_members AS m
LEFT JOIN LATERAL (
    SELECT (evidence ->> 'searches')::float8 AS searches FROM assay_data.selections AS s
    WHERE s.application = m.application AND s.market = m.market AND s.query = m.query AND s.reason = 'panel'
    ORDER BY selected_at DESC LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT string_agg(engine, ',' ORDER BY engine) AS engines, max(language) AS language
    FROM assay_data.result_lists AS r
    WHERE r.run = $1 AND r.application = m.application AND r.market = m.market AND r.query = m.query
) AS r ON true
ORDER BY m.application, m.market, m.query
"""

_GRADES = f"""
SELECT DISTINCT ON (l.application, l.market, l.query, l.listing_id, l.content_hash)
    l.application, l.market, l.query, l.listing_id, l.content_hash, l.grade
FROM {_KEYS} JOIN assay_data.labels AS l USING (application, market, query)
ORDER BY l.application, l.market, l.query, l.listing_id, l.content_hash, l.judged_at DESC, l.id DESC
"""  # noqa: S608 - only constants of this file enter

_TASKS = "SELECT task_key, state, reason FROM assay_data.tasks WHERE task_key = ANY ($1::text[])"

_COMPARISON = """
INSERT INTO assay_data.engine_comparisons
    (run_id, compared_at, engines, k, judge, seed, queries, pairs, judged, unknown, missing, failures)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


class PostgresEngineStore:
    """Port `EngineStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save_lists(self, lists: Sequence[EngineList]) -> None:
        if not lists:
            return
        oldest = min(each.fetched_at for each in lists) - KEPT
        async with transaction(self._pool) as held:
            await held.executemany(_SAVE, [_row(each) for each in lists])
            await held.execute(_FORGET, *_columns([each.query.key for each in lists]), oldest)

    async def fetched(
        self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling
    ) -> Mapping[tuple[str, QueryKey], datetime]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_NEWEST, *_columns(keys), list(engines), *_ranks(sampling))
        return {(r["engine"], (r["application"], r["market"], r["query"])): r["fetched_at"] for r in rows}

    async def shown(self, engines: Sequence[str], keys: Sequence[QueryKey], sampling: Sampling) -> list[ShownResults]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_SHOWN, *_columns(keys), list(engines), *_ranks(sampling))
        return [shown(row) for row in rows]

    async def languages(self, keys: Sequence[QueryKey]) -> Mapping[QueryKey, str]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_LANGUAGES, *_columns(keys), LIVE_RUN)
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def panel(self) -> list[Candidate]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_PANEL, LIVE_RUN)
        return [
            Candidate(
                EngineQuery(row["application"], row["market"], row["language"], row["query"]),
                row["searches"],
                row["engines"],
            )
            for row in rows
        ]

    async def grades(self, keys: Sequence[QueryKey]) -> Mapping[tuple[QueryKey, str, str], int]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_GRADES, *_columns(sorted(set(keys))))
        return {((row[0], row[1], row[2]), row[3], row[4]): row[5] for row in rows}

    async def task_states(self, task_keys: Sequence[str]) -> Mapping[str, TaskState]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_TASKS, list(task_keys))
        return {row["task_key"]: TaskState(row["state"], row["reason"]) for row in rows}

    async def save_comparison(self, comparison: Comparison) -> None:
        async with transaction(self._pool) as held:
            await held.execute(_COMPARISON, *_comparison(comparison))
            await _copy(held, "engine_measures", [_measure(comparison, each) for each in comparison.summaries])
            figures = [
                (
                    comparison.run_id,
                    f.engine,
                    *f.query,
                    f.ndcg,
                    f.precision,
                    f.irrelevant,
                    f.shown,
                    f.judged,
                )
                for f in comparison.figures
            ]
            await _copy(held, "engine_query_figures", figures)


def _row(each: EngineList) -> tuple[object, ...]:
    deep = each.sampling.deep or NO_DEEP
    return (
        each.engine,
        *each.query.key,
        each.query.language,
        each.sampling.top,
        *deep,
        [hit.rank for hit in each.hits],
        [hit.listing_id for hit in each.hits],
        each.fetched_at,
    )


def _comparison(c: Comparison) -> tuple[object, ...]:
    counts = (c.queries, c.pairs, c.judged, c.unknown, dict(c.missing), dict(c.failures))
    return c.run_id, c.at, list(c.engines), c.k, c.judge, c.seed, *counts


def _measure(comparison: Comparison, each: EngineSummary) -> tuple[object, ...]:
    e, d = each.estimate, each.difference
    paired = (None,) * 8 if d is None else (d.queries, d.value, d.low, d.high, d.p, d.wins, d.losses, d.ties)
    return comparison.run_id, each.engine, each.measure, e.queries, e.value, e.low, e.high, *paired


async def _copy(held: Connection, table: str, records: Sequence[tuple[object, ...]]) -> None:
    await held.copy_records_to_table(table, schema_name="assay_data", records=records)


def _ranks(sampling: Sampling) -> tuple[int, int, int]:
    return sampling.top, *(sampling.deep or NO_DEEP)


def _columns(keys: Sequence[QueryKey]) -> tuple[list[str], list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]
