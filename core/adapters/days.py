"""Partitions by UTC day: a writer says which days it is about to write to, and they are made without holding up others.

A new day is made as a plain table and then attached. That locks out nobody from the history itself; only the default
partition, `_rest`, must be nobody's for the moment, since what lies in it may belong to the new day. The lock on it is
taken when it is free and never waited for: who waits for it would make all wait who come after (docs/adr/0010).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

import asyncpg

from core.adapters.leadership import lock_key
from core.adapters.postgres import Connection, Pool, connection, transaction
from core.domain.retention import HISTORIES, History, Keep, has_place, utc_day, window

Made = TypeVar("Made")

CLOCK: Mapping[History, str] = {"panes": "hour", "dead_letters": "received_at", "llm_calls": "started_at"}
"""The column that says which day a row is of."""

PAUSE_S = 0.05
"""Between two tries to get a lock that is not waited for: about the time of one transaction of a stream."""

WRITER_TRIES = 5
"""Tries of a writer that has records to store: a quarter of a second, then its rows go to the rest, where they are
counted as well, and retention makes the day later."""

LOCK_TIMEOUT = "1s"
"""For locks that nobody waits behind: another replica makes the same days at once, which takes a tenth of a second."""

DAYS_A_TRANSACTION = 20
"""Days made under one lock on the rest: 4 ms each, together less than one transaction of a stream may take."""

MOVED_BY_A_WRITER = 1_000
"""Rows of a day in the rest that a writer moves along, a few milliseconds; of more, retention takes care."""

KNOWN_AT_MOST = 20_000
"""Days remembered as told, all histories together: 50 years; beyond it they are told again."""

_ASK = """
INSERT INTO assay_data.history_days AS d (history, day, own, asked_at)
SELECT $1, day, false, $3 FROM unnest($2::date[]) AS asked (day) ORDER BY day
ON CONFLICT (history, day) DO UPDATE SET asked_at = greatest(d.asked_at, excluded.asked_at), emptied_at = NULL
RETURNING day, own
"""
"""In the order of days, so that two replicas never wait for each other in a ring."""

_STILL_MISSING = """
SELECT day FROM assay_data.history_days WHERE history = $1 AND day = ANY ($2::date[]) AND NOT own
ORDER BY day FOR UPDATE
"""

_OWNED = "UPDATE assay_data.history_days SET own = true WHERE history = $1 AND day = $2"

_SOME = "SELECT count(*) FROM (SELECT 1 FROM {rest} WHERE {mine} LIMIT $1) AS few"
_MOVE = "WITH moved AS (DELETE FROM {rest} WHERE {mine} RETURNING *) INSERT INTO {partition} SELECT * FROM moved"


class HistoryDays:
    """The days of the histories, as one process knows them."""

    def __init__(self, pool: Pool, keeps: Mapping[History, Keep]) -> None:
        self._pool = pool
        self._keeps = keeps
        self._today = date.min
        self._told: dict[History, set[date]] = {}

    async def ensure(self, history: History, days: Iterable[date], now: datetime) -> None:
        """Say that these days are about to be written to, so that they are not dropped in the days of grace, and make
        those that may have a partition and have none. Asks the database once a day for each; RetryLater."""
        if utc_day(now) != self._today or sum(map(len, self._told.values())) > KNOWN_AT_MOST:
            self._today, self._told = utc_day(now), {name: set() for name in HISTORIES}
        keep, told = self._keeps[history], self._told[history]
        last = window(now, keep)[1]
        # A day far ahead is found by retention when it comes near: nothing can take it before.
        fresh = sorted(day for day in set(days) - told if day <= last)
        if fresh:
            async with connection(self._pool) as held:
                rows = await held.fetch(_ASK, history, fresh, now)
            missing = [row["day"] for row in rows if not row["own"] and has_place(row["day"], now, keep)]
            await make_days(self._pool, history, sorted(missing), WRITER_TRIES, MOVED_BY_A_WRITER)
            told.update(fresh)


async def make_days(pool: Pool, history: History, days: Sequence[date], tries: int, move_at_most: int) -> int:
    """Give known days their partition, with what they have in the rest; returns how many got one here."""

    async def make(held: Connection, part: Sequence[date]) -> int:
        await held.execute("SELECT pg_advisory_xact_lock($1)", lock_key(f"days/{history}"))
        missing = [row["day"] for row in await held.fetch(_STILL_MISSING, history, part)]
        if not missing:
            return 0
        await lock_alone(held, f"{history}_rest")
        return [await _make(held, history, day, move_at_most) for day in missing].count(True)

    parts = [days[start : start + DAYS_A_TRANSACTION] for start in range(0, len(days), DAYS_A_TRANSACTION)]
    return sum([await when_free(pool, partial(make, part=part), tries) or 0 for part in parts])


async def when_free(pool: Pool, work: Callable[[Connection], Awaitable[Made]], tries: int) -> Made | None:
    """One transaction whose locks are taken only when they are free; None when they never were."""
    for attempt in range(tries):
        await asyncio.sleep(PAUSE_S if attempt else 0)
        try:
            async with transaction(pool) as held:
                await held.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                return await work(held)
        except asyncpg.LockNotAvailableError:
            continue
    return None


async def lock_alone(held: Connection, table: str) -> None:
    """The whole of one table and not of its parents or partitions, if it is free now; LockNotAvailableError."""
    await held.execute(f"LOCK TABLE ONLY assay_data.{table} IN ACCESS EXCLUSIVE MODE NOWAIT")


def partition_of(history: History, day: date) -> str:
    """The name of a day's partition, without its schema."""
    return f"{history}_{day:%Y%m%d}"


def bounds(day: date) -> tuple[str, str]:
    """A day's beginning and end as PostgreSQL reads them; the day is none of the last there are."""
    return f"{day} 00:00:00+00", f"{day + timedelta(days=1)} 00:00:00+00"


async def _make(held: Connection, history: History, day: date, move_at_most: int) -> bool:
    """Whether the day got its partition: not where it has too many rows to move, or somebody detached one of the name
    and keeps it. The rest is ours alone here."""
    begin, end = bounds(day)
    rest, partition = f"assay_data.{history}_rest", f"assay_data.{partition_of(history, day)}"
    mine = f"{CLOCK[history]} >= '{begin}' AND {CLOCK[history]} < '{end}'"
    found = await held.fetchval(_SOME.format(rest=rest, mine=mine), move_at_most + 1)
    if found > move_at_most or await held.fetchval("SELECT to_regclass($1) IS NOT NULL", partition):
        return False
    await held.execute(f"CREATE TABLE {partition} (LIKE assay_data.{history} INCLUDING ALL)")
    if found:
        await held.execute(_MOVE.format(rest=rest, mine=mine, partition=partition))
    await held.execute(
        f"ALTER TABLE assay_data.{history} ATTACH PARTITION {partition} FOR VALUES FROM ('{begin}') TO ('{end}')"
    )
    await held.execute(_OWNED, history, day)
    return True
