"""Labels of modes beside one another, in PostgreSQL, and every label there is by its content key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.adapters.postgres import Pool, connection
from core.adapters.together import Together
from core.domain.labels import Label, Mode
from core.domain.relevance import Search
from core.mode_ports import PairLabel

# Of a key in several places the one whose call's tokens are known.
_KNOWN = """
SELECT DISTINCT ON (content_key) * FROM (
    SELECT content_key, grade, confidence, reasoning, verdicts, guideline_version, prompt_version, model, fingerprint,
        call_id, judged_at, NULL::float8 AS input_tokens, NULL::float8 AS output_tokens, NULL::float8 AS cost_usd,
        NULL::int AS latency_ms
    FROM assay_data.labels WHERE content_key = ANY ($1::text[])
    UNION ALL
    SELECT content_key, array_position(ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'], label) - 1,
        confidence, reasoning, verdicts, guideline_version, prompt_version, model, fingerprint, call_id, judged_at,
        input_tokens, output_tokens, cost_usd, latency_ms
    FROM assay_data.mode_labels WHERE content_key = ANY ($1::text[])
    UNION ALL
    SELECT e.content_key, e.grade, e.confidence, e.reasoning, e.verdicts, e.guideline_version,
        coalesce(e.extra ->> 'prompt_version', ''), e.model, coalesce(e.extra ->> 'fingerprint', ''), e.call_id,
        e.judged_at, e.input_tokens, e.output_tokens, e.call_usd, e.latency_ms
    FROM assay_data.eval_results AS e JOIN assay_data.eval_runs AS r USING (run_id)
    WHERE e.content_key = ANY ($1::text[]) AND e.failure = '' AND NOT e.reused AND NOT r.anchors
        AND r.kind = 'relevance') AS every
ORDER BY content_key, input_tokens IS NULL, judged_at
"""

_SAVE = """
INSERT INTO assay_data.mode_labels (application, market, query, mode, listing_id, content_key, label, confidence,
    reasoning, verdicts, guideline_version, prompt_version, model, fingerprint, call_id, judged_at, input_tokens,
    output_tokens, cost_usd, latency_ms)
SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::text[], $7::text[], $8::float8[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::uuid[], $16::timestamptz[], $17::float8[], $18::float8[],
    $19::float8[], $20::int[])
ON CONFLICT (content_key) DO NOTHING
"""

READS = 100
"""Readers of one statement: 2,000 keys are looked up in 20 ms."""


class PostgresModeLabels:
    """`ModeStore`. What many ask at one moment is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: Together[Sequence[str], Mapping[str, PairLabel]] = Together(self._of_many, READS)

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, PairLabel]:
        """By content key."""
        return await self._known(content_keys) if content_keys else {}

    async def save(self, search: Search, mode: Mode, labels: Mapping[str, PairLabel]) -> None:
        """Each key once."""
        ordered = sorted(labels.items(), key=lambda named: named[1].content_key)
        rows = [
            (
                listing_id,
                each.content_key,
                each.label.value,
                each.confidence,
                each.reasoning.replace("\x00", ""),
                each.verdicts,
                each.guideline_version,
                each.prompt_version,
                each.model,
                each.fingerprint,
                each.call_id,
                each.judged_at,
                each.input_tokens,
                each.output_tokens,
                each.cost_usd,
                each.latency_ms,
            )
            for listing_id, each in ordered
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            async with connection(self._pool) as held:
                await held.execute(_SAVE, search.application, search.market, search.query, mode, *columns)

    async def _of_many(self, asked: Sequence[Sequence[str]]) -> list[Mapping[str, PairLabel]]:
        wanted = list({key for keys in asked for key in keys})
        async with connection(self._pool) as held:
            rows = [dict(row) for row in await held.fetch(_KNOWN, wanted)]
        found = {row["content_key"]: PairLabel(label=Label.of_grade(row.pop("grade")), **row) for row in rows}
        return [{key: found[key] for key in keys if key in found} for keys in asked]
