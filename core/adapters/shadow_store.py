"""Answers of candidates in the shadow, in PostgreSQL: port `ShadowStore`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.adapters.inbox import finish_tasks
from core.adapters.judgements import storable
from core.adapters.postgres import Pool, connection, encode_json, transaction
from core.domain.evaluation.items import DatasetKind
from core.eval_ports import SHADOW_ANSWERS, ShadowCounts
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


def _counts(kind: str, shadow: str, live: str, query: str, grade: str) -> str:
    """Of one kind. Candidates are found by leaps through the index, each with its newest answers alone: how many there
    are besides costs nothing."""
    return f"""
WITH RECURSIVE candidates AS (
    (SELECT judge FROM assay_data.{shadow} WHERE $1 IN ('', judge) ORDER BY judge LIMIT 1)
    UNION ALL
    SELECT (SELECT n.judge FROM assay_data.{shadow} AS n WHERE n.judge > c.judge AND $1 = '' ORDER BY n.judge LIMIT 1)
    FROM candidates AS c WHERE c.judge IS NOT NULL
)
SELECT c.judge, l.judge AS live_judge, '{kind}' AS kind, {query} AS query, l.{grade} AS live, s.{grade} AS said,
    count(*) AS count
FROM candidates AS c CROSS JOIN LATERAL (
    SELECT live_event_id, {grade} FROM assay_data.{shadow} WHERE judge = c.judge ORDER BY judged_at DESC LIMIT $2
) AS s JOIN assay_data.{live} AS l ON l.event_id = s.live_event_id
GROUP BY c.judge, l.judge, {query}, l.{grade}, s.{grade}
"""  # noqa: S608 - only constants of this file enter


_COUNTS = (
    _counts("relevance", "shadow_labels", "labels", r"concat_ws(E'\n', l.application, l.market, l.query)", "grade"),
    _counts("image", "shadow_scores", "image_scores", "l.listing_id", "score"),
)


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

    async def counts(self, judge: str = "", newest: int = SHADOW_ANSWERS) -> Sequence[ShadowCounts]:
        """By candidate, live judge and kind."""
        async with connection(self._pool) as held:
            rows = [row for statement in _COUNTS for row in await held.fetch(statement, judge, newest)]
        grouped: dict[tuple[str, str, DatasetKind], dict[tuple[str, int, int], int]] = {}
        for row in rows:
            counts = grouped.setdefault((row["judge"], row["live_judge"], row["kind"]), {})
            counts[row["query"], row["live"], row["said"]] = row["count"]
        return [ShadowCounts(*key, counts) for key, counts in sorted(grouped.items(), key=_by_judge_pairs_first)]


def _by_judge_pairs_first(found: tuple[tuple[str, str, str], object]) -> tuple[str, str, bool]:
    (judge, live, kind), _ = found
    return judge, live, kind == "image"


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
