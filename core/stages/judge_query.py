"""Judge the results of a query: guideline, products, pictures, one call for several of them, labels (DESIGN 6).

Every step is stored when it is made, so a task that failed starts again at the step that failed. A task ends as done
with its label and event in one transaction, goes back to waiting, or fails with a reason; never is a failure a label.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.failures import DOUBTFUL, products_together
from core.domain.relevance import Search, seed_of, shuffled
from core.errors import LlmError, LlmImpossible, LlmMissingItem, LlmRefused, LlmTruncated
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
from core.prompts import Prompt, load_prompt
from core.settings import Settings
from core.stages.grading import Graded, Grading, cascade_of
from core.stages.guidelines import Guidelines
from core.stages.judge_items import Item, ItemError, ItemSource, Outcome, search_of
from core.stages.judge_recipe import Recipe
from core.stages.outcomes import in_time_of, outcome
from core.telemetry import Metrics

_MISSING = LlmMissingItem("the reply leaves the product out")


@dataclass(frozen=True, slots=True)
class QueryJudge:
    """The stage over its ports. `jitter` draws from 0 to 1. `wall` is the inbox's clock where it is not `clock`: a
    simulation's tasks wait in real time."""

    llm: Llm
    store: JudgementStore
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    inbox: TaskInbox
    pictures: PictureSource
    clock: Clock
    settings: Settings
    event_of: Callable[[LabelFact], OutgoingEvent]
    jitter: Callable[[], float]
    wall: Clock | None = None
    metrics: Metrics | None = None
    guideline_prompt: Prompt = field(default_factory=lambda: load_prompt("guideline"))
    judgements_prompt: Prompt = field(default_factory=lambda: load_prompt("judgements"))
    description_prompt: Prompt = field(default_factory=lambda: load_prompt("picture_description"))

    async def judge(self, tasks: Sequence[Task]) -> None:
        """End each task's lease. RetryLater (a database is away) and defects are raised; the leases that are still
        open then run out by themselves."""
        groups: dict[tuple[Search, bool], list[Task]] = {}
        for task in tasks:
            groups.setdefault((search_of(task), task.kind == "anchor"), []).append(task)
        for (search, _), group in groups.items():
            await self._judge_query(search, group)

    async def _judge_query(self, search: Search, tasks: Sequence[Task]) -> None:
        items = await self._kept(await self._source().items(tasks))
        if not items:
            return
        try:
            guideline = await self._guidelines().of(search, [item.task for item in items])
        except LlmError as error:
            await self._give_up([(item.task, error) for item in items])
            return
        recipe = self._recipe()
        keyed = [replace(item, key=recipe.key(search, guideline, item)) for item in items]
        unknown = await self._without_known(keyed)
        ready = await self._kept(await self._source().described(search, unknown))
        await self._judge_items(search, guideline, ready)

    async def _judge_items(self, search: Search, guideline: StoredGuideline, items: Sequence[Item]) -> None:
        """In batches of one call each, in an order that the results' rank has no part in; a pair that was queued twice
        is judged once. The first call goes alone: what it leaves in the provider's cache the others find there."""
        by_key = {item.key: item for item in items}
        order = shuffled(list(by_key), seed_of(by_key))
        batches = calls_of([by_key[key] for key in order], self.settings.judge_products_per_call)
        for together in (batches[:1], batches[1:]):
            ends = (self._judge_batch(search, guideline, batch, items) for batch in together)
            for error in await asyncio.gather(*ends, return_exceptions=True):
                if error is not None:
                    raise error

    async def _judge_batch(
        self, search: Search, guideline: StoredGuideline, batch: Sequence[Item], tasks: Sequence[Item]
    ) -> None:
        """One call. What may be one product's fault (refused, cut off, too large) is tried again in halves."""
        try:
            grades = await self._grading().grade(search, guideline, batch)
        except LlmError as error:
            if isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) and len(batch) > 1:
                middle = len(batch) // 2
                await self._judge_batch(search, guideline, batch[:middle], tasks)
                await self._judge_batch(search, guideline, batch[middle:], tasks)
                return
            await self._give_up([(item.task, error) for item in _same_keys(tasks, batch)])
            return
        await self._save(search, guideline, grades.given, _same_keys(tasks, batch))
        left = [item for item in batch if item.key not in grades.given]
        await self._give_up([(item.task, grades.failed.get(item.key, _MISSING)) for item in _same_keys(tasks, left)])

    async def _save(
        self,
        search: Search,
        guideline: StoredGuideline,
        graded: Mapping[str, Graded],
        items: Sequence[Item],
    ) -> None:
        judged = [item for item in items if item.key in graded]
        recipe, at = self._recipe(), self.clock.now()
        done = [item.task.task_id for item in judged]
        if judged and judged[0].task.kind == "anchor":
            outcomes = [recipe.anchor(item, graded[item.key].reply, graded[item.key].judgement, at) for item in judged]
            await self.store.save_anchor_outcomes(outcomes, done, at)
        elif judged:
            facts = [
                recipe.fact(search, guideline, graded[item.key].reply, item, graded[item.key].judgement, at)
                for item in _first_of_key(judged)
            ]
            await self.store.save_labels(facts, [self.event_of(fact) for fact in facts], done, at)

    async def _without_known(self, items: Sequence[Item]) -> list[Item]:
        """Those without a label; the tasks of the others are done. Anchors are judged anew, past every label."""
        if items[0].task.kind == "anchor":
            return list(items)
        known = await self.store.labels([item.key for item in items])
        done = [item.task.task_id for item in items if item.key in known]
        if done:
            await self.store.save_labels([], [], done, self.clock.now())
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
            await self.inbox.release(retries, [end for end in ends if isinstance(end, TaskFailure)])

    def _end(self, task: Task, error: ItemError) -> TaskRetry | TaskFailure:
        now = self.clock.now()
        end = outcome(error, task, now, self.settings.task_attempts, self.jitter())
        return end if self.wall is None else in_time_of(end, now, self.wall.now())

    def _guidelines(self) -> Guidelines:
        wall = self.wall or self.clock
        return Guidelines(self.llm, self.guidelines, self.claims, self.clock, wall, self._recipe())

    def _source(self) -> ItemSource:
        settings = self.settings
        return ItemSource(
            self.llm,
            self.store,
            self.claims,
            self.wall or self.clock,
            self.catalogue,
            self.pictures,
            settings.judge_mode,
            settings.vision_model() or "",
            self.description_prompt,
        )

    def _grading(self) -> Grading:
        return Grading(self.llm, self._recipe(), cascade_of(self.settings), self.metrics)

    def _recipe(self) -> Recipe:
        settings, cascade = self.settings, cascade_of(self.settings)
        return Recipe(
            settings.judge_mode,
            settings.llm_model or "",
            settings.vision_model() or "",
            self.guideline_prompt,
            self.judgements_prompt,
            self.description_prompt,
            cascade.identity if cascade else "",
        )


def _first_of_key(items: Sequence[Item]) -> list[Item]:
    return list({item.key: item for item in reversed(items)}.values())[::-1]


def _same_keys(items: Sequence[Item], batch: Sequence[Item]) -> list[Item]:
    keys = {item.key for item in batch}
    return [item for item in items if item.key in keys]


def calls_of(items: Sequence[Item], most: int) -> list[list[Item]]:
    """The products of each call, at most so many, in the given order; those that met replies which can't be used go in
    smaller calls, and alone at last (`products_together`)."""
    by_size: dict[int, list[Item]] = {}
    for item in items:
        doubts = sum(item.task.failures.get(kind, 0) for kind in DOUBTFUL)
        by_size.setdefault(products_together(most, doubts), []).append(item)
    return [
        chunk[start : start + size] for size, chunk in sorted(by_size.items()) for start in range(0, len(chunk), size)
    ]
