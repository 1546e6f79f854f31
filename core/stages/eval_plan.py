"""What a run would ask, before it asks: which items are known already, and the very prompts of the others, to size.

Nothing is sent and nothing stored. Pictures are not fetched for it: where a judge looks at pictures its calls are
counted as if none of them were known, each at the largest size that is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeVar

from core.domain.evaluation.costing import CallHabits, CostEstimate, PlannedCall, Purpose, estimated
from core.domain.judging import GuidelineReply, LabelGuide, Requirement
from core.domain.money import PriceList
from core.domain.pacing import Limits
from core.domain.relevance import DESCRIPTION_TOKENS, Search, description_prompt
from core.eval_facts import EvalItem, EvalRun, JudgeVersion
from core.eval_ports import CallHistory
from core.ports import LlmRequest, Picture, PicturePart, StoredGuideline, TextPart
from core.stages.eval_parts import EvalPorts
from core.stages.eval_pictures import listing_of_item
from core.stages.eval_tasks import cluster_of, task_of_item
from core.stages.judge_items import Item, ListingError, search_of
from core.stages.judge_query import calls_of
from core.stages.judge_recipe import Recipe, recipe_of_judge
from core.stages.picture_calls import Shown, picture_judge, score_request

SIZED = 200
"""Queries whose prompts are made to be sized, evenly over the dataset: 20 products of each are a second's work, and the
mean of so many is good to some percent."""

AT_ONCE = 16
"""Look-ups at a time: PostgreSQL is not what a plan waits for, and the pool is left for others."""

ESCALATED = 0.66
"""Part of a cheap model's pairs that a cascade puts to the strong one: as measured at its usual confidence of 0.8
(docs/cascade-and-failover.md), and less below."""

PICTURE_WORDS = "picture " * 60
"""Stands for a picture's description: 90 words at most, as its prompt asks."""

_RULE = "applies where the product is what the shopper asked for, in kind, size, colour and use, or near enough to it. "
_UNWRITTEN = StoredGuideline(
    "",
    "",
    "",
    "",
    GuidelineReply(
        translation="a query of usual length",
        specificity="medium",
        requirements=[
            Requirement(requirement="a product of the kind that is asked for", importance="must_have", why=_RULE)
        ]
        * 5,
        guideline=LabelGuide(highly_relevant=_RULE * 2, acceptable_substitute=_RULE * 2, irrelevant=_RULE * 2),
    ),
)
"""Stands for a guideline that is yet to be written, in length: 1,600 characters, 400 tokens."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a request: bytes of its texts and schema, and what it could cost at most."""

    text_bytes: int
    worst_usd: float


@dataclass(frozen=True, slots=True)
class Pricing:
    """What reckoning needs: today's prices, the limits, how a request weighs, the largest picture's side in pixels."""

    prices: PriceList
    limits: Limits
    weigh: Callable[[LlmRequest], Weight]
    picture_side: int

    def planned(self, request: LlmRequest, products: int, times: float = 1.0) -> PlannedCall:
        """The request as a call that is to be estimated; `times` 0: it is most likely not made at all."""
        weight = self.weigh(request)
        return PlannedCall(
            purpose=request.purpose,
            prompt_version=request.prompt_version,
            model=request.model,
            text_bytes=weight.text_bytes,
            products=products,
            output_most=request.max_output_tokens,
            worst_usd=weight.worst_usd if times else 0.0,
            pictures=sum(isinstance(part, PicturePart) for part in request.user),
            picture_side=self.picture_side,
            times=times,
        )


@dataclass(frozen=True, slots=True)
class JudgePlan:
    """What one judge is yet to be asked. `answered` in this run already, `known` to anybody before, so that nothing is
    paid; `lost`: items whose product nobody knows."""

    judge: JudgeVersion
    answered: int
    known: int
    lost: int
    asked: int
    estimate: CostEstimate


async def planned(
    ports: EvalPorts,
    history: CallHistory,
    pricing: Pricing,
    run: EvalRun,
    judges: Sequence[JudgeVersion],
    items: Sequence[EvalItem],
) -> list[JudgePlan]:
    """A plan for each judge, in their order. Judges with one guideline prompt go by the same guidelines: the first of
    them is told their cost."""
    prompts = [recipe_of_judge(judge).guideline.version for judge in judges]
    return [
        await _Plan(ports, pricing, run, judge, writes=prompt not in prompts[:place]).of(history, items)
        for place, (judge, prompt) in enumerate(zip(judges, prompts, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class _Left:
    """A query's items that are to be asked, and how many were known or lost."""

    search: Search
    guideline: StoredGuideline | None
    items: Sequence[Item]
    known: int
    lost: int


@dataclass(frozen=True, slots=True)
class _Plan:
    ports: EvalPorts
    pricing: Pricing
    run: EvalRun
    judge: JudgeVersion
    writes: bool
    """The guidelines that are missing are its calls."""

    @property
    def recipe(self) -> Recipe:
        return recipe_of_judge(self.judge)

    async def of(self, history: CallHistory, items: Sequence[EvalItem]) -> JudgePlan:
        answered = await self.ports.runs.answered(self.run.run_id, self.judge.version)
        left = [item for item in items if item.item_id not in answered]
        if self.run.kind == "image":
            sized = [await self._picture_call(item, times) for item, times in _spread(left)]
            calls = [call for call in sized if call is not None]
            known, lost, asked = 0, 0, len(left)
        else:
            groups = await self._lefts(left)
            known, lost = sum(each.known for each in groups), sum(each.lost for each in groups)
            asked = sum(len(each.items) for each in groups)
            open_groups = [each for each in groups if each.items]
            calls = [call for each, times in _spread(open_groups) for call in self._query_calls(each, times)]
        habits = await habits_of(history, calls)
        estimate = estimated(calls, habits, self.pricing.prices, self.pricing.limits)
        return JudgePlan(self.judge, len(items) - len(left), known, lost, asked, estimate)

    async def _lefts(self, items: Sequence[EvalItem]) -> list[_Left]:
        groups: dict[tuple[object, ...], list[EvalItem]] = {}
        for item in items:
            groups.setdefault(cluster_of(item), []).append(item)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(group: Sequence[EvalItem]) -> _Left:
            async with room:
                return await self._left(group)

        return list(await asyncio.gather(*map(one, groups.values())))

    async def _left(self, group: Sequence[EvalItem]) -> _Left:
        recipe, tasks = self.recipe, [task_of_item(self.run.run_id, self.judge.version, item) for item in group]
        search = search_of(tasks[0])
        items = [each for each in await self.ports.told(tasks) if isinstance(each, Item)]
        guideline = await self.ports.guidelines.guideline(search.guideline_key, recipe.guideline.version)
        lost = len(tasks) - len(items)
        if guideline is None or self.run.anchors or recipe.mode != "text":
            return _Left(search, guideline, items, 0, lost)
        keyed = [replace(item, key=recipe.key(search, guideline, item)) for item in items]
        known = await self.ports.labels.known([item.key for item in keyed])
        left = [item for item in keyed if item.key not in known]
        return _Left(search, guideline, left, len(items) - len(left), lost)

    def _query_calls(self, left: _Left, times: float) -> list[PlannedCall]:
        recipe = self.recipe
        calls = [self._guideline_call(left, times)] if self.writes and left.guideline is None else []
        shown = [replace(item, description=PICTURE_WORDS) for item in left.items]
        described = recipe.mode == "text_and_description"
        if described:
            calls += [self._description_call(left.search, item, times) for item in left.items]
        for batch in calls_of(shown if described else left.items, self.judge.products_per_call):
            calls += self._batch_calls(left, batch, times)
        return calls

    def _guideline_call(self, left: _Left, times: float) -> PlannedCall:
        return self.pricing.planned(
            self.recipe.guideline_request(left.search, [item.task for item in left.items]), 0, times
        )

    def _batch_calls(self, left: _Left, batch: Sequence[Item], times: float) -> list[PlannedCall]:
        """The call of a batch, or those of a cascade: one or two cheap ones, and the strong one on what they leave."""
        cascade = self.judge.cascade
        first = self._judgements(left, batch)
        if cascade is None:
            return [self.pricing.planned(first, len(batch), times)]
        strong = self._judgements(left, batch[: ceil(ESCALATED * len(batch))])
        calls = [self.pricing.planned(first, len(batch), times)]
        if cascade.second:
            calls.append(self.pricing.planned(replace(first, model=cascade.second), len(batch), times))
        graded = ceil(ESCALATED * len(batch))
        share = ESCALATED * len(batch) / graded
        return [*calls, self.pricing.planned(replace(strong, model=cascade.strong), graded, times * share)]

    def _judgements(self, left: _Left, batch: Sequence[Item]) -> LlmRequest:
        """The very request, but for the pictures, which stand in at their largest."""
        stand_in = self._picture()
        seen = self.recipe.mode == "multimodal"
        items = [replace(item, picture=stand_in) if seen and item.listing.image_urls else item for item in batch]
        named = {f"p{number}": item for number, item in enumerate(items, 1)}
        return self.recipe.judgements_request(left.search, left.guideline or _UNWRITTEN, named)

    def _description_call(self, search: Search, item: Item, times: float) -> PlannedCall:
        prompt = self.recipe.description
        request = LlmRequest(
            lane="backfill",
            purpose="picture_description",
            model=self.judge.vision_model,
            prompt_version=prompt.version,
            system=prompt.text,
            user=(TextPart(description_prompt(item.product(), search.market)), self._part()),
            schema={},
            max_output_tokens=DESCRIPTION_TOKENS,
        )
        return self.pricing.planned(request, 1, times if item.listing.image_urls else 0.0)

    async def _picture_call(self, item: EvalItem, times: float) -> PlannedCall | None:
        """None where the dataset's listing can't be used: the run will say so."""
        task = task_of_item(self.run.run_id, self.judge.version, item)
        try:
            listing = await listing_of_item(self.ports, item, task)
        except ListingError:
            return None
        task = replace(task, subject={"image_url": "", **task.subject})
        judge = picture_judge(self.judge, listing.category)
        request = score_request([Shown(task, self._picture())], listing, judge, self.ports.seller)
        return self.pricing.planned(request, 1, times)

    def _part(self) -> PicturePart:
        return PicturePart(b"", self.pricing.picture_side, self.pricing.picture_side)

    def _picture(self) -> Picture:
        side = self.pricing.picture_side
        return Picture("", b"", side, side, side, side, 0, "", {})


async def habits_of(
    history: CallHistory, calls: Sequence[PlannedCall]
) -> Mapping[tuple[Purpose, str, str], CallHabits]:
    """What calls of these kinds took before, where there were any."""
    found = {kind: await history.habits(*kind) for kind in {call.kind for call in calls}}
    return {kind: habits for kind, habits in found.items() if habits is not None}


def _spread(every: Sequence[Found]) -> list[tuple[Found, float]]:
    """At most `SIZED` of them, evenly, each with how many it stands for."""
    step = max(1, ceil(len(every) / SIZED))
    taken = every[::step]
    return [(each, len(every) / len(taken)) for each in taken]
