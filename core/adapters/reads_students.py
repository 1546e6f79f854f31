"""Students that score pictures: versions, and how they and the judge have agreed. Each function uses one connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from math import isfinite

import asyncpg
import numpy as np

from core.adapters.postgres import Connection
from core.adapters.reads_picture_watches import alerts
from core.adapters.reads_segments import segment_names
from core.domain.evaluation.metrics import kappa, rank_correlation
from core.domain.evaluation.sample import Numbers
from core.picture_watch_models import StudentDay, StudentReport, StudentView

VERSIONS = 30
"""Versions listed: years of monthly training."""

DEEDS = 30
"""Promotions and rollbacks listed."""

GRADES = 10

_VERSIONS = """
SELECT version, name, extractor, judge, trained_at, trained_by, pictures, held_back, rank_correlation, rank_low,
    rank_high, quadratic_kappa, mean_bias, within_one, coverage, unsure_above, bytes, live, metadata
FROM assay.image_students ORDER BY live DESC, trained_at DESC, version LIMIT $1
"""

_DEEDS = "SELECT at, act, version, by, why FROM assay.student_deeds ORDER BY id DESC LIMIT $1"

# How often each pair of scores occurred: a hundred rows a day at most, from which every figure follows.
_PAIRS = """
SELECT day, version, why, student_score, score, count(*) AS pictures FROM assay.student_labels
WHERE day > $1 AND why <> '' AND ($2 = '' OR market = $2)
GROUP BY day, version, why, student_score, score ORDER BY day, version, why
"""

_SCORED = "SELECT tier, count(*) AS pictures FROM assay_data.image_scores WHERE judged_at > $1 GROUP BY tier"

_WAITING = "SELECT count(*) FROM assay_data.tasks WHERE state IN ('waiting', 'running') AND kind = 'image_label'"


async def students(connection: Connection, now: datetime, days: int, market: str) -> StudentReport:
    """The whole page."""
    pairs = await connection.fetch(_PAIRS, (now - timedelta(days=days)).date(), market)
    names = await segment_names(connection)
    return StudentReport(
        days=days,
        market=market,
        versions=[StudentView(**row) for row in await connection.fetch(_VERSIONS, VERSIONS)],
        deeds=[tuple(row) for row in await connection.fetch(_DEEDS, DEEDS)],
        agreement=[
            agreement(*of, list(each))
            for of, each in groupby(pairs, key=lambda row: (row["day"], row["version"], row["why"]))
        ],
        scored={row["tier"]: row["pictures"] for row in await connection.fetch(_SCORED, now - timedelta(days=1))},
        waiting=await connection.fetchval(_WAITING),
        alerts=await alerts(connection, "student"),
        markets=sorted({each for each, _ in names}),
    )


def agreement(day: date, version: str, why: str, pairs: Sequence[asyncpg.Record]) -> StudentDay:
    """The figures of a day: of its table of pairs, by the formulas that evaluation uses."""
    table = np.zeros((GRADES, GRADES, 1))
    for row in pairs:
        table[row["score"] - 1, row["student_score"] - 1, 0] += row["pictures"]
    grade = np.arange(GRADES, dtype=np.float64)
    apart = grade[None, :] - grade[:, None]  # student less judge
    pictures = int(table.sum())
    return StudentDay(
        day=day,
        version=version,
        why=why,
        pictures=pictures,
        rank_correlation=_defined(rank_correlation(table)),
        quadratic_kappa=_defined(kappa(table, np.square(apart))),
        mean_bias=float((apart[:, :, None] * table).sum()) / pictures,
        within_one=int(table[np.abs(apart) <= 1].sum()),
    )


def _defined(figure: Numbers) -> float | None:
    value = float(figure[0])
    return value if isfinite(value) else None
