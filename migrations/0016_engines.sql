-- Search engines as sources: what they answered, and comparisons of them by the labels.

-- One row an answer. A query that an engine was not asked for, or gave no list for, has no row: that is no empty list.
CREATE TABLE assay_data.engine_lists (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    engine text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    language text NOT NULL,
    top integer NOT NULL,
    deep_first integer NOT NULL DEFAULT 0,
    deep_count integer NOT NULL DEFAULT 0,
    ranks integer[] NOT NULL,
    hits text[] NOT NULL,
    fetched_at timestamptz NOT NULL
);
CREATE INDEX engine_lists_by_query ON assay_data.engine_lists (application, market, query, engine, fetched_at DESC);

CREATE TABLE assay_data.engine_comparisons (
    run_id uuid PRIMARY KEY,
    compared_at timestamptz NOT NULL,
    engines text[] NOT NULL,
    k integer NOT NULL,
    judge text NOT NULL,
    seed bigint NOT NULL,
    queries integer NOT NULL,
    pairs integer NOT NULL,
    judged integer NOT NULL,
    unknown integer NOT NULL,
    missing jsonb NOT NULL,
    failures jsonb NOT NULL
);
CREATE INDEX engine_comparisons_by_time ON assay_data.engine_comparisons (compared_at);

-- One engine's measure over queries, and its difference from the first engine's (none for the first itself).
CREATE TABLE assay_data.engine_measures (
    run_id uuid NOT NULL REFERENCES assay_data.engine_comparisons ON DELETE CASCADE,
    engine text NOT NULL,
    measure text NOT NULL CHECK (measure IN ('ndcg', 'precision', 'irrelevant')),
    queries integer NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    paired integer,
    difference double precision,
    difference_low double precision,
    difference_high double precision,
    p double precision,
    wins integer,
    losses integer,
    ties integer,
    PRIMARY KEY (run_id, engine, measure)
);

CREATE TABLE assay_data.engine_query_figures (
    run_id uuid NOT NULL REFERENCES assay_data.engine_comparisons ON DELETE CASCADE,
    engine text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    ndcg double precision,
    precision_at_k double precision,
    irrelevant double precision,
    shown integer NOT NULL,
    judged integer NOT NULL,
    PRIMARY KEY (run_id, engine, application, market, query)
);

CREATE VIEW assay.engine_lists AS
SELECT engine, application, market, query, language, ranks, hits, fetched_at FROM assay_data.engine_lists;

CREATE VIEW assay.engine_comparisons AS
SELECT c.run_id, c.compared_at, c.k, c.engines[1] AS baseline, m.engine, m.measure, m.queries, m.value, m.low, m.high,
    m.paired, m.difference, m.difference_low, m.difference_high, m.p, m.wins, m.losses, m.ties,
    c.pairs, c.judged, c.unknown, c.judge
FROM assay_data.engine_comparisons AS c JOIN assay_data.engine_measures AS m USING (run_id);

CREATE VIEW assay.engine_query_figures AS
SELECT c.run_id, c.compared_at, c.k, f.engine, f.application, f.market, f.query, f.ndcg, f.precision_at_k, f.irrelevant,
    f.shown, f.judged
FROM assay_data.engine_comparisons AS c JOIN assay_data.engine_query_figures AS f USING (run_id);
