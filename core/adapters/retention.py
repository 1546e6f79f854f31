"""What retention does to the tables: port `RetentionStore`.

A day goes in two steps. Its rows go by TRUNCATE of its partition, which asks for that partition alone: neither an open
transaction on other days nor one on the history as a whole that has not come to this day keeps it back. The empty
partition goes when the history happens to be nobody's for a moment. `emptied_at` is between the two, so that the second
is done by whoever leads next. (DETACH CONCURRENTLY is not for tables with a default partition; docs/adr/0010.)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from core.adapters.days import CLOCK, bounds, lock_alone, make_days, partition_of, when_free
from core.adapters.leadership import lock_key
from core.adapters.postgres import Connection, Pool, connection, rows_of, transaction
from core.domain.retention import History, KeptDay
from core.domain.timestamps import EPOCH
from core.retention_ports import Cursor, DaySize, Judged, Superseded

TRIES = 20
"""Tries of retention for a lock that is not waited for: a second, and again at the next look."""

MOVED_AT_MOST = 500_000
"""Rows of one day moved from the rest into the day's partition, under a lock on the rest: about three seconds. A
larger day stays in the rest, where it is cleaned row by row when its time has come."""

FOUND_AT_MOST = 1_000
"""Days in the rest found by one look: the next look goes on from there."""

LET_GO_AT_ONCE = 10
"""Empty partitions removed under one lock on the history: 2 ms each."""

KEY_OF: dict[Judged, tuple[str, ...]] = {
    "labels": ("application", "market", "query", "listing_id"),
    "image_scores": ("listing_id", "image_url"),
}
"""Of what a row is the judgement, as the views show the newest of each."""

# What somebody attached, detached or dropped by hand counts: a detached day is his, and not dropped by us.
_AS_IT_IS = """
WITH attached AS (
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = ('assay_data.' || $1)::regclass AND c.relname ~ ('^' || $1 || '_[0-9]{8}$')
)
UPDATE assay_data.history_days AS d SET own = NOT own, emptied_at = NULL
WHERE history = $1 AND own <> EXISTS (SELECT FROM attached WHERE attached.day = d.day)
"""

# Steps from one day in the rest to the next by the index, over those that are known: few probes, however many rows.
_FIND = """
WITH RECURSIVE found AS (
    (SELECT ({clock} AT TIME ZONE 'UTC')::date AS day FROM assay_data.{history}_rest ORDER BY {clock} LIMIT 1)
    UNION ALL
    SELECT later.day FROM found CROSS JOIN LATERAL (
        SELECT (r.{clock} AT TIME ZONE 'UTC')::date AS day FROM assay_data.{history}_rest AS r
        WHERE r.{clock} >= (found.day + 1)::timestamp AT TIME ZONE 'UTC' ORDER BY r.{clock} LIMIT 1) AS later
    WHERE found.day < $2
), unknown AS (
    SELECT day FROM found WHERE day <= $2
        AND NOT EXISTS (SELECT FROM assay_data.history_days AS d WHERE d.history = $1 AND d.day = found.day)
    LIMIT $4
)
INSERT INTO assay_data.history_days (history, day, own, asked_at)
SELECT $1, day, false, $3 FROM unknown ORDER BY day ON CONFLICT DO NOTHING
"""

_DAYS = """
SELECT day, own, asked_at, emptied_at IS NOT NULL AS emptied FROM assay_data.history_days
WHERE history = $1 AND day <= $2 ORDER BY day
"""

_KNOW = """
INSERT INTO assay_data.history_days (history, day, own, asked_at)
SELECT $1, day, false, $3 FROM unnest($2::date[]) AS wanted (day) ORDER BY day ON CONFLICT DO NOTHING
"""

_STILL_DUE = """
SELECT 1 FROM assay_data.history_days
WHERE history = $1 AND day = $2 AND own AND emptied_at IS NULL AND asked_at <= $3 FOR UPDATE
"""
_EMPTIED = "UPDATE assay_data.history_days SET emptied_at = $3 WHERE history = $1 AND day = $2"
_WAITING = """
SELECT day FROM assay_data.history_days WHERE history = $1 AND own AND emptied_at IS NOT NULL
ORDER BY day LIMIT $2 FOR UPDATE
"""
_GONE = "DELETE FROM assay_data.history_days WHERE history = $1 AND day = $2"
_REVIVED = "UPDATE assay_data.history_days SET emptied_at = NULL, asked_at = $3 WHERE history = $1 AND day = $2"

_CLEAN = """
DELETE FROM assay_data.{history}_rest WHERE ctid = ANY (ARRAY(
    SELECT r.ctid FROM assay_data.{history}_rest AS r
    WHERE r.{clock} >= '{begin}' AND r.{clock} < '{end}' AND EXISTS (
        SELECT FROM assay_data.history_days WHERE history = $1 AND day = $2 AND asked_at <= $3)
    LIMIT $4))
"""
_CLEANED = """
DELETE FROM assay_data.history_days WHERE history = $1 AND day = $2 AND NOT own AND asked_at <= $3
"""

_ROWS = "SELECT greatest(reltuples, pg_stat_get_live_tuples(oid))::bigint FROM pg_class WHERE oid = $1::text::regclass"

_SIZES = """
SELECT d.day, greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::bigint AS rows,
    pg_total_relation_size(c.oid) AS size_bytes
FROM unnest($2::date[]) AS d (day)
JOIN pg_class AS c ON c.relname = $1 || to_char(d.day, '_YYYYMMDD') AND c.relnamespace = 'assay_data'::regnamespace
"""

_IN_REST = "SELECT count(*) FROM assay_data.{history}_rest WHERE {clock} >= '{begin}' AND {clock} < '{end}'"

# The time counts from the newer row: what a score was replaced by yesterday is compared with it for weeks to come.
_REPLACED = """EXISTS (SELECT FROM assay_data.{table} AS n
    WHERE {same} AND n.judged_at < $1 AND (n.judged_at, n.id) > (l.judged_at, l.id))"""

# A student's score goes no sooner than the judge's label that it is compared with (assay.student_labels): a training
# weighs a label by how sure the student had been; without its score a label of the random share counts for too little.
_COMPARED = """ AND NOT (l.tier = 'student' AND EXISTS (SELECT FROM assay_data.image_scores AS n
    WHERE {same} AND n.image_hash = l.image_hash AND n.tier = 'llm' AND n.id > l.id AND NOT EXISTS (
        SELECT FROM assay_data.image_scores AS b
        WHERE b.listing_id = l.listing_id AND b.image_url = l.image_url AND b.image_hash = l.image_hash
            AND b.tier = 'student' AND b.id > l.id AND b.id < n.id)))"""

_SUPERSEDED = "SELECT count(*) FROM assay_data.{table} AS l WHERE judged_at < $1 AND {replaced}"

_FORGET = """
WITH page AS (
    SELECT id, judged_at FROM assay_data.{table} WHERE judged_at < $1 AND (judged_at, id) > ($2, $3)
    ORDER BY judged_at, id LIMIT $4
), gone AS (
    DELETE FROM assay_data.{table} AS l USING page AS p WHERE l.id = p.id AND {replaced} RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS deleted, (SELECT count(*) FROM page) AS seen, judged_at, id
FROM page ORDER BY judged_at DESC, id DESC LIMIT 1
"""


class PostgresRetention:
    """Port `RetentionStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, history: History, last: date, now: datetime) -> None:
        async with connection(self._pool) as held:
            await held.execute(_AS_IT_IS, history)
            find = _FIND.format(history=history, clock=CLOCK[history])
            await held.execute(find, history, last, now, FOUND_AT_MOST)

    async def days(self, history: History, last: date) -> list[KeptDay]:
        async with connection(self._pool) as held:
            return [KeptDay(*row) for row in await held.fetch(_DAYS, history, last)]

    async def make(self, history: History, days: Sequence[date], now: datetime) -> int:
        async with connection(self._pool) as held:
            await held.execute(_KNOW, history, days, now)
        return await make_days(self._pool, history, days, TRIES, MOVED_AT_MOST)

    async def drop(self, history: History, day: date, asked_before: datetime, now: datetime) -> int | None:
        partition = partition_of(history, day)

        async def empty(held: Connection) -> int | None:
            if await held.fetchval(_STILL_DUE, history, day, asked_before) is None:
                return None
            rows: int = await held.fetchval(_ROWS, f"assay_data.{partition}")
            await lock_alone(held, partition)
            await held.execute(f"TRUNCATE ONLY assay_data.{partition}")
            await held.execute(_EMPTIED, history, day, now)
            return rows

        return await when_free(self._pool, empty, TRIES)

    async def let_go(self, history: History, now: datetime) -> int:
        async def remove(held: Connection) -> int:
            await held.execute("SELECT pg_advisory_xact_lock($1)", lock_key(f"days/{history}"))
            days = [row["day"] for row in await held.fetch(_WAITING, history, LET_GO_AT_ONCE)]
            for table in (history, f"{history}_rest") if days else ():
                await lock_alone(held, table)
            return sum([await _remove(held, history, day, now) for day in days])

        gone = 0
        while removed := await when_free(self._pool, remove, TRIES):
            gone += removed
        return gone

    async def clean(self, history: History, day: date, asked_before: datetime, limit: int) -> int:
        begin, end = bounds(day)
        statement = _CLEAN.format(history=history, clock=CLOCK[history], begin=begin, end=end)
        async with transaction(self._pool) as held:
            deleted = rows_of(await held.execute(statement, history, day, asked_before, limit))
            if not deleted:
                await held.execute(_CLEANED, history, day, asked_before)
        return deleted

    async def forget_superseded(self, judged: Judged, before: datetime, after: Cursor | None, limit: int) -> Superseded:
        start = after or Cursor(EPOCH, 0)
        statement = _FORGET.format(table=judged, replaced=_replaced(judged))
        async with transaction(self._pool) as held:
            row = await held.fetchrow(statement, before, *start, limit)
        if row is None:
            return Superseded(0, None)
        return Superseded(row["deleted"], Cursor(row["judged_at"], row["id"]) if row["seen"] == limit else None)

    async def sizes(self, history: History, days: Sequence[date]) -> list[DaySize]:
        async with connection(self._pool) as held:
            own = {row["day"]: DaySize(*row) for row in await held.fetch(_SIZES, history, days)}
            return [own.get(day) or await _size_in_rest(held, history, day) for day in days]

    async def superseded(self, judged: Judged, before: datetime) -> int:
        statement = _SUPERSEDED.format(table=judged, replaced=_replaced(judged))
        async with connection(self._pool) as held:
            return int(await held.fetchval(statement, before))


async def _remove(held: Connection, history: History, day: date, now: datetime) -> bool:
    """Whether an emptied day's partition went. One that was written to since is a day like any other again."""
    partition = partition_of(history, day)
    await lock_alone(held, partition)
    if await held.fetchval(f"SELECT EXISTS (TABLE assay_data.{partition})"):
        await held.execute(_REVIVED, history, day, now)
        return False
    await held.execute(f"DROP TABLE assay_data.{partition}")
    await held.execute(_GONE, history, day)
    return True


async def _size_in_rest(held: Connection, history: History, day: date) -> DaySize:
    begin, end = bounds(day)
    statement = _IN_REST.format(history=history, clock=CLOCK[history], begin=begin, end=end)
    return DaySize(day, await held.fetchval(statement), None)


def _replaced(judged: Judged) -> str:
    same = " AND ".join(f"n.{column} = l.{column}" for column in KEY_OF[judged])
    kept = _COMPARED if judged == "image_scores" else ""
    return (_REPLACED + kept).format(table=judged, same=same)
