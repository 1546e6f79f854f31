"""The tiers over a run or over live labels: what was judged, gathered with what the judge was given; checked, looked
at again, held beside what people say; and the report.

    judged = await Gathering(...).of_run(...)      # or of_live
    first = first_tier(subject, judged)
    report, flagged = await all_tiers(first, critic, ...)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from core.domain.evaluation.checks.facts import Beside, Judged, compact_of
from core.domain.evaluation.checks.habits import habits
from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.checks.tiers import (
    Checked,
    People,
    cases,
    check_rows,
    flagged,
    through_checks,
    tier_rows,
    to_critique,
)
from core.domain.labels import Mode
from core.domain.relevance import Product, Search
from core.eval_facts import DatasetKind, EvalItem, EvalResult, EvalRun
from core.ports import Task
from core.stages.critique import Critic, Critiqued
from core.stages.eval_tasks import task_of_item
from core.stages.judge_items import Item, Outcome
from core.stages.picture_critique import PictureCritic
from core.tier_ports import LiveJudgement, TierStore

MOST_FLAGGED = 1_000
"""Judgements of a report that are kept with their findings: more than a person reads, and the worst come first."""

NAMELESS = frozenset({"", "notgiven", "na", "none", "generic", "unbranded", "nobrand", "unknown", "other", "noname"})
"""What catalogues write for a brand where there is none."""

Told = Callable[[Sequence[Task]], Awaitable[Sequence[Outcome]]]
"""Each task with its listing, or why it has none (`core.stages.eval_parts.EvalPorts.told`)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about."""

    name: str
    """`run:<id>`, or `live:<kind>:<from>:<to>`."""
    told: str
    kind: DatasetKind
    judge: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """Judgements of one judge, and what people said of them, by key."""

    judged: Sequence[Judged]
    people: Mapping[str, People]


@dataclass(frozen=True, slots=True)
class Gathering:
    """Makes judgements of stored ones. `told` finds their products."""

    told: Told
    store: TierStore

    async def of_run(
        self, run: EvalRun, judge: str, mode: Mode, items: Sequence[EvalItem], results: Sequence[EvalResult]
    ) -> Gathered:
        """The answers of one judge of a run. People are the dataset's own grades, else the review queue's."""
        by_id = {item.item_id: item for item in items}
        answers = [each for each in results if each.grade is not None and each.item_id in by_id]
        products = await self._products(
            {each.item_id: task_of_item(run.run_id, judge, by_id[each.item_id]) for each in answers}
        )
        bodies = await self.store.guidelines([each.guideline_version for each in answers])
        judged = [
            Judged(
                kind=run.kind,
                key=each.content_key or f"{run.run_id}/{judge}/{each.item_id}",
                judge=judge,
                item_id=each.item_id,
                listing_id=by_id[each.item_id].listing_id,
                search=search_of_item(by_id[each.item_id]),
                guideline=bodies.get(each.guideline_version),
                product=products.get(each.item_id),
                grade=each.grade,
                confidence=each.confidence,
                reasoning=each.reasoning,
                verdicts=each.verdicts,
                aspects=each.aspects,
                pictured=run.kind == "image" or mode != "text",
                image_url=by_id[each.item_id].image_url or "",
                scored_with=(each.extra.get("prompt_version", ""), each.model),
            )
            for each in answers
            if each.grade is not None
        ]
        truths = {each.key: by_id[each.item_id].truth for each in judged}
        graded = {key: People(truth) for key, truth in truths.items() if truth is not None}
        return Gathered(_together(judged), {**await self._reviewed(judged), **graded})

    async def of_live(self, found: Sequence[LiveJudgement]) -> dict[str, Gathered]:
        """By judge. People are the review queue's."""
        products = await self._products({str(each.event_id): _task(each) for each in found if each.listing is not None})
        by_judge: defaultdict[str, list[Judged]] = defaultdict(list)
        for each in found:
            judged = Judged(
                kind=each.kind,
                key=each.content_key,
                judge=each.judge,
                item_id=str(each.event_id),
                listing_id=each.listing_id,
                search=Search(each.application, each.market, each.query, each.language, each.context),
                guideline=each.guideline,
                product=products.get(str(each.event_id)),
                grade=each.grade,
                confidence=each.confidence,
                reasoning=each.reasoning,
                verdicts=each.verdicts,
                aspects=each.aspects,
                pictured=each.mode != "text",
                image_url=each.image_url,
                image_hash=each.image_hash,
            )
            by_judge[each.judge].append(judged)
        return {judge: Gathered(_together(judged), await self._reviewed(judged)) for judge, judged in by_judge.items()}

    async def _reviewed(self, judged: Sequence[Judged]) -> dict[str, People]:
        found = await self.store.reviewed([each.key for each in judged])
        return {
            key: People(each.grade, 1 / each.probability if each.probability else None) for key, each in found.items()
        }

    async def _products(self, tasks: Mapping[str, Task]) -> dict[str, Product]:
        """By the same names; what nobody knows any more is absent."""
        ready = await self.told(list(tasks.values()))
        by_task = {each.task.task_id: each.product() for each in ready if isinstance(each, Item)}
        return {name: by_task[task.task_id] for name, task in tasks.items() if task.task_id in by_task}


@dataclass(frozen=True, slots=True)
class FirstTier:
    """A judge's answers through the checks, before anything is paid."""

    subject: Subject
    checked: Sequence[Checked]
    people: Mapping[str, People]

    def sample(self, share: float) -> list[Judged]:
        """What the critique is to look at."""
        return to_critique(self.checked, share)


def first_tier(subject: Subject, gathered: Gathered) -> FirstTier:
    """Costs half a millisecond a judgement, and nothing else."""
    return FirstTier(subject, through_checks(gathered.judged), gathered.people)


async def all_tiers(
    first: FirstTier, critic: Critic | PictureCritic | None, share: float, at: datetime, spent: Callable[[], float]
) -> tuple[TierReport, list[Flagged]]:
    """The report. `critic` None: the second tier is left out. `spent` tells what its calls have cost once they are
    through."""
    subject, judged = first.subject, [each.judged for each in first.checked]
    looked = await critic.critiques(first.sample(share)) if critic else Critiqued({})
    found = cases(first.checked, looked.verdicts, first.people, share)
    report = TierReport(
        report_id=uuid4(),
        subject=subject.name,
        told=subject.told,
        kind=subject.kind,
        judge=subject.judge,
        items=len(judged),
        tiers=tier_rows(found, looked.skipped),
        checks=check_rows(subject.kind, found),
        habits=habits(judged),
        critic=critic.model if critic else "",
        critic_prompt=critic.prompt.version if critic else "",
        share=share if critic else 0.0,
        cost_usd=spent(),
        complete=looked.complete,
        made_at=at,
        unchecked=sum(each.product is None or each.guideline is None for each in judged)
        if subject.kind == "relevance"
        else 0,
    )
    return report, flagged(found)[:MOST_FLAGGED]


def search_of_item(item: EvalItem) -> Search:
    """The query in its context, as the judge was told it."""
    return Search(item.application, item.market, item.query, item.language, item.context)


def _task(found: LiveJudgement) -> Task:
    """A task that no inbox has, for the product alone."""
    subject = {"application": found.application, "market": found.market, "query": found.query}
    payload: dict[str, object] = {"listing": dict(found.listing)} if found.listing is not None else {}
    told = {**subject, "listing_id": found.listing_id}
    return Task(found.event_id, found.content_key, "relevance", "backfill", "", told, payload, 1)


def _together(judged: Sequence[Judged]) -> list[Judged]:
    """Each with the others of its query and the brands of them all."""
    brands = frozenset(compact_of(each.product.brand or "") for each in judged if each.product) - NAMELESS
    queries: defaultdict[Search, list[Judged]] = defaultdict(list)
    for each in judged:
        queries[each.search].append(each)
    return [replace(each, brands=brands, beside=_beside(each, queries[each.search])) for each in judged]


def _beside(judged: Judged, query: Sequence[Judged]) -> tuple[Beside, ...]:
    return tuple(
        Beside(each.listing_id, each.product.title, each.reasoning)
        for each in query
        if each.listing_id != judged.listing_id and each.product is not None
    )
