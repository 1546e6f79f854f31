-- Drift: the panel night by night, anchors and what the judge says of them, detectors' states, alerts.

CREATE TABLE assay_data.panel_members (
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (application, market, query)
);

-- A night is frozen (its slots are written), then judged, then done.
CREATE TABLE assay_data.drift_nights (
    night date PRIMARY KEY,
    frozen_at timestamptz NOT NULL,
    done_at timestamptz
);

CREATE TABLE assay_data.panel_slots (
    night date NOT NULL REFERENCES assay_data.drift_nights ON DELETE CASCADE,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    engine text NOT NULL,
    volume_band text NOT NULL,
    query text NOT NULL,
    weight double precision NOT NULL,
    rank integer NOT NULL,
    listing_id text NOT NULL,
    content_hash text NOT NULL,
    task_key text NOT NULL,
    grade smallint,
    label_key text,
    model_key text,
    PRIMARY KEY (night, application, market, engine, query, rank)
);

-- Human-labelled pairs that the judge is asked about again and again, past every cache and out of every prompt.
CREATE TABLE assay_data.anchors (
    anchor_id text PRIMARY KEY,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL,
    listing jsonb NOT NULL,
    human_grade smallint NOT NULL,
    asked date,
    added_at timestamptz NOT NULL
);

CREATE TABLE assay_data.anchor_outcomes (
    anchor_id text NOT NULL REFERENCES assay_data.anchors,
    night date NOT NULL,
    grade smallint NOT NULL,
    model text NOT NULL,
    fingerprint text NOT NULL,
    call_id uuid NOT NULL,
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (anchor_id, night)
);
CREATE INDEX anchor_outcomes_by_night ON assay_data.anchor_outcomes (night);

-- What each night changed, split into its steps (engine, catalogue, judge), by query and summed by segment.
CREATE TABLE assay_data.night_accounts (
    night date NOT NULL REFERENCES assay_data.drift_nights ON DELETE CASCADE,
    segment text NOT NULL,
    gap integer NOT NULL,
    compared integer NOT NULL,
    replaced integer NOT NULL,
    edited integer NOT NULL,
    models text[] NOT NULL,
    PRIMARY KEY (night, segment)
);

CREATE TABLE assay_data.query_accounts (
    night date NOT NULL,
    segment text NOT NULL,
    query text NOT NULL,
    weight double precision NOT NULL,
    mean_gain double precision,
    engine_step double precision NOT NULL,
    catalogue_step double precision NOT NULL,
    judge_step double precision NOT NULL,
    engine_sum double precision NOT NULL,
    catalogue_sum double precision NOT NULL,
    judge_sum double precision NOT NULL,
    compared integer NOT NULL,
    replaced integer NOT NULL,
    edited integer NOT NULL,
    rejudged integer NOT NULL,
    flipped integer NOT NULL,
    since date NOT NULL,
    PRIMARY KEY (night, segment, query),
    FOREIGN KEY (night, segment) REFERENCES assay_data.night_accounts ON DELETE CASCADE
);

-- The detectors' state after a night (msgpack); folding the stored nights again gives the same.
CREATE TABLE assay_data.drift_states (
    night date PRIMARY KEY REFERENCES assay_data.drift_nights ON DELETE CASCADE,
    state bytea NOT NULL
);

CREATE TABLE assay_data.alerts (
    alert_id uuid PRIMARY KEY,
    segment jsonb NOT NULL,
    cause text NOT NULL CHECK (cause IN ('judge', 'engine', 'catalogue', 'traffic')),
    metric text NOT NULL,
    before double precision NOT NULL,
    after double precision NOT NULL,
    detected_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('provisional', 'final')),
    evidence jsonb NOT NULL
);
CREATE INDEX alerts_by_time ON assay_data.alerts (detected_at);

CREATE VIEW assay.relevance_alerts AS
SELECT alert_id, segment, cause, metric, before, after, detected_at, evidence
FROM assay_data.alerts;
