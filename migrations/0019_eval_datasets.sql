-- Datasets of evaluation: immutable versions of what people graded, and of what they are asked to grade.

-- `version` is a hash of the content (core/domain/evaluation/datasets.py); the same content under another name is
-- another dataset of the same version.
CREATE TABLE assay_data.eval_datasets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('relevance', 'image')),
    source text NOT NULL,
    licence text NOT NULL,
    rule text NOT NULL,
    anchors boolean NOT NULL,
    items integer NOT NULL,
    queries integer NOT NULL,
    raters text[] NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    UNIQUE (name, version)
);

-- Nothing updates a row of it. `listing` is NULL where the catalogue's is taken.
CREATE TABLE assay_data.eval_items (
    dataset bigint NOT NULL REFERENCES assay_data.eval_datasets ON DELETE CASCADE,
    position integer NOT NULL,
    item_id text NOT NULL,
    split text NOT NULL CHECK (split IN ('tune', 'test')),
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL,
    context text NOT NULL,
    listing_id text NOT NULL,
    listing jsonb,
    image_url text,
    segment jsonb NOT NULL,
    ranks jsonb NOT NULL,
    truth smallint,
    ratings jsonb NOT NULL,
    PRIMARY KEY (dataset, position)
);
CREATE UNIQUE INDEX eval_items_by_id ON assay_data.eval_items (dataset, item_id);

-- Whether a mode graded a live label's pair otherwise is asked of each label (core/adapters/eval_taking.py).
CREATE INDEX mode_labels_of_pair ON assay_data.mode_labels (application, market, query, listing_id);

CREATE VIEW assay.eval_datasets AS
SELECT name, version, kind, source, licence, rule, anchors, items, queries, raters, made_at, made_by
FROM assay_data.eval_datasets;
COMMENT ON VIEW assay.eval_datasets IS
'Versions of datasets. A version is a hash of the items, their grades and the rule: it never changes. rule says how the file''s grades became ours.';

CREATE VIEW assay.eval_items AS
SELECT d.name AS dataset, d.version, d.kind, i.item_id, i.split, i.application, i.market, i.language, i.query, i.context,
    i.listing_id, i.listing ->> 'title' AS title, i.image_url, i.segment, i.ranks, i.truth, i.ratings
FROM assay_data.eval_items AS i JOIN assay_data.eval_datasets AS d ON d.id = i.dataset;
COMMENT ON VIEW assay.eval_items IS
'Items of datasets: grades 0 to 2, or scores 1 to 10 of pictures. truth is the grade that counts (adjudicated, else the median of the raters, rounded down), NULL where nobody graded it; ratings by rater.';
