"""A comparison of two engines in the sample shop."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from core.adapters.postgres import Connection
from core.domain.ranking import QueryFigures
from core.stages.compare_engines import summaries
from tests.support.sample_rows import insert, name_id
from tests.support.sample_words import APPLICATION, ASKED

RUN = name_id("engines", "comparison")
ENGINES = ["bm25", "hybrid"]


async def comparison(held: Connection, rng: random.Random, now: datetime) -> None:
    """Bm25 and hybrid on every query: hybrid is better, not everywhere, and some labels are missing."""
    figures = [_figures(engine, asked.market, asked.query, rng) for asked in ASKED for engine in ENGINES]
    run = {
        "run_id": str(RUN),
        "compared_at": (now - timedelta(hours=5)).isoformat(),
        "engines": ENGINES,
        "k": 10,
        "judge": "text|judge-large|judgements@1",
        "seed": 1,
        "queries": len(ASKED),
        "pairs": 14 * len(ASKED),
        "judged": 14 * len(ASKED) - 9,
        "unknown": 3,
        "missing": {"waiting: over_budget": 5, "failed: refused": 1},
        "failures": {"hybrid: away": 2},
    }
    await held.execute(
        "INSERT INTO assay_data.engine_comparisons SELECT * FROM jsonb_populate_record("
        "NULL::assay_data.engine_comparisons, $1)",
        run,
    )
    measures = [
        {
            "run_id": RUN,
            "engine": each.engine,
            "measure": each.measure,
            "queries": each.estimate.queries,
            "value": each.estimate.value,
            "low": each.estimate.low,
            "high": each.estimate.high,
            "paired": d.queries if (d := each.difference) else None,
            "difference": d.value if d else None,
            "difference_low": d.low if d else None,
            "difference_high": d.high if d else None,
            "p": d.p if d else None,
            "wins": d.wins if d else None,
            "losses": d.losses if d else None,
            "ties": d.ties if d else None,
        }
        for each in summaries(figures, ENGINES, 1)
    ]
    await insert(held, "engine_measures", measures)
    rows = [
        {
            "run_id": RUN,
            "engine": f.engine,
            "application": APPLICATION,
            "market": f.query[1],
            "query": f.query[2],
            "ndcg": f.ndcg,
            "precision_at_k": f.precision,
            "irrelevant": f.irrelevant,
            "shown": f.shown,
            "judged": f.judged,
        }
        for f in figures
    ]
    await insert(held, "engine_query_figures", rows)


def _figures(engine: str, market: str, query: str, rng: random.Random) -> QueryFigures:
    good = min(1.0, rng.uniform(0.55, 0.9) + (0.07 if engine == "hybrid" else 0.0))
    irrelevant = round(rng.uniform(0.0, 0.4), 1)
    return QueryFigures(engine, (APPLICATION, market, query), good, 1 - irrelevant, irrelevant, 10, rng.choice([9, 10]))
