"""The statements of the batch lane's ordering side (core/adapters/llm_batch_store.py runs them)."""

from __future__ import annotations

WAITING = """
SELECT lane, model, count(*)::integer AS count, min(collected_at) AS oldest
FROM assay_data.llm_batch_items WHERE state = 'collected' GROUP BY lane, model ORDER BY lane, model
"""

QUEUED = """
SELECT coalesce(sum(input_tokens), 0)::bigint FROM assay_data.llm_batches WHERE state <> 'ended' AND model = $1
"""

WAS_FULL = """
SELECT EXISTS (SELECT 1 FROM assay_data.llm_batches
    WHERE model = $1 AND provider_status = 'queue_full' AND created_at > $2::timestamptz - interval '2 days'
        AND ended_at > $2)
"""

SIZES = """
SELECT call_id, body_bytes AS size, input_tokens FROM assay_data.llm_batch_items
WHERE state = 'collected' AND lane = $1 AND model = $2 ORDER BY collected_at, call_id LIMIT $3
"""

CHOOSE = """
SELECT call_id, lane, purpose, model, prompt_version, prompt_hash, subject, tasks, tokens, input_tokens, body_bytes,
    (worst_usd * 1000000000000)::bigint AS worst, deadline_at
FROM assay_data.llm_batch_items WHERE call_id = ANY ($1::uuid[]) AND state = 'collected'
ORDER BY collected_at, call_id FOR UPDATE
"""

OPEN = """
INSERT INTO assay_data.llm_batches (batch_id, lane, model, state, requests, input_tokens, file_bytes, asked_at,
    created_at, deadline_at, next_look_at)
VALUES ($1, $2, $3, 'preparing', $4, $5, $6, $7, $8, $9, $8)
"""

TAKE = "UPDATE assay_data.llm_batch_items SET state = 'ordered', batch_id = $2 WHERE call_id = ANY ($1::uuid[])"

LEAVE_OUT = """
UPDATE assay_data.llm_batch_items SET state = CASE state WHEN 'ordered' THEN 'collected' ELSE state END, batch_id = NULL
WHERE batch_id = $1 AND NOT call_id = ANY ($2::uuid[])
"""

RESERVED = """
UPDATE assay_data.llm_batches AS b SET state = 'reserved', requests = i.requests, input_tokens = i.tokens,
    file_bytes = i.size, deadline_at = i.deadline_at
FROM (SELECT count(*) AS requests, sum(input_tokens) AS tokens, sum(body_bytes) AS size,
        min(deadline_at) AS deadline_at FROM assay_data.llm_batch_items WHERE batch_id = $1) AS i
WHERE b.batch_id = $1 AND b.state = 'preparing' AND i.requests > 0
RETURNING b.requests
"""

REMOVE = "DELETE FROM assay_data.llm_batches WHERE batch_id = $1 AND state IN ('preparing', 'reserved', 'uploaded')"

OPEN_BATCHES = """
SELECT batch_id, lane, model, state, requests, input_file, provider_id, accepted, asked_at, created_at, tried_at,
    ordered_at, deadline_at, looks, next_look_at, cancel_asked_at, cancel_sent_at
FROM assay_data.llm_batches WHERE state <> 'ended' ORDER BY created_at, batch_id
"""

CALL_IDS = "SELECT call_id FROM assay_data.llm_batch_items WHERE batch_id = $1 ORDER BY call_id"

LINES = """
SELECT call_id, body FROM assay_data.llm_batch_items
WHERE batch_id = $1 AND call_id > $2 AND state = 'ordered' AND body IS NOT NULL ORDER BY call_id LIMIT $3
"""

UPLOADED = """
UPDATE assay_data.llm_batches SET state = 'uploaded', input_file = $2 WHERE batch_id = $1 AND state = 'reserved'
RETURNING batch_id
"""

TRYING = """
UPDATE assay_data.llm_batches SET tried_at = $3
WHERE batch_id = $1 AND state = 'uploaded' AND tried_at IS NOT DISTINCT FROM $2 RETURNING batch_id
"""

ORDERED = """
UPDATE assay_data.llm_batches SET state = 'ordered', provider_id = $2, ordered_at = $3, looks = 0,
    next_look_at = $4
WHERE batch_id = $1 AND state = 'uploaded' RETURNING batch_id
"""

LOOKED = """
UPDATE assay_data.llm_batches SET looks = looks + 1, next_look_at = $2, provider_status = coalesce($3, provider_status),
    provider_done = coalesce($4, provider_done), accepted = accepted OR $5
WHERE batch_id = $1
"""

DROP_BODIES = "UPDATE assay_data.llm_batch_items SET body = NULL WHERE batch_id = $1 AND body IS NOT NULL"

KEEP = """
UPDATE assay_data.llm_batch_items AS i
SET state = CASE WHEN r.usable THEN 'answered' ELSE 'live' END, http_status = r.http_status, why = r.why,
    answer = r.answer, body = NULL, ended_at = $2, wake_at = $2, wakes = 0
FROM (
    SELECT DISTINCT ON (call_id) * FROM unnest($3::uuid[], $4::integer[], $5::text[], $6::boolean[], $7::text[])
        WITH ORDINALITY AS t (call_id, http_status, answer, usable, why, place) ORDER BY call_id, place
) AS r
WHERE i.call_id = r.call_id AND i.batch_id = $1 AND i.answer = '' AND NOT i.settled
    AND (i.state = 'ordered' OR (i.state = 'live' AND r.usable))
"""
"""The first result of a call counts. One that went live meanwhile takes a late answer: it may still be asked for."""

UNANSWERED = """
UPDATE assay_data.llm_batch_items
SET state = 'live', why = $2, free = $3, body = NULL, ended_at = $4, wake_at = $4, wakes = 0
WHERE batch_id = $1 AND state = 'ordered'
"""

LATE_UNANSWERED = """
UPDATE assay_data.llm_batch_items SET free = $2
WHERE batch_id = $1 AND state = 'live' AND answer = '' AND http_status IS NULL AND NOT settled
"""

QUEUE_FULL = """
UPDATE assay_data.llm_batches SET state = 'ended', provider_status = 'queue_full', error = $2, ended_at = $3
WHERE batch_id = $1
"""

UNSETTLED = """
SELECT i.call_id, i.lane, i.model, i.http_status, i.answer, i.why, i.free, i.kept,
    (i.worst_usd * 1000000000000)::bigint AS worst, b.asked_at AS started_at,
    least(extract(epoch FROM i.ended_at - coalesce(b.ordered_at, b.created_at)) * 1000, 2147483647)::integer
        AS latency_ms
FROM assay_data.llm_batch_items AS i JOIN assay_data.llm_batches AS b USING (batch_id)
WHERE i.batch_id = $1 AND NOT i.settled AND i.state IN ('answered', 'live') ORDER BY i.call_id LIMIT $2
"""

SETTLED = """
UPDATE assay_data.llm_batch_items AS i SET settled = true, cost_usd = t.cost * 0.000000000001,
    live_usd = t.live * 0.000000000001
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS t (call_id, cost, live) WHERE i.call_id = t.call_id
"""

ENDED = """
UPDATE assay_data.llm_batches AS b SET state = 'ended', error = $2, ended_at = $3, answered = i.answered,
    failed = i.failed, unanswered = i.unanswered, cost_usd = i.cost, live_usd = i.live
FROM (
    SELECT count(*) FILTER (WHERE answer <> '' AND http_status = 200) AS answered,
        count(*) FILTER (WHERE answer <> '' AND http_status <> 200) AS failed,
        count(*) FILTER (WHERE answer = '') AS unanswered,
        coalesce(sum(cost_usd), 0) AS cost, coalesce(sum(live_usd), 0) AS live
    FROM assay_data.llm_batch_items WHERE batch_id = $1
) AS i
WHERE b.batch_id = $1 AND b.state <> 'ended'
"""

ASK_CANCEL = """
UPDATE assay_data.llm_batches SET cancel_asked_at = $2, next_look_at = $2
WHERE batch_id = ANY ($1::uuid[]) AND state <> 'ended' AND cancel_asked_at IS NULL
"""

CANCEL_SENT = "UPDATE assay_data.llm_batches SET cancel_sent_at = $2 WHERE batch_id = $1"

OVERDUE = """
WITH late AS (
    SELECT call_id, batch_id FROM assay_data.llm_batch_items
    WHERE state IN ('collected', 'ordered') AND deadline_at <= $1 ORDER BY call_id FOR UPDATE SKIP LOCKED
),
asked AS (
    UPDATE assay_data.llm_batches SET cancel_asked_at = $1, next_look_at = $1
    WHERE batch_id IN (SELECT batch_id FROM late) AND state <> 'ended' AND cancel_asked_at IS NULL
)
UPDATE assay_data.llm_batch_items AS i
SET state = 'live', why = 'past its deadline', body = NULL, ended_at = $1, wake_at = $1, wakes = 0
FROM late WHERE i.call_id = late.call_id
"""

OTHER_BATCHES = """
UPDATE assay_data.llm_batches SET cancel_asked_at = $2, next_look_at = $2
WHERE state <> 'ended' AND cancel_asked_at IS NULL AND NOT lane = ANY ($1::text[])
"""

OTHER_CALLS = """
UPDATE assay_data.llm_batch_items
SET state = 'live', why = 'batches are off for its lane', body = NULL, ended_at = $2, wake_at = $2, wakes = 0
WHERE state = 'collected' AND NOT lane = ANY ($1::text[])
"""

THESE_LIVE = """
UPDATE assay_data.llm_batch_items
SET state = 'live', why = $2, body = NULL, ended_at = $3, wake_at = $3, wakes = 0
WHERE call_id = ANY ($1::uuid[]) AND state = 'collected'
"""

WAKE = """
WITH due AS (
    SELECT call_id, tasks FROM assay_data.llm_batch_items
    WHERE wake_at <= $1 ORDER BY wake_at, call_id LIMIT $2 FOR UPDATE SKIP LOCKED
),
passed AS (
    UPDATE assay_data.llm_batch_items AS i SET wakes = i.wakes + 1,
        wake_at = CASE i.wakes WHEN 0 THEN $1::timestamptz + interval '30 seconds'
            WHEN 1 THEN $1::timestamptz + interval '90 seconds' END
    FROM due WHERE i.call_id = due.call_id
),
groups AS MATERIALIZED (
    SELECT DISTINCT t.group_key FROM due CROSS JOIN LATERAL unnest(due.tasks) AS of_item (task_id)
    JOIN assay_data.tasks AS t USING (task_id) WHERE t.state IN ('waiting', 'running')
),
sleeping AS (
    SELECT t.task_id FROM groups JOIN assay_data.tasks AS t USING (group_key)
    WHERE t.state = 'waiting' AND t.reason = 'in_batch' AND t.not_before > $1 ORDER BY t.task_id FOR UPDATE OF t
)
UPDATE assay_data.tasks AS t SET not_before = $1 FROM sleeping WHERE t.task_id = sleeping.task_id
"""
"""All tasks of a call's group at once, so that the same call is asked for again. Three times, since a task may be put
back a moment after its answer came."""

FORGET = """
WITH gone AS (
    SELECT i.call_id FROM assay_data.llm_batch_items AS i LEFT JOIN assay_data.llm_batches AS b USING (batch_id)
    WHERE i.wake_at IS NULL AND (b.batch_id IS NULL OR b.state = 'ended')
        AND ((i.ended_at < $1::timestamptz - interval '1 minute' AND (i.tasks <> '{}' OR NOT i.is_current))
            OR i.ended_at < $1::timestamptz - interval '1 day'
            OR (i.state = 'collected' AND i.collected_at < $1::timestamptz - interval '1 minute' AND i.tasks <> '{}'))
        AND (NOT i.is_current OR NOT EXISTS (
            SELECT 1 FROM assay_data.tasks AS t
            WHERE t.task_id = ANY (i.tasks) AND t.state IN ('waiting', 'running')))
    ORDER BY i.call_id LIMIT $2 FOR UPDATE OF i SKIP LOCKED
)
DELETE FROM assay_data.llm_batch_items AS i USING gone WHERE i.call_id = gone.call_id
"""

FORGET_BATCHES = """
DELETE FROM assay_data.llm_batches AS b
WHERE b.state = 'ended' AND b.ended_at < $1::timestamptz - make_interval(days => $2)
    AND NOT EXISTS (SELECT 1 FROM assay_data.llm_batch_items AS i WHERE i.batch_id = b.batch_id)
"""

COUNTS = """
SELECT (SELECT count(*) FROM assay_data.llm_batch_items WHERE state = 'collected') AS collected,
    (SELECT count(*) FROM assay_data.llm_batch_items WHERE state = 'ordered') AS ordered,
    (SELECT count(*) FROM assay_data.llm_batch_items WHERE wake_at <= $1) AS to_wake,
    (SELECT count(*) FROM assay_data.llm_batches WHERE state <> 'ended') AS open,
    (SELECT count(*) FROM assay_data.llm_batches WHERE state <> 'ended' AND deadline_at < $1) AS late
"""
