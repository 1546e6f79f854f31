"""Statements of the guidelines: what is read, saved and judged anew. `core.adapters.guidelines` runs them."""

from __future__ import annotations

OF_KEY = "market = $1 AND query = $2 AND language = $3 AND context = $4"

IN_FORCE = """
SELECT k.place, g.version, g.prompt_version, g.model, g.author, g.body
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
    AS k (market, query, language, context, prompt_version, place)
CROSS JOIN LATERAL (
    SELECT f.version, f.prompt_version, f.model, f.author, f.body FROM assay_data.guidelines AS f
    WHERE f.market = k.market AND f.query = k.query AND f.language = k.language AND f.context = k.context
        AND (f.author <> 'model' OR f.prompt_version = k.prompt_version)
    ORDER BY f.author <> 'model' DESC, f.revision DESC LIMIT 1
) AS g
"""

HISTORY = f"""
SELECT g.version, g.prompt_version, g.model, g.author, g.body, g.revision, g.created_at, g.comment, g.based_on,
    (SELECT count(*) FROM assay_data.labels AS l WHERE l.application = ANY ($5::text[]) AND l.market = $1
        AND l.query = $2 AND l.guideline_version = g.version) AS labels
FROM assay_data.guidelines AS g WHERE {OF_KEY} ORDER BY g.revision DESC
"""  # noqa: S608 - only constants of this file enter

SAVE = """
INSERT INTO assay_data.guidelines (market, query, language, context, revision, version, prompt_version, model, author,
    body, created_at, comment, based_on)
SELECT n.market, n.query, n.language, n.context, (
        SELECT coalesce(max(g.revision), 0) + 1 FROM assay_data.guidelines AS g
        WHERE g.market = n.market AND g.query = n.query AND g.language = n.language AND g.context = n.context
    ), n.version, n.prompt_version, n.model, n.author, n.body::jsonb, n.created_at, n.comment, n.based_on
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::timestamptz[], $11::text[], $12::text[])
    AS n (market, query, language, context, version, prompt_version, model, author, body, created_at, comment, based_on)
ON CONFLICT DO NOTHING
"""
"""No two rows of one guideline: they would count up to the same revision."""

NEWEST = f"""
SELECT revision, author FROM assay_data.guidelines WHERE {OF_KEY} ORDER BY revision DESC LIMIT 1
"""  # noqa: S608 - only constants of this file enter

LOCK = """
SELECT pg_advisory_xact_lock(turn) FROM (
    SELECT DISTINCT hashtextextended('guideline ' || name, 0) AS turn FROM unnest($1::text[]) AS n (name) ORDER BY turn
) AS turns
"""
"""In one order, so that two who lock many can't deadlock."""

KEYS = """
SELECT DISTINCT language, context FROM assay_data.guidelines WHERE market = $1 AND query = $2 ORDER BY context, language
"""

# Applications that have labels: from one to the next by their index, so that an unnamed application costs a few probes.
LABELLED = """
WITH RECURSIVE names AS (
    (SELECT application FROM assay_data.labels ORDER BY application LIMIT 1)
    UNION ALL
    SELECT (SELECT l.application FROM assay_data.labels AS l WHERE l.application > names.application
        ORDER BY l.application LIMIT 1)
    FROM names WHERE names.application IS NOT NULL
)
SELECT application FROM names WHERE application IS NOT NULL
"""

APPLICATIONS = f"""
{LABELLED} UNION SELECT application FROM assay_data.panel_members WHERE market = $1 AND query = $2
"""  # noqa: S608 - only constants of this file enter

# Every product with a label of one of the guideline's versions, and every one that is being judged for it now.
PAIRS = f"""
WITH pairs AS (
    SELECT application, listing_id FROM assay_data.labels
    WHERE application = ANY ($5::text[]) AND market = $1 AND query = $2
        AND guideline_version IN (SELECT version FROM assay_data.guidelines WHERE {OF_KEY})
    UNION
    SELECT t.subject ->> 'application', t.subject ->> 'listing_id' FROM assay_data.tasks AS t
    WHERE t.group_key = ANY ($6::text[]) AND t.state = 'running' AND t.kind = 'relevance'
        AND t.subject ->> 'market' = $1 AND t.subject ->> 'query' = $2
        AND coalesce(t.payload ->> 'language', t.subject ->> 'language', '') = $3
)
SELECT p.application, p.listing_id, l.content_hash, told.listing
FROM pairs AS p
LEFT JOIN assay_data.listings AS l ON l.listing_id = p.listing_id AND NOT l.deleted
LEFT JOIN LATERAL (
    SELECT t.payload -> 'listing' AS listing FROM assay_data.tasks AS t
    WHERE t.group_key = ANY ($6::text[]) AND t.kind = 'relevance' AND t.payload ? 'listing'
        AND t.subject ->> 'application' = p.application AND t.subject ->> 'listing_id' = p.listing_id
    ORDER BY t.created_at DESC LIMIT 1
) AS told ON true
ORDER BY p.application, p.listing_id
"""  # noqa: S608 - only constants of this file enter
