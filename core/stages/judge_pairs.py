"""The pairs of one query judged apart from the inbox: for a comparison of modes, for a run of evaluation.

The way is that of `core.stages.judge_query` (guideline, products, pictures, one call for several of them), with the
same keys, so what the service or anybody before has judged is taken from there. No label that rankers see is written,
and there is no task to come back to: a passing failure is waited out here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.cascade import Cascade
from core.domain.relevance import Search, seed_of, shuffled
from core.errors import LlmError, LlmImpossible, LlmMissingItem, LlmRefused, LlmTruncated
from core.guideline_ports import Claims, GuidelineStore
from core.mode_ports import PairLabel
from core.ports import Catalogue, Clock, JudgementStore, Llm, PictureSource, StoredGuideline, Task
from core.stages.grading import Graded, Grading
from core.stages.guidelines import Guidelines
from core.stages.judge_items import Item, ItemError, ItemSource, Outcome
from core.stages.judge_query import calls_of
from core.stages.judge_recipe import Recipe
from core.stages.patience import ENDS_IT, Patience

Known = Callable[[Sequence[str]], Awaitable[Mapping[str, PairLabel]]]
Keep = Callable[[Mapping[str, PairLabel]], Awaitable[None]]
"""Stores labels, by task key."""


async def nothing_known(content_keys: Sequence[str]) -> Mapping[str, PairLabel]:
    """For anchors, which are judged anew past every label there is."""
    return {}


@dataclass
class Judged:
    """What has come of one query's pairs so far, by task key: labels that there were, those made now, and why others
    have none."""

    known: dict[str, PairLabel] = field(default_factory=dict)
    made: dict[str, PairLabel] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def kept(self, outcomes: Sequence[Outcome]) -> list[Item]:
        """The items; the reasons of the others are noted."""
        for each in outcomes:
            if not isinstance(each, Item):
                self.fail([each[0]], each[1])
        return [each for each in outcomes if isinstance(each, Item)]

    def fail(self, tasks: Sequence[Task], error: ItemError) -> None:
        """Note why tasks have no label; what is the fault of none of them is raised."""
        if isinstance(error, ENDS_IT):
            raise error
        self.failures |= {task.task_key: error.kind for task in tasks}


@dataclass(frozen=True, slots=True)
class PairJudge:
    """The stage over its ports. `known` finds labels by content key."""

    llm: Llm
    store: JudgementStore
    known: Known
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    pictures: PictureSource
    clock: Clock
    recipe: Recipe
    cascade: Cascade | None
    per_call: int
    patience: Patience

    async def judge(self, search: Search, tasks: Sequence[Task], keep: Keep) -> Judged:
        """Every pair, each with its label or the reason why not; `keep` stores what a call gave as soon as it is
        there. What ends all of it (`core.stages.patience.ENDS_IT`) is raised once the calls under way have ended."""
        done = Judged()
        items = done.kept(await self._source().items(tasks))
        if not items:
            return done
        try:
            guideline = await self.patience.of(lambda: self._guidelines().of(search, [item.task for item in items]))
        except LlmError as error:
            done.fail([item.task for item in items], error)
            return done
        keyed = [replace(item, key=self.recipe.key(search, guideline, item)) for item in items]
        known = await self.known([item.key for item in keyed])
        done.known = {item.task.task_key: known[item.key] for item in keyed if item.key in known}
        left = done.kept(await self._source().described(search, [item for item in keyed if item.key not in known]))
        await _Batches(self, search, guideline, left, keep, done).judge()
        return done

    def label(self, guideline: StoredGuideline, item: Item, graded: Graded, share: int) -> PairLabel:
        """The label; `share` pairs were graded by its call."""
        reply, judgement = graded.reply, graded.judgement
        return PairLabel(
            content_key=item.key,
            label=judgement.label,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning,
            verdicts=judgement.verdicts,
            guideline_version=guideline.version,
            prompt_version=self.recipe.judgements.version,
            model=reply.asked_model or self.recipe.judging_model,
            fingerprint=reply.fingerprint or reply.model,
            call_id=reply.call_id,
            judged_at=self.clock.now(),
            input_tokens=reply.input_tokens / share,
            output_tokens=reply.output_tokens / share,
            cost_usd=reply.cost_usd / share,
            latency_ms=reply.latency_ms,
        )

    def grading(self) -> Grading:
        """Who grades."""
        return Grading(self.llm, self.recipe, self.cascade)

    def _guidelines(self) -> Guidelines:
        return Guidelines(self.llm, self.guidelines, self.claims, self.clock, self.clock, self.recipe)

    def _source(self) -> ItemSource:
        recipe = self.recipe
        return ItemSource(
            self.llm,
            self.store,
            self.claims,
            self.clock,
            self.catalogue,
            self.pictures,
            recipe.mode,
            recipe.vision_model,
            recipe.description,
        )


@dataclass(frozen=True, slots=True)
class _Batches:
    """The pairs of one query that have no label yet, in calls."""

    judging: PairJudge
    search: Search
    guideline: StoredGuideline
    items: Sequence[Item]
    keep: Keep
    done: Judged

    async def judge(self) -> None:
        """The first call goes alone: what it leaves in the provider's cache the others find there. A pair that came
        twice is judged once."""
        by_key = {item.key: item for item in self.items}
        order = shuffled(list(by_key), seed_of(by_key))
        batches = calls_of([by_key[key] for key in order], self.judging.per_call)
        for together in (batches[:1], batches[1:]):
            for error in await asyncio.gather(*map(self._batch, together), return_exceptions=True):
                if error is not None:
                    raise error

    async def _batch(self, batch: Sequence[Item]) -> None:
        """One call; what may be one product's fault is tried again in halves."""
        judging = self.judging
        try:
            grades = await judging.patience.of(lambda: judging.grading().grade(self.search, self.guideline, batch))
        except LlmError as error:
            if isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) and len(batch) > 1:
                middle = len(batch) // 2
                await self._batch(batch[:middle])
                await self._batch(batch[middle:])
                return
            self.done.fail(self._tasks(batch), error)
            return
        await self._keep(grades.given)
        for item in batch:
            if item.key not in grades.given:
                why = grades.failed.get(item.key) or LlmMissingItem("the reply leaves the product out")
                self.done.fail(self._tasks([item]), why)

    async def _keep(self, given: Mapping[str, Graded]) -> None:
        shares = Counter(graded.reply.call_id for graded in given.values())
        made = {
            item.task.task_key: self.judging.label(self.guideline, item, graded, shares[graded.reply.call_id])
            for item in self.items
            if (graded := given.get(item.key)) is not None
        }
        await self.keep(made)
        self.done.made |= made

    def _tasks(self, batch: Sequence[Item]) -> list[Task]:
        keys = {item.key for item in batch}
        return [item.task for item in self.items if item.key in keys]
