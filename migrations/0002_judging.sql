-- Judging: the inbox of LLM work, every intermediate step, labels and scores.

CREATE TABLE assay_data.tasks (
    task_id uuid PRIMARY KEY,
    task_key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('relevance', 'image', 'anchor')),
    lane text NOT NULL CHECK (lane IN ('live', 'panel', 'backfill')),
    lane_rank smallint NOT NULL,
    group_key text NOT NULL,
    subject jsonb NOT NULL,
    payload jsonb NOT NULL,
    priority double precision NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    reason text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL,
    lease_until timestamptz,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
-- The order of the work; only what can still run is in it, so a long history costs nothing.
CREATE INDEX tasks_order ON assay_data.tasks (kind, lane_rank, priority DESC, created_at, task_id)
WHERE state IN ('waiting', 'running');
CREATE INDEX tasks_group ON assay_data.tasks (group_key) WHERE state IN ('waiting', 'running');
CREATE INDEX tasks_finished ON assay_data.tasks (finished_at) WHERE state IN ('done', 'failed');

-- Versions of a query's guideline; the newest is in force, a person's edit over any model's.
CREATE TABLE assay_data.guidelines (
    market text NOT NULL,
    query text NOT NULL,
    language text NOT NULL,
    version text NOT NULL,
    prompt_version text NOT NULL,
    model text NOT NULL,
    author text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (market, query, language, version)
);
CREATE UNIQUE INDEX guidelines_one_a_prompt ON assay_data.guidelines (market, query, language, prompt_version, model)
WHERE author = 'model';

CREATE TABLE assay_data.picture_descriptions (
    image_hash text NOT NULL,
    prompt_version text NOT NULL,
    model text NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (image_hash, prompt_version, model)
);

CREATE TABLE assay_data.pictures (
    image_hash text PRIMARY KEY,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    byte_size integer NOT NULL,
    measures jsonb NOT NULL,
    thumbnail bytea NOT NULL,
    first_seen timestamptz NOT NULL
);
CREATE TABLE assay_data.picture_urls (
    url text PRIMARY KEY,
    image_hash text NOT NULL REFERENCES assay_data.pictures,
    fetched_at timestamptz NOT NULL
);

CREATE TABLE assay_data.labels (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    content_key text NOT NULL UNIQUE,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    listing_id text NOT NULL,
    label text NOT NULL CHECK (label IN ('irrelevant', 'acceptable_substitute', 'highly_relevant')),
    grade smallint NOT NULL,
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('panel', 'friction', 'volume', 'request')),
    mode text NOT NULL,
    model text NOT NULL,
    fingerprint text NOT NULL,
    prompt_version text NOT NULL,
    guideline_version text NOT NULL,
    content_hash text NOT NULL,
    image_hash text,
    judged_at timestamptz NOT NULL,
    call_id uuid NOT NULL
);
CREATE INDEX labels_newest ON assay_data.labels (application, market, query, listing_id, judged_at DESC, id DESC);
CREATE INDEX labels_by_time ON assay_data.labels (judged_at);

CREATE TABLE assay_data.image_scores (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    content_key text NOT NULL UNIQUE,
    listing_id text NOT NULL,
    image_url text NOT NULL,
    image_hash text NOT NULL,
    score smallint NOT NULL CHECK (score BETWEEN 1 AND 10),
    aspects jsonb NOT NULL,
    reasoning text NOT NULL,
    tier text NOT NULL CHECK (tier IN ('llm', 'student')),
    model text NOT NULL,
    fingerprint text NOT NULL,
    prompt_version text NOT NULL,
    judged_at timestamptz NOT NULL,
    call_id uuid
);
CREATE INDEX image_scores_newest ON assay_data.image_scores (listing_id, image_url, judged_at DESC, id DESC);
CREATE INDEX image_scores_by_picture ON assay_data.image_scores (image_hash, prompt_version, model);
CREATE INDEX image_scores_by_time ON assay_data.image_scores (judged_at);

-- Why a query was chosen: one row a choice, so that a person can see it and the cool-down can hold.
CREATE TABLE assay_data.selections (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('panel', 'friction', 'volume')),
    priority double precision NOT NULL,
    results_hash text NOT NULL,
    evidence jsonb NOT NULL,
    pairs integer NOT NULL,
    selected_at timestamptz NOT NULL
);
CREATE INDEX selections_of_query ON assay_data.selections (application, market, query, reason, selected_at DESC);

CREATE VIEW assay.relevance_label_history AS
SELECT application, market, query, listing_id, label, grade, confidence, reasoning, reason, mode, model,
    prompt_version, guideline_version, content_hash, image_hash, judged_at, event_id
FROM assay_data.labels;

CREATE VIEW assay.relevance_labels AS
SELECT DISTINCT ON (application, market, query, listing_id)
    application, market, query, listing_id, label, grade, confidence, reasoning, reason, mode, model,
    prompt_version, guideline_version, content_hash, image_hash, judged_at, event_id
FROM assay_data.labels
ORDER BY application, market, query, listing_id, judged_at DESC, id DESC;

CREATE VIEW assay.image_scores AS
SELECT DISTINCT ON (listing_id, image_url)
    listing_id, image_url, image_hash, score, aspects, reasoning, tier, model, prompt_version, judged_at, event_id
FROM assay_data.image_scores
ORDER BY listing_id, image_url, judged_at DESC, id DESC;

CREATE VIEW assay.judge_tasks AS
SELECT task_id, kind, lane, subject, state, reason, attempts, created_at, finished_at
FROM assay_data.tasks;

CREATE VIEW assay.query_selections AS
SELECT application, market, query, reason, priority, evidence, pairs, selected_at
FROM assay_data.selections;
