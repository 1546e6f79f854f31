"""Answers of candidates in the shadow, in PostgreSQL: port `ShadowStore`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.adapters.inbox import finish_tasks
from core.adapters.judgements import storable
from core.adapters.postgres import Pool, connection, encode_json, transaction
from core.eval_ports import ShadowCounts
from core.ports import ImageScoreFact, LabelFact

_SAVE_LABELS = """
INSERT INTO assay_data.shadow_labels (judge, live_event_id, content_key, grade, confidence, reasoning, verdicts, model,
    guideline_version, judged_at, call_id)
SELECT s.* FROM unnest($1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::float8[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::timestamptz[], $11::uuid[]) AS s (judge, live_event_id)
WHERE EXISTS (SELECT FROM assay_data.labels WHERE event_id = s.live_event_id)
ON CONFLICT DO NOTHING
"""
"""An answer whose live label retention has let go of meanwhile has nothing to stand beside."""

_SAVE_SCORES = """
INSERT INTO assay_data.shadow_scores (judge, live_event_id, content_key, score, aspects, reasoning, model, judged_at,
    call_id)
SELECT judge, live_event_id, content_key, score, aspects::jsonb, reasoning, model, judged_at, call_id
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[],
    $8::timestamptz[], $9::uuid[])
    AS s (judge, live_event_id, content_key, score, aspects, reasoning, model, judged_at, call_id)
WHERE EXISTS (SELECT FROM assay_data.image_scores WHERE event_id = s.live_event_id)
ON CONFLICT DO NOTHING
"""

_COUNTS = """
SELECT judge, live_judge, 'relevance' AS kind, live_grade AS live, grade AS said, count(*) AS count
FROM assay.shadow_labels GROUP BY judge, live_judge, live_grade, grade
UNION ALL
SELECT judge, live_judge, 'image', live_score, score, count(*)
FROM assay.shadow_scores GROUP BY judge, live_judge, live_score, score
ORDER BY judge, live_judge, kind DESC, live, said
"""


class PostgresShadows:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save_labels(self, labels: Sequence[tuple[UUID, LabelFact]], done: Sequence[UUID], at: datetime) -> None:
        """The answers and the end of their tasks, or nothing of it."""
        await self._save(_SAVE_LABELS, [_label_row(live, fact) for live, fact in labels], done, at)

    async def save_scores(
        self, scores: Sequence[tuple[UUID, ImageScoreFact]], done: Sequence[UUID], at: datetime
    ) -> None:
        """The same of pictures."""
        await self._save(_SAVE_SCORES, [_score_row(live, fact) for live, fact in scores], done, at)

    async def _save(
        self, statement: str, rows: Sequence[tuple[object, ...]], done: Sequence[UUID], at: datetime
    ) -> None:
        async with transaction(self._pool) as held:
            if rows:
                await held.execute(statement, *(list(column) for column in zip(*rows, strict=True)))
            await finish_tasks(held, dict.fromkeys(done, at))

    async def counts(self) -> Sequence[ShadowCounts]:
        """By candidate, live judge and kind."""
        found: dict[tuple[str, str, str], ShadowCounts] = {}
        grouped: dict[tuple[str, str, str], dict[tuple[int, int], int]] = {}
        async with connection(self._pool) as held:
            for row in await held.fetch(_COUNTS):
                key = (row["judge"], row["live_judge"], row["kind"])
                counts = grouped.setdefault(key, {})
                counts[row["live"], row["said"]] = row["count"]
                found[key] = ShadowCounts(*key, counts)
        return list(found.values())


def _label_row(live: UUID, fact: LabelFact) -> tuple[object, ...]:
    return (
        fact.judge,
        live,
        fact.content_key,
        fact.label.grade,
        fact.confidence,
        storable(fact.reasoning),
        fact.verdicts,
        fact.model,
        fact.guideline_version,
        fact.judged_at,
        fact.call_id,
    )


def _score_row(live: UUID, fact: ImageScoreFact) -> tuple[object, ...]:
    return (
        fact.judge,
        live,
        fact.content_key,
        fact.score,
        encode_json(fact.aspects),
        storable(fact.reasoning),
        fact.model,
        fact.judged_at,
        fact.call_id,
    )
