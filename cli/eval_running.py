"""A run of evaluation from order to end: what it would cost, whether that fits, and the run itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from uuid import uuid4

from cli.eval_parts import EvalParts, eval_parts
from cli.eval_runs import lead_of
from cli.judge_identity import judge_book, login_name
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.leadership import PostgresLeadership
from core.adapters.llm_endpoint import Surroundings
from core.domain.evaluation.costing import CostEstimate
from core.errors import UsageError
from core.eval_facts import Dataset, EvalItem, EvalRun, JudgeVersion, RunState, Split
from core.settings import Settings
from core.stages.eval_plan import JudgePlan, planned
from core.stages.eval_run import Evaluation, Meter
from core.stages.eval_tasks import chosen
from core.stages.purse import Purse
from core.status_models import Spend

LANE = "backfill"
"""Evaluation waits for live work, and shares what a backfill may spend."""

LOOKED_AT = 200
"""Newest runs among which an unfinished one of the same order is looked for."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What is to be judged by whom. `split` None: both; `limit`, `sample` 0: all; `cap_usd` None: what the estimate
    says is safe."""

    dataset: Dataset
    judges: tuple[JudgeVersion, ...]
    split: Split | None = None
    limit: int = 0
    sample: int = 0
    cap_usd: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReadyRun:
    """A run that may begin or go on, and what it would take. `spent_usd` before, where it goes on."""

    run: EvalRun
    judges: tuple[JudgeVersion, ...]
    items: Sequence[EvalItem]
    plans: Sequence[JudgePlan]
    spent_usd: float

    @property
    def estimate(self) -> CostEstimate:
        """Of all judges."""
        return reduce(CostEstimate.plus, (plan.estimate for plan in self.plans), CostEstimate())


async def ordered(parts: EvalParts, around: Surroundings, order: RunOrder) -> ReadyRun:
    """A new run, not stored yet; UsageError where there is nothing to judge."""
    now = around.clock.now()
    items = chosen(await PostgresDatasets(around.pool).items(order.dataset), order.split, order.limit, order.sample)
    if not items:
        of = f"the split {order.split} of {order.dataset.ref}" if order.split else order.dataset.ref
        raise UsageError(f"{of} holds no item")
    run = EvalRun(
        run_id=uuid4(),
        name=order.name or f"{order.dataset.name}-{now:%Y%m%d-%H%M%S}",
        dataset=order.dataset.ref,
        kind=order.dataset.kind,
        split=order.split,
        judges=tuple(judge.version for judge in order.judges),
        state="running",
        cap_usd=0.0,
        estimated_usd=0.0,
        started_at=now,
        ended_at=None,
        started_by=login_name(),
        items=len(items),
        limit=order.limit,
        sample=order.sample,
        anchors=order.dataset.anchors,
    )
    ready = await _planned(parts, run, order.judges, items, 0.0)
    at_once = min(parts.pricing.limits.in_flight, round(ready.estimate.calls) + 1)
    cap = ready.estimate.safe_usd(at_once) if order.cap_usd is None else order.cap_usd
    return replace(ready, run=replace(run, cap_usd=cap, estimated_usd=ready.estimate.usd))


async def taken_up(parts: EvalParts, around: Surroundings, run: EvalRun, cap_usd: float | None) -> ReadyRun:
    """A run that ended early, with what is left of it; UsageError where its dataset or a judge is gone."""
    dataset = await PostgresDatasets(around.pool).find(run.dataset)
    if dataset is None:
        raise UsageError(f"the dataset {run.dataset} of run {run.name} is gone")
    book = judge_book(around.pool)
    judges = [await book.find(version) for version in run.judges]
    gone = [version for version, judge in zip(run.judges, judges, strict=True) if judge is None]
    if gone:
        raise UsageError(f"the judge {gone[0]} of run {run.name} is gone")
    items = chosen(await PostgresDatasets(around.pool).items(dataset), run.split, run.limit, run.sample)
    spent = await parts.ports.runs.spent(run.run_id)
    again = replace(run, cap_usd=run.cap_usd if cap_usd is None else cap_usd)
    return await _planned(parts, again, tuple(judge for judge in judges if judge), items, spent)


async def _planned(
    parts: EvalParts, run: EvalRun, judges: tuple[JudgeVersion, ...], items: Sequence[EvalItem], spent: float
) -> ReadyRun:
    plans = await planned(parts.ports, parts.history, parts.pricing, run, judges, items)
    return ReadyRun(run, judges, items, plans, spent)


async def unfinished(parts: EvalParts, order: RunOrder) -> EvalRun | None:
    """The newest run of this very order that ended early; one under another name is another."""
    judges = {judge.version for judge in order.judges}
    for run in await parts.ports.runs.all(LOOKED_AT):
        same = (run.dataset, run.split, run.limit, run.sample, set(run.judges)) == (
            order.dataset.ref,
            order.split,
            order.limit,
            order.sample,
            judges,
        )
        if same and run.state != "done" and order.name in ("", run.name):
            return run
    return None


def refuse_unpayable(ready: ReadyRun, spend: Spend) -> None:
    """UsageError where the cap or what is left of the day's budgets would not suffice."""
    refuse_over(ready.estimate, ready.run.cap_usd, ready.spent_usd, spend, "fewer items (--limit, --sample)")


def refuse_over(estimate: CostEstimate, cap_usd: float, spent_usd: float, spend: Spend, less: str) -> None:
    """The same of what an estimate says, `spent_usd` of the cap being gone; `less` is what would need less."""
    needed, left = estimate.enough_usd, cap_usd - spent_usd
    if estimate.calls and left < needed:
        spent = f", of which ${spent_usd:.4f} are spent," if spent_usd else ""
        enough = spent_usd + estimate.safe_usd(1)
        raise UsageError(
            f"the cap of ${cap_usd:.4f}{spent} would not suffice: about ${needed:.4f} are needed; "
            f"`--cap-usd {enough:.4f}` would do, {less} too"
        )
    lane = next((each for each in spend.lanes if each.lane == LANE and each.budget_usd is not None), None)
    budgets = [("ASSAY_LLM_BUDGET_USD_PER_DAY", spend.budget_usd - spend.usd - spend.reserved_usd)]
    if lane is not None and lane.budget_usd is not None:
        budgets.append(("ASSAY_LLM_LANE_BUDGET_USD_PER_DAY", lane.budget_usd - lane.usd - lane.reserved_usd))
    for setting, usd in budgets:
        if estimate.calls and usd < needed:
            raise UsageError(
                f"the day's budget would not suffice: about ${needed:.4f} are needed, and {setting} leaves "
                f"${max(usd, 0.0):.4f} until midnight UTC"
            )


async def carried_out(parts: EvalParts, around: Surroundings, ready: ReadyRun, purse: Purse, meter: Meter) -> RunState:
    """The run to its end. UsageError where another process has it in hand; what only a person can mend is raised once
    the run is stored as stopped."""
    async with PostgresLeadership(around.pool).lead(lead_of(ready.run)) as mine:
        if not mine:
            raise UsageError(f"run {ready.run.name} is under way in another process")
        book = judge_book(around.pool)
        for judge in ready.judges:
            await book.save(judge, ready.run.started_by, around.clock.now())
        await parts.ports.runs.begin(ready.run)
        return await Evaluation(parts.ports, ready.run, ready.judges, ready.items, purse, meter).judge()


def purse_of(parts: EvalParts, ready: ReadyRun) -> Purse:
    """The run's money in this process."""
    return Purse(ready.run.cap_usd, ready.spent_usd, lambda request: parts.pricing.weigh(request).worst_usd)


def meter_of(ready: ReadyRun) -> Meter:
    """How far the run is."""
    return Meter(total=len(ready.items) * len(ready.judges))


async def evaluate(settings: Settings, around: Surroundings, order: RunOrder) -> EvalRun:
    """All of it with nobody asked: for other commands and the demo. Returns the run as it ended; the same order again
    goes on with a run that ended early, and begins a new one else."""
    async with eval_parts(settings, around) as parts:
        early = await unfinished(parts, order)
        ready = await (taken_up(parts, around, early, order.cap_usd) if early else ordered(parts, around, order))
        await carried_out(parts, around, ready, purse_of(parts, ready), meter_of(ready))
        return await parts.ports.runs.find(str(ready.run.run_id)) or ready.run
