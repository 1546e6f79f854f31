"""Statements of the inbox: what is queued, leased, renewed and ended. `core.adapters.inbox` runs them."""

from __future__ import annotations

from core.domain.failures import CRASHED, DOUBTED_CRASHES

WINDOW = 2_000
"""Runnable tasks, best first, among which a lease looks for groups. A group is one query's results, mostly under
fifty, so this holds dozens of groups, more than one lease takes; read in index order it costs 3 ms."""

CANDIDATES = 256
"""Groups a lease may try because others hold the better ones: 32 replicas that take 8 groups each at one moment.
A number in the statement, not an argument: the planner must see that it is small, or it joins the whole table."""

_CRASHES = "coalesce((t.failures ->> 'crashed')::int, 0) + (t.state = 'running')::int"
"""Leases of a runnable task that ran out: those that were counted, and the one it still shows as running."""

_RUNNABLE = """t.state IN ('waiting', 'running')
    AND CASE t.state WHEN 'waiting' THEN t.not_before <= $2 ELSE t.lease_until < $2 END"""
"""Spelled so that the partial indexes serve it. `$2` is the clock's time."""

ADD = """
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
        failures = CASE WHEN t.state = 'failed' THEN '{}' ELSE t.failures END,
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
        SELECT t.task_id, t.kind, t.group_key, t.lane_rank, t.priority, t.created_at,
            CASE WHEN {_CRASHES} >= {DOUBTED_CRASHES} THEN t.task_id END AS alone
        FROM assay_data.tasks AS t
        WHERE t.kind = k.kind AND {_RUNNABLE}
        ORDER BY t.lane_rank, t.priority DESC, t.created_at, t.task_id
        LIMIT {WINDOW}
    ) AS n
), heads AS (
    SELECT DISTINCT ON (kind, group_key, alone) task_id, lane_rank, priority, created_at, alone
    FROM near ORDER BY kind, group_key, alone, lane_rank, priority DESC, created_at, task_id
), candidates AS MATERIALIZED (
    SELECT * FROM heads ORDER BY lane_rank, priority DESC, created_at, task_id LIMIT {CANDIDATES}
), chosen AS MATERIALIZED (
    SELECT t.kind, t.group_key, h.lane_rank, h.priority, h.created_at, h.task_id, h.alone
    FROM candidates AS h JOIN assay_data.tasks AS t ON t.task_id = h.task_id
    WHERE {_RUNNABLE}
    ORDER BY h.lane_rank, h.priority DESC, h.created_at, h.task_id
    LIMIT $3
    FOR UPDATE OF t SKIP LOCKED
), ranked AS MATERIALIZED (
    SELECT kind, group_key, alone, row_number() OVER (ORDER BY lane_rank, priority DESC, created_at, task_id) AS place
    FROM chosen
), members AS MATERIALIZED (
    SELECT m.task_id, m.crashes, r.place FROM ranked AS r
    CROSS JOIN LATERAL (
        SELECT t.task_id, {_CRASHES} AS crashes FROM assay_data.tasks AS t
        WHERE t.kind = r.kind AND t.group_key = r.group_key AND {_RUNNABLE}
            AND CASE WHEN r.alone IS NULL THEN {_CRASHES} < {DOUBTED_CRASHES} ELSE t.task_id = r.alone END
        ORDER BY t.lane_rank, t.priority DESC, t.created_at, t.task_id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    ) AS m
), leased AS (
    UPDATE assay_data.tasks AS t
    SET state = CASE WHEN m.crashes < $6 THEN 'running' ELSE 'failed' END,
        reason = CASE WHEN m.crashes < $6 THEN '' ELSE '{CRASHED}' END,
        lease_until = CASE WHEN m.crashes < $6 THEN $5::timestamptz END,
        finished_at = CASE WHEN m.crashes < $6 THEN NULL ELSE $2::timestamptz END,
        attempts = t.attempts + (m.crashes < $6)::int,
        lease_no = t.lease_no + 1,
        failures = CASE WHEN t.state = 'running' THEN t.failures || jsonb_build_object('{CRASHED}', m.crashes)
            ELSE t.failures END
    FROM members AS m WHERE t.task_id = m.task_id
    RETURNING m.place, t.task_id, t.task_key, t.kind, t.lane, t.lane_rank, t.group_key, t.subject, t.payload,
        t.priority, t.created_at, t.attempts, t.lease_no, t.failures, t.state
)
SELECT place, task_id, task_key, kind, lane, group_key, subject, payload, attempts, lease_no, failures, state
FROM leased ORDER BY place, lane_rank, priority DESC, created_at, task_id
"""  # noqa: S608 -- what is put in are the constants above
"""One statement, so that no lock outlives it: $1 kinds, $2 now, $3 groups, $4 tasks a group, $5 end of lease, $6 how
many crashes end a task.

A head task stands for its group: who locks the head has the group, the others pass on to the next one. A task that
crashed so often that it may be the cause is its own group's head, and its only member."""

OF_A_LANE = LEASE.replace("WHERE t.kind = k.kind AND", "WHERE t.kind = k.kind AND t.lane_rank = $7 AND")
"""As `LEASE`, of groups whose best task is of lane rank $7."""

RENEW = """
WITH mine AS MATERIALIZED (
    SELECT t.task_id, t.state, t.lease_no = m.lease_no AS held
    FROM unnest($1::uuid[], $2::int[]) AS m (task_id, lease_no)
    JOIN assay_data.tasks AS t USING (task_id)
), free AS MATERIALIZED (
    SELECT t.task_id FROM mine JOIN assay_data.tasks AS t USING (task_id)
    WHERE mine.held AND mine.state = 'running'
    FOR UPDATE OF t SKIP LOCKED
), renewed AS (
    UPDATE assay_data.tasks AS t SET lease_until = $3 FROM free AS f
    WHERE t.task_id = f.task_id AND t.state = 'running'
)
SELECT task_id FROM mine WHERE NOT held
"""
"""A task that is being ended at this moment is locked and needs no lease: so a heartbeat never waits, nor deadlocks."""

RETRY = """
UPDATE assay_data.tasks AS t
SET state = 'waiting', reason = r.reason, not_before = r.not_before, lease_until = NULL,
    attempts = greatest(0, t.attempts - CASE WHEN r.counts THEN 0 ELSE 1 END),
    failures = CASE WHEN r.counts
        THEN t.failures || jsonb_build_object(r.reason, coalesce((t.failures ->> r.reason)::int, 0) + 1)
        ELSE t.failures END
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::boolean[], $5::int[])
    AS r (task_id, reason, not_before, counts, lease_no)
WHERE t.task_id = r.task_id AND t.state = 'running' AND t.lease_no = coalesce(r.lease_no, t.lease_no)
"""

FAIL = """
UPDATE assay_data.tasks AS t
SET state = 'failed', reason = f.reason, finished_at = $4, lease_until = NULL,
    failures = t.failures || jsonb_build_object(f.reason, coalesce((t.failures ->> f.reason)::int, 0) + 1)
FROM unnest($1::uuid[], $2::text[], $3::int[]) AS f (task_id, reason, lease_no)
WHERE t.task_id = f.task_id AND t.state = 'running' AND t.lease_no = coalesce(f.lease_no, t.lease_no)
"""

FINISH = """
UPDATE assay_data.tasks AS t SET state = 'done', reason = '', finished_at = e.at, lease_until = NULL
FROM unnest($1::uuid[], $2::timestamptz[]) AS e (task_id, at)
WHERE t.task_id = e.task_id AND t.state <> 'done'
"""

COUNT = """
SELECT count(*) FROM assay_data.tasks
WHERE kind = ANY ($1::text[]) AND state IN ('waiting', 'running') AND (state = 'running' OR not_before <= $2)
"""
