-- Pages of the console about pictures, over a million scores: what they count stands in an index of its own, so that no row
-- with its reasoning is read for a count; worst and best are found by a short walk; failures lie apart from what was done.
CREATE INDEX image_scores_told ON assay_data.image_scores
    (listing_id, image_url, judged_at DESC, id DESC) INCLUDE (score, tier, judge, flags, image_hash);
DROP INDEX assay_data.image_scores_newest;
ALTER INDEX assay_data.image_scores_told RENAME TO image_scores_newest;

CREATE INDEX image_scores_by_score ON assay_data.image_scores (score, judged_at DESC, id DESC);
CREATE INDEX image_scores_flagged ON assay_data.image_scores (score, judged_at DESC, id DESC) WHERE flags <> '{}';

CREATE INDEX listings_segments ON assay_data.listings (listing_id) INCLUDE (market, category);
CREATE INDEX listings_by_segment ON assay_data.listings (market, coalesce(category, ''));

CREATE INDEX tasks_failed_pictures ON assay_data.tasks (finished_at DESC)
    WHERE state = 'failed' AND kind IN ('image', 'image_label');
CREATE INDEX tasks_retried_pictures ON assay_data.tasks (not_before)
    WHERE state = 'waiting' AND reason <> '' AND kind IN ('image', 'image_label');

CREATE INDEX image_scores_labelled ON assay_data.image_scores (((judged_at AT TIME ZONE 'UTC')::date))
    WHERE tier = 'llm';

CREATE INDEX buyer_agreement_overall ON assay_data.buyer_agreement (day, days, measure) WHERE category = '';
CREATE INDEX buyer_exposures_by_listing ON assay_data.buyer_exposures (listing_id, day);
