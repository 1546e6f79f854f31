-- Money: reservations of calls under way in a small table of their own, spend by lane, holds by endpoint, and what a
-- call, a label and a day cost (docs/money.md, docs/adr/0014).

-- Rate is no longer decided here: replicas pace themselves by shares (docs/adr/0013).
DROP TABLE assay_data.llm_lane;

-- A call under way: what is reserved for it at its worst, until when its process may be thought alive, and what is
-- known of it before it is sent. Ending a call takes its row away: whoever deletes it pays, so it is paid once.
CREATE TABLE assay_data.llm_reservations (
    call_id uuid PRIMARY KEY,
    started_at timestamptz NOT NULL,
    budget_day date NOT NULL,
    expires_at double precision NOT NULL,
    endpoint text NOT NULL,
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill')),
    model text NOT NULL,
    purpose text NOT NULL,
    subject jsonb NOT NULL,
    tasks uuid[] NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    price_version text NOT NULL,
    batch boolean NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_usd numeric(20, 12) NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- As many rows die as calls end, so it is vacuumed by their number and not by the few that live.
CREATE INDEX llm_reservations_expiry ON assay_data.llm_reservations (expires_at);

-- Ended calls alone lie in the history now, each written once.
ALTER TABLE assay_data.llm_calls ADD COLUMN endpoint text NOT NULL DEFAULT '';
ALTER TABLE assay_data.llm_calls ADD COLUMN tasks uuid[] NOT NULL DEFAULT '{}';
ALTER TABLE assay_data.llm_calls ADD COLUMN price_version text NOT NULL DEFAULT '';
ALTER TABLE assay_data.llm_calls ADD COLUMN batch boolean NOT NULL DEFAULT false;

INSERT INTO assay_data.llm_reservations
SELECT call_id, started_at, budget_day, expires_at, '', lane, model, purpose, subject, tasks, prompt_version,
    prompt_hash, price_version, batch, reserved_tokens, reserved_usd
FROM assay_data.llm_calls WHERE status = 'running';
DELETE FROM assay_data.llm_calls WHERE status = 'running';
DROP INDEX assay_data.llm_calls_running;
ALTER TABLE assay_data.llm_calls DROP COLUMN expires_at;
ALTER TABLE assay_data.llm_calls DROP COLUMN granted_at;
ALTER TABLE assay_data.llm_calls ALTER COLUMN status DROP DEFAULT;

-- Money of one UTC day by lane. Of days before lanes were told apart, what their calls don't say any more has lane ''.
ALTER TABLE assay_data.llm_spend RENAME TO llm_spend_before;
CREATE TABLE assay_data.llm_spend (
    day date NOT NULL,
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill', '')),
    spent_usd numeric(20, 12) NOT NULL DEFAULT 0,
    reserved_usd numeric(20, 12) NOT NULL DEFAULT 0,
    PRIMARY KEY (day, lane)
) WITH (fillfactor = 20);
INSERT INTO assay_data.llm_spend (day, lane, spent_usd)
SELECT budget_day, lane, sum(cost_usd) FROM assay_data.llm_calls GROUP BY budget_day, lane;
INSERT INTO assay_data.llm_spend AS kept (day, lane, reserved_usd)
SELECT budget_day, lane, sum(reserved_usd) FROM assay_data.llm_reservations GROUP BY budget_day, lane
ON CONFLICT (day, lane) DO UPDATE SET reserved_usd = excluded.reserved_usd;
INSERT INTO assay_data.llm_spend (day, lane, spent_usd)
SELECT day, '', spent_usd - known
FROM (
    SELECT before.day, before.spent_usd, coalesce(sum(now.spent_usd), 0) AS known
    FROM assay_data.llm_spend_before AS before LEFT JOIN assay_data.llm_spend AS now USING (day)
    GROUP BY before.day, before.spent_usd) AS compared
WHERE spent_usd > known;
DROP TABLE assay_data.llm_spend_before;

-- Until when (seconds since 1970) an endpoint asked every replica to leave it alone.
CREATE TABLE assay_data.llm_holds (
    endpoint text PRIMARY KEY,
    until double precision NOT NULL
);

-- Every call: those under way have the status `running` and cost their worst case until they end.
CREATE VIEW assay_data.llm_calls_all AS
SELECT call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens, output_tokens,
    cost_usd, purpose, subject, prompt_version, prompt_hash, request, reply, answered_by, fingerprint, error, budget_day,
    reserved_tokens, reserved_usd, endpoint, tasks, price_version, batch
FROM assay_data.llm_calls
UNION ALL
SELECT call_id, lane, model, 'running'::text, NULL::integer, started_at, NULL::integer, NULL::integer, NULL::integer,
    NULL::integer, reserved_usd, purpose, subject, prompt_version, prompt_hash, NULL::jsonb, ''::text, ''::text,
    ''::text, ''::text, budget_day, reserved_tokens, reserved_usd, endpoint, tasks, price_version, batch
FROM assay_data.llm_reservations;

CREATE OR REPLACE VIEW assay.llm_calls AS
SELECT call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd
FROM assay_data.llm_calls_all;

-- The calls for a task: its retries are found by it, wherever in the kept days they lie.
CREATE INDEX llm_calls_by_task ON assay_data.llm_calls USING gin (tasks);
