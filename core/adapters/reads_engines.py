"""Comparisons of engines, for the console."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.adapters.postgres import Connection
from core.engine_models import EngineMeasureView, EngineQueryView, EngineRunStory, EngineRunView

SHOWN_RUNS = 50
"""Newest comparisons shown: one a week for a year."""

SHOWN_QUERIES = 300
"""Queries of a comparison shown: a market's panel."""

_RUNS = """
SELECT run_id, compared_at, engines, k, judge, queries, pairs, judged, unknown, missing, failures
FROM assay_data.engine_comparisons WHERE $1::uuid IS NULL OR run_id = $1 ORDER BY compared_at DESC, run_id LIMIT $2
"""

_MEASURES = """
SELECT run_id, engine, measure, queries, value, low, high, paired, difference, difference_low, difference_high, p,
    wins, losses, ties
FROM assay_data.engine_measures WHERE run_id = ANY ($1::uuid[])
"""

_QUERIES = """
SELECT f.engine, f.application, f.market, f.query, b.ndcg AS base_ndcg, f.ndcg, f.ndcg - b.ndcg AS gap,
    b.irrelevant AS base_irrelevant, f.irrelevant, b.shown AS base_shown, b.judged AS base_judged, f.shown, f.judged,
    count(*) OVER () AS total
FROM assay_data.engine_query_figures AS f
JOIN assay_data.engine_query_figures AS b USING (run_id, application, market, query)
WHERE f.run_id = $1 AND b.engine = $2 AND f.engine <> $2 AND ($3 = '' OR f.engine = $3)
ORDER BY CASE $4 WHEN 'worse' THEN f.ndcg - b.ndcg WHEN 'better' THEN b.ndcg - f.ndcg ELSE -abs(f.ndcg - b.ndcg) END
    NULLS LAST, f.application, f.market, f.query, f.engine
LIMIT $5
"""


async def engine_runs(held: Connection, run_id: UUID | None = None) -> Sequence[EngineRunView]:
    """The newest comparisons, newest first; or the one."""
    rows = await held.fetch(_RUNS, run_id, SHOWN_RUNS)
    measures: dict[UUID, list[EngineMeasureView]] = {row["run_id"]: [] for row in rows}
    for row in await held.fetch(_MEASURES, list(measures)):
        told = dict(row)
        measures[told.pop("run_id")].append(EngineMeasureView(**told))
    return [EngineRunView(**row, measures=measures[row["run_id"]]) for row in rows]


async def engine_run(held: Connection, run_id: UUID, engine: str, sort: str) -> EngineRunStory | None:
    """One comparison with its queries: those of `engine` or of all, largest difference first, or best or worst."""
    found = await engine_runs(held, run_id)
    if not found:
        return None
    rows = await held.fetch(_QUERIES, run_id, found[0].engines[0], engine, sort, SHOWN_QUERIES)
    told = [dict(row) for row in rows]
    total = int(told[0]["total"]) if told else 0
    return EngineRunStory(
        found[0], [EngineQueryView(**{n: v for n, v in row.items() if n != "total"}) for row in told], total
    )
