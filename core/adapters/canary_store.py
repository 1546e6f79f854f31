"""Runs of the canary set in PostgreSQL: port `CanaryStore`, and what the console reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from core.adapters.postgres import Connection, Pool, connection, transaction
from core.domain.canary import CanaryJudgeId, CanaryRun, CaseOutcome, JudgedCase
from core.domain.labels import Label

_RUN_FIELDS = "id, prompt_version, model, mode, set_version, cases, started_at, finished_at"

_RUN = f"""
SELECT {_RUN_FIELDS} FROM assay_data.canary_runs
WHERE (prompt_version, model, mode, set_version) = ($1, $2, $3, $4)
"""  # noqa: S608 - the fields are the constant above

_RUNS = f"""
SELECT {_RUN_FIELDS} FROM assay_data.canary_runs ORDER BY started_at DESC, id DESC LIMIT $1
"""  # noqa: S608 - the fields are the constant above

_OUTCOMES = """
SELECT run_id, case_id, kind, honest, attacked, failure, others_lowered, honest_reasoning, attacked_reasoning,
    honest_call, attacked_call
FROM assay_data.canary_outcomes WHERE run_id = ANY ($1::bigint[]) ORDER BY run_id, case_id
"""

_BEGIN = """
INSERT INTO assay_data.canary_runs (prompt_version, model, mode, set_version, cases, started_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""

_SAVE = """
INSERT INTO assay_data.canary_outcomes (run_id, case_id, kind, honest, attacked, failure, others_lowered,
    honest_reasoning, attacked_reasoning, honest_call, attacked_call, judged_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING
"""

_FINISH = """
UPDATE assay_data.canary_runs SET finished_at = $2
WHERE id = $1 AND finished_at IS NULL
    AND cases <= (SELECT count(*) FROM assay_data.canary_outcomes WHERE run_id = $1)
"""

_FORGET = """
DELETE FROM assay_data.canary_runs WHERE (prompt_version, model, mode, set_version) = ($1, $2, $3, $4)
"""


class PostgresCanaries:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self, judge: CanaryJudgeId) -> CanaryRun | None:
        async with connection(self._pool) as held:
            found = await _with_outcomes(held, await held.fetch(_RUN, *_key(judge)))
        return found[0] if found else None

    async def begin(self, judge: CanaryJudgeId, cases: int, at: datetime) -> None:
        async with transaction(self._pool) as held:
            await held.execute(_BEGIN, *_key(judge), cases, at)

    async def save(self, judge: CanaryJudgeId, judged: Sequence[JudgedCase], at: datetime) -> None:
        async with transaction(self._pool) as held:
            run = await held.fetchrow(_RUN, *_key(judge))
            if run is not None:
                await held.executemany(_SAVE, [(run["id"], *_row(case), at) for case in judged])
                await held.execute(_FINISH, run["id"], at)

    async def forget(self, judge: CanaryJudgeId) -> None:
        async with transaction(self._pool) as held:
            await held.execute(_FORGET, *_key(judge))


async def newest_runs(held: Connection, limit: int) -> list[CanaryRun]:
    """The newest runs with their outcomes, newest first."""
    return await _with_outcomes(held, await held.fetch(_RUNS, limit))


async def _with_outcomes(held: Connection, runs: Sequence[asyncpg.Record]) -> list[CanaryRun]:
    rows = await held.fetch(_OUTCOMES, [run["id"] for run in runs])
    return [
        CanaryRun(
            CanaryJudgeId(run["prompt_version"], run["model"], run["mode"], run["set_version"]),
            run["cases"],
            run["started_at"],
            run["finished_at"],
            [_case(row) for row in rows if row["run_id"] == run["id"]],
        )
        for run in runs
    ]


def _key(judge: CanaryJudgeId) -> tuple[str, str, str, str]:
    return (judge.prompt_version, judge.model, judge.mode, judge.set_version)


def _row(case: JudgedCase) -> tuple[object, ...]:
    outcome = case.outcome
    return (
        outcome.case_id,
        outcome.kind,
        None if outcome.honest is None else outcome.honest.grade,
        None if outcome.attacked is None else outcome.attacked.grade,
        outcome.failure,
        outcome.others_lowered,
        case.honest_reasoning,
        case.attacked_reasoning,
        case.honest_call,
        case.attacked_call,
    )


def _case(row: asyncpg.Record) -> JudgedCase:
    outcome = CaseOutcome(
        row["case_id"],
        row["kind"],
        _label(row["honest"]),
        _label(row["attacked"]),
        row["failure"],
        row["others_lowered"],
    )
    said = (row["honest_reasoning"], row["attacked_reasoning"])
    return JudgedCase(outcome, *said, row["honest_call"], row["attacked_call"])


def _label(grade: int | None) -> Label | None:
    return None if grade is None else Label.of_grade(grade)
