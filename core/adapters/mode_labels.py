"""Labels of modes beside one another, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.postgres import Pool, connection
from core.domain.labels import Label
from core.mode_ports import ModeLabel

_KNOWN = """
SELECT content_key, application, market, query, listing_id, mode, label, confidence, reasoning, model, call_id,
    judged_at, NULL::float8 AS input_tokens, NULL::float8 AS output_tokens, NULL::float8 AS cost_usd
FROM assay_data.labels WHERE content_key = ANY ($1::text[])
UNION ALL
SELECT content_key, application, market, query, listing_id, mode, label, confidence, reasoning, model, call_id,
    judged_at, input_tokens, output_tokens, cost_usd
FROM assay_data.mode_labels WHERE content_key = ANY ($1::text[])
"""

_SAVE = """
INSERT INTO assay_data.mode_labels (content_key, application, market, query, listing_id, mode, label, confidence,
    reasoning, model, call_id, judged_at, input_tokens, output_tokens, cost_usd)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[],
    $9::text[], $10::text[], $11::uuid[], $12::timestamptz[], $13::float8[], $14::float8[], $15::float8[])
ON CONFLICT (content_key) DO NOTHING
"""


class PostgresModeLabels:
    """`ModeStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, content_keys: Sequence[str]) -> dict[str, ModeLabel]:
        """By content key; of a pair in both places the one whose tokens are known."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_KNOWN, list(content_keys))
        return {row["content_key"]: ModeLabel(**{**dict(row), "label": Label(row["label"])}) for row in rows}

    async def save(self, labels: Sequence[ModeLabel]) -> None:
        """Each key once."""
        rows = [
            (
                each.content_key,
                each.application,
                each.market,
                each.query,
                each.listing_id,
                each.mode,
                each.label.value,
                each.confidence,
                each.reasoning.replace("\x00", ""),
                each.model,
                each.call_id,
                each.judged_at,
                each.input_tokens,
                each.output_tokens,
                each.cost_usd,
            )
            for each in sorted(labels, key=lambda each: each.content_key)
        ]
        if rows:
            async with connection(self._pool) as held:
                await held.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))
