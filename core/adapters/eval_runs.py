"""Runs of evaluation and what came of them, in PostgreSQL: port `RunStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from core.adapters.postgres import Pool, connection, encode_json
from core.adapters.together import Together
from core.domain.evaluation.results import EvalResult, EvalRun, RunState
from core.eval_ports import RunTally

_RUN = """run_id, name, dataset, kind, split, judges, state, cap_usd, estimated_usd, started_at, ended_at, started_by,
    items, item_limit AS limit, item_sample AS sample, anchors"""

_BEGIN = """
INSERT INTO assay_data.eval_runs (run_id, name, dataset, kind, split, judges, state, cap_usd, estimated_usd, started_at,
    started_by, items, item_limit, item_sample, anchors)
VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (run_id) DO UPDATE SET state = 'running', ended_at = NULL, cap_usd = excluded.cap_usd
"""

_END = "UPDATE assay_data.eval_runs SET state = $2, ended_at = $3 WHERE run_id = $1"

_BY_NAME = f"SELECT {_RUN} FROM assay_data.eval_runs WHERE name = $1 ORDER BY started_at DESC LIMIT 1"  # noqa: S608

_BY_ID = f"SELECT {_RUN} FROM assay_data.eval_runs WHERE starts_with(run_id::text, $1) LIMIT 2"  # noqa: S608

_ALL = f"SELECT {_RUN} FROM assay_data.eval_runs ORDER BY started_at DESC, run_id LIMIT $1"  # noqa: S608

_RESULT = """run_id, judge, item_id, grade, confidence, reasoning, verdicts, aspects, guideline_version, content_key,
    call_id, failure, reused, cost_usd, input_tokens, output_tokens, latency_ms, judged_at, model, extra, call_usd"""

_SAVE = f"""
INSERT INTO assay_data.eval_results AS old ({_RESULT})
SELECT run_id, judge, item_id, grade, confidence, reasoning, verdicts, aspects::jsonb, guideline_version, content_key,
    call_id, failure, reused, cost_usd, input_tokens, output_tokens, latency_ms, judged_at, model, extra::jsonb,
    call_usd
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::float8[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::uuid[], $12::text[], $13::bool[], $14::float8[], $15::float8[], $16::float8[],
    $17::int[], $18::timestamptz[], $19::text[], $20::text[], $21::float8[])
    AS new ({_RESULT})
ON CONFLICT (run_id, judge, item_id) DO UPDATE SET
    grade = excluded.grade, confidence = excluded.confidence, reasoning = excluded.reasoning,
    verdicts = excluded.verdicts, aspects = excluded.aspects, guideline_version = excluded.guideline_version,
    content_key = excluded.content_key, call_id = excluded.call_id, failure = excluded.failure,
    reused = excluded.reused, cost_usd = excluded.cost_usd, input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens, latency_ms = excluded.latency_ms, judged_at = excluded.judged_at,
    model = excluded.model, extra = excluded.extra, call_usd = excluded.call_usd
WHERE old.failure <> ''
"""  # noqa: S608 - the fields are the constant above, here and below

_RESULTS = f"SELECT {_RESULT} FROM assay_data.eval_results WHERE run_id = $1 AND judge = $2 ORDER BY item_id"  # noqa: S608

_ANSWERED = "SELECT item_id FROM assay_data.eval_results WHERE run_id = $1 AND judge = $2 AND failure = ''"

_KNOWN = """
SELECT DISTINCT ON (e.content_key) e.*
FROM assay_data.eval_results AS e JOIN assay_data.eval_runs AS r USING (run_id)
WHERE e.content_key = ANY ($1::text[]) AND e.failure = '' AND NOT e.reused AND NOT r.anchors
ORDER BY e.content_key, e.judged_at
"""

_TALLIES = """
WITH kinds AS (
    SELECT judge, failure, count(*) AS results, count(*) FILTER (WHERE reused) AS reused, sum(cost_usd) AS usd,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE NOT reused) AS latency
    FROM assay_data.eval_results WHERE run_id = $1 GROUP BY judge, failure)
SELECT judge, coalesce(sum(results) FILTER (WHERE failure = ''), 0)::bigint AS answers, sum(reused)::bigint AS reused,
    coalesce(jsonb_object_agg(failure, results) FILTER (WHERE failure <> ''), '{}') AS failures,
    sum(usd)::float8 AS cost_usd, max(latency) FILTER (WHERE failure = '') AS latency_ms
FROM kinds GROUP BY judge ORDER BY judge
"""

# A run's calls are of its own time: the days before it are not looked at.
_SPENT = """
SELECT coalesce(sum(cost_usd), 0)::float8 FROM assay_data.llm_calls_all
WHERE started_at >= (SELECT started_at FROM assay_data.eval_runs WHERE run_id = $1) - interval '1 minute'
    AND subject ->> 'eval_run' = $1::uuid::text
"""

SAVES = 50
"""Savers whose results go into one transaction: at 20 results each some 50 ms of PostgreSQL, while the next gather."""

READS = 100
"""Readers of one statement, as of labels (core/adapters/judgements.py)."""

ID_CHARACTERS = 6
"""A shorter beginning of an id is taken for a name alone: of a thousand runs six hex digits are one's own."""


class PostgresRuns:
    """Over a pool made by `open_pool`. What many want at one moment is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._saved: Together[Sequence[EvalResult], None] = Together(self._save_many, SAVES)
        self._known: Together[Sequence[str], Mapping[str, EvalResult]] = Together(self._known_of_many, READS)

    async def begin(self, run: EvalRun) -> None:
        """Store it as running; one that is there is set to running again, with the cap given now."""
        told = (run.run_id, run.name, run.dataset, run.kind, run.split, list(run.judges), run.cap_usd)
        more = (run.estimated_usd, run.started_at, run.started_by, run.items, run.limit, run.sample, run.anchors)
        async with connection(self._pool) as held:
            await held.execute(_BEGIN, *told, *more)

    async def end(self, run_id: UUID, state: RunState, at: datetime) -> None:
        """Its end, or its stop."""
        async with connection(self._pool) as held:
            await held.execute(_END, run_id, state, at)

    async def save(self, results: Sequence[EvalResult]) -> None:
        """Store; an answer replaces an earlier failure, never another answer."""
        if results:
            await self._saved(results)

    async def find(self, ref: str) -> EvalRun | None:
        """By name (its newest), id or a beginning of the id of at least 6 characters that fits one only."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_BY_NAME, ref)
            if not rows and len(ref) >= ID_CHARACTERS:
                rows = await held.fetch(_BY_ID, ref.lower())
        return _run(rows[0]) if len(rows) == 1 else None

    async def all(self, limit: int) -> Sequence[EvalRun]:
        """Newest first."""
        async with connection(self._pool) as held:
            return [_run(row) for row in await held.fetch(_ALL, limit)]

    async def results(self, run_id: UUID, judge: str) -> Sequence[EvalResult]:
        """Of one judge in a run, by item."""
        async with connection(self._pool) as held:
            return [_result(row) for row in await held.fetch(_RESULTS, run_id, judge)]

    async def answered(self, run_id: UUID, judge: str) -> frozenset[str]:
        """Ids of the items that the judge has answered."""
        async with connection(self._pool) as held:
            return frozenset(row["item_id"] for row in await held.fetch(_ANSWERED, run_id, judge))

    async def known(self, content_keys: Sequence[str]) -> Mapping[str, EvalResult]:
        """Answers by content key, the first there was; none of a run on anchors."""
        return await self._known(content_keys) if content_keys else {}

    async def tallies(self, run_id: UUID) -> Sequence[RunTally]:
        """By judge, in the order of the names."""
        async with connection(self._pool) as held:
            return [RunTally(**dict(row)) for row in await held.fetch(_TALLIES, run_id)]

    async def spent(self, run_id: UUID) -> float:
        """US dollars of the run's calls by the ledger."""
        async with connection(self._pool) as held:
            return float(await held.fetchval(_SPENT, run_id))

    async def _save_many(self, many: Sequence[Sequence[EvalResult]]) -> list[None]:
        """In one order, so that two savers can't deadlock; of several for one item the last is written, an answer
        before a failure."""
        newest: dict[tuple[UUID, str, str], EvalResult] = {}
        for each in (result for results in many for result in results):
            place = (each.run_id, each.judge, each.item_id)
            if place not in newest or newest[place].failure:
                newest[place] = each
        rows = [_row(newest[place]) for place in sorted(newest)]
        async with connection(self._pool) as held:
            await held.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))
        return [None] * len(many)

    async def _known_of_many(self, asked: Sequence[Sequence[str]]) -> list[Mapping[str, EvalResult]]:
        wanted = list({key for keys in asked for key in keys})
        async with connection(self._pool) as held:
            found = {row["content_key"]: _result(row) for row in await held.fetch(_KNOWN, wanted)}
        return [{key: found[key] for key in keys if key in found} for keys in asked]


def _run(row: asyncpg.Record) -> EvalRun:
    return EvalRun(**{**dict(row), "judges": tuple(row["judges"])})


def _result(row: asyncpg.Record) -> EvalResult:
    return EvalResult(**dict(row))


def _row(each: EvalResult) -> tuple[object, ...]:
    """In the order of `_RESULT`."""
    return (
        each.run_id,
        each.judge,
        each.item_id,
        each.grade,
        each.confidence,
        each.reasoning.replace("\x00", ""),
        each.verdicts,
        encode_json(each.aspects),
        each.guideline_version,
        each.content_key,
        each.call_id,
        each.failure,
        each.reused,
        each.cost_usd,
        each.input_tokens,
        each.output_tokens,
        each.latency_ms,
        each.judged_at,
        each.model,
        encode_json(each.extra),
        each.call_usd,
    )
