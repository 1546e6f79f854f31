"""The process `retention`: days are made before they begin, and dropped when their time is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from core.domain.images.buyers.days import WEEK
from core.domain.images.student_drop import DropRules
from core.domain.retention import HISTORIES, History, Keep, asked_before, is_due, oldest, plan, utc_day, window
from core.ports import Clock, Leadership
from core.retention_ports import Cursor, DaySize, Judged, RetentionStore
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.stages.buyers_look import BASELINE
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 300.0
"""A day is kept or not to the minute for nobody; five minutes because a lock that was not free is asked for again."""

ROWS_A_BATCH = 5_000
"""Rows deleted in one transaction: about 20 ms, as a stream's own."""

BATCHES_A_LOOK = 100
"""Batches of one kind in one look, some seconds, so that a stop is heeded; the next look goes on."""

NIGHTS_LATE = 2
"""Days by which the window of a nightly look lies back: a look is of the day before, taken until the next look."""


@dataclass(frozen=True, slots=True)
class Due:
    """What one look would let go of a table."""

    table: str
    days: tuple[DaySize, ...]
    replaced: int = 0


def build(
    settings: Settings,
    store: RetentionStore,
    leadership: Leadership,
    clock: Clock,
    metrics: Metrics,
    *,
    on_nudge_only: bool,
) -> PeriodicProcess:
    """days ahead made -> days past their time emptied, then removed -> the rest and what is replaced, in batches."""
    look = RetentionLook(store, clock, keeps_of(settings), judged_days(settings), metrics)
    return PeriodicProcess("retention", look.take, leadership, LOOK_EVERY_S, on_nudge_only=on_nudge_only)


def keeps_of(settings: Settings) -> Mapping[History, Keep]:
    """How long each history is kept."""
    days: Mapping[History, int] = {
        "panes": settings.retention_pane_days,
        "dead_letters": settings.retention_dead_letter_days,
        "llm_calls": settings.retention_llm_call_days,
    }
    return {history: Keep(kept, settings.retention_grace_days) for history, kept in days.items()}


def judged_days(settings: Settings) -> Mapping[Judged, int]:
    """How many days a row stays once a newer one replaced it; a table that is not named: for ever. Scores stay at least
    as long as the nightly looks of `image-watch` compare them."""
    days = settings.retention_label_history_days
    return {"labels": days, "image_scores": max(days, compared_days(settings))} if days else {}


def compared_days(settings: Settings) -> int:
    """How far back the furthest of those looks reads: at the student, at flags, at buyers."""
    rules = DropRules()
    student, buyers = rules.recent_days + rules.base_days, WEEK + BASELINE
    flags = settings.image_flag_recent_days + settings.image_flag_base_days
    return max(student, flags, buyers) + NIGHTS_LATE


class RetentionLook:
    """One look at every table. `judged_days`: as the function of that name has it."""

    def __init__(
        self,
        store: RetentionStore,
        clock: Clock,
        keeps: Mapping[History, Keep],
        judged_days: Mapping[Judged, int],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keeps = keeps
        self._judged_days = judged_days
        self._metrics = metrics
        self._walked: dict[Judged, date] = {}
        self._cursor: dict[Judged, Cursor | None] = {}

    async def take(self) -> int:
        """How many days were made or dropped and rows deleted."""
        now = self._clock.now()
        done = sum([await self._history(history, now) for history in HISTORIES])
        return done + sum([await self._judged(judged, days, now) for judged, days in self._judged_days.items()])

    async def due(self) -> list[Due]:
        """What a look would let go now; changes nothing."""
        now = self._clock.now()
        due = [await self._due_days(history, now) for history in HISTORIES]
        for judged, days in self._judged_days.items():
            due.append(Due(judged, (), await self._store.superseded(judged, now - timedelta(days=days))))
        return due

    async def _due_days(self, history: History, now: datetime) -> Due:
        keep = self._keeps[history]
        kept = await self._store.days(history, window(now, keep)[1])
        days = [row.day for row in kept if is_due(row, now, keep) and not row.emptied]
        return Due(history, tuple(await self._store.sizes(history, days)))

    async def _history(self, history: History, now: datetime) -> int:
        keep = self._keeps[history]
        last, before = window(now, keep)[1], asked_before(now, keep)
        await self._store.find(history, last, now)
        wanted = plan(await self._store.days(history, last), now, keep)
        made = await self._store.make(history, wanted.make, now) if wanted.make else 0
        dropped = sum([await self._drop(history, day, before, now) for day in wanted.drop])
        gone = await self._store.let_go(history, now)
        cleaned = sum([await self._clean(history, day, before) for day in wanted.clean])
        await self._say(history, last, now)
        return made + dropped + gone + cleaned

    async def _drop(self, history: History, day: date, before: datetime, now: datetime) -> int:
        rows = await self._store.drop(history, day, before, now)
        if rows is None:
            return 0
        self._metrics.count("assay_retention_days_dropped_total", table=history)
        log.info("retention.dropped", table=history, day=str(day), rows=rows)
        return 1

    async def _clean(self, history: History, day: date, before: datetime) -> int:
        total = 0
        for _ in range(BATCHES_A_LOOK):
            deleted = await self._store.clean(history, day, before, ROWS_A_BATCH)
            total += deleted
            if deleted == 0:
                break
        self._metrics.count("assay_retention_rows_deleted_total", total, table=history)
        return total

    async def _judged(self, judged: Judged, days: int, now: datetime) -> int:
        """A walk a day over what is old enough; a look goes some way of it."""
        if self._walked.get(judged) == utc_day(now):
            return 0
        before, total = now - timedelta(days=days), 0
        for _ in range(BATCHES_A_LOOK):
            step = await self._store.forget_superseded(judged, before, self._cursor.get(judged), ROWS_A_BATCH)
            self._cursor[judged] = step.cursor
            total += step.deleted
            if step.cursor is None:
                self._walked[judged] = utc_day(now)
                break
        self._metrics.count("assay_retention_rows_deleted_total", total, table=judged)
        return total

    async def _say(self, history: History, last: date, now: datetime) -> None:
        kept = await self._store.days(history, last)
        due = sum(is_due(row, now, self._keeps[history]) for row in kept)
        self._metrics.set("assay_retention_days_due", due, table=history)
        first = oldest(kept)
        if first is not None:
            begun = datetime.combine(first, time(), UTC).timestamp()
            self._metrics.set("assay_retention_oldest_day_seconds", begun, table=history)
