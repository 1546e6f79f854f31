"""The inbox of judge tasks in PostgreSQL: unique keys, lanes, leases by `FOR UPDATE SKIP LOCKED` (ADR 0002).

A task's end state only moves forward: `done` stays done, `failed` leaves by being asked for anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.events import event_id
from core.domain.labels import LANE_RANK
from core.ports import Clock, NewTask, Task, TaskFailure, TaskKind, TaskRetry

CHUNK = 5_000
"""Tasks of one statement: DESIGN 11 measured `unnest` at its best there, and a million wait no longer in sum."""

WINDOW = 2_000
"""Runnable tasks, best first, among which a lease looks for groups. A group is one query's results, mostly under
fifty, so this holds dozens of groups, more than one lease takes; read in index order it costs 3 ms."""

CANDIDATES = 256
"""Groups a lease may try because others hold the better ones: 32 replicas that take 8 groups each at one moment.
A number in the statement, not an argument: the planner must see that it is small, or it joins the whole table."""

_RUNNABLE = """t.state IN ('waiting', 'running')
    AND CASE t.state WHEN 'waiting' THEN t.not_before <= $2 ELSE t.lease_until < $2 END"""
"""Spelled so that the partial indexes serve it. `$2` is the clock's time."""

_ADD = """
WITH asked AS (
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[],
        $9::text[], $10::float8[])
        AS a (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload, priority)
), failed AS (
    SELECT task_key FROM assay_data.tasks WHERE task_key = ANY ($3::text[]) AND state = 'failed'
), written AS (
    INSERT INTO assay_data.tasks AS t (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload,
        priority, state, not_before, created_at)
    SELECT task_id, task_key, kind, lane, lane_rank, group_key, subject::jsonb, payload::jsonb, priority,
        'waiting', $1, $1
    FROM asked
    ON CONFLICT (task_id) DO UPDATE SET -- made of the key, and the only unique index: two adders meet here
        state = 'waiting',
        lane = CASE WHEN t.state = 'failed' OR excluded.lane_rank < t.lane_rank THEN excluded.lane ELSE t.lane END,
        lane_rank = CASE WHEN t.state = 'failed' THEN excluded.lane_rank
            ELSE least(t.lane_rank, excluded.lane_rank) END,
        priority = CASE WHEN t.state = 'failed' THEN excluded.priority
            ELSE greatest(t.priority, excluded.priority) END,
        group_key = CASE WHEN t.state = 'failed' THEN excluded.group_key ELSE t.group_key END,
        subject = CASE WHEN t.state = 'failed' THEN excluded.subject ELSE t.subject END,
        payload = CASE WHEN t.state = 'failed' THEN excluded.payload ELSE t.payload END,
        reason = CASE WHEN t.state = 'failed' THEN '' ELSE t.reason END,
        attempts = CASE WHEN t.state = 'failed' THEN 0 ELSE t.attempts END,
        not_before = CASE WHEN t.state = 'failed' THEN excluded.not_before ELSE t.not_before END,
        created_at = CASE WHEN t.state = 'failed' THEN excluded.created_at ELSE t.created_at END,
        finished_at = NULL
    WHERE t.state = 'failed'
        OR (t.state = 'waiting' AND (excluded.lane_rank < t.lane_rank OR excluded.priority > t.priority))
    RETURNING t.task_key, t.xmax = 0 AS inserted
)
SELECT count(*) FROM written WHERE inserted OR task_key IN (SELECT task_key FROM failed)
"""

LEASE = f"""
WITH near AS (
    SELECT n.* FROM unnest($1::text[]) AS k (kind)
    CROSS JOIN LATERAL (
        SELECT t.task_id, t.kind, t.group_key, t.lane_rank, t.priority, t.created_at
        FROM assay_data.tasks AS t
        WHERE t.kind = k.kind AND {_RUNNABLE}
        ORDER BY t.lane_rank, t.priority DESC, t.created_at, t.task_id
        LIMIT {WINDOW}
    ) AS n
), heads AS (
    SELECT DISTINCT ON (kind, group_key) task_id, lane_rank, priority, created_at
    FROM near ORDER BY kind, group_key, lane_rank, priority DESC, created_at, task_id
), candidates AS MATERIALIZED (
    SELECT * FROM heads ORDER BY lane_rank, priority DESC, created_at, task_id LIMIT {CANDIDATES}
), chosen AS MATERIALIZED (
    SELECT t.kind, t.group_key, h.lane_rank, h.priority, h.created_at, h.task_id
    FROM candidates AS h JOIN assay_data.tasks AS t ON t.task_id = h.task_id
    WHERE {_RUNNABLE}
    ORDER BY h.lane_rank, h.priority DESC, h.created_at, h.task_id
    LIMIT $3
    FOR UPDATE OF t SKIP LOCKED
), ranked AS MATERIALIZED (
    SELECT kind, group_key, row_number() OVER (ORDER BY lane_rank, priority DESC, created_at, task_id) AS place
    FROM chosen
), members AS MATERIALIZED (
    SELECT m.task_id, r.place FROM ranked AS r
    CROSS JOIN LATERAL (
        SELECT t.task_id FROM assay_data.tasks AS t
        WHERE t.kind = r.kind AND t.group_key = r.group_key AND {_RUNNABLE}
        ORDER BY t.lane_rank, t.priority DESC, t.created_at, t.task_id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    ) AS m
), leased AS (
    UPDATE assay_data.tasks AS t
    SET state = 'running', reason = '', lease_until = $5, attempts = t.attempts + 1
    FROM members AS m WHERE t.task_id = m.task_id
    RETURNING m.place, t.task_id, t.task_key, t.kind, t.lane, t.lane_rank, t.group_key, t.subject, t.payload,
        t.priority, t.created_at, t.attempts
)
SELECT place, task_id, task_key, kind, lane, group_key, subject, payload, attempts FROM leased
ORDER BY place, lane_rank, priority DESC, created_at, task_id
"""  # noqa: S608 -- what is put in are the constants above
"""One statement, so that no lock outlives it: $1 kinds, $2 now, $3 groups, $4 tasks a group, $5 end of lease.

A head task stands for its group: who locks the head has the group, the others pass on to the next one."""

_RENEW = "UPDATE assay_data.tasks SET lease_until = $2 WHERE task_id = ANY ($1::uuid[]) AND state = 'running'"

_RETRY = """
UPDATE assay_data.tasks AS t
SET state = 'waiting', reason = r.reason, not_before = r.not_before, lease_until = NULL,
    attempts = greatest(0, t.attempts - CASE WHEN r.counts THEN 0 ELSE 1 END)
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::boolean[]) AS r (task_id, reason, not_before, counts)
WHERE t.task_id = r.task_id AND t.state = 'running'
"""

_FAIL = """
UPDATE assay_data.tasks AS t
SET state = 'failed', reason = f.reason, finished_at = $3, lease_until = NULL
FROM unnest($1::uuid[], $2::text[]) AS f (task_id, reason)
WHERE t.task_id = f.task_id AND t.state = 'running'
"""

_FINISH = """
UPDATE assay_data.tasks SET state = 'done', reason = '', finished_at = $2, lease_until = NULL
WHERE task_id = ANY ($1::uuid[]) AND state <> 'done'
"""

_COUNT = """
SELECT count(*) FROM assay_data.tasks
WHERE kind = ANY ($1::text[]) AND state IN ('waiting', 'running') AND (state = 'running' OR not_before <= $2)
"""


class PostgresInbox:
    """`TaskInbox`; times come from `clock`."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def add(self, tasks: Sequence[NewTask]) -> int:
        """Queue all or none; returns how many are new or anew."""
        async with transaction(self._pool) as held:
            return await add_tasks(held, tasks, self._clock.now())

    async def lease(self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float) -> list[list[Task]]:
        """The best groups first, each with its best tasks first."""
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)
        async with connection(self._pool) as held:
            rows = await held.fetch(LEASE, list(kinds), now, groups, per_group, until)
        return [[_task(row) for row in group] for _, group in itertools.groupby(rows, key=lambda row: row["place"])]

    async def renew(self, task_ids: Sequence[UUID], seconds: float) -> None:
        """Heartbeat of running tasks."""
        async with connection(self._pool) as held:
            await held.execute(_RENEW, list(task_ids), self._clock.now() + timedelta(seconds=seconds))

    async def release(self, retries: Sequence[TaskRetry], failures: Sequence[TaskFailure]) -> None:
        """Only running tasks are touched: one that was finished meanwhile stays as it is."""
        async with transaction(self._pool) as held:
            if retries:
                await held.execute(
                    _RETRY,
                    [retry.task_id for retry in retries],
                    [retry.reason for retry in retries],
                    [retry.not_before for retry in retries],
                    [retry.counts for retry in retries],
                )
            if failures:
                ids, reasons = [failure.task_id for failure in failures], [failure.reason for failure in failures]
                await held.execute(_FAIL, ids, reasons, self._clock.now())

    async def runnable(self, kinds: Sequence[TaskKind], within_s: float = 0.0) -> int:
        """Tasks that are running or could run within so many seconds."""
        by = self._clock.now() + timedelta(seconds=within_s)
        async with connection(self._pool) as held:
            return int(await held.fetchval(_COUNT, list(kinds), by))


async def add_tasks(held: Connection, tasks: Sequence[NewTask], now: datetime) -> int:
    """Queue in the caller's transaction, in statements of `CHUNK` tasks; returns how many are new or anew."""
    rows, added = [_columns(task) for task in _once(tasks)], 0
    for start in range(0, len(rows), CHUNK):
        columns = zip(*rows[start : start + CHUNK], strict=True)
        added += int(await held.fetchval(_ADD, now, *(list(column) for column in columns)))
    return added


async def finish_tasks(held: Connection, task_ids: Sequence[UUID], at: datetime) -> None:
    """End tasks whose result is written in this same transaction."""
    if task_ids:
        await held.execute(_FINISH, list(task_ids), at)


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
    """A row of `_ADD`. The id follows from the key, so the order of ties is the same in every run."""
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
    )
