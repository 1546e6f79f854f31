-- Judge versions, what people did with them, which judge gave a label, and labels of candidates in the shadow.

CREATE TABLE assay_data.judges (
    version text PRIMARY KEY, -- name@hash
    name text NOT NULL,
    mode text NOT NULL,
    model text NOT NULL,
    vision_model text NOT NULL,
    products_per_call smallint NOT NULL,
    cascade jsonb, -- strong, second, confidence; NULL: one model grades
    prompts jsonb NOT NULL, -- text by name
    added_at timestamptz NOT NULL,
    added_by text NOT NULL
);
CREATE INDEX judges_by_name ON assay_data.judges (name, added_at DESC);

-- Deeds are only ever added: the newest promotion or rollback names the live judge, so that deed and judge are one row.
CREATE TABLE assay_data.judge_deeds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act text NOT NULL CHECK (act IN ('promote', 'rollback', 'shadow', 'unshadow')),
    version text NOT NULL, -- `settings` after a rollback past the first promotion
    share double precision NOT NULL CHECK (share BETWEEN 0 AND 1),
    by text NOT NULL CHECK (by <> ''),
    why text NOT NULL CHECK (why <> '' OR act IN ('shadow', 'unshadow')),
    at timestamptz NOT NULL,
    gate_id uuid
);
CREATE INDEX judge_deeds_live ON assay_data.judge_deeds (id DESC) WHERE act IN ('promote', 'rollback');
CREATE INDEX judge_deeds_of_version ON assay_data.judge_deeds (version, id DESC);

-- Empty: given before judges had versions.
ALTER TABLE assay_data.labels
    ADD COLUMN judge text NOT NULL DEFAULT '',
    ADD COLUMN verdicts text NOT NULL DEFAULT '';
ALTER TABLE assay_data.image_scores ADD COLUMN judge text NOT NULL DEFAULT '';
ALTER TABLE assay_data.mode_labels ADD COLUMN verdicts text NOT NULL DEFAULT '';

ALTER TABLE assay_data.tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('relevance', 'image', 'anchor', 'shadow', 'shadow_image')) NOT VALID;

-- What candidates said of pairs that the live judge had just labelled. No label that rankers see, no event. An answer
-- goes with the live label that it stands beside, when retention lets go of that.
CREATE TABLE assay_data.shadow_labels (
    live_event_id uuid NOT NULL REFERENCES assay_data.labels (event_id) ON DELETE CASCADE, -- same pair, same inputs
    judge text NOT NULL,
    content_key text NOT NULL,
    grade smallint NOT NULL CHECK (grade BETWEEN 0 AND 2),
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    model text NOT NULL,
    guideline_version text NOT NULL,
    judged_at timestamptz NOT NULL,
    call_id uuid NOT NULL,
    PRIMARY KEY (live_event_id, judge)
);
CREATE INDEX shadow_labels_newest ON assay_data.shadow_labels (judge, judged_at DESC);
CREATE TABLE assay_data.shadow_scores (
    live_event_id uuid NOT NULL REFERENCES assay_data.image_scores (event_id) ON DELETE CASCADE,
    judge text NOT NULL,
    content_key text NOT NULL,
    score smallint NOT NULL CHECK (score BETWEEN 1 AND 10),
    aspects jsonb NOT NULL,
    reasoning text NOT NULL,
    model text NOT NULL,
    judged_at timestamptz NOT NULL,
    call_id uuid,
    PRIMARY KEY (live_event_id, judge)
);
CREATE INDEX shadow_scores_newest ON assay_data.shadow_scores (judge, judged_at DESC);

CREATE VIEW assay.label_judges AS
SELECT event_id, judge, verdicts FROM assay_data.labels;
COMMENT ON VIEW assay.label_judges IS
'Which judge version (name@hash) gave each label, and its verdict on each requirement of the guideline, in their order: y met, n not met, ? not told. Both are empty for labels of before there were versions. Joins relevance_labels and relevance_label_history by event_id.';

CREATE VIEW assay.image_score_judges AS
SELECT event_id, judge FROM assay_data.image_scores;
COMMENT ON VIEW assay.image_score_judges IS
'Which judge version (name@hash) gave each picture its score. Joins image_scores by event_id.';

CREATE VIEW assay.judges AS
SELECT version, name, mode, model, vision_model, products_per_call, cascade, prompts, added_at, added_by
FROM assay_data.judges;
COMMENT ON VIEW assay.judges IS 'Every judge version that was added or has judged.';

CREATE VIEW assay.judge_deeds AS
SELECT id, act, version, share, by, why, at, gate_id FROM assay_data.judge_deeds;
COMMENT ON VIEW assay.judge_deeds IS
'Who promoted, rolled back or put which judge into the shadow, when and why. The newest promote or rollback names the live judge; none, or the version settings: the judge that the settings make.';

CREATE VIEW assay.shadow_labels AS
SELECT s.judge, l.judge AS live_judge, l.application, l.market, l.query, l.listing_id, s.grade, l.grade AS live_grade,
    s.confidence, l.confidence AS live_confidence, s.reasoning, l.reasoning AS live_reasoning, s.verdicts, s.model,
    s.guideline_version, s.judged_at, s.live_event_id, s.call_id
FROM assay_data.shadow_labels AS s JOIN assay_data.labels AS l ON l.event_id = s.live_event_id;
COMMENT ON VIEW assay.shadow_labels IS
'What a candidate in the shadow said of a pair, beside the live label of the same pair with the same inputs.';

CREATE VIEW assay.shadow_scores AS
SELECT s.judge, i.judge AS live_judge, i.listing_id, i.image_url, i.image_hash, s.score, i.score AS live_score,
    s.aspects, s.reasoning, i.reasoning AS live_reasoning, s.model, s.judged_at, s.live_event_id, s.call_id
FROM assay_data.shadow_scores AS s JOIN assay_data.image_scores AS i ON i.event_id = s.live_event_id;
COMMENT ON VIEW assay.shadow_scores IS
'What a candidate in the shadow said of a picture, beside the live score of the same picture of the same listing.';
