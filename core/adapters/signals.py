"""Panes, result lists and choices in PostgreSQL: port `SignalStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from core.adapters.inbox import add_tasks
from core.adapters.newest_panes import newest_hours
from core.adapters.postgres import Pool, connection, encode_json, transaction
from core.domain.friction import QuerySignals
from core.domain.labels import LIVE_RUN
from core.domain.selection import Deep, Earlier, Selection
from core.ports import NewTask
from core.signal_ports import QueryKey, ShownResults

_SIGNALS = """
SELECT application, market, query, sum(searches)::bigint, sum(sessions)::bigint, sum(engaged)::bigint,
    sum(reformulated)::bigint, sum(exits)::bigint, sum(zero_results)::bigint
FROM assay_data.panes WHERE run = 'live' AND application = $1 AND hour > $2 AND hour <= $3
GROUP BY application, market, query
"""

_SHOWN = """
SELECT r.application, r.market, r.query, r.engine, r.language,
    array_agg(hit.rank::int ORDER BY hit.rank) AS ranks,
    array_agg(l.listing_id ORDER BY hit.rank) AS ids,
    array_agg(l.content_hash ORDER BY hit.rank) AS hashes
FROM assay_data.result_lists AS r
JOIN unnest($1::text[], $2::text[], $3::text[]) AS k (application, market, query) USING (application, market, query)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (id) id, rank
    FROM unnest(r.hits[:greatest($4, $5::int + $6::int - 1)]) WITH ORDINALITY AS h (id, rank)
    WHERE rank <= $4 OR rank >= $5 ORDER BY id, rank
) AS hit
JOIN assay_data.listings AS l ON l.listing_id = hit.id AND NOT l.deleted
WHERE r.run = 'live'
GROUP BY r.application, r.market, r.query, r.engine, r.language
ORDER BY r.application, r.market, r.query, r.engine
"""

_SERVED_BY = """
SELECT application, market, query, string_agg(engine, ',' ORDER BY engine)
FROM assay_data.result_lists WHERE run = 'live' GROUP BY application, market, query
"""

_EARLIER = """
SELECT k.application, k.market, k.query, s.selected_at, s.results_hash
FROM unnest($2::text[], $3::text[], $4::text[]) AS k (application, market, query)
CROSS JOIN LATERAL (
    SELECT selected_at, results_hash FROM assay_data.selections AS s
    WHERE s.application = k.application AND s.market = k.market AND s.query = k.query AND s.reason = $1
    ORDER BY selected_at DESC LIMIT 1
) AS s
"""

_RECORD = """
INSERT INTO assay_data.selections
    (application, market, query, reason, priority, results_hash, evidence, pairs, selected_at)
SELECT application, market, query, reason, priority, results_hash, evidence::jsonb, pairs, $9
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::text[], $8::int[])
    AS c (application, market, query, reason, priority, results_hash, evidence, pairs)
"""

_MEMBERS = """
INSERT INTO assay_data.panel_members (application, market, query, added_at)
SELECT application, market, query, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS m (application, market, query)
ON CONFLICT DO NOTHING
"""


class PostgresSignalStore:
    """Port `SignalStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def signals(self, days: int) -> list[QuerySignals]:
        async with connection(self._pool) as held:
            newest = await newest_hours(held, LIVE_RUN)
            spans = [(name, hour - timedelta(days=days), hour) for name, hour in sorted(newest.items())]
            return [QuerySignals(*row) for span in spans for row in await held.fetch(_SIGNALS, *span)]

    async def shown(self, keys: Sequence[QueryKey], top: int, deep: Deep | None = None) -> list[ShownResults]:
        first, count = deep or (top + 1, 0)
        async with connection(self._pool) as held:
            rows = await held.fetch(_SHOWN, *_columns(keys), top, first, count)
        return [shown(row) for row in rows]

    async def served_by(self) -> Mapping[QueryKey, str]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_SERVED_BY)
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def members(self) -> frozenset[QueryKey]:
        async with connection(self._pool) as held:
            rows = await held.fetch("SELECT application, market, query FROM assay_data.panel_members")
        return frozenset((row[0], row[1], row[2]) for row in rows)

    async def earlier(self, reason: str, keys: Sequence[QueryKey]) -> Mapping[QueryKey, Earlier]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_EARLIER, reason, *_columns(keys))
        return {(row[0], row[1], row[2]): Earlier(row[3], row[4]) for row in rows}

    async def record(
        self,
        chosen: Sequence[tuple[Selection, str, int]],
        members: Sequence[QueryKey],
        tasks: Sequence[NewTask],
        at: datetime,
    ) -> int:
        rows = [
            (s.application, s.market, s.query, s.reason, s.priority, results, encode_json(s.evidence), pairs)
            for s, results, pairs in chosen
        ]
        async with transaction(self._pool) as held:
            if rows:
                await held.execute(_RECORD, *map(list, zip(*rows, strict=True)), at)
            if members:
                await held.execute(_MEMBERS, *_columns(members), at)
            return await add_tasks(held, tasks, at)


def _columns(keys: Sequence[QueryKey]) -> tuple[list[str], list[str], list[str]]:
    return [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]


def shown(row: asyncpg.Record) -> ShownResults:
    """A query's results of one engine, of a row with their ranks, ids and hashes."""
    results = list(zip(row["ranks"], row["ids"], row["hashes"], strict=True))
    return ShownResults(row["application"], row["market"], row["query"], row["engine"], row["language"], results)
