"""Queries by what is to gain: panes of a window added up, scored against their market, the head of the order kept."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

import asyncpg

from core.adapters.newest_panes import newest_hour
from core.adapters.postgres import Connection
from core.domain.friction import Z_95
from core.domain.labels import LIVE_RUN
from core.read_models import Counters, DayCounters, QueryFilter, QueryList, QueryRow, Window

LISTED = 100
"""Queries on a page: past the first hundred a filter serves better than a scroll."""

SUMS = """sum(searches)::bigint AS searches, sum(sessions)::bigint AS sessions, sum(engaged)::bigint AS engaged,
    sum(reformulated)::bigint AS reformulated, sum(exits)::bigint AS exits, sum(zero_results)::bigint AS zero_results"""

_ORDER = {
    "priority": "n * (lower_bound - baseline) DESC, searches DESC",
    "searches": "searches DESC",
    "engaged": "engaged / n, searches DESC",
    "reformulated": "reformulated / n DESC, searches DESC",
    "exits": "exits / n DESC, searches DESC",
    "zero_results": "zero_results / n DESC, searches DESC",
}

_QUERIES = """
WITH totals AS MATERIALIZED (
    SELECT application, market, query, {sums}, sum(searches)::float8 AS n
    FROM assay_data.panes WHERE run = $1 AND hour >= $2 AND hour < $3
    GROUP BY application, market, query HAVING sum(searches) > 0
), base AS (
    SELECT application, market, (sum(reformulated + exits) / sum(n))::float8 AS baseline
    FROM totals GROUP BY application, market
), rates AS (
    SELECT *, (reformulated + exits) / n AS rate FROM totals JOIN base USING (application, market)
    WHERE ($5 = '' OR application = $5) AND ($6 = '' OR market = $6) AND position($7 IN query) > 0 AND sessions >= $8
), scored AS (  -- Wilson's lower bound, as core.domain.friction.wilson_lower has it
    SELECT *, greatest(0, (rate + $4::float8 * $4 / (2 * n) - $4 * sqrt(rate * (1 - rate) / n + $4 * $4 / (4 * n * n)))
        / (1 + $4::float8 * $4 / n)) AS lower_bound
    FROM rates
)
SELECT application, market, query, searches, sessions, engaged, reformulated, exits, zero_results,
    lower_bound, baseline, lower_bound - baseline AS excess, n * (lower_bound - baseline) AS priority,
    count(*) OVER () AS total
FROM scored ORDER BY {order}, application, market, query LIMIT $9
"""

_DAYS = f"""
SELECT u.place, (p.hour AT TIME ZONE 'UTC')::date AS day, {SUMS}
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS u (application, market, query, place)
JOIN assay_data.panes AS p ON p.run = $4 AND p.application = u.application AND p.market = u.market
    AND p.query = u.query AND p.hour >= $5 AND p.hour < $6
GROUP BY u.place, day ORDER BY u.place, day
"""  # noqa: S608 - only constants of this file enter

_JUDGED = """
SELECT u.place, newest.mean_grade, newest.labels, chosen.reasons
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS u (application, market, query, place)
CROSS JOIN LATERAL (
    SELECT avg(grade)::float8 AS mean_grade, count(*) AS labels FROM (
        SELECT DISTINCT ON (listing_id) grade FROM assay_data.labels AS l
        WHERE l.application = u.application AND l.market = u.market AND l.query = u.query
        ORDER BY listing_id, judged_at DESC, id DESC) AS one
) AS newest
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT s.reason), '{}') AS reasons FROM assay_data.selections AS s
    WHERE s.application = u.application AND s.market = u.market AND s.query = u.query
) AS chosen
"""

# Steps from one (application, market) to the next by the primary key: a few index probes a day of the window.
_PLACES = """
WITH RECURSIVE places AS (
    (SELECT application, market FROM assay_data.panes WHERE run = $1 AND hour >= $2 AND hour < $3
        ORDER BY application, market LIMIT 1)
    UNION ALL
    SELECT later.application, later.market FROM places CROSS JOIN LATERAL (
        SELECT p.application, p.market FROM assay_data.panes AS p
        WHERE p.run = $1 AND p.hour >= $2 AND p.hour < $3
            AND (p.application, p.market) > (places.application, places.market)
        ORDER BY p.application, p.market LIMIT 1) AS later
)
SELECT application, market FROM places
"""

_TOTALS_BY_DAY = f"""
SELECT (hour AT TIME ZONE 'UTC')::date AS day, {SUMS}
FROM assay_data.panes WHERE run = $1 AND hour >= $2 AND hour < $3 GROUP BY day ORDER BY day
"""  # noqa: S608 - only constants of this file enter


def counters(row: asyncpg.Record) -> Counters:
    """The six counters of a row; nulls of an empty sum are 0."""
    names = ("searches", "sessions", "engaged", "reformulated", "exits", "zero_results")
    return Counters(**{name: row[name] or 0 for name in names})


async def window(connection: Connection, days: int) -> Window | None:
    """The `days` UTC days up to the newest live pane, its own day included; None without panes.

    The newest pane and not the clock ends it, so that a log of last spring is seen too.
    """
    newest = await newest_hour(connection, LIVE_RUN)
    if newest is None:
        return None
    last_day = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(start=last_day - timedelta(days=days - 1), end=newest + timedelta(hours=1), days=days)


async def days_of_all(connection: Connection, span: Window) -> list[DayCounters]:
    """Counters of all queries together by day."""
    rows = await connection.fetch(_TOTALS_BY_DAY, LIVE_RUN, span.start, span.end)
    return [DayCounters(row["day"], counters(row)) for row in rows]


async def query_list(connection: Connection, wanted: QueryFilter, limit: int = LISTED) -> QueryList:
    """The head of the order, with each row's days, labels and reasons."""
    span = await window(connection, wanted.days)
    places = [] if span is None else await connection.fetch(_PLACES, LIVE_RUN, span.start, span.end)
    found = [] if span is None else await _scored(connection, wanted, span, limit)
    return QueryList(
        window=span,
        rows=[] if span is None else await _rows(connection, found, span),
        total=found[0]["total"] if found else 0,
        applications=sorted({row["application"] for row in places}),
        markets=sorted({row["market"] for row in places}),
    )


async def _scored(connection: Connection, wanted: QueryFilter, span: Window, limit: int) -> list[asyncpg.Record]:
    sql = _QUERIES.format(sums=SUMS, order=_ORDER[wanted.sort])
    return await connection.fetch(
        sql,
        *(LIVE_RUN, span.start, span.end, Z_95),
        *(wanted.application, wanted.market, wanted.text, wanted.min_sessions, limit),
    )


async def _rows(connection: Connection, found: list[asyncpg.Record], span: Window) -> list[QueryRow]:
    keys = [[row[name] for row in found] for name in ("application", "market", "query")]
    by_day = await connection.fetch(_DAYS, *keys, LIVE_RUN, span.start, span.end)
    days = {
        place: [DayCounters(row["day"], counters(row)) for row in rows]
        for place, rows in groupby(by_day, key=lambda row: row["place"])
    }
    judged = {row["place"]: row for row in await connection.fetch(_JUDGED, *keys)}
    return [_row(row, days.get(place, []), judged[place]) for place, row in enumerate(found, start=1)]


def _row(row: asyncpg.Record, days: list[DayCounters], judged: asyncpg.Record) -> QueryRow:
    return QueryRow(
        application=row["application"],
        market=row["market"],
        query=row["query"],
        counters=counters(row),
        lower_bound=row["lower_bound"],
        baseline=row["baseline"],
        excess=row["excess"],
        priority=row["priority"],
        days=days,
        mean_grade=judged["mean_grade"],
        labels=judged["labels"],
        reasons=judged["reasons"],
    )
