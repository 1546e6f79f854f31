-- Runs of evaluation: judges on a dataset, and what each said of every item.

CREATE TABLE assay_data.eval_runs (
    run_id uuid PRIMARY KEY,
    name text NOT NULL,
    dataset text NOT NULL, -- name@version
    kind text NOT NULL CHECK (kind IN ('relevance', 'image')),
    split text CHECK (split IN ('tune', 'test')), -- NULL: both
    judges text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'over_cap')),
    cap_usd double precision NOT NULL,
    estimated_usd double precision NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    started_by text NOT NULL,
    items integer NOT NULL,
    item_limit integer NOT NULL, -- 0: all
    item_sample integer NOT NULL, -- 0: all
    anchors boolean NOT NULL
);
CREATE INDEX eval_runs_by_time ON assay_data.eval_runs (started_at DESC);
CREATE INDEX eval_runs_by_name ON assay_data.eval_runs (name, started_at DESC);

CREATE TABLE assay_data.eval_results (
    run_id uuid NOT NULL REFERENCES assay_data.eval_runs ON DELETE CASCADE,
    judge text NOT NULL,
    item_id text NOT NULL,
    grade smallint,
    confidence double precision,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    aspects jsonb NOT NULL,
    guideline_version text NOT NULL,
    content_key text NOT NULL,
    call_id uuid,
    failure text NOT NULL, -- empty: an answer
    reused boolean NOT NULL,
    cost_usd double precision NOT NULL,
    input_tokens double precision NOT NULL,
    output_tokens double precision NOT NULL,
    latency_ms integer NOT NULL,
    judged_at timestamptz NOT NULL,
    model text NOT NULL,
    extra jsonb NOT NULL,
    call_usd double precision,
    PRIMARY KEY (run_id, judge, item_id),
    CHECK ((grade IS NULL) = (failure <> ''))
);
-- An answer is found by its content, so that no later run pays for it. Reused ones point to one that is here already.
CREATE INDEX eval_results_by_content ON assay_data.eval_results (content_key) WHERE failure = '' AND NOT reused;

ALTER TABLE assay_data.mode_labels
    ADD COLUMN guideline_version text NOT NULL DEFAULT '',
    ADD COLUMN prompt_version text NOT NULL DEFAULT '',
    ADD COLUMN fingerprint text NOT NULL DEFAULT '',
    ADD COLUMN latency_ms integer;

CREATE VIEW assay.eval_runs AS
SELECT run_id, name, dataset, kind, split, judges, state, cap_usd, estimated_usd, started_at, ended_at, started_by, items,
    item_limit, item_sample, anchors
FROM assay_data.eval_runs;
COMMENT ON VIEW assay.eval_runs IS
'Runs of judges on datasets (name@version). split NULL: both; item_limit and item_sample 0: every item. A run whose process was killed stays running until it is resumed.';

CREATE VIEW assay.eval_results AS
SELECT r.run_id, r.name AS run, r.dataset, e.judge, e.item_id, e.grade, e.confidence, e.reasoning, e.verdicts, e.aspects,
    e.guideline_version, e.content_key, e.call_id, e.failure, e.reused, e.cost_usd, e.call_usd, e.input_tokens,
    e.output_tokens, e.latency_ms, e.model, e.judged_at
FROM assay_data.eval_results AS e JOIN assay_data.eval_runs AS r USING (run_id);
COMMENT ON VIEW assay.eval_results IS
'What each judge said of each item of a run: grade 0 to 2, or 1 to 10 of pictures; NULL with the kind of failure where it gave none. reused: an earlier judgement of the same content, nothing was paid. Joins eval_items by dataset, version and item_id.';
