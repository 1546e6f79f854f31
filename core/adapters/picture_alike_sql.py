"""Statements of `core.adapters.picture_alike`."""

from __future__ import annotations

ALONE = "SET LOCAL max_parallel_workers_per_gather = 0"
"""The planner takes the few rows of a rare number for thousands and starts workers, which takes longer than the
question itself."""

SAME = """
SELECT p.image_hash FROM (
    (SELECT image_hash, first_seen FROM assay_data.pictures WHERE phash = $1 ORDER BY first_seen LIMIT $3)
    UNION
    (SELECT image_hash, first_seen FROM assay_data.pictures WHERE phash = $1 ORDER BY first_seen DESC LIMIT $3)
) AS p
WHERE EXISTS (
    SELECT FROM assay_data.image_scores AS s
    WHERE s.image_hash = p.image_hash AND s.tier = 'llm' AND s.alike_of = ''
)
ORDER BY p.first_seen DESC LIMIT $2
"""
"""Of the very hash: an index gives the oldest, the first of whom was judged, and the newest, one of whom today's judge
has looked at, however many share their scores between them."""

NEAR = """
SELECT p.image_hash
FROM assay_data.pictures AS p
WHERE assay_data.phash_bands(p.phash) && $2::int[] AND p.phash IS NOT NULL
    AND assay_data.phash_distance(p.phash, $1) BETWEEN 1 AND $3
    AND EXISTS (
        SELECT FROM assay_data.image_scores AS s
        WHERE s.image_hash = p.image_hash AND s.tier = 'llm' AND s.alike_of = ''
    )
ORDER BY assay_data.phash_distance(p.phash, $1), p.first_seen DESC LIMIT $4
"""

MARK = "SELECT score_id, distance FROM assay_data.look_alike_marks FOR UPDATE"

SET_MARK = "UPDATE assay_data.look_alike_marks SET score_id = $1"

TAKE = """
WITH scores AS (
    SELECT id, listing_id, image_url, image_hash, judged_at FROM assay_data.image_scores
    WHERE id > $1 ORDER BY id LIMIT $2
), kept AS (
    INSERT INTO assay_data.picture_sightings
        (listing_id, image_url, image_hash, phash, market, seller, first_seen)
    SELECT DISTINCT ON (s.listing_id, s.image_url, s.image_hash) s.listing_id, s.image_url, s.image_hash, p.phash,
        coalesce(l.market, ''), coalesce(nullif(l.attributes ->> $3, ''), s.listing_id),
        least(l.told_at, s.judged_at)
    FROM scores AS s
    JOIN assay_data.pictures AS p USING (image_hash)
    LEFT JOIN assay_data.listings AS l USING (listing_id)
    WHERE p.phash IS NOT NULL
    ORDER BY s.listing_id, s.image_url, s.image_hash, s.id
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT max(id) AS newest, (SELECT count(*) FROM kept) AS kept FROM scores
"""
"""`least` passes over a NULL: of a listing that has gone, when it was judged."""

UNGROUP = "UPDATE assay_data.picture_sightings SET grouped = false WHERE grouped"
NO_GROUPS = "DELETE FROM assay_data.phash_groups"
SET_DISTANCE = "UPDATE assay_data.look_alike_marks SET distance = $1"

NEW_HASHES = """
SELECT phash FROM (
    SELECT phash, first_seen FROM assay_data.picture_sightings WHERE NOT grouped ORDER BY first_seen LIMIT $1
) AS s
GROUP BY phash ORDER BY min(first_seen), phash
"""

GROUP = """
WITH near AS MATERIALIZED (
    SELECT g.phash, g.first_phash, assay_data.phash_distance(g.phash, $1) AS bits
    FROM assay_data.phash_groups AS g
    WHERE assay_data.phash_bands(g.phash) && $2::int[] AND assay_data.phash_distance(g.phash, $1) <= $3
), firsts AS (
    SELECT phash, bits FROM near WHERE phash = first_phash
)
INSERT INTO assay_data.phash_groups (first_phash, phash, distance)
SELECT phash, $1, bits FROM firsts
UNION ALL
SELECT $1, $1, 0 WHERE NOT EXISTS (SELECT FROM firsts)
UNION ALL
SELECT DISTINCT $1, phash, bits FROM near WHERE phash <> $1 AND NOT EXISTS (SELECT FROM firsts)
ON CONFLICT DO NOTHING
"""
"""As `core.domain.images.duplicates.joined`: a test holds both alike."""

CROSS = """
UPDATE assay_data.phash_groups AS g SET crossed = true
WHERE g.first_phash IN (SELECT first_phash FROM assay_data.phash_groups WHERE phash = ANY ($1::bigint[]))
    AND g.phash = g.first_phash AND NOT g.crossed
    AND (
        SELECT min(o.low) < max(o.high) FROM assay_data.phash_groups AS m
        CROSS JOIN LATERAL (
            SELECT min(s.seller) AS low, max(s.seller) AS high
            FROM assay_data.picture_sightings AS s WHERE s.phash = m.phash
        ) AS o
        WHERE m.first_phash = g.first_phash
    )
"""
"""Hash by hash, so that it reads the index and not every sighting there is."""

GROUPED = "UPDATE assay_data.picture_sightings SET grouped = true WHERE phash = ANY ($1::bigint[]) AND NOT grouped"
