-- The review queue: what people are asked, why, how it was drawn, and what they said.

-- One filling of the queue. `frame` is how many candidates it was drawn from, asked before or not.
CREATE TABLE assay_data.review_fills (
    fill_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('relevance', 'image')),
    source text NOT NULL CHECK (source IN ('run', 'live', 'drift')),
    told text NOT NULL, -- the run's name, the period, the alert
    frame integer NOT NULL,
    items integer NOT NULL,
    random_items integer NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);
CREATE INDEX review_fills_newest ON assay_data.review_fills (made_at DESC);

-- A thing to grade, once, however often it is drawn. What the judges said of it is elsewhere: a page before the answer
-- reads this table alone. `seen_by`, `answers`, `open` and `disputed` follow from review_acts and change with it.
CREATE TABLE assay_data.review_items (
    item_id uuid PRIMARY KEY, -- a uuid5 of what it is
    kind text NOT NULL CHECK (kind IN ('relevance', 'image')),
    place integer NOT NULL, -- in the queue, from 0, as its first filling had it
    needed smallint NOT NULL CHECK (needed BETWEEN 1 AND 20),
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL, -- of an image, the listing's id
    context text NOT NULL, -- filters as a JSON object in one spelling; empty where there are none
    listing_id text NOT NULL,
    content_hash text NOT NULL,
    image_url text NOT NULL, -- of an image; else empty
    listing jsonb, -- as the judge was told, in the shape of the topic listings
    segment jsonb NOT NULL,
    guideline_version text NOT NULL,
    anchors boolean NOT NULL, -- of a dataset of anchors: asked, and never anything else
    dataset text NOT NULL, -- name@version it came from; empty of live labels
    dataset_item text NOT NULL,
    queued_at timestamptz NOT NULL,
    seen_by text[] NOT NULL DEFAULT '{}', -- who has answered or skipped it
    answers smallint NOT NULL DEFAULT 0,
    open boolean NOT NULL DEFAULT true,
    disputed boolean NOT NULL DEFAULT false,
    decided smallint
);
CREATE INDEX review_items_queue ON assay_data.review_items (kind, place, item_id) WHERE open;
CREATE INDEX review_items_disputed ON assay_data.review_items (kind, place, item_id) WHERE disputed;
CREATE INDEX review_items_of ON assay_data.review_items (application, market, query, listing_id);

-- How a filling came by an item. Of the random share, `probability` is that of being drawn from the frame; of the rest,
-- which was chosen for what its answer teaches, it is 1 and says nothing of the frame.
CREATE TABLE assay_data.review_draws (
    fill_id uuid NOT NULL REFERENCES assay_data.review_fills ON DELETE CASCADE,
    item_id uuid NOT NULL REFERENCES assay_data.review_items,
    drawn text NOT NULL CHECK (drawn IN ('random', 'taught')),
    probability double precision NOT NULL CHECK (probability > 0 AND probability <= 1),
    teaches double precision NOT NULL,
    why jsonb NOT NULL, -- disagreement, doubt, traffic, drift: 0 to 1 each
    PRIMARY KEY (fill_id, item_id)
);
CREATE INDEX review_draws_of_item ON assay_data.review_draws (item_id);

-- What judges had said of the item when it was queued; shown after the answer.
CREATE TABLE assay_data.review_opinions (
    item_id uuid NOT NULL REFERENCES assay_data.review_items,
    opinion_key text NOT NULL, -- the content key, or run, judge and item
    judge text NOT NULL,
    content_key text NOT NULL,
    run_id uuid,
    dataset_item text NOT NULL,
    grade smallint NOT NULL,
    confidence double precision,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    aspects jsonb NOT NULL,
    call_id uuid,
    judged_at timestamptz NOT NULL,
    shadow boolean NOT NULL,
    PRIMARY KEY (item_id, opinion_key)
);
CREATE INDEX review_opinions_by_label ON assay_data.review_opinions (content_key);

-- Who has which item on screen, one a reviewer and kind. Nothing is lost with it: a lease that ends is an item that is
-- asked again.
CREATE UNLOGGED TABLE assay_data.review_leases (
    reviewer text NOT NULL,
    kind text NOT NULL,
    item_id uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (reviewer, kind)
);
CREATE INDEX review_leases_of_item ON assay_data.review_leases (item_id);

-- Everything people did, appended and never changed: who takes an answer back adds a row that says so.
CREATE TABLE assay_data.review_acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id uuid NOT NULL REFERENCES assay_data.review_items,
    reviewer text NOT NULL,
    act text NOT NULL CHECK (act IN ('answer', 'skip', 'undo', 'remark', 'decision')),
    grade smallint CHECK ((act IN ('answer', 'decision')) = (grade IS NOT NULL)),
    blind boolean NOT NULL DEFAULT true, -- of an answer: the judge's label had not been shown to this reviewer
    undoes bigint UNIQUE REFERENCES assay_data.review_acts CHECK ((act = 'undo') = (undoes IS NOT NULL)),
    note text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL
);
CREATE INDEX review_acts_of_item ON assay_data.review_acts (item_id, act_id);
CREATE INDEX review_acts_of_reviewer ON assay_data.review_acts (reviewer, at, act_id) WHERE act IN ('answer', 'skip');

-- Answers beside every judge's label of the same thing: a row an answer and label (one with empty columns where no
-- judge said anything).
CREATE VIEW assay_data.review_answers AS
SELECT a.act_id AS answer_id, a.item_id, i.kind, o.content_key, o.run_id, o.judge, o.dataset_item AS item,
    a.reviewer, a.grade, o.grade AS judge_grade, a.blind, a.note, a.at, u.act_id IS NOT NULL AS undone
FROM assay_data.review_acts AS a
JOIN assay_data.review_items AS i ON i.item_id = a.item_id
LEFT JOIN assay_data.review_acts AS u ON u.undoes = a.act_id
LEFT JOIN assay_data.review_opinions AS o ON o.item_id = a.item_id
WHERE a.act = 'answer';

CREATE VIEW assay.review_answers AS
SELECT a.act_id AS answer_id, a.item_id, i.kind, i.application, i.market, i.query, i.listing_id, i.image_url, a.reviewer,
    a.grade, a.blind, a.at, u.act_id IS NOT NULL AS undone, i.decided
FROM assay_data.review_acts AS a
JOIN assay_data.review_items AS i ON i.item_id = a.item_id
LEFT JOIN assay_data.review_acts AS u ON u.undoes = a.act_id
WHERE a.act = 'answer';
COMMENT ON VIEW assay.review_answers IS
'What people answered in the review queue, a row an answer. blind: given before any judge''s label was shown; undone: taken back since; decided: the adjudicated grade, NULL where nobody had to decide.';
