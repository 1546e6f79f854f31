"""What calls took lately, from the ledger: port `CallHistory`."""

from __future__ import annotations

from core.adapters.postgres import Pool, connection
from core.domain.evaluation.costing import TOKENS_PER_BYTE, CallHabits

CALLS = 300
"""Calls looked at: the ninth decile of so many is good to a few percent, and they are of the last hours."""

ENOUGH = 10
"""Fewer tell no quantile (as core/domain/estimates.py has it): calls of other versions of the prompt are then taken."""

DAYS = 7
"""Older ones are not looked at: days are partitions, and a model changes."""

# A prompt's text is stored once, apart from its calls; pictures are no part of a request's bytes.
_HABITS = """
WITH last AS (
    SELECT output_tokens, input_tokens, cached_tokens, latency_ms,
        CASE WHEN purpose = 'judgements' THEN greatest(cardinality(tasks), 1) ELSE 1 END AS parts,
        octet_length(request::text) + octet_length(p.system) AS bytes,
        request::text NOT LIKE '%{"picture":%' AS plain
    FROM assay_data.llm_calls JOIN assay_data.llm_prompts AS p USING (prompt_hash)
    WHERE started_at > now() - make_interval(days => $5) AND status = 'ok' AND input_tokens > 0
        AND purpose = $1 AND model = $2 AND ($3::text IS NULL OR llm_calls.prompt_version = $3)
    ORDER BY started_at DESC LIMIT $4)
SELECT count(*) AS calls, percentile_cont(0.5) WITHIN GROUP (ORDER BY output_tokens::float8 / parts) AS output,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY output_tokens::float8 / parts) AS output_high,
    sum(input_tokens) FILTER (WHERE plain)::float8 / nullif(sum(bytes) FILTER (WHERE plain), 0) AS tokens_per_byte,
    sum(cached_tokens)::float8 / nullif(sum(input_tokens), 0) AS cached,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) / 1000 AS latency_s
FROM last
"""


class PostgresCallHistory:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def habits(self, purpose: str, prompt_version: str, model: str) -> CallHabits | None:
        """Of this prompt version, else of the purpose and model alone; None where there were too few."""
        async with connection(self._pool) as held:
            for version in (prompt_version, None):
                row = await held.fetchrow(_HABITS, purpose, model, version, CALLS, DAYS)
                if row is not None and row["calls"] >= ENOUGH:
                    return CallHabits(
                        output=row["output"],
                        output_high=row["output_high"],
                        tokens_per_byte=row["tokens_per_byte"] or TOKENS_PER_BYTE,
                        cached=min(row["cached"] or 0.0, 1.0),
                        latency_s=row["latency_s"],
                    )
        return None
