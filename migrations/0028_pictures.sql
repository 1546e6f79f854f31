-- Pictures are seen by a student too: what it sees is kept, a look-alike is known by its perceptual hash, a host is asked
-- only for what changed, and what a person must know of picture scores is an alert of its own.
ALTER TABLE assay_data.pictures ADD COLUMN phash bigint;
ALTER TABLE assay_data.picture_urls
    ADD COLUMN etag text NOT NULL DEFAULT '',
    ADD COLUMN last_modified text NOT NULL DEFAULT '';

CREATE TABLE assay_data.picture_features (
    image_hash text NOT NULL REFERENCES assay_data.pictures (image_hash) ON DELETE CASCADE,
    extractor text NOT NULL,
    features bytea NOT NULL,
    PRIMARY KEY (image_hash, extractor)
);

ALTER TABLE assay_data.image_scores
    ADD COLUMN flags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN spread double precision,
    ADD COLUMN alike_of text NOT NULL DEFAULT ''; -- hash of the picture that was looked at, where it only looks like this one

CREATE VIEW assay.image_score_flags AS
    SELECT event_id, flags, spread, alike_of FROM assay_data.image_scores;
COMMENT ON VIEW assay.image_score_flags IS 'What the judge saw of each picture beside its scores (ai_made, over_edited, …), and the student''s own doubt in points of the score. alike_of: the image_hash that was looked at where this picture only looks like it and shares its score; else empty. Joins image_scores by event_id.';

ALTER TABLE assay_data.tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('relevance', 'image', 'image_label', 'anchor', 'shadow', 'shadow_image')) NOT VALID;

CREATE TABLE assay_data.image_alerts (
    alert_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('buyers', 'student', 'flags')),
    segment jsonb NOT NULL,
    metric text NOT NULL,
    before double precision NOT NULL,
    after double precision NOT NULL,
    detected_at timestamptz NOT NULL,
    evidence jsonb NOT NULL
);
CREATE INDEX image_alerts_by_time ON assay_data.image_alerts (detected_at);

CREATE VIEW assay.image_alerts AS
    SELECT alert_id, kind, segment, metric, before, after, detected_at, evidence FROM assay_data.image_alerts;
COMMENT ON VIEW assay.image_alerts IS 'What a person must know of picture scores. kind: buyers (the scores agree less with what buyers do), student (judge and student agree less), flags (more pictures carry a flag, such as ai_made).';
