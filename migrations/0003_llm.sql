-- LLM: what all replicas share of rate, calls in flight and money, and every call ever sent.

-- One row: its lock is the order of all grants. The arithmetic is core/domain/lane.py, run while it is held.
-- fillfactor leaves room in the page, so that a row that changes with every batch is updated in place.
CREATE TABLE assay_data.llm_lane (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    at double precision NOT NULL,
    requests integer[] NOT NULL,
    tokens bigint[] NOT NULL,
    request_level double precision NOT NULL,
    token_level double precision NOT NULL,
    in_flight integer NOT NULL,
    hold_until double precision NOT NULL,
    probing boolean NOT NULL,
    probe_until double precision NOT NULL,
    waiting double precision[] NOT NULL,
    swept_at double precision NOT NULL
) WITH (fillfactor = 20);

-- Money of one UTC day: `spent` by ended calls, `reserved` by those under way at their worst case.
CREATE TABLE assay_data.llm_spend (
    day date PRIMARY KEY,
    spent_usd numeric(20, 12) NOT NULL,
    reserved_usd numeric(20, 12) NOT NULL
) WITH (fillfactor = 20);

-- The rules sent as system text, once each; a call names them by hash.
CREATE TABLE assay_data.llm_prompts (
    prompt_hash text PRIMARY KEY,
    prompt_version text NOT NULL,
    system text NOT NULL,
    first_used timestamptz NOT NULL
);

-- A call's row is its reservation first (`running`, cost at its worst case) and its record after: `ok` or the kind
-- of its error; `lost` where the process that sent it died, its cost then stays counted at the worst case.
CREATE TABLE assay_data.llm_calls (
    call_id uuid PRIMARY KEY,
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill')),
    model text NOT NULL,
    status text NOT NULL DEFAULT 'running',
    http_status integer,
    started_at timestamptz NOT NULL,
    latency_ms integer,
    input_tokens integer,
    cached_tokens integer,
    output_tokens integer,
    cost_usd numeric(20, 12) NOT NULL,
    purpose text NOT NULL,
    subject jsonb NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    request jsonb,
    reply text NOT NULL DEFAULT '',
    answered_by text NOT NULL DEFAULT '',
    fingerprint text NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    budget_day date NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_usd numeric(20, 12) NOT NULL,
    granted_at double precision NOT NULL,
    expires_at double precision NOT NULL
);
CREATE INDEX llm_calls_running ON assay_data.llm_calls (expires_at) WHERE status = 'running';
CREATE INDEX llm_calls_by_time ON assay_data.llm_calls (started_at);

CREATE VIEW assay.llm_calls AS
SELECT call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd
FROM assay_data.llm_calls;
