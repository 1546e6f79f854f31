"""Reports on runs of evaluation, each made once for a state of its run; for the console and `assay eval`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.gate_book import gates
from core.adapters.postgres import Pool, connection
from core.domain.evaluation.gate import Gate
from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.report import Asked, Evaluations, Report, judge_named
from core.domain.evaluation.report_making import report_of
from core.domain.evaluation.results import EvalResult, EvalRun
from core.errors import UsageError

SHOWN_RUNS = 100
"""Newest runs listed: two a week for a year."""

NAMED_RUNS = 5
"""Newest runs named where one is not found: enough to see a typing mistake."""

KEPT = 32
"""Reports kept: what several people look at in an hour. One with 200 changed items takes under a megabyte."""

_STAMP = "SELECT count(*), max(judged_at) FROM assay_data.eval_results WHERE run_id = $1"


class EvalReader:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._runs = PostgresRuns(pool)
        self._datasets = PostgresDatasets(pool)
        self._made: OrderedDict[object, Report] = OrderedDict()
        self._making = asyncio.Lock()

    async def run(self, ref: str) -> EvalRun:
        """By name, id or a beginning of the id; UsageError names the newest ones where there is none such."""
        run = await self._runs.find(ref)
        if run is None:
            newest = [each.name for each in await self._runs.all(NAMED_RUNS)]
            told = f"the newest are {', '.join(newest)}" if newest else "there is none yet: `assay eval run`"
            raise UsageError(f"there is no run {ref!r}, or several begin so; {told}")
        return run

    async def run_of(self, judge: str, dataset: str) -> EvalRun | None:
        """The newest run in which this judge was asked about this version of a dataset."""
        runs = await self._runs.all(SHOWN_RUNS)
        return next((run for run in runs if run.dataset == dataset and judge in run.judges), None)

    async def evaluations(self) -> Evaluations:
        """Runs, datasets and gates, newest first."""
        runs, datasets = await self._runs.all(SHOWN_RUNS), await self._datasets.all()
        return Evaluations(runs, datasets, await self.gates())

    async def gates(self, run_id: UUID | None = None) -> Sequence[Gate]:
        """The newest gates, of all runs or of one."""
        async with connection(self._pool) as held:
            return await gates(held, run_id=run_id)

    async def gate(self, gate_id: UUID) -> Gate | None:
        """One gate."""
        async with connection(self._pool) as held:
            found = await gates(held, gate_id)
        return found[0] if found else None

    async def eval_report(self, ref: str, asked: Asked) -> Report | None:
        """On the run of that name, id or beginning of an id; None where there is none. UsageError for a judge that the
        run does not have."""
        run = await self._runs.find(ref)
        return None if run is None else await self.made(run, asked)

    async def made(self, run: EvalRun, asked: Asked) -> Report:
        """It is made in a thread, since a run of 100,000 labels takes up to a minute, and one at a time: a second would
        only slow the first down."""
        named = tuple(judge_named(run.judges, each) for each in asked.judges)
        asked = replace(asked, judges=named or run.judges)
        async with self._making:
            key = (run, asked, await self._stamp(run))
            if key not in self._made:
                items, results = await self.material(run, asked.judges)
                self._keep(key, await asyncio.to_thread(report_of, run, items, results, asked))
            self._made.move_to_end(key)
            return self._made[key]

    async def material(
        self, run: EvalRun, judges: Sequence[str]
    ) -> tuple[Sequence[EvalItem], Mapping[str, Sequence[EvalResult]]]:
        """The items of the run's dataset, and the results of the judges."""
        dataset = await self._datasets.find(run.dataset)
        items = [] if dataset is None else await self._datasets.items(dataset)
        return items, {judge: await self._runs.results(run.run_id, judge) for judge in judges}

    async def _stamp(self, run: EvalRun) -> object:
        """What tells one state of a run's results from another. A run that has ended gets no more of them."""
        if run.ended_at is not None and run.state != "running":
            return None
        async with connection(self._pool) as held:
            return tuple(await held.fetchrow(_STAMP, run.run_id) or ())

    def _keep(self, key: object, report: Report) -> None:
        self._made[key] = report
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
