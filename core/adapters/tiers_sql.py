"""Statements of the tiers; `core.adapters.tiers` runs them."""

from __future__ import annotations

CRITIQUES = """
SELECT critique_key AS key, grade, reason_holds, why, model, prompt_version, call_id, made_at
FROM assay_data.critiques WHERE critique_key = ANY ($1::text[])
"""

SAVE_CRITIQUES = """
INSERT INTO assay_data.critiques (critique_key, grade, reason_holds, why, model, prompt_version, call_id, made_at)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::uuid[],
    $8::timestamptz[])
ON CONFLICT (critique_key) DO NOTHING
"""

GUIDELINES = """
SELECT DISTINCT ON (version) version, body FROM assay_data.guidelines
WHERE version = ANY ($1::text[]) ORDER BY version, revision
"""

# Blind answers that stand. A label that was queued twice has one opinion a filling's item; the decision counts, else
# the middle answer, the lower of two.
REVIEWED = """
SELECT o.content_key, i.decided,
    (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY a.grade) FROM assay_data.review_answers AS a
        WHERE a.item_id = i.item_id AND a.content_key = o.content_key AND a.blind AND NOT a.undone) AS middle,
    (SELECT max(d.probability) FROM assay_data.review_draws AS d
        WHERE d.item_id = i.item_id AND d.drawn = 'random') AS probability
FROM assay_data.review_opinions AS o JOIN assay_data.review_items AS i USING (item_id)
WHERE o.content_key = ANY ($1::text[]) AND o.content_key <> ''
"""

LIVE_LABELS = """
SELECT l.event_id, l.content_key, coalesce(nullif(l.judge, ''), l.model || ' ' || l.prompt_version) AS judge,
    l.application, l.market, coalesce(g.language, '') AS language, l.query, coalesce(g.context, '') AS context,
    l.listing_id, l.content_hash, l.grade, l.confidence, l.reasoning, l.verdicts, '{}'::jsonb AS aspects, l.mode,
    '' AS image_url, coalesce(l.image_hash, '') AS image_hash, g.body, c.title, c.description, c.brand, c.category,
    c.price_amount, c.price_currency, c.attributes, c.language AS told_in
FROM assay_data.labels AS l
LEFT JOIN LATERAL (
    SELECT k.language, k.context, k.body FROM assay_data.guidelines AS k
    WHERE k.market = l.market AND k.query = l.query AND k.version = l.guideline_version LIMIT 1
) AS g ON true
LEFT JOIN assay_data.listings AS c
    ON c.listing_id = l.listing_id AND c.content_hash = l.content_hash AND NOT c.deleted
WHERE l.judged_at >= $1 AND l.judged_at < $2 ORDER BY l.judged_at, l.id LIMIT $3
"""

# The listings that tasks brought with them, of pairs whose listing the catalogue does not have as it was judged.
BROUGHT = """
SELECT DISTINCT ON (1, 2, 3, 4) t.subject ->> 'application' AS application, t.subject ->> 'market' AS market,
    t.subject ->> 'query' AS query, t.subject ->> 'listing_id' AS listing_id, t.payload -> 'listing' AS listing
FROM assay_data.tasks AS t
WHERE t.group_key = ANY ($1::text[]) AND t.kind = 'relevance' AND t.payload ? 'listing'
ORDER BY 1, 2, 3, 4, t.created_at DESC
"""

LIVE_SCORES = """
SELECT s.event_id, s.content_key, coalesce(nullif(s.judge, ''), s.model || ' ' || s.prompt_version) AS judge,
    '' AS application, coalesce(c.market, '') AS market, coalesce(c.language, '') AS language, s.listing_id AS query,
    '' AS context, s.listing_id, '' AS content_hash, s.score AS grade, NULL::float8 AS confidence, s.reasoning,
    '' AS verdicts, s.aspects, 'multimodal' AS mode, s.image_url, s.image_hash, NULL::jsonb AS body, c.title,
    c.description, c.brand, c.category, c.price_amount, c.price_currency, c.attributes, c.language AS told_in
FROM assay_data.image_scores AS s LEFT JOIN assay_data.listings AS c ON c.listing_id = s.listing_id AND NOT c.deleted
WHERE s.judged_at >= $1 AND s.judged_at < $2 AND s.tier = 'llm' ORDER BY s.judged_at, s.id LIMIT $3
"""

SAVE_REPORT = """
INSERT INTO assay_data.tier_reports (report_id, subject, told, kind, judge, items, tiers, checks, habits, critic,
    critic_prompt, share, cost_usd, complete, made_at, unchecked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""

SAVE_FLAGGED = """
INSERT INTO assay_data.tier_flagged (report_id, place, key, item_id, query, listing_id, title, grade, reasoning,
    findings, better, why, people)
SELECT $1, place - 1, key, item_id, query, listing_id, title, grade, reasoning, findings::jsonb, better, why, people
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::text[], $9::text[],
    $10::smallint[], $11::text[], $12::smallint[]) WITH ORDINALITY
    AS new (key, item_id, query, listing_id, title, grade, reasoning, findings, better, why, people, place)
"""

REPORTS = """
SELECT DISTINCT ON (judge) * FROM assay_data.tier_reports WHERE subject = $1 ORDER BY judge, made_at DESC
"""

NEWEST = "SELECT * FROM assay_data.tier_reports ORDER BY made_at DESC, report_id LIMIT $1"

ONE = "SELECT * FROM assay_data.tier_reports WHERE report_id = $1"

FLAGGED = """
SELECT key, item_id, query, listing_id, title, grade, reasoning, findings, better, why, people
FROM assay_data.tier_flagged WHERE report_id = $1 ORDER BY place LIMIT $2
"""
