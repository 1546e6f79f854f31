-- A judge has rubrics, one for each kind of thing it looks at; those stored before have none. And what the judge says of
-- pictures beside their scores is watched as a share.
ALTER TABLE assay_data.judges ADD COLUMN rubrics jsonb NOT NULL DEFAULT '{}';

CREATE OR REPLACE VIEW assay.judges AS
SELECT version, name, mode, model, vision_model, products_per_call, cascade, prompts, added_at, added_by, rubrics
FROM assay_data.judges;

CREATE VIEW assay.image_flag_shares AS
SELECT (s.judged_at AT TIME ZONE 'UTC')::date AS day, coalesce(l.market, '') AS market,
    coalesce(l.category, '') AS category, f.flag, count(DISTINCT s.image_hash) AS pictures,
    count(DISTINCT s.image_hash) FILTER (WHERE f.flag = ANY (s.flags)) AS flagged,
    (count(DISTINCT s.image_hash) FILTER (WHERE f.flag = ANY (s.flags)))::double precision
        / count(DISTINCT s.image_hash) AS share
FROM (
    SELECT DISTINCT ON (listing_id, image_url) listing_id, image_url, image_hash, flags, judged_at
    FROM assay_data.image_scores WHERE tier = 'llm'
    ORDER BY listing_id, image_url, judged_at DESC, id DESC
) AS s
LEFT JOIN assay_data.listings AS l USING (listing_id)
CROSS JOIN unnest(ARRAY['ai_made', 'over_edited', 'instructions']) AS f (flag)
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW assay.image_flag_shares IS
'Of the pictures that the judge (tier llm) scored last on a UTC day, by the market and category that their listing has now: how many different ones there are, and how many of them carry the flag (ai_made, over_edited, instructions). Not the student''s scores: it says no flags.';
