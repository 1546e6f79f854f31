-- Calls answered by the provider's batch API, at its lower price and in its own time (docs/batch-lane.md).

-- A batch's way: `preparing` (calls chosen, money being reserved), `reserved` (money reserved, file being uploaded),
-- `uploaded` (file there, batch being created), `ordered`, `ended`. Whoever finds one between two steps goes on from
-- there: a batch that may have been created is looked for at the provider before it is created again.
-- `asked_at` is business time, all others real.
CREATE TABLE assay_data.llm_batches (
    batch_id uuid PRIMARY KEY,
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill')),
    model text NOT NULL,
    state text NOT NULL CHECK (state IN ('preparing', 'reserved', 'uploaded', 'ordered', 'ended')),
    requests integer NOT NULL,
    input_tokens bigint NOT NULL,
    file_bytes bigint NOT NULL,
    input_file text,
    provider_id text,
    provider_status text NOT NULL DEFAULT '',
    provider_done integer NOT NULL DEFAULT 0,
    accepted boolean NOT NULL DEFAULT false,
    asked_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    tried_at timestamptz,
    ordered_at timestamptz,
    deadline_at timestamptz NOT NULL,
    looks integer NOT NULL DEFAULT 0,
    next_look_at timestamptz NOT NULL,
    cancel_asked_at timestamptz,
    cancel_sent_at timestamptz,
    ended_at timestamptz,
    error text NOT NULL DEFAULT '',
    answered integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    unanswered integer NOT NULL DEFAULT 0,
    cost_usd numeric(20, 12) NOT NULL DEFAULT 0,
    live_usd numeric(20, 12) NOT NULL DEFAULT 0
);
CREATE INDEX llm_batches_open ON assay_data.llm_batches (next_look_at) WHERE state <> 'ended';
CREATE INDEX llm_batches_by_time ON assay_data.llm_batches (created_at);

-- A call that was asked for in a batched lane, by the hash of what would go over the wire. `collected` waits for a
-- batch, `ordered` is in one, `answered` has the provider's words in `answer` (an error's too), `live` is to be asked
-- the usual way. A key has one current row; older ones stay until their batch has ended.
-- `body` is text and not jsonb, which would order the keys of the schema anew, and models answer in that order.
CREATE TABLE assay_data.llm_batch_items (
    call_id uuid PRIMARY KEY,
    request_key text NOT NULL,
    is_current boolean NOT NULL DEFAULT true,
    state text NOT NULL CHECK (state IN ('collected', 'ordered', 'answered', 'live')),
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill')),
    purpose text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    subject jsonb NOT NULL,
    tasks uuid[] NOT NULL,
    body text,
    body_bytes integer NOT NULL,
    kept text NOT NULL,
    input_tokens bigint NOT NULL,
    tokens bigint NOT NULL,
    worst_usd numeric(20, 12) NOT NULL,
    collected_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    batch_id uuid REFERENCES assay_data.llm_batches,
    http_status integer,
    answer text NOT NULL DEFAULT '',
    ended_at timestamptz,
    why text NOT NULL DEFAULT '',
    free boolean NOT NULL DEFAULT true,
    settled boolean NOT NULL DEFAULT false,
    cost_usd numeric(20, 12) NOT NULL DEFAULT 0,
    live_usd numeric(20, 12) NOT NULL DEFAULT 0,
    wake_at timestamptz,
    wakes smallint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX llm_batch_items_key ON assay_data.llm_batch_items (request_key) WHERE is_current;
CREATE INDEX llm_batch_items_collected ON assay_data.llm_batch_items (lane, model, collected_at)
WHERE state = 'collected';
CREATE INDEX llm_batch_items_batch ON assay_data.llm_batch_items (batch_id, call_id) WHERE batch_id IS NOT NULL;
CREATE INDEX llm_batch_items_wake ON assay_data.llm_batch_items (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX llm_batch_items_ended ON assay_data.llm_batch_items (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX llm_batch_items_due ON assay_data.llm_batch_items (deadline_at) WHERE state IN ('collected', 'ordered');

CREATE VIEW assay.llm_batches AS
SELECT batch_id, lane, model, state, provider_status, requests, provider_done, answered, failed, unanswered,
    created_at, ordered_at, deadline_at, ended_at, cost_usd, live_usd, error
FROM assay_data.llm_batches;
