"""Statements of `core.adapters.review_sources`."""

from __future__ import annotations

COUNT_LABELS = """
SELECT count(*) FROM (
    SELECT FROM assay_data.labels WHERE judged_at >= $1 AND judged_at < $2 LIMIT $3) AS few
"""
COUNT_SCORES = COUNT_LABELS.replace("labels", "image_scores")

# $1, $2 the period, $3 where traffic begins, $4 the live run, $5 application, $6 market (empty: all), $7 the queries
# that an alert names (none: every one), $8 whether there is an alert. Each array is by candidate, in one order.
_TRAFFIC = """
traffic AS (
    SELECT application, market, query, sum(searches)::float8 AS searches FROM assay_data.panes
    WHERE run = $4 AND hour >= $3 AND hour < $2 GROUP BY application, market, query
)"""

_DRIFT = """
    CASE WHEN $8 AND (cardinality($7::text[]) = 0 OR n.query = ANY ($7::text[])) THEN 1.0 ELSE 0.0 END::float8"""

# Grades that a critique gave instead, by the content key of what it criticised.
_CRITICS = """
critics AS (
    SELECT key, min(better) AS least, max(better) AS most FROM assay_data.tier_flagged
    WHERE better IS NOT NULL AND key <> '' GROUP BY key
)"""

CRITICS = """
SELECT DISTINCT ON (f.key) f.key, f.better
FROM assay_data.tier_flagged AS f JOIN assay_data.tier_reports AS r ON r.report_id = f.report_id
WHERE f.key = ANY ($1::text[]) AND f.better IS NOT NULL ORDER BY f.key, r.made_at DESC
"""

LABEL_FRAME = f"""
WITH newest AS (
    SELECT DISTINCT ON (application, market, query, listing_id)
        id, event_id, content_key, application, market, query, listing_id, content_hash, grade, confidence
    FROM assay_data.labels
    WHERE judged_at >= $1 AND judged_at < $2 AND ($5 = '' OR application = $5) AND ($6 = '' OR market = $6)
    ORDER BY application, market, query, listing_id, judged_at DESC, id DESC
),
shadows AS (
    SELECT live_event_id, min(grade) AS least, max(grade) AS most FROM assay_data.shadow_labels GROUP BY live_event_id
),
{_CRITICS},
known AS (
    SELECT DISTINCT application, market, query, listing_id, content_hash FROM assay_data.review_items
    WHERE kind = 'relevance'
),
{_TRAFFIC},
facts AS (
    SELECT n.id, n.confidence, coalesce(t.searches, 0) AS searches, {_DRIFT} AS drift,
        (greatest(n.grade, s.most, o.most) - least(n.grade, s.least, o.least)) / 2.0::float8 AS disagreement,
        k.query IS NOT NULL AS queued
    FROM newest AS n
    LEFT JOIN shadows AS s ON s.live_event_id = n.event_id
    LEFT JOIN critics AS o ON o.key = n.content_key
    LEFT JOIN known AS k ON (k.application, k.market, k.query, k.listing_id, k.content_hash)
        = (n.application, n.market, n.query, n.listing_id, n.content_hash)
    LEFT JOIN traffic AS t ON (t.application, t.market, t.query) = (n.application, n.market, n.query)
    ORDER BY n.id
)
SELECT array_agg(id) AS keys, array_agg(disagreement) AS disagreement, array_agg(confidence) AS confidence,
    array_agg(searches) AS searches, array_agg(drift) AS drift, array_agg(queued) AS queued
FROM facts
"""  # noqa: S608 - only constants of this file enter

# $1, $2 the period, $3 market (empty: all), $4 whether there is an alert. A picture's confidence is not told, and what
# shoppers type says nothing of a picture.
SCORE_FRAME = f"""
WITH newest AS (
    SELECT DISTINCT ON (i.listing_id, i.image_url) i.id, i.event_id, i.content_key, i.listing_id,
        i.image_url, i.score
    FROM assay_data.image_scores AS i LEFT JOIN assay_data.listings AS l ON l.listing_id = i.listing_id
    WHERE i.judged_at >= $1 AND i.judged_at < $2 AND ($3 = '' OR l.market = $3)
    ORDER BY i.listing_id, i.image_url, i.judged_at DESC, i.id DESC
),
shadows AS (
    SELECT live_event_id, min(score) AS least, max(score) AS most FROM assay_data.shadow_scores GROUP BY live_event_id
),
{_CRITICS},
known AS (SELECT DISTINCT listing_id, image_url FROM assay_data.review_items WHERE kind = 'image'),
facts AS (
    SELECT n.id, (greatest(n.score, s.most, o.most) - least(n.score, s.least, o.least)) / 9.0::float8 AS disagreement,
        k.listing_id IS NOT NULL AS queued
    FROM newest AS n
    LEFT JOIN shadows AS s ON s.live_event_id = n.event_id
    LEFT JOIN critics AS o ON o.key = n.content_key
    LEFT JOIN known AS k USING (listing_id, image_url)
    ORDER BY n.id
)
SELECT array_agg(id) AS keys, array_agg(disagreement) AS disagreement, array_agg('NaN'::float8) AS confidence,
    array_agg(0.0::float8) AS searches, array_agg($4::boolean::integer::float8) AS drift, array_agg(queued) AS queued
FROM facts
"""  # noqa: S608 - only constants of this file enter

_SHADOW_LABELS = """
    SELECT jsonb_agg(jsonb_build_object('judge', s.judge, 'grade', s.grade, 'confidence', s.confidence,
        'reasoning', s.reasoning, 'verdicts', s.verdicts, 'content_key', s.content_key, 'call_id', s.call_id,
        'judged_at', s.judged_at) ORDER BY s.judge)
    FROM assay_data.shadow_labels AS s WHERE s.live_event_id = l.event_id"""

LABELLED = f"""
SELECT l.application, l.market, coalesce(g.language, '') AS language, l.query,
    coalesce(g.context, '') AS context, l.listing_id, l.content_hash, '' AS image_url, l.guideline_version,
    coalesce(nullif(l.judge, ''), l.model) AS judge, l.grade, l.confidence, l.reasoning, l.verdicts,
    '{{}}'::jsonb AS aspects, l.content_key, l.call_id, l.judged_at,
    ({_SHADOW_LABELS}) AS shadows
FROM unnest($1::bigint[]) WITH ORDINALITY AS k (id, place)
JOIN assay_data.labels AS l ON l.id = k.id
LEFT JOIN LATERAL (
    SELECT language, context FROM assay_data.guidelines AS g
    WHERE g.market = l.market AND g.query = l.query AND g.version = l.guideline_version
    ORDER BY context, language LIMIT 1
) AS g ON true
ORDER BY k.place
"""  # noqa: S608 - only constants of this file enter

SCORED = """
SELECT '' AS application, coalesce(c.market, '') AS market, coalesce(c.language, '') AS language,
    i.listing_id AS query, '' AS context, i.listing_id, i.image_hash AS content_hash, i.image_url,
    '' AS guideline_version, coalesce(nullif(i.judge, ''), i.model) AS judge, i.score AS grade,
    NULL::float8 AS confidence, i.reasoning, '' AS verdicts, i.aspects, i.content_key, i.call_id, i.judged_at, (
        SELECT jsonb_agg(jsonb_build_object('judge', s.judge, 'grade', s.score, 'reasoning', s.reasoning,
            'aspects', s.aspects, 'content_key', s.content_key, 'call_id', s.call_id, 'judged_at', s.judged_at)
            ORDER BY s.judge)
        FROM assay_data.shadow_scores AS s WHERE s.live_event_id = i.event_id
    ) AS shadows
FROM unnest($1::bigint[]) WITH ORDINALITY AS k (id, place)
JOIN assay_data.image_scores AS i ON i.id = k.id
LEFT JOIN assay_data.listings AS c ON c.listing_id = i.listing_id
ORDER BY k.place
"""

SEARCHES = """
SELECT p.application, p.market, p.query, sum(p.searches) AS searches
FROM assay_data.panes AS p
JOIN (SELECT DISTINCT * FROM unnest($4::text[], $5::text[], $6::text[]) AS a (application, market, query)) AS asked
    USING (application, market, query)
WHERE p.run = $1 AND p.hour >= $2 AND p.hour < $3 GROUP BY p.application, p.market, p.query
"""

ALERT = """
SELECT alert_id, segment, evidence, detected_at FROM assay_data.alerts
WHERE length($1) >= 6 AND starts_with(alert_id::text, lower($1)) ORDER BY detected_at DESC LIMIT 1
"""

MOVED_QUERIES = """
SELECT query FROM assay_data.query_accounts WHERE segment = $1 AND night BETWEEN $2 AND $3
GROUP BY query HAVING max(abs(engine_step) + abs(catalogue_step) + abs(judge_step)) > 0
ORDER BY max(weight * (abs(engine_step) + abs(catalogue_step) + abs(judge_step))) DESC, query LIMIT $4
"""

QUEUED = "SELECT item_id FROM assay_data.review_items WHERE item_id = ANY ($1::uuid[])"
