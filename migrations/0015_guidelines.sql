-- Guidelines by query and context, with their history: every version has its number, and an edit says why and from what.

ALTER TABLE assay_data.guidelines
    ADD COLUMN context text NOT NULL DEFAULT '', -- filters as a JSON object in one spelling; empty where there are none
    ADD COLUMN revision integer,
    ADD COLUMN comment text NOT NULL DEFAULT '',
    ADD COLUMN based_on text NOT NULL DEFAULT '';

UPDATE assay_data.guidelines AS g SET revision = n.place
FROM (
    SELECT market, query, language, version,
        row_number() OVER (PARTITION BY market, query, language ORDER BY created_at, version) AS place
    FROM assay_data.guidelines
) AS n
WHERE (g.market, g.query, g.language, g.version) = (n.market, n.query, n.language, n.version);

ALTER TABLE assay_data.guidelines
    ALTER COLUMN revision SET NOT NULL,
    DROP CONSTRAINT guidelines_pkey,
    ADD PRIMARY KEY (market, query, language, context, revision),
    ADD CONSTRAINT guidelines_version UNIQUE (market, query, version, language, context);
DROP INDEX assay_data.guidelines_one_a_prompt;
CREATE UNIQUE INDEX guidelines_one_a_prompt
ON assay_data.guidelines (market, query, language, context, prompt_version, model) WHERE author = 'model';

-- Pairs whose task brought the listing with it: judged anew after an edit, though no catalogue knows them.
CREATE INDEX tasks_with_listing ON assay_data.tasks (group_key)
WHERE kind = 'relevance' AND payload ? 'listing';

-- Who makes a guideline or a picture's description now, so that no other replica pays for it too.
CREATE UNLOGGED TABLE assay_data.claims (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    until timestamptz NOT NULL
);

-- Labels of modes beside one another on one set: no part of any label that rankers see.
CREATE TABLE assay_data.mode_labels (
    content_key text PRIMARY KEY,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    listing_id text NOT NULL,
    mode text NOT NULL,
    label text NOT NULL CHECK (label IN ('irrelevant', 'acceptable_substitute', 'highly_relevant')),
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    model text NOT NULL,
    call_id uuid NOT NULL,
    input_tokens double precision NOT NULL, -- the pair's part of its call
    output_tokens double precision NOT NULL,
    cost_usd double precision NOT NULL,
    judged_at timestamptz NOT NULL
);

CREATE VIEW assay.guideline_history AS
SELECT market, query, language, context, revision, version, author, prompt_version, model, comment, based_on, body,
    created_at
FROM assay_data.guidelines;

-- The newest label of a product for a query in one set of filters; `relevance_labels` has the newest of any.
CREATE VIEW assay.relevance_labels_by_context AS
SELECT DISTINCT ON (l.application, l.market, l.query, g.language, g.context, l.listing_id)
    l.application, l.market, l.query, coalesce(g.language, '') AS language, coalesce(g.context, '') AS context,
    l.listing_id, l.label, l.grade, l.confidence, l.reasoning, l.reason, l.mode, l.model, l.prompt_version,
    l.guideline_version, l.content_hash, l.image_hash, l.judged_at, l.event_id
FROM assay_data.labels AS l
LEFT JOIN assay_data.guidelines AS g
    ON g.market = l.market AND g.query = l.query AND g.version = l.guideline_version
ORDER BY l.application, l.market, l.query, g.language, g.context, l.listing_id, l.judged_at DESC, l.id DESC;
