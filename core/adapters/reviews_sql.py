"""Statements of the review queue. `core.adapters.reviews` runs them."""

from __future__ import annotations

_COLUMNS = """i.item_id, i.kind, i.application, i.market, i.language, i.query, i.context, i.listing_id, i.content_hash,
    i.image_url, i.listing, i.segment, i.guideline_version, i.needed, i.decided"""

# With what a page shows beside it: the guideline by its version, thumbnails of the product's pictures.
_BESIDE = """,
    (SELECT g.body FROM assay_data.guidelines AS g
        WHERE g.market = i.market AND g.query = i.query AND g.version = i.guideline_version
        ORDER BY g.language = i.language DESC, g.context = i.context DESC LIMIT 1) AS guideline,
    (SELECT jsonb_object_agg(u.url, u.image_hash) FROM assay_data.picture_urls AS u
        WHERE u.url = i.image_url OR u.url IN (
            SELECT jsonb_array_elements_text(i.listing -> 'image_urls')
            WHERE jsonb_typeof(i.listing -> 'image_urls') = 'array')) AS pictures"""

ITEM = f"SELECT {_COLUMNS}{_BESIDE} FROM assay_data.review_items AS i WHERE i.item_id = $1"  # noqa: S608

TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended('review ' || $1, 0))"
"""Two who take at one moment would see neither's lease: they take one after the other, a millisecond each."""

# An item is for a reviewer while it is open, they have not seen it, and answers and others' leases leave a place.
_FREE = """i.open AND i.kind = $2 AND NOT i.seen_by @> ARRAY[$1::text] AND i.needed > i.answers + (
    SELECT count(*) FROM assay_data.review_leases AS l
    WHERE l.item_id = i.item_id AND l.reviewer <> $1 AND l.until > $3)"""

HELD = f"""
SELECT i.item_id FROM assay_data.review_leases AS o JOIN assay_data.review_items AS i ON i.item_id = o.item_id
WHERE o.reviewer = $1 AND o.kind = $2 AND o.until > $3 AND {_FREE}
"""  # noqa: S608 - only constants of this file enter

NEXT = f"""
SELECT i.item_id FROM assay_data.review_items AS i WHERE {_FREE} ORDER BY i.kind, i.place, i.item_id LIMIT 1
"""  # noqa: S608 - only constants of this file enter

LEASE = """
INSERT INTO assay_data.review_leases (reviewer, kind, item_id, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (reviewer, kind) DO UPDATE SET item_id = excluded.item_id, until = excluded.until
"""

END_LEASE = "DELETE FROM assay_data.review_leases WHERE reviewer = $1 AND item_id = $2"

LOCK = "SELECT kind, seen_by, needed, decided FROM assay_data.review_items WHERE item_id = $1 FOR UPDATE"

ACT = """
INSERT INTO assay_data.review_acts (item_id, reviewer, act, grade, blind, undoes, note, tags, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text[], $9) RETURNING *
"""

ACTS = "SELECT * FROM assay_data.review_acts WHERE item_id = ANY ($1::uuid[]) ORDER BY item_id, act_id"

# What follows from the acts, written beside them in the same transaction.
STATE = """
UPDATE assay_data.review_items SET seen_by = $2::text[], answers = $3, open = $4, disputed = $5, decided = $6
WHERE item_id = $1
"""

NEWEST_STANDING = """
SELECT a.act_id, a.item_id FROM assay_data.review_acts AS a
JOIN assay_data.review_items AS i ON i.item_id = a.item_id AND i.kind = $2
WHERE a.reviewer = $1 AND a.act IN ('answer', 'skip')
    AND NOT EXISTS (SELECT FROM assay_data.review_acts AS u WHERE u.undoes = a.act_id)
ORDER BY a.at DESC, a.act_id DESC LIMIT 1
"""

OPINIONS = """
SELECT * FROM assay_data.review_opinions WHERE item_id = ANY ($1::uuid[])
ORDER BY item_id, shadow, judged_at DESC, judge
"""

PROGRESS = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM assay_data.review_items AS i
        WHERE i.open AND i.kind = $2 AND NOT i.seen_by @> ARRAY[$1::text] LIMIT $4) AS few) AS waiting,
    (SELECT count(*) FROM assay_data.review_acts AS a
        JOIN assay_data.review_items AS i ON i.item_id = a.item_id AND i.kind = $2
        WHERE a.reviewer = $1 AND a.act IN ('answer', 'skip') AND a.at >= $3 AND a.grade IS NOT NULL
            AND NOT EXISTS (SELECT FROM assay_data.review_acts AS u WHERE u.undoes = a.act_id)) AS today,
    (SELECT count(*) FROM (
        SELECT FROM assay_data.review_items WHERE disputed AND kind = $2 LIMIT $4) AS few) AS disputed
"""

FILL = """
INSERT INTO assay_data.review_fills (fill_id, kind, source, told, frame, items, random_items, made_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

FILLS = "SELECT * FROM assay_data.review_fills WHERE kind = $1 ORDER BY made_at DESC, fill_id LIMIT $2"

ANSWERED_OF = """
SELECT d.fill_id, count(*) AS count
FROM assay_data.review_draws AS d JOIN assay_data.review_items AS i ON i.item_id = d.item_id AND i.answers > 0
WHERE d.fill_id = ANY ($1::uuid[]) GROUP BY d.fill_id
"""

ITEMS = """
INSERT INTO assay_data.review_items AS i (item_id, kind, place, needed, application, market, language, query, context,
    listing_id, content_hash, image_url, listing, segment, guideline_version, anchors, dataset, dataset_item, queued_at)
SELECT n.item_id, $1, n.place, $2, n.application, n.market, n.language, n.query, n.context, n.listing_id,
    n.content_hash, n.image_url, n.listing::jsonb, n.segment::jsonb, n.guideline_version, n.anchors, n.dataset,
    n.dataset_item, $3
FROM unnest($4::uuid[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::boolean[], $18::text[], $19::text[])
    AS n (item_id, place, application, market, language, query, context, listing_id, content_hash, image_url, listing,
        segment, guideline_version, anchors, dataset, dataset_item)
ON CONFLICT (item_id) DO UPDATE SET anchors = i.anchors OR excluded.anchors
RETURNING xmax = 0 AS is_new
"""

DRAWS = """
INSERT INTO assay_data.review_draws (fill_id, item_id, drawn, probability, teaches, why)
SELECT $1, d.item_id, d.drawn, d.probability, d.teaches, d.why::jsonb
FROM unnest($2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::text[])
    AS d (item_id, drawn, probability, teaches, why)
"""

KEEP_OPINIONS = """
INSERT INTO assay_data.review_opinions (item_id, opinion_key, judge, content_key, run_id, dataset_item, grade,
    confidence, reasoning, verdicts, aspects, call_id, judged_at, shadow)
SELECT o.item_id, o.opinion_key, o.judge, o.content_key, o.run_id, o.dataset_item, o.grade, o.confidence, o.reasoning,
    o.verdicts, o.aspects::jsonb, o.call_id, o.judged_at, o.shadow
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::smallint[], $8::float8[],
        $9::text[], $10::text[], $11::text[], $12::uuid[], $13::timestamptz[], $14::boolean[])
    AS o (item_id, opinion_key, judge, content_key, run_id, dataset_item, grade, confidence, reasoning, verdicts,
        aspects, call_id, judged_at, shadow)
ON CONFLICT (item_id, opinion_key) DO NOTHING
"""

# Everything answered, without the guideline and the pictures.
ANSWERED = f"""
SELECT {_COLUMNS}, NULL::jsonb AS guideline, NULL::jsonb AS pictures, i.anchors, i.dataset,
    (SELECT jsonb_object_agg(d.fill_id, d.probability) FROM assay_data.review_draws AS d
        WHERE d.item_id = i.item_id AND d.drawn = 'random') AS random_in
FROM assay_data.review_items AS i
WHERE i.kind = $1 AND (i.answers > 0 OR $6) AND (NOT $3 OR i.disputed) AND ($4::uuid IS NULL OR i.item_id = $4)
    AND ($2::uuid IS NULL AND NOT $6 OR EXISTS (
        SELECT FROM assay_data.review_draws AS d
        WHERE d.item_id = i.item_id AND d.fill_id = coalesce($2, d.fill_id) AND (d.drawn = 'random' OR NOT $6)))
ORDER BY i.queued_at DESC, i.place, i.item_id LIMIT $5
"""  # noqa: S608 - only constants of this file enter
