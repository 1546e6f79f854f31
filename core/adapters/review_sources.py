"""Where candidates for review come from: live labels and scores, shadows beside them, traffic, drift alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import numpy as np

from core.adapters.postgres import Connection, Pool, connection
from core.adapters.review_rows import candidate_of
from core.adapters.review_source_sql import (
    ALERT,
    COUNT_LABELS,
    COUNT_SCORES,
    CRITICS,
    LABEL_FRAME,
    LABELLED,
    MOVED_QUERIES,
    QUEUED,
    SCORE_FRAME,
    SCORED,
    SEARCHES,
)
from core.domain.drift.panel import Segment
from core.domain.drift.verdict import JUDGE_REACH_NIGHTS
from core.domain.evaluation.items import DatasetKind
from core.domain.labels import LIVE_RUN
from core.domain.review.drawing import Frame, frame_of
from core.review_ports import Candidate, Moved, ReviewRefused

TRAFFIC_DAYS = 28
"""Days of searches that weigh a query: four whole weeks, as the console's longest window."""

MAX_FRAME = 2_000_000
"""Labels of one frame: two million are 150 MB while they are drawn from, and take ten seconds."""

MAX_MOVED = 50
"""Queries an alert names at most: those that moved its segment most."""

FRAME_S = 300.0
"""Seconds for a frame: two million labels are sorted in some ten."""


class PostgresReviewSources:
    """Port `ReviewSources`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def frame(self, kind: DatasetKind, since: datetime, until: datetime, moved: Moved | None = None) -> Frame:
        """The newest label of each pair in the period; ReviewRefused where there are more than `MAX_FRAME`."""
        async with connection(self._pool) as held:
            row = await (_label_frame if kind == "relevance" else _score_frame)(held, since, until, moved)
        return _frame(row)

    async def candidates(self, kind: DatasetKind, keys: Sequence[int]) -> Sequence[Candidate]:
        """Those labels or scores in the order of `keys`, without their products."""
        async with connection(self._pool) as held:
            rows = await held.fetch(LABELLED if kind == "relevance" else SCORED, list(keys))
        return [candidate_of(kind, row) for row in rows]

    async def searches(
        self, queries: Sequence[tuple[str, str, str]], until: datetime
    ) -> Mapping[tuple[str, str, str], int]:
        """Searches by (application, market, query) in the four weeks before."""
        columns = [list(column) for column in zip(*queries, strict=True)] if queries else [[], [], []]
        async with connection(self._pool) as held:
            rows = await held.fetch(SEARCHES, LIVE_RUN, until - timedelta(days=TRAFFIC_DAYS), until, *columns)
        return {(row["application"], row["market"], row["query"]): row["searches"] for row in rows}

    async def moved(self, alert: str) -> Moved | None:
        """An alert with the queries that moved it most."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(ALERT, alert)
            return None if row is None else await _moved(held, row)

    async def critics(self, content_keys: Sequence[str]) -> Mapping[str, int]:
        """The newest critique's grade by content key."""
        async with connection(self._pool) as held:
            return {row["key"]: row["better"] for row in await held.fetch(CRITICS, list(content_keys))}

    async def queued(self, items: Sequence[UUID]) -> set[UUID]:
        """Those that are in the queue."""
        async with connection(self._pool) as held:
            return {row["item_id"] for row in await held.fetch(QUEUED, list(items))}


async def _label_frame(
    held: Connection, since: datetime, until: datetime, moved: Moved | None
) -> asyncpg.Record | None:
    await _counted(held, COUNT_LABELS, since, until, "labels")
    where = (moved.application, moved.market, list(moved.queries)) if moved else ("", "", [])
    span = (since, until, until - timedelta(days=TRAFFIC_DAYS), LIVE_RUN)
    return await held.fetchrow(LABEL_FRAME, *span, *where, moved is not None, timeout=FRAME_S)


async def _score_frame(
    held: Connection, since: datetime, until: datetime, moved: Moved | None
) -> asyncpg.Record | None:
    await _counted(held, COUNT_SCORES, since, until, "scores")
    market = moved.market if moved else ""
    return await held.fetchrow(SCORE_FRAME, since, until, market, moved is not None, timeout=FRAME_S)


async def _counted(held: Connection, sql: str, since: datetime, until: datetime, what: str) -> None:
    """ReviewRefused for a frame that is too large."""
    if await held.fetchval(sql, since, until, MAX_FRAME + 1) > MAX_FRAME:
        raise ReviewRefused(f"more than {MAX_FRAME:,} {what} were given in that period; take a shorter one")


def _frame(row: asyncpg.Record | None) -> Frame:
    if row is None or row["keys"] is None:
        return frame_of([], [], [], [], [], np.zeros(0, dtype=bool))
    return frame_of(row["keys"], row["disagreement"], row["confidence"], row["searches"], row["drift"], row["queued"])


async def _moved(held: Connection, row: asyncpg.Record) -> Moved:
    """Named by the evidence itself (traffic), else those whose steps were largest in the nights around."""
    segment = msgspec.convert(row["segment"], Segment)
    named = row["evidence"].get("queries_that_moved", [])
    night, reach = row["detected_at"].date(), timedelta(days=JUDGE_REACH_NIGHTS)
    if not named:
        found = await held.fetch(MOVED_QUERIES, segment.key, night - reach, night, MAX_MOVED)
        named = [each["query"] for each in found]
    return Moved(
        alert_id=row["alert_id"],
        application="" if segment.application == "all" else segment.application,
        market="" if segment.market == "all" else segment.market,
        queries=[str(query) for query in named],
        since=row["detected_at"] - reach,
        until=row["detected_at"] + reach,
    )
