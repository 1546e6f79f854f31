"""The inbox of judge tasks in PostgreSQL: unique keys, lanes, leases by `FOR UPDATE SKIP LOCKED` (ADR 0002).

A task's end state only moves forward: `done` stays done, `failed` leaves by being asked for anew.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from core.adapters.inbox_sql import ADD, COUNT, FAIL, FINISH, LEASE, OF_A_LANE, RENEW, RETRY
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.adapters.together import Together
from core.domain.events import event_id
from core.domain.failures import CRASHED
from core.domain.labels import LANE_RANK, Lane
from core.ports import Clock, NewTask, Task, TaskFailure, TaskKind, TaskRetry
from core.telemetry import Metrics

CHUNK = 5_000
"""Tasks of one statement: DESIGN 11 measured `unnest` at its best there, and a million wait no longer in sum."""

RELEASES = 200
"""Callers whose ends go into one transaction: at 20 tasks each a statement of 4,000 rows, some 50 ms."""


class PostgresInbox:
    """`TaskInbox`; times come from `clock`. `crashes`: so many leases that ran out end a task, as the setting
    `task_attempts` says."""

    def __init__(self, pool: Pool, clock: Clock, crashes: int = 5, metrics: Metrics | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._crashes = crashes
        self._metrics = metrics
        self._release: Together[_Ends, None] = Together(self._released, RELEASES)

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Queue all or none; returns how many are new or anew."""
        async with transaction(self._pool) as held:
            return await add_tasks(held, tasks, self._clock.now())

    async def lease(
        self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float, lane: Lane | None = None
    ) -> list[list[Task]]:
        """The best groups first, each with its best tasks first."""
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)
        statement, ranks = (LEASE, ()) if lane is None else (OF_A_LANE, (LANE_RANK[lane],))
        async with connection(self._pool) as held:
            rows = await held.fetch(statement, list(kinds), now, groups, per_group, until, self._crashes, *ranks)
        self._count("failed", (CRASHED for row in rows if row["state"] == "failed"))
        running = (row for row in rows if row["state"] == "running")
        return [[_task(row) for row in group] for _, group in itertools.groupby(running, key=lambda row: row["place"])]

    async def renew(self, tasks: Sequence[Task], seconds: float) -> set[UUID]:
        """Heartbeat of running tasks; returns those that somebody else leased since."""
        until = self._clock.now() + timedelta(seconds=seconds)
        async with connection(self._pool) as held:
            rows = await held.fetch(RENEW, [task.task_id for task in tasks], [task.lease for task in tasks], until)
        return {row["task_id"] for row in rows}

    async def release(self, retries: Sequence[TaskRetry], failures: Sequence[TaskFailure]) -> None:
        """Only running tasks are touched: one that was finished meanwhile stays as it is."""
        await self._release(_Ends(retries, failures))

    async def _released(self, many: Sequence[_Ends]) -> list[None]:
        retries = [retry for ends in many for retry in ends.retries]
        failures = [failure for ends in many for failure in ends.failures]
        async with transaction(self._pool) as held:
            if retries:
                await held.execute(RETRY, *_retry_columns(retries))
            if failures:
                await held.execute(FAIL, *_failure_columns(failures), self._clock.now())
        self._count("retry", (retry.reason for retry in retries if retry.counts))
        self._count("put_off", (retry.reason for retry in retries if not retry.counts))
        self._count("failed", (failure.reason for failure in failures))
        return [None] * len(many)

    def _count(self, outcome: str, reasons: Iterable[str]) -> None:
        for reason, tasks in Counter(reasons).items():
            if self._metrics is not None:
                self._metrics.count("assay_task_failures_total", tasks, outcome=outcome, reason=reason)

    async def runnable(self, kinds: Sequence[TaskKind], within_s: float = 0.0) -> int:
        """Tasks that are running or could run within so many seconds."""
        by = self._clock.now() + timedelta(seconds=within_s)
        async with connection(self._pool) as held:
            return int(await held.fetchval(COUNT, list(kinds), by))


async def add_tasks(held: Connection, tasks: Sequence[NewTask], now: datetime) -> int:
    """Queue in the caller's transaction, in statements of `CHUNK` tasks; returns how many are new or anew."""
    rows, added = [_columns(task) for task in _once(tasks)], 0
    for start in range(0, len(rows), CHUNK):
        columns = zip(*rows[start : start + CHUNK], strict=True)
        added += int(await held.fetchval(ADD, now, *(list(column) for column in columns)))
    return added


async def finish_tasks(held: Connection, ends: Mapping[UUID, datetime]) -> None:
    """End tasks, each at its time, whose results are written in this same transaction."""
    if ends:
        await held.execute(FINISH, list(ends), list(ends.values()))


class _Ends(NamedTuple):
    retries: Sequence[TaskRetry]
    failures: Sequence[TaskFailure]


def _retry_columns(retries: Sequence[TaskRetry]) -> tuple[list[object], ...]:
    return (
        [retry.task_id for retry in retries],
        [retry.reason for retry in retries],
        [retry.not_before for retry in retries],
        [retry.counts for retry in retries],
        [retry.lease for retry in retries],
    )


def _failure_columns(failures: Sequence[TaskFailure]) -> tuple[list[object], ...]:
    return (
        [failure.task_id for failure in failures],
        [failure.reason for failure in failures],
        [failure.lease for failure in failures],
    )


class _Columns(NamedTuple):
    task_id: UUID
    task_key: str
    kind: str
    lane: str
    lane_rank: int
    group_key: str
    subject: str
    payload: str
    priority: float


def _columns(task: NewTask) -> _Columns:
    """A row of `ADD`. The id follows from the key, so the order of ties is the same in every run."""
    return _Columns(
        event_id(f"task/{task.task_key}"),
        task.task_key,
        task.kind,
        task.lane,
        LANE_RANK[task.lane],
        task.group_key,
        encode_json(task.subject),
        encode_json(task.payload),
        task.priority,
    )


def _once(tasks: Iterable[NewTask]) -> list[NewTask]:
    """One task a key, the best of each: a statement can't touch a row twice. By key, so two adders can't deadlock."""
    best: dict[str, NewTask] = {}
    for task in sorted(tasks, key=lambda task: (LANE_RANK[task.lane], -task.priority)):
        best.setdefault(task.task_key, task)
    return [best[key] for key in sorted(best)]


def _task(row: asyncpg.Record) -> Task:
    return Task(
        task_id=row["task_id"],
        task_key=row["task_key"],
        kind=row["kind"],
        lane=row["lane"],
        group_key=row["group_key"],
        subject=row["subject"],
        payload=row["payload"],
        attempts=row["attempts"],
        lease=row["lease_no"],
        failures=row["failures"],
    )
