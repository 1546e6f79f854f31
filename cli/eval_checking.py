"""The tiers from what is asked for to the stored report: what is looked at, what the critique would cost, the tiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cli.eval_parts import EvalParts
from cli.judge_identity import judge_book
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.judgements import PostgresJudgements
from core.adapters.llm_endpoint import Surroundings
from core.adapters.mode_labels import PostgresModeLabels
from core.adapters.tiers import PostgresTiers
from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.costing import CostEstimate, estimated
from core.domain.evaluation.report import judge_named
from core.domain.images.verdict import Thresholds
from core.domain.labels import Mode
from core.errors import UsageError
from core.eval_facts import DatasetKind, EvalRun
from core.ports import LlmReply, LlmRequest, Picture
from core.prompts import load_prompt
from core.settings import Settings
from core.stages.critique import Critic
from core.stages.eval_parts import EvalPorts
from core.stages.eval_tasks import chosen_by
from core.stages.patience import Patience
from core.stages.picture_critique import PictureCritic
from core.stages.purse import Bill, Purse, RunLlm
from core.stages.tiers import FirstTier, Gathering, Subject, all_tiers, first_tier

AnyCritic = Critic | PictureCritic

LIVE_MOST = 50_000
"""Live judgements of a report at most: 50,000 go through the checks in half a minute; a longer period goes by days."""


@dataclass(frozen=True, slots=True)
class Period:
    """Live judgements given from `start` up to `end`."""

    start: datetime
    end: datetime

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    def name(self, kind: DatasetKind) -> str:
        """As reports are found by it."""
        return f"live:{kind}:{self.start:%Y%m%dT%H%M%SZ}:{self.end:%Y%m%dT%H%M%SZ}"


class Nobody:
    """Stands where a model or a picture host would be asked: the checks ask neither."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Never."""
        raise UsageError("the checks ask no model")

    async def fetch(self, url: str) -> Picture:
        """Never."""
        raise UsageError("the checks fetch no picture")


def ports_without_llm(around: Surroundings) -> EvalPorts:
    """What the first tier needs: stores, and no endpoint."""
    pool = around.pool
    return EvalPorts(
        llm=Nobody(),
        runs=PostgresRuns(pool),
        store=PostgresJudgements(pool),
        labels=PostgresModeLabels(pool),
        guidelines=PostgresGuidelines(pool),
        claims=PostgresClaims(pool),
        catalogue=PostgresCatalogue(pool),
        pictures=Nobody(),
        patience=Patience(around.wall, 1, lambda: 0.0),
        at_once=1,
        thresholds=Thresholds(),
        seller="",
    )


def run_subject(run: EvalRun) -> str:
    """As reports on a run are found."""
    return f"run:{run.run_id}"


def critic_model(settings: Settings, named: str | None, kind: DatasetKind = "relevance") -> str:
    """The model that looks again: the one named, else the setting's; else of labels the cascade's strong one or the
    judge's, of pictures the one that looks at pictures."""
    usual = settings.vision_model() if kind == "image" else settings.llm_cascade_model or settings.llm_model
    return named or settings.llm_critique_model or usual or ""


async def of_run(ports: EvalPorts, around: Surroundings, run: EvalRun, judges: Sequence[str]) -> list[FirstTier]:
    """Each judge's answers in a run through the checks; `judges` empty: all of them. UsageError for one that the run
    does not have, and where nothing is answered yet."""
    wanted = [judge_named(run.judges, name) for name in judges] or list(run.judges)
    dataset = await PostgresDatasets(around.pool).find(run.dataset)
    if dataset is None:
        raise UsageError(f"the dataset {run.dataset} of run {run.name} is gone")
    items = chosen_by(run, await PostgresDatasets(around.pool).items(dataset))
    gathering, book = Gathering(ports.told, PostgresTiers(around.pool)), judge_book(around.pool)
    first = []
    for judge in wanted:
        version, results = await book.find(judge), await ports.runs.results(run.run_id, judge)
        mode: Mode = version.mode if version else "text"
        gathered = await gathering.of_run(run, judge, mode, items, results)
        first.append(first_tier(Subject(run_subject(run), run.name, run.kind, judge), gathered))
    if not any(each.checked for each in first):
        raise UsageError(f"the run {run.name} has no answer of {', '.join(wanted)} yet")
    return first


async def of_live(ports: EvalPorts, around: Surroundings, period: Period, kind: DatasetKind) -> list[FirstTier]:
    """Each judge's live answers of a period; UsageError where there is none, or more than are taken at once."""
    store = PostgresTiers(around.pool)
    found = await store.live(kind, period.start, period.end, LIVE_MOST + 1)
    if not found:
        raise UsageError(f"no live {kind} judgement was given in {period.told}")
    if len(found) > LIVE_MOST:
        raise UsageError(f"more than {LIVE_MOST:,} live judgements in {period.told}: a shorter period")
    by_judge = await Gathering(ports.told, store).of_live(found)
    return [
        first_tier(Subject(period.name(kind), period.told, kind, judge), gathered)
        for judge, gathered in sorted(by_judge.items())
    ]


def critic_of(
    parts: EvalParts, around: Surroundings, model: str, salt: str = "", kind: DatasetKind = "relevance"
) -> AnyCritic:
    """The second tier over the lane; `salt` of a run on anchors, which enter no cache."""
    store, ports = PostgresTiers(around.pool), parts.ports
    if kind == "relevance":
        return Critic(ports.llm, store, ports.patience, load_prompt("critique"), model, ports.at_once, salt)
    prompt, side = load_prompt("picture_critique"), parts.pricing.picture_side
    return PictureCritic(
        ports.llm, store, ports.pictures, ports.patience, prompt, model, ports.at_once, side, ports.seller, salt
    )


def estimate_of(parts: EvalParts, critic: AnyCritic, first: Sequence[FirstTier], share: float) -> CostEstimate:
    """What the critique would cost at most, were nothing of it known already."""
    calls = [
        parts.pricing.planned(request, judgements)
        for each in first
        for request, judgements in critic.requests(each.sample(share))
    ]
    return estimated(calls, {}, parts.pricing.prices, parts.pricing.limits)


def refuse_unpayable(cap_usd: float, estimate: CostEstimate) -> None:
    """UsageError where not even one call fits under the cap."""
    if estimate.calls and cap_usd < estimate.worst_call_usd:
        raise UsageError(
            f"the cap of ${cap_usd:.4f} would not suffice for a call, which could cost ${estimate.worst_call_usd:.4f}; "
            f"about ${estimate.usd:.4f} are needed for all, --checks-only needs none"
        )


async def reported(
    around: Surroundings, first: Sequence[FirstTier], critic: AnyCritic | None, share: float, purse: Purse
) -> list[tuple[TierReport, list[Flagged]]]:
    """The tiers of each judge, stored as each is through."""
    store, made = PostgresTiers(around.pool), []
    for each in first:
        paid = _paid(critic, purse, {"eval_check": each.subject.name, "judge": each.subject.judge})
        report, flagged = await all_tiers(each, paid, share, around.clock.now(), _spent_since_now(purse))
        await store.save(report, flagged)
        made.append((report, flagged))
    return made


def _spent_since_now(purse: Purse) -> Callable[[], float]:
    before = purse.spent_usd
    return lambda: purse.spent_usd - before


def _paid(critic: AnyCritic | None, purse: Purse, subject: Mapping[str, str]) -> AnyCritic | None:
    """The critic with its calls paid from the purse and marked."""
    if critic is None:
        return None
    return replace(critic, llm=RunLlm(critic.llm, purse, Bill(), subject))
