-- A listing's score, made of the scores of the pictures it shows now: 0.7 of the main picture's and 0.3 of the others'
-- mean (core/domain/images/listing_score.py says why; a test holds both alike).
CREATE VIEW assay.listing_image_scores AS
    SELECT l.listing_id, l.market,
        CASE WHEN p.others IS NULL THEN p.primary_score::double precision
            ELSE 0.7 * p.primary_score + 0.3 * p.others END AS score,
        p.primary_score, p.pictures, p.scored, p.worst_score, p.tier, p.judged_at
    FROM assay_data.listings AS l
    CROSS JOIN LATERAL (
        SELECT max(s.score) FILTER (WHERE u.place = 1) AS primary_score,
            (avg(s.score) FILTER (WHERE u.place > 1))::double precision AS others,
            count(*) AS pictures, count(s.score) AS scored, min(s.score) AS worst_score,
            CASE WHEN bool_and(s.tier = 'llm') THEN 'llm' WHEN bool_and(s.tier = 'student') THEN 'student'
                WHEN count(s.tier) > 0 THEN 'mixed' END AS tier,
            max(s.judged_at) AS judged_at
        FROM unnest(l.image_urls) WITH ORDINALITY AS u (url, place)
        LEFT JOIN LATERAL (
            SELECT score, tier, judged_at FROM assay_data.image_scores AS s
            WHERE s.listing_id = l.listing_id AND s.image_url = u.url
            ORDER BY judged_at DESC, id DESC LIMIT 1
        ) AS s ON true
    ) AS p
    WHERE NOT l.deleted AND cardinality(l.image_urls) > 0;
COMMENT ON VIEW assay.listing_image_scores IS 'A listing''s picture score, from the newest score of each picture it shows now: 0.7 of the main (first) picture''s and 0.3 of the others'' mean; null until the main one is scored. worst_score is the least of its pictures. tier: llm, student, or mixed.';
