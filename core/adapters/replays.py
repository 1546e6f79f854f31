"""The book of replays in PostgreSQL: what each run copies, how far it is, and who copies it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from core.adapters.postgres import Pool, connection, transaction
from core.domain.replays import Asked, Hours, Marks, Run, Step, Stretch
from core.domain.timestamps import to_datetime, to_milliseconds
from core.errors import StopProcess

_FIND = """
SELECT run, asked::text, from_at, to_at, epoch, records, marks::text, doubt_marks::text, missing, left_before,
    left_after, kept_from, updated_at, finished_at, dropped_at
FROM assay_data.replays WHERE run = $1
"""

_STRETCHES = """
SELECT source, target, partition, next, end_offset, topic_id, digest FROM assay_data.replay_sources
WHERE run = $1 ORDER BY target DESC, source, partition
"""
"""Shoppers' records before listings, as they were planned: `search-log-replay` is the last of the two names."""

_BEGIN = """
INSERT INTO assay_data.replays (run, from_at, to_at, asked, epoch, marks, kept_from, begun_at, updated_at)
VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $7)
"""

_PLAN = """
INSERT INTO assay_data.replay_sources (run, source, target, partition, next, end_offset, topic_id)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::text[])
"""

_TAKE_OVER = """
UPDATE assay_data.replays SET epoch = epoch + 1, doubt_marks = coalesce(doubt_marks, marks) WHERE run = $1
"""

_ADVANCE = """
UPDATE assay_data.replays SET records = records + $3, marks = $4, missing = missing + $5, left_before = $6,
    left_after = $7, kept_from = $8, updated_at = $9
WHERE run = $1 AND epoch = $2
"""

_REACH = """
UPDATE assay_data.replay_sources AS s SET next = r.next, digest = $5
FROM unnest($3::int[], $4::bigint[]) AS r (partition, next)
WHERE s.run = $1 AND s.source = $2 AND s.partition = r.partition
"""

_FINISH = """
UPDATE assay_data.replays SET ends = $3, covers_from = $4, covers_to = $5, updated_at = $6, finished_at = $6
WHERE run = $1 AND epoch = $2
"""


class ReplayRuns:
    """Port `RunBook`. One copier a run at a time is the caller's concern (`Leadership`); the epoch is for the case that
    one does not know yet that it has lost the run."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, run: str) -> Run | None:
        """The run of this name."""
        async with transaction(self._pool) as held:
            row = await held.fetchrow(_FIND, run)
            stretches = await held.fetch(_STRETCHES, run)
        return None if row is None else _run(row, tuple(Stretch(*stretch) for stretch in stretches))

    async def begin(
        self, asked: Asked, stretches: Sequence[Stretch], marks: Marks, kept_from: int | None, at: datetime
    ) -> Run:
        """A new run, with all that it copies, in one transaction."""
        rows = [(s.source, s.target, s.partition, s.next, s.end, s.topic_id) for s in stretches]
        times = (_time(asked.from_ms), _time(asked.to_ms))
        async with transaction(self._pool) as held:
            await held.execute(
                _BEGIN, asked.run, *times, msgspec.to_builtins(asked), encoded(marks), _time(kept_from), at
            )
            await held.execute(_PLAN, asked.run, *(list(column) for column in zip(*rows, strict=True)))
        return Run(asked, 1, 0, tuple(stretches), marks, kept_from=kept_from, updated_at=at)

    async def take_over(self, run: str, at: datetime) -> Run:
        """From now on whatever an earlier copier books fails."""
        async with connection(self._pool) as held:
            await held.execute(_TAKE_OVER, run)
        found = await self.find(run)
        if found is None:
            raise StopProcess(f"the run {run} is not there any more")
        return found

    async def advance(self, run: str, epoch: int, step: Step, at: datetime) -> None:
        """Progress of one slice, in one transaction."""
        edges = (step.left_before, step.left_after, _time(step.kept_from))
        async with transaction(self._pool) as held:
            done = await held.execute(_ADVANCE, run, epoch, step.copied, encoded(step.marks), step.missing, *edges, at)
            _check_mine(run, done)
            await held.execute(_REACH, run, step.source, list(step.reached), list(step.reached.values()), step.digest)

    async def finish(self, run: str, epoch: int, ends: Marks, hours: Hours | None, at: datetime) -> None:
        """All records of the run stand, and its end records at `ends`."""
        covers = (None, None) if hours is None else (to_datetime(hours.start), to_datetime(hours.end))
        async with connection(self._pool) as held:
            _check_mine(run, await held.execute(_FINISH, run, epoch, encoded(ends), *covers, at))


def encoded(marks: Marks) -> list[list[object]]:
    """Marks as JSON."""
    return [[topic, partition, offset] for (topic, partition), offset in sorted(marks.items())]


def decoded(text: str) -> Marks:
    """Marks from JSON's text."""
    rows = msgspec.json.decode(text, type=list[tuple[str, int, int]])
    return {(topic, partition): offset for topic, partition, offset in rows}


def _run(row: asyncpg.Record, stretches: tuple[Stretch, ...]) -> Run:
    asked = row["asked"]
    times = Asked(row["run"], _ms(row["from_at"]), _ms(row["to_at"]))
    return Run(
        asked=times if asked is None else msgspec.json.decode(asked, type=Asked),
        epoch=row["epoch"],
        copied=row["records"],
        stretches=stretches,
        marks=decoded(row["marks"]),
        doubt_marks=None if row["doubt_marks"] is None else decoded(row["doubt_marks"]),
        missing=row["missing"],
        left_before=row["left_before"],
        left_after=row["left_after"],
        kept_from=_ms(row["kept_from"]),
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
        dropped_at=row["dropped_at"],
        resumable=asked is not None,
    )


def _check_mine(run: str, done: str) -> None:
    if done == "UPDATE 0":
        raise StopProcess(f"another copier has taken the run {run} over: this one stops")


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else to_datetime(ms)


def _ms(time: datetime | None) -> int | None:
    return None if time is None else to_milliseconds(time)
