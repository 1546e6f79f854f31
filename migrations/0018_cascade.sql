-- Breakers that are not closed, as each replica tells of its own (core/adapters/llm_health.py). News for people:
-- no replica decides by another's.
CREATE TABLE assay_data.llm_breakers (
    replica text NOT NULL,
    endpoint text NOT NULL,
    model text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('half_open', 'open')),
    why text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (replica, endpoint, model)
);

CREATE VIEW assay.llm_breakers AS
SELECT b.replica, b.endpoint, b.model, b.phase, b.why, b.since, b.until
FROM assay_data.llm_breakers AS b JOIN assay_data.replicas AS r ON r.name = b.replica
WHERE r.seen_at > now() - interval '30 seconds';
COMMENT ON VIEW assay.llm_breakers IS
'Models that a living replica sends nothing to because calls failed, or tries with one probe (half_open). Endpoint: first or second. Empty when all is well.';

-- What a cascade did on a UTC day: calls of it carry their step, and strong ones the reasons, in their subject.
CREATE VIEW assay.cascade_days AS
WITH calls AS (
    SELECT budget_day AS day, subject ->> 'application' AS application, subject ->> 'market' AS market,
        subject ->> 'cascade' AS step, status = 'ok' AS answered, cardinality(tasks) AS pairs,
        coalesce(cost_usd, 0) AS usd, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS tokens,
        coalesce((subject ->> 'low_confidence')::integer, 0) AS low_confidence,
        coalesce((subject ->> 'must_have_undecided')::integer, 0) AS must_have_undecided,
        coalesce((subject ->> 'disagreement')::integer, 0) AS disagreement,
        coalesce((subject ->> 'no_second_opinion')::integer, 0) AS no_second_opinion
    FROM assay_data.llm_calls WHERE purpose = 'judgements' AND subject ? 'cascade'),
days AS (
    SELECT day, application, market,
        coalesce(sum(pairs) FILTER (WHERE step = 'first' AND answered), 0) AS pairs,
        coalesce(sum(low_confidence + must_have_undecided + disagreement + no_second_opinion)
            FILTER (WHERE answered), 0) AS escalated,
        coalesce(sum(low_confidence) FILTER (WHERE answered), 0) AS low_confidence,
        coalesce(sum(must_have_undecided) FILTER (WHERE answered), 0) AS must_have_undecided,
        coalesce(sum(disagreement) FILTER (WHERE answered), 0) AS disagreement,
        coalesce(sum(no_second_opinion) FILTER (WHERE answered), 0) AS no_second_opinion,
        coalesce(sum(usd) FILTER (WHERE step <> 'strong'), 0) AS cheap_usd,
        coalesce(sum(usd) FILTER (WHERE step = 'strong'), 0) AS strong_usd,
        sum(tokens) FILTER (WHERE step = 'first' AND answered) AS first_tokens,
        sum(usd) FILTER (WHERE step = 'strong' AND answered)
            / nullif(sum(tokens) FILTER (WHERE step = 'strong' AND answered), 0) AS usd_a_token
    FROM calls GROUP BY day, application, market)
SELECT day, application, market, pairs, escalated, escalated::float8 / nullif(pairs, 0) AS share_escalated,
    low_confidence, must_have_undecided, disagreement, no_second_opinion, cheap_usd, strong_usd,
    first_tokens * usd_a_token AS strong_alone_usd,
    first_tokens * usd_a_token - cheap_usd - strong_usd AS saved_usd
FROM days;
COMMENT ON VIEW assay.cascade_days IS
'A cascade by UTC day, application and market: pairs the cheap model graded, those the strong one graded again and why, what both cost, and what the strong model alone would have cost: its price a token on the tokens of the first calls (NULL on a day without a strong call).';
