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

-- What calls cost by day and segment, added to as they end: kept when the calls themselves are not any more.
CREATE TABLE assay_data.llm_costs (
    day date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    lane text NOT NULL,
    purpose text NOT NULL,
    model text NOT NULL,
    price_version text NOT NULL,
    batch boolean NOT NULL,
    status text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost_usd numeric(20, 12) NOT NULL,
    PRIMARY KEY (day, application, market, language, lane, purpose, model, price_version, batch, status)
) WITH (fillfactor = 50);
INSERT INTO assay_data.llm_costs
SELECT budget_day, coalesce(subject ->> 'application', ''), coalesce(subject ->> 'market', ''),
    coalesce(subject ->> 'language', ''), lane, purpose, model, price_version, batch, status, count(*),
    coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0), sum(cost_usd)
FROM assay_data.llm_calls GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;

CREATE INDEX labels_by_call ON assay_data.labels (call_id);
CREATE INDEX image_scores_by_call ON assay_data.image_scores (call_id);

CREATE VIEW assay.llm_cost_daily AS
SELECT day, application, market, language, lane, purpose, model, price_version, batch, status, calls, input_tokens,
    cached_tokens, output_tokens, cost_usd
FROM assay_data.llm_costs;
COMMENT ON VIEW assay.llm_cost_daily IS 'What ended calls cost, by UTC day of their reservation and segment; kept '
    'longer than the calls. application, market and language are empty where a call has none (a picture is of no '
    'language). price_version ends with " default" where the model is in no price list. cached_tokens are a part of '
    'input_tokens. A call whose cost is not known counts at its worst case (status lost, timeout and the like).';

CREATE VIEW assay.llm_spend_daily AS
SELECT day, lane, spent_usd, reserved_usd FROM assay_data.llm_spend;
COMMENT ON VIEW assay.llm_spend_daily IS 'The budget''s books: what a lane spent on a UTC day, and what is reserved for '
    'its calls under way at their worst case. Lane is empty for what days before version 0011 of the tables did not '
    'tell apart. sum(spent_usd) of a day is sum(cost_usd) of assay.llm_cost_daily on it.';

CREATE VIEW assay.label_costs AS
SELECT l.event_id, l.application, l.market, l.query, l.listing_id, l.label, l.reason, l.judged_at, l.call_id,
    c.lane, c.model, c.batch, shared.labels AS labels_of_call, c.cost_usd / shared.labels AS cost_usd
FROM assay_data.labels AS l
JOIN assay_data.llm_calls AS c ON c.call_id = l.call_id
CROSS JOIN LATERAL (SELECT count(*) AS labels FROM assay_data.labels AS x WHERE x.call_id = l.call_id) AS shared;
COMMENT ON VIEW assay.label_costs IS 'What a label''s own call cost: the call''s cost divided evenly over the labels '
    'that came of it and are still kept. Guidelines, descriptions of pictures, the cheap calls of a cascade and calls '
    'without a label are not in it: they serve many labels or none, and are in assay.label_cost_daily. A label is '
    'here as long as its call is kept (ASSAY_RETENTION_LLM_CALL_DAYS).';

CREATE VIEW assay.label_cost_daily AS
SELECT day, application, market, sum(labels)::bigint AS labels, sum(cost_usd) AS cost_usd,
    sum(cost_usd) / nullif(sum(labels), 0) AS usd_per_label
FROM (
    SELECT day, application, market, 0::bigint AS labels, cost_usd
    FROM assay_data.llm_costs WHERE purpose IN ('guideline', 'judgements', 'picture_description')
    UNION ALL
    SELECT (judged_at AT TIME ZONE 'UTC')::date, application, market, 1, 0 FROM assay_data.labels
) AS both_sides
GROUP BY day, application, market;
COMMENT ON VIEW assay.label_cost_daily IS 'The full cost of labels by UTC day, application and market: all calls for '
    'guidelines, judgements and descriptions that day, those that failed too, divided by the labels made that day. '
    'usd_per_label is null on a day with cost and no label.';
