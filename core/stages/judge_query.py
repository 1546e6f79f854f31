"""Judge the results of a query: guideline, products, pictures, one call for several of them, labels (DESIGN 6).

Every step is stored when it is made, so a task that failed starts again at the step that failed. A task ends as done
with its label and event in one transaction, goes back to waiting, or fails with a reason; never is a failure a label.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from core.domain.failures import DOUBTFUL, products_together
from core.domain.relevance import Search, seed_of, shuffled
from core.errors import LlmError, LlmImpossible, LlmMissingItem, LlmRefused, LlmTruncated
from core.eval_facts import JudgeVersion
from core.guideline_ports import Claims, GuidelineStore
from core.ports import (
    Catalogue,
    Clock,
    JudgementStore,
    LabelFact,
    Llm,
    OutgoingEvent,
    PictureSource,
    StoredGuideline,
    Task,
    TaskFailure,
    TaskInbox,
    TaskRetry,
)
from core.stages.grading import Graded, Grading
from core.stages.guidelines import Guidelines
from core.stages.judge_items import Item, ItemError, ItemSource, Outcome, search_of
from core.stages.judge_recipe import Recipe, recipe_of_judge
from core.stages.outcomes import in_time_of, outcome
from core.stages.shadow_tasks import Shadows, shadow_tasks
from core.telemetry import Metrics

_MISSING = LlmMissingItem("the reply leaves the product out")


class OfTask(Protocol):
    """What is asked about for a task."""

    @property
    def task(self) -> Task: ...


Asked = TypeVar("Asked", bound=OfTask)


@dataclass(frozen=True, slots=True)
class QueryJudge:
    """The stage over its ports. `live` tells the judge of now and `shadows` who judges a share of its pairs too, as of
    the last look at the book. `attempts` is the setting `task_attempts`, `jitter` draws from 0 to 1. `wall` is the
    inbox's clock where it is not `clock`: a simulation's tasks wait in real time."""

    llm: Llm
    store: JudgementStore
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    inbox: TaskInbox
    pictures: PictureSource
    clock: Clock
    live: Callable[[], JudgeVersion]
    attempts: int
    event_of: Callable[[LabelFact], OutgoingEvent]
    jitter: Callable[[], float]
    wall: Clock | None = None
    metrics: Metrics | None = None
    shadows: Callable[[], Shadows] = tuple

    async def judge(self, tasks: Sequence[Task]) -> None:
        """End each task's lease. RetryLater (a database is away) and defects are raised; the leases that are still
        open then run out by themselves."""
        groups: dict[tuple[Search, bool], list[Task]] = {}
        for task in tasks:
            groups.setdefault((search_of(task), task.kind == "anchor"), []).append(task)
        judge = self.live()
        for (search, _), group in groups.items():
            await _QueryJudging(self, judge, recipe_of_judge(judge), search).judge(group)


@dataclass(frozen=True, slots=True)
class _QueryJudging:
    """One query's tasks, judged by one judge from the first step to the last, whoever is promoted meanwhile."""

    stage: QueryJudge
    version: JudgeVersion
    recipe: Recipe
    search: Search

    async def judge(self, tasks: Sequence[Task]) -> None:
        items = await self._kept(await self._source().items(tasks))
        if not items:
            return
        try:
            guideline = await self._guidelines().of(self.search, [item.task for item in items])
        except LlmError as error:
            await self._give_up([(item.task, error) for item in items])
            return
        keyed = [replace(item, key=self.recipe.key(self.search, guideline, item)) for item in items]
        unknown = await self._without_known(keyed)
        ready = await self._kept(await self._source().described(self.search, unknown))
        await self._judge_items(guideline, ready)

    async def _judge_items(self, guideline: StoredGuideline, items: Sequence[Item]) -> None:
        """In batches of one call each, in an order that the results' rank has no part in; a pair that was queued twice
        is judged once. The first call goes alone: what it leaves in the provider's cache the others find there."""
        by_key = {item.key: item for item in items}
        order = shuffled(list(by_key), seed_of(by_key))
        batches = calls_of([by_key[key] for key in order], self.recipe.per_call)
        for together in (batches[:1], batches[1:]):
            ends = (self._judge_batch(guideline, batch, items) for batch in together)
            for error in await asyncio.gather(*ends, return_exceptions=True):
                if error is not None:
                    raise error

    async def _judge_batch(self, guideline: StoredGuideline, batch: Sequence[Item], tasks: Sequence[Item]) -> None:
        """One call. What may be one product's fault (refused, cut off, too large) is tried again in halves."""
        try:
            grades = await self._grading().grade(self.search, guideline, batch)
        except LlmError as error:
            if isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) and len(batch) > 1:
                middle = len(batch) // 2
                await self._judge_batch(guideline, batch[:middle], tasks)
                await self._judge_batch(guideline, batch[middle:], tasks)
                return
            await self._give_up([(item.task, error) for item in _same_keys(tasks, batch)])
            return
        await self._save(guideline, grades.given, _same_keys(tasks, batch))
        left = [item for item in batch if item.key not in grades.given]
        await self._give_up([(item.task, grades.failed.get(item.key, _MISSING)) for item in _same_keys(tasks, left)])

    async def _save(self, guideline: StoredGuideline, graded: Mapping[str, Graded], items: Sequence[Item]) -> None:
        judged = [item for item in items if item.key in graded]
        stage, recipe, at = self.stage, self.recipe, self.stage.clock.now()
        done = [item.task.task_id for item in judged]
        if judged and judged[0].task.kind == "anchor":
            outcomes = [recipe.anchor(item, graded[item.key].reply, graded[item.key].judgement, at) for item in judged]
            await stage.store.save_anchor_outcomes(outcomes, done, at)
        elif judged:
            once = _first_of_key(judged)
            facts = [
                recipe.fact(self.search, guideline, graded[item.key].reply, item, graded[item.key].judgement, at)
                for item in once
            ]
            await stage.store.save_labels(facts, [stage.event_of(fact) for fact in facts], done, at)
            await self._shadowed(once, facts)

    async def _shadowed(self, items: Sequence[Item], facts: Sequence[LabelFact]) -> None:
        """Queue the candidates' share of what has its live label now. A pair whose process dies in between is one less
        in a sample."""
        if tasks := shadow_tasks(self.search, items, facts, self.stage.shadows()):
            await self.stage.inbox.add(tasks)

    async def _without_known(self, items: Sequence[Item]) -> list[Item]:
        """Those without a label; the tasks of the others are done. Anchors are judged anew, past every label."""
        if items[0].task.kind == "anchor":
            return list(items)
        store = self.stage.store
        known = await store.labels([item.key for item in items])
        done = [item.task.task_id for item in items if item.key in known]
        if done:
            await store.save_labels([], [], done, self.stage.clock.now())
        return [item for item in items if item.key not in known]

    async def _kept(self, outcomes: Iterable[Outcome]) -> list[Item]:
        """The items; the tasks of the others end here, each with its own reason."""
        outcomes = list(outcomes)
        await self._give_up([each for each in outcomes if not isinstance(each, Item)])
        return [each for each in outcomes if isinstance(each, Item)]

    async def _give_up(self, failed: Sequence[tuple[Task, ItemError]]) -> None:
        ends = [self._end(task, error) for task, error in failed]
        if ends:
            retries = [end for end in ends if isinstance(end, TaskRetry)]
            await self.stage.inbox.release(retries, [end for end in ends if isinstance(end, TaskFailure)])

    def _end(self, task: Task, error: ItemError) -> TaskRetry | TaskFailure:
        stage, now = self.stage, self.stage.clock.now()
        end = outcome(error, task, now, stage.attempts, stage.jitter())
        return end if stage.wall is None else in_time_of(end, now, stage.wall.now())

    def _guidelines(self) -> Guidelines:
        stage = self.stage
        return Guidelines(
            stage.llm, stage.guidelines, stage.claims, stage.clock, stage.wall or stage.clock, self.recipe
        )

    def _source(self) -> ItemSource:
        stage, recipe = self.stage, self.recipe
        return ItemSource(
            stage.llm,
            stage.store,
            stage.claims,
            stage.wall or stage.clock,
            stage.catalogue,
            stage.pictures,
            recipe.mode,
            recipe.vision_model,
            recipe.description,
        )

    def _grading(self) -> Grading:
        return Grading(self.stage.llm, self.recipe, self.version.cascade, self.stage.metrics)


def _first_of_key(items: Sequence[Item]) -> list[Item]:
    return list({item.key: item for item in reversed(items)}.values())[::-1]


def _same_keys(items: Sequence[Item], batch: Sequence[Item]) -> list[Item]:
    keys = {item.key for item in batch}
    return [item for item in items if item.key in keys]


def calls_of(items: Sequence[Asked], most: int) -> list[list[Asked]]:
    """The products (or pictures) of each call, at most so many, in the given order; those that met replies which can't
    be used go in smaller calls, and alone at last (`products_together`)."""
    by_size: dict[int, list[Asked]] = {}
    for item in items:
        doubts = sum(item.task.failures.get(kind, 0) for kind in DOUBTFUL)
        by_size.setdefault(products_together(most, doubts), []).append(item)
    return [
        chunk[start : start + size] for size, chunk in sorted(by_size.items()) for start in range(0, len(chunk), size)
    ]
