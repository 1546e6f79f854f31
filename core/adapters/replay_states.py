"""Runs of replays as an operator sees them: how far each is, and away with what is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from core.adapters.leadership import lock_key
from core.adapters.postgres import Connection, Pool, rows_of, transaction
from core.adapters.replays import decoded
from core.domain.replays import Asked, Marks, lock_of

State = Literal["copying", "cut off", "copied", "read", "promoted", "dropped"]

SHOWN_PARTITIONS = 3
"""Partitions named where a run is not read to its end; the rest is counted."""

DROP_S = 600.0
"""Seconds for deleting a run's panes: a million take some seconds."""

_POSITIONS = """
SELECT m.topic, m.partition, m.at, coalesce(p.applied, -1) AS applied, p.stopped
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS m (topic, partition, at)
LEFT JOIN assay_data.stream_partitions AS p USING (topic, partition)
WHERE coalesce(p.applied, -1) < m.at
ORDER BY m.topic, m.partition
"""

_RUNS = """
SELECT r.run, r.asked::text, r.from_at, r.to_at, r.covers_from, r.covers_to, r.records, r.missing, r.begun_at,
    r.finished_at, r.promoted_at, r.dropped_at, r.ends::text
FROM assay_data.replays AS r ORDER BY r.begun_at, r.run
"""

_HELD = """
SELECT classid::bigint, objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Unread:
    """Records that stand before a run's end and are not read, those of other runs between them too; and where."""

    records: int
    told: str


@dataclass(frozen=True, slots=True)
class RunState:
    """A run. `source` says what was copied, `unread` how many records `assay run replay` has still to read."""

    run: str
    state: State
    source: str
    from_at: datetime | None
    to_at: datetime | None
    covers_from: datetime | None
    covers_to: datetime | None
    records: int
    missing: int
    begun_at: datetime
    unread: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What `drop` deleted; what is read later makes panes again."""

    panes: int
    result_lists: int
    unread: Unread | None


async def unread(held: Connection, ends: Marks) -> Unread | None:
    """What is not read up to and with these offsets; None when all is."""
    columns = [list(column) for column in zip(*((*place, at) for place, at in sorted(ends.items())), strict=True)]
    rows = await held.fetch(_POSITIONS, *columns) if columns else []
    if not rows:
        return None
    told = [
        f"{row['topic']}[{row['partition']}] at {row['applied'] + 1} of {row['at'] + 1}"
        + (f", stopped: {row['stopped']}" if row["stopped"] else "")
        for row in rows[:SHOWN_PARTITIONS]
    ]
    more = [f"and {len(rows) - len(told)} more partitions"] if len(rows) > len(told) else []
    return Unread(sum(row["at"] - row["applied"] for row in rows), "; ".join([*told, *more]))


class ReplayStates:
    """All runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> list[RunState]:
        """Every run there ever was, oldest first."""
        async with transaction(self._pool) as held:
            locks = {(row[0] << 32) | row[1] for row in await held.fetch(_HELD)}
            return [
                RunState(
                    run=row["run"],
                    state=_state(row, copying=lock_key(lock_of(row["run"])) % 2**64 in locks, read=left is None),
                    source=_source(row),
                    from_at=row["from_at"],
                    to_at=row["to_at"],
                    covers_from=row["covers_from"],
                    covers_to=row["covers_to"],
                    records=row["records"],
                    missing=row["missing"],
                    begun_at=row["begun_at"],
                    unread=left.records if left else 0,
                )
                for row in await held.fetch(_RUNS)
                for left in [await unread(held, decoded(row["ends"]))]
            ]

    async def drop(self, run: str, at: datetime) -> Dropped | None:
        """Delete the run's panes and result lists; its name stays used. None when there is no such run."""
        async with transaction(self._pool) as held:
            known = await held.fetchrow("SELECT ends::text, marks::text FROM assay_data.replays WHERE run = $1", run)
            panes = await held.execute("DELETE FROM assay_data.panes WHERE run = $1", run, timeout=DROP_S)
            lists = await held.execute("DELETE FROM assay_data.result_lists WHERE run = $1", run, timeout=DROP_S)
            if known is None and panes == lists == "DELETE 0":
                return None
            await held.execute("DELETE FROM assay_data.replay_sources WHERE run = $1", run)
            await held.execute("UPDATE assay_data.replays SET dropped_at = $2 WHERE run = $1", run, at)
            ends = decoded(known["ends"]) or {p: n - 1 for p, n in decoded(known["marks"]).items()} if known else {}
            return Dropped(rows_of(panes), rows_of(lists), await unread(held, ends))


def _state(row: asyncpg.Record, *, copying: bool, read: bool) -> State:
    if row["dropped_at"] is not None:
        return "dropped"
    if row["promoted_at"] is not None:
        return "promoted"
    if row["finished_at"] is None:
        return "copying" if copying else "cut off"
    return "read" if read else "copied"


def _source(row: asyncpg.Record) -> str:
    asked = msgspec.json.decode(row["asked"], type=Asked) if row["asked"] is not None else None
    return ", ".join(asked.files().values()) if asked is not None and asked.files() else "topics"
