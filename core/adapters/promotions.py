"""Runs of replays once they are copied: what they are, what they would change, and their panes in place of the live."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg

from core.adapters.postgres import Connection, Pool, transaction
from core.adapters.replay_states import unread
from core.adapters.replays import decoded
from core.domain.replays import Hours
from core.domain.sessions import CLOSE_AFTER_MS, SPAN_MS
from core.domain.timestamps import to_datetime
from core.errors import StopProcess, UsageError

PROMOTE_S = 1_800.0
"""Seconds for a statement of a promotion: a million panes take under a minute, a year of a large market some."""

TOP_QUERIES = 10
"""Queries shown of those that change: what a person reads before he says yes."""

_RUN = """
SELECT run, finished_at, promoted_at, dropped_at, covers_from, covers_to, ends::text, missing, updated_at
FROM assay_data.replays WHERE run = $1 FOR UPDATE
"""

_HOURS = """
SELECT coalesce(array_agg(DISTINCT hour ORDER BY hour), '{}') FROM assay_data.panes
WHERE (run = $1 OR run = 'live' AND $2::timestamptz IS NOT NULL)
    AND hour >= coalesce($2, '-infinity'::timestamptz) AND hour < coalesce($3, 'infinity'::timestamptz)
"""

_COUNTERS = ("searches", "sessions", "engaged", "reformulated", "exits", "zero_results")
_PAIRED = f"""
WITH paired AS (
    SELECT application, market, query, was.searches AS before, comes.searches AS after,
        {" + ".join(f"abs(coalesce(comes.{c}, 0) - coalesce(was.{c}, 0))" for c in _COUNTERS)} AS change
    FROM (SELECT * FROM assay_data.panes WHERE run = 'live' AND hour = ANY($2)) AS was
    FULL JOIN (SELECT * FROM assay_data.panes WHERE run = $1 AND hour = ANY($2)) AS comes
        USING (application, market, query, hour)
)
"""  # noqa: S608 - names of columns, ours

_SUMS = f"""{_PAIRED}
SELECT count(*) FILTER (WHERE after IS NULL) AS removed, count(*) FILTER (WHERE before IS NULL) AS added,
    count(*) FILTER (WHERE change > 0 AND before IS NOT NULL AND after IS NOT NULL) AS changed,
    count(*) FILTER (WHERE change = 0) AS unchanged,
    coalesce(sum(before), 0)::bigint AS searches_before, coalesce(sum(after), 0)::bigint AS searches_after
FROM paired
"""  # noqa: S608

_TOP = f"""{_PAIRED}
SELECT application, market, query, coalesce(sum(before), 0)::bigint AS searches_before,
    coalesce(sum(after), 0)::bigint AS searches_after, sum(change)::bigint AS change
FROM paired GROUP BY application, market, query HAVING sum(change) > 0
ORDER BY change DESC, application, market, query LIMIT $3
"""  # noqa: S608

_LOCK_LIVE = """
SELECT count(*) FROM (
    SELECT 1 FROM assay_data.panes WHERE run = 'live' AND hour = ANY($1)
    ORDER BY application COLLATE "C", market COLLATE "C", query COLLATE "C", hour FOR UPDATE
) AS locked
"""
"""In the order in which a stream's transaction takes them, so that the two never wait for each other in a ring."""

_PUT = """
INSERT INTO assay_data.panes AS p
    (run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results)
SELECT 'live', application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results
FROM assay_data.panes WHERE run = $1 AND hour = ANY($2)
ORDER BY application COLLATE "C", market COLLATE "C", query COLLATE "C", hour
ON CONFLICT (run, application, market, query, hour) DO UPDATE SET
    searches = p.searches + excluded.searches, sessions = p.sessions + excluded.sessions,
    engaged = p.engaged + excluded.engaged, reformulated = p.reformulated + excluded.reformulated,
    exits = p.exits + excluded.exits, zero_results = p.zero_results + excluded.zero_results
"""
"""What a session that closed since the live panes were deleted has added stays, as what closes later will."""

_OPEN = """
SELECT coalesce(sum(open_sessions), 0)::bigint FROM assay_data.stream_partitions
WHERE topic = $1 AND open_sessions > 0 AND watermark < $2
"""


@dataclass(frozen=True, slots=True)
class QueryChange:
    """A query in the hours covered: searches live and of the run, and the sum of all counters' changes."""

    application: str
    market: str
    query: str
    searches_before: int
    searches_after: int
    change: int


@dataclass(frozen=True, slots=True)
class Promotion:
    """What `promote` did, or would do, in so many hours that have panes: live panes that go, the run's that come, those
    that are in both and differ or not."""

    run: str
    already: bool
    covers_from: datetime | None
    covers_to: datetime | None
    hours: int = 0
    removed: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    searches_before: int = 0
    searches_after: int = 0
    queries: list[QueryChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Promotions:
    """Puts runs in place of the live panes. `live_topic` is the search log's full name."""

    def __init__(self, pool: Pool, live_topic: str) -> None:
        self._pool = pool
        self._live_topic = live_topic

    async def promote(self, run: str, within: Hours | None, at: datetime, *, dry: bool) -> Promotion:
        """Put the run's panes in place of the live ones in the hours it covers, or those of them `within`; `dry` only
        says what would change. StopProcess when the run is not read to its end."""
        async with transaction(self._pool) as held:
            row = await held.fetchrow(_RUN, run)
            covers = _covers(row, within)
            if row is not None and row["promoted_at"] is not None:
                return Promotion(run, True, *covers)
            notes = await _checked(held, run, row)
            hours = await held.fetchval(_HOURS, run, *covers)
            if not hours or not await held.fetchval(_HAS_PANES, run, hours):
                raise StopProcess(f"the run {run} has no panes in the hours it covers{_said(*covers)}: nothing to put")
            if not dry:
                await held.execute(_LOCK_LIVE, hours, timeout=PROMOTE_S)
            found = await _summed(held, Promotion(run, False, *covers, len(hours), notes=notes), hours)
            notes += await self._still_open(held, hours[-1] + timedelta(hours=1))
            if not dry:
                await _replace(held, run, hours, at)
        return found

    async def _still_open(self, held: Connection, end: datetime) -> list[str]:
        closed_by = end + timedelta(milliseconds=SPAN_MS + CLOSE_AFTER_MS)
        still = await held.fetchval(_OPEN, self._live_topic, closed_by)
        told = f"{still} live sessions are open that may reach into these hours: when they close, they add to them"
        return [told] if still else []


_HAS_PANES = "SELECT EXISTS (SELECT FROM assay_data.panes WHERE run = $1 AND hour = ANY($2))"


async def _checked(held: Connection, run: str, row: asyncpg.Record | None) -> list[str]:
    """What is to be said of a run that may be promoted; UsageError or StopProcess of one that may not."""
    if row is None:
        if not await held.fetchval("SELECT EXISTS (SELECT FROM assay_data.panes WHERE run = $1)", run):
            raise UsageError(f"there is no run {run}; `assay replay list` shows those there are")
        return [f"{run} was not copied by `assay replay`: whether it is read to its end is not known"]
    if row["dropped_at"] is not None:
        raise UsageError(f"the run {run} was dropped")
    if row["finished_at"] is None:
        raise StopProcess(f"the run {run} is not copied to its end: start its `assay replay` again, it goes on")
    ends = decoded(row["ends"])
    if left := await unread(held, ends):
        raise StopProcess(
            f"the run {run} is not read to its end ({left.told}): let `assay run replay` read it, then try again"
        )
    missing = row["missing"]
    return [
        *([] if ends else [f"{run} was copied by an earlier version: whether it is read to its end is not known"]),
        *([f"{missing} of its records were not there any more when it was copied"] if missing else []),
    ]


def _covers(row: asyncpg.Record | None, within: Hours | None) -> tuple[datetime | None, datetime | None]:
    start, end = (None, None) if row is None else (row["covers_from"], row["covers_to"])
    if within is None:
        return start, end
    first, last = to_datetime(within.start), to_datetime(within.end)
    return max(start or first, first), min(end or last, last)


def _said(start: datetime | None, end: datetime | None) -> str:
    return "" if start is None or end is None else f" ({start.isoformat()} to {end.isoformat()})"


async def _summed(held: Connection, promotion: Promotion, hours: list[datetime]) -> Promotion:
    sums = await held.fetchrow(_SUMS, promotion.run, hours, timeout=PROMOTE_S)
    top = await held.fetch(_TOP, promotion.run, hours, TOP_QUERIES, timeout=PROMOTE_S)
    return replace(promotion, **dict(sums or {}), queries=[QueryChange(**dict(row)) for row in top])


async def _replace(held: Connection, run: str, hours: list[datetime], at: datetime) -> None:
    delete = "DELETE FROM assay_data.panes WHERE run = 'live' AND hour = ANY($1)"
    await held.execute(delete, hours, timeout=PROMOTE_S)
    await held.execute(_PUT, run, hours, timeout=PROMOTE_S)
    await held.execute(
        "INSERT INTO assay_data.replays (run, begun_at, finished_at, promoted_at) VALUES ($1, $2, $2, $2) "
        "ON CONFLICT (run) DO UPDATE SET promoted_at = excluded.promoted_at",
        run,
        at,
    )
