"""A run of evaluation: every judge asked about every item of a dataset, and what they say kept as it comes.

The way to a grade is that of live work: same guidelines, products and pictures, same lane, budget and ledger, same
keys, so what was judged before, by whomever, is taken from there. Anchors are judged anew past all of it. A run that
ended early goes on where it stopped: what is stored is not asked for again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import LlmOverCap, LlmStopped
from core.eval_facts import EvalItem, EvalResult, EvalRun, JudgeVersion, RunState
from core.mode_ports import PairLabel
from core.ports import Llm
from core.stages.eval_parts import EvalPorts
from core.stages.eval_pictures import scored
from core.stages.eval_tasks import Asked, asked_of, cluster_of
from core.stages.judge_items import search_of
from core.stages.judge_pairs import PairJudge, nothing_known
from core.stages.judge_recipe import picture_identity, recipe_of_judge
from core.stages.purse import Bill, Purse, RunLlm
from core.stages.run_jobs import all_of


@dataclass
class Meter:
    """How far a run is, in answers of all judges. `before`: those it had when this process took it up."""

    total: int
    before: int = 0
    done: int = 0
    reused: int = 0
    failed: int = 0

    def count(self, results: Sequence[EvalResult]) -> None:
        """Results that are stored now."""
        self.done += len(results)
        self.reused += sum(each.reused for each in results)
        self.failed += sum(bool(each.failure) for each in results)


@dataclass(frozen=True, slots=True)
class _Job:
    """What one judge is asked in one go: a query's items, or a listing's pictures."""

    judge: JudgeVersion
    items: tuple[EvalItem, ...]
    one: asyncio.Lock
    """Judges that differ by name alone take turns, so that the second finds what the first has paid for."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The stage: one run that is stored already, its judges, the items it judges."""

    ports: EvalPorts
    run: EvalRun
    judges: Sequence[JudgeVersion]
    items: Sequence[EvalItem]
    purse: Purse
    meter: Meter

    async def judge(self) -> RunState:
        """Until every item has its result, the purse's stop is set, or its cap is reached; the run's end is stored.
        What is neither (a refused key, the day's budget, a database that is away) is raised after that, as `stopped`.
        """
        ports = self.ports
        jobs = await self._jobs()
        state: RunState = "stopped"
        try:
            await self._all(jobs)
            state = "done"
        except LlmOverCap:
            state = "over_cap"
        except LlmStopped:
            pass
        finally:
            await ports.runs.end(self.run.run_id, state, ports.clock.now())
        return state

    async def _jobs(self) -> list[_Job]:
        """Query after query and in each judge after judge, so that a run which ends early has the judges' answers to
        the same items. Without the items that a judge has answered."""
        answered = {
            judge.version: await self.ports.runs.answered(self.run.run_id, judge.version) for judge in self.judges
        }
        self.meter.before = self.meter.done = sum(
            item.item_id in answered[judge.version] for judge in self.judges for item in self.items
        )
        groups: dict[tuple[object, ...], list[EvalItem]] = {}
        for item in self.items:
            groups.setdefault(cluster_of(item), []).append(item)
        locks: defaultdict[tuple[object, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        jobs = [
            _Job(
                judge,
                tuple(item for item in group if item.item_id not in answered[judge.version]),
                locks[(*cluster, self._identity(judge))],
            )
            for cluster, group in groups.items()
            for judge in self.judges
        ]
        return [job for job in jobs if job.items]

    def _identity(self, judge: JudgeVersion) -> str:
        return picture_identity(judge) if self.run.kind == "image" else recipe_of_judge(judge).identity

    async def _all(self, jobs: Sequence[_Job]) -> None:
        async def one(job: _Job) -> None:
            async with job.one:
                await self._job(job)

        await all_of(jobs, one, self.purse, self.ports.at_once)

    async def _job(self, job: _Job) -> None:
        bill = Bill()
        subject = {"eval_run": str(self.run.run_id), "judge": job.judge.version}
        llm = RunLlm(self.ports.llm, self.purse, bill, subject)
        asked = {item.item_id: asked_of(self.run, job.judge, item, bill) for item in job.items}
        if self.run.kind == "image":
            for each in asked.values():
                await self._keep([await scored(self.ports, llm, each)])
        else:
            await self._pairs(job.judge, llm, asked)

    async def _pairs(self, judge: JudgeVersion, llm: RunLlm, asked: Mapping[str, Asked]) -> None:
        async def keep(made: Mapping[str, PairLabel]) -> None:
            await self._keep([_answer(asked[key], label, reused=False) for key, label in made.items()])

        tasks = [each.task for each in asked.values()]
        done = await self._judge_of(judge, llm).judge(search_of(tasks[0]), tasks, keep)
        results = [_answer(asked[key], label, reused=True) for key, label in done.known.items()]
        at = self.ports.clock.now()
        await self._keep([*results, *(asked[key].failed(kind, at) for key, kind in done.failures.items())])

    def _judge_of(self, judge: JudgeVersion, llm: Llm) -> PairJudge:
        ports = self.ports
        return PairJudge(
            llm=llm,
            store=ports.store,
            known=nothing_known if self.run.anchors else ports.labels.known,
            guidelines=ports.guidelines,
            claims=ports.claims,
            catalogue=ports.catalogue,
            pictures=ports.pictures,
            clock=ports.clock,
            recipe=recipe_of_judge(judge),
            cascade=judge.cascade,
            per_call=judge.products_per_call,
            patience=ports.patience,
        )

    async def _keep(self, results: Sequence[EvalResult]) -> None:
        await self.ports.runs.save(results)
        self.meter.count(results)


def _answer(asked: Asked, label: PairLabel, *, reused: bool) -> EvalResult:
    return EvalResult(
        run_id=asked.run.run_id,
        judge=asked.judge.version,
        item_id=asked.item.item_id,
        grade=label.label.grade,
        confidence=label.confidence,
        reasoning=label.reasoning,
        verdicts=label.verdicts,
        aspects={},
        guideline_version=label.guideline_version,
        content_key=label.content_key,
        call_id=label.call_id,
        failure="",
        reused=reused,
        cost_usd=0.0 if reused else asked.paid_usd,
        input_tokens=label.input_tokens or 0.0,
        output_tokens=label.output_tokens or 0.0,
        latency_ms=label.latency_ms or 0,
        judged_at=label.judged_at,
        model=label.model,
        extra={"fingerprint": label.fingerprint, "prompt_version": label.prompt_version},
        call_usd=label.cost_usd,
    )
