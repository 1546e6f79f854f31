"""The statements of the ledger in PostgreSQL, each atomic by itself (core/adapters/llm_postgres.py runs them).

All lock in one order: reservations, `llm_costs` by its key, `llm_spend` by (day, lane); so two statements never wait
for each other in a ring. Money comes as whole picodollars and lies as US dollars with twelve decimals.
"""

from __future__ import annotations

DAY = """
INSERT INTO assay_data.llm_spend (day, lane) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
"""

RESERVE = """
WITH asked AS (
    SELECT place, call_id, endpoint, lane, model, purpose, subject::jsonb, tasks::uuid[], version, hash, prices, batch,
        tokens, cost * 0.000000000001 AS usd, lease
    FROM unnest($7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
        $15::text[], $16::text[], $17::boolean[], $18::bigint[], $19::bigint[], $20::float8[]) WITH ORDINALITY
        AS t (call_id, endpoint, lane, model, purpose, subject, tasks, version, hash, prices, batch, tokens, cost,
            lease, place)
),
clock AS MATERIALIZED (SELECT coalesce($3::float8, extract(epoch FROM clock_timestamp())::float8) AS now),
day AS MATERIALIZED (
    SELECT lane, spent_usd, reserved_usd FROM assay_data.llm_spend WHERE day = $2 ORDER BY lane FOR UPDATE
),
caps AS (SELECT lane, cap * 0.000000000001 AS cap FROM unnest($5::text[], $6::bigint[]) AS t (lane, cap)),
whole AS (
    SELECT $4::bigint * 0.000000000001 AS cap, sum(spent_usd) AS spent, sum(spent_usd + reserved_usd) AS taken FROM day
),
alone AS MATERIALIZED (
    SELECT asked.*, hold.until - clock.now AS hold_left, day.spent_usd + day.reserved_usd AS lane_taken,
        caps.cap AS lane_cap,
        CASE WHEN day.lane IS NULL THEN 'no_day'
            WHEN whole.spent + usd > whole.cap THEN 'budget'
            WHEN day.spent_usd + usd > caps.cap THEN 'lane_budget'
            WHEN hold.until > clock.now THEN 'held' END AS word
    FROM asked CROSS JOIN clock CROSS JOIN whole JOIN caps USING (lane) LEFT JOIN day USING (lane)
        LEFT JOIN assay_data.llm_holds AS hold USING (endpoint)
),
in_lane AS (
    SELECT *, lane_taken + sum(usd) OVER (PARTITION BY lane ORDER BY place) <= lane_cap AS fits
    FROM alone WHERE word IS NULL
),
in_day AS (
    SELECT in_lane.*, whole.taken + sum(usd) OVER (ORDER BY place) <= whole.cap AS fits_day
    FROM in_lane CROSS JOIN whole WHERE fits
),
granted AS MATERIALIZED (SELECT * FROM in_day WHERE fits_day),
opened AS (
    INSERT INTO assay_data.llm_reservations (call_id, started_at, budget_day, expires_at, endpoint, lane, model,
        purpose, subject, tasks, prompt_version, prompt_hash, price_version, batch, reserved_tokens, reserved_usd)
    SELECT call_id, $1::timestamptz, $2, clock.now + lease, endpoint, lane, model, purpose, subject, tasks, version,
        hash, prices, batch, tokens, usd
    FROM granted CROSS JOIN clock
),
paid AS (
    UPDATE assay_data.llm_spend AS kept SET reserved_usd = kept.reserved_usd + added.usd
    FROM (SELECT lane, sum(usd) AS usd FROM granted GROUP BY lane) AS added
    WHERE kept.day = $2 AND kept.lane = added.lane
)
SELECT place, coalesce(word, 'waits_for_settlement') AS word, hold_left
FROM alone WHERE place NOT IN (SELECT place FROM granted)
"""
"""At, day, now, the day's cap, the lanes, their caps, the calls in order of preference. A row for each not granted."""

_ENDED = """
    SELECT * FROM unnest($3::uuid[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
        $9::integer[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::float8[],
        $17::text[])
        AS t (call_id, status, http_status, latency_ms, input_tokens, cached_tokens, output_tokens, cost, request,
            reply, answered_by, fingerprint, error, hold, system)
"""

_PAY = """
locked AS MATERIALIZED (
    SELECT kept.day, kept.lane, added.spent, added.reserved
    FROM (SELECT budget_day, lane, sum(spent) AS spent, sum(reserved) AS reserved FROM shares GROUP BY budget_day, lane)
        AS added JOIN assay_data.llm_spend AS kept ON kept.day = added.budget_day AND kept.lane = added.lane
    ORDER BY kept.day, kept.lane FOR UPDATE OF kept
),
paid AS (
    UPDATE assay_data.llm_spend AS kept
    SET spent_usd = kept.spent_usd + locked.spent, reserved_usd = kept.reserved_usd + locked.reserved
    FROM locked WHERE kept.day = locked.day AND kept.lane = locked.lane
)
"""

_HOLD = """
held AS (
    INSERT INTO assay_data.llm_holds AS kept (endpoint, until)
    SELECT endpoint, coalesce($1::float8, extract(epoch FROM clock_timestamp())::float8) + max(hold)
    FROM met WHERE hold IS NOT NULL GROUP BY endpoint
    ON CONFLICT (endpoint) DO UPDATE SET until = greatest(kept.until, excluded.until)
)
"""

_BOOK = """
booked AS (
    INSERT INTO assay_data.llm_costs AS kept (day, application, market, language, lane, purpose, model, price_version,
        batch, status, calls, input_tokens, cached_tokens, output_tokens, cost_usd)
    SELECT budget_day, coalesce(subject ->> 'application', ''), coalesce(subject ->> 'market', ''),
        coalesce(subject ->> 'language', ''), lane, purpose, model, price_version, batch, status, sum(calls),
        coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0), sum(usd)
    FROM changes GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    ON CONFLICT (day, application, market, language, lane, purpose, model, price_version, batch, status) DO UPDATE
    SET calls = kept.calls + excluded.calls, input_tokens = kept.input_tokens + excluded.input_tokens,
        cached_tokens = kept.cached_tokens + excluded.cached_tokens,
        output_tokens = kept.output_tokens + excluded.output_tokens, cost_usd = kept.cost_usd + excluded.cost_usd
)
"""

_SEGMENT = "budget_day, subject, lane, purpose, model, price_version, batch"

_COLUMNS = """call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
        output_tokens, cost_usd, purpose, subject, prompt_version, prompt_hash, request, reply, answered_by,
        fingerprint, error, budget_day, reserved_tokens, reserved_usd, endpoint, tasks, price_version, batch"""

SETTLE = f"""
WITH ended AS MATERIALIZED ({_ENDED}),
gone AS (
    DELETE FROM assay_data.llm_reservations
    WHERE call_id = ANY($2::uuid[]) OR call_id = ANY($3::uuid[]) RETURNING *
),
met AS MATERIALIZED (
    SELECT gone.*, ended.status, http_status, latency_ms, input_tokens, cached_tokens, output_tokens,
        coalesce(cost * 0.000000000001, reserved_usd) AS cost_usd, request::jsonb, reply, answered_by, fingerprint,
        error, hold, system
    FROM gone JOIN ended USING (call_id)
),
kept_calls AS (
    INSERT INTO assay_data.llm_calls ({_COLUMNS}) SELECT {_COLUMNS} FROM met
),
kept_prompts AS (
    INSERT INTO assay_data.llm_prompts (prompt_hash, prompt_version, system, first_used)
    SELECT DISTINCT ON (prompt_hash) prompt_hash, prompt_version, system, started_at FROM met WHERE system <> ''
    ORDER BY prompt_hash, started_at
    ON CONFLICT DO NOTHING
),
{_HOLD},
shares AS (
    SELECT gone.budget_day, gone.lane, coalesce(met.cost_usd, 0) AS spent, -gone.reserved_usd AS reserved
    FROM gone LEFT JOIN met USING (call_id)
),
changes AS (
    SELECT {_SEGMENT}, status, 1 AS calls, input_tokens, cached_tokens, output_tokens, cost_usd AS usd FROM met
),
{_BOOK},
{_PAY}
SELECT count(*) FROM gone
"""  # noqa: S608 - parts of this file alone
"""Now, the unsent, the ended. How many of them were under way."""

CORRECT = f"""
WITH ended AS MATERIALIZED ({_ENDED}),
lost AS MATERIALIZED (
    SELECT call_id, started_at, {_SEGMENT}, endpoint, cost_usd, reserved_usd FROM assay_data.llm_calls
    WHERE status = 'lost' AND (call_id = ANY($2::uuid[]) OR call_id = ANY($3::uuid[])) ORDER BY call_id FOR UPDATE
),
met AS MATERIALIZED (
    SELECT ended.*, lost.started_at, lost.endpoint, coalesce(cost * 0.000000000001, reserved_usd) AS real_usd
    FROM lost JOIN ended USING (call_id)
),
closed AS (
    UPDATE assay_data.llm_calls AS kept SET status = met.status, http_status = met.http_status,
        latency_ms = met.latency_ms, input_tokens = met.input_tokens, cached_tokens = met.cached_tokens,
        output_tokens = met.output_tokens, cost_usd = met.real_usd, request = met.request::jsonb, reply = met.reply,
        answered_by = met.answered_by, fingerprint = met.fingerprint, error = met.error
    FROM met WHERE kept.call_id = met.call_id AND kept.started_at = met.started_at
),
forgotten AS (
    DELETE FROM assay_data.llm_calls AS kept USING lost
    WHERE kept.call_id = lost.call_id AND kept.started_at = lost.started_at AND lost.call_id = ANY($2::uuid[])
),
{_HOLD},
shares AS (
    SELECT budget_day, lane, coalesce(real_usd, 0) - lost.cost_usd AS spent, 0::numeric AS reserved
    FROM lost LEFT JOIN met USING (call_id)
),
changes AS (
    SELECT {_SEGMENT}, 'lost' AS status, -1 AS calls, 0 AS input_tokens, 0 AS cached_tokens, 0 AS output_tokens,
        -cost_usd AS usd
    FROM lost
    UNION ALL
    SELECT {_SEGMENT}, met.status, 1, met.input_tokens, met.cached_tokens, met.output_tokens, real_usd
    FROM lost JOIN met USING (call_id)
),
{_BOOK},
{_PAY}
SELECT count(*) FROM lost
"""  # noqa: S608 - parts of this file alone
"""As SETTLE, of those that were given up for lost and ended after all: what was counted for them is put right."""

SWEEP = f"""
WITH expired AS (
    SELECT call_id FROM assay_data.llm_reservations
    WHERE expires_at < coalesce($1::float8, extract(epoch FROM clock_timestamp())::float8)
    ORDER BY call_id FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM assay_data.llm_reservations AS kept USING expired WHERE kept.call_id = expired.call_id RETURNING kept.*
),
kept_calls AS (
    INSERT INTO assay_data.llm_calls (call_id, lane, model, status, started_at, cost_usd, purpose, subject,
        prompt_version, prompt_hash, error, budget_day, reserved_tokens, reserved_usd, endpoint, tasks, price_version,
        batch)
    SELECT call_id, lane, model, 'lost', started_at, reserved_usd, purpose, subject, prompt_version, prompt_hash,
        'the process that sent it ended before the reply', budget_day, reserved_tokens, reserved_usd, endpoint, tasks,
        price_version, batch
    FROM gone
),
shares AS (SELECT budget_day, lane, reserved_usd AS spent, -reserved_usd AS reserved FROM gone),
changes AS (
    SELECT {_SEGMENT}, 'lost' AS status, 1 AS calls, 0 AS input_tokens, 0 AS cached_tokens, 0 AS output_tokens,
        reserved_usd AS usd
    FROM gone
),
{_BOOK},
{_PAY}
SELECT count(*) FROM gone
"""  # noqa: S608 - parts of this file alone
"""Now. Calls whose lease is over are lost, at their worst case."""
