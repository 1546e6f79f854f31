"""The same pairs judged in several modes, beside one another. No label that rankers see is written.

Each mode goes the way of `core.stages.judge_query` (guideline, products, pictures, one call for several of them) with
the same keys, so what the service or an earlier comparison has judged is taken from there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from core.domain.cascade import Cascade
from core.domain.failures import backoff_s
from core.domain.labels import Mode
from core.domain.relevance import Search, seed_of, shuffled
from core.errors import (
    LlmBreakerOpen,
    LlmError,
    LlmImpossible,
    LlmInvalid,
    LlmMissingItem,
    LlmOverBudget,
    LlmRefused,
    LlmSlowDown,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
)
from core.guideline_ports import Claims, GuidelineStore
from core.mode_ports import ModeLabel, ModeStore
from core.ports import (
    Catalogue,
    Clock,
    JudgementStore,
    Llm,
    LlmReply,
    LlmRequest,
    PictureSource,
    StoredGuideline,
    Task,
)
from core.stages.grading import Graded, Grading
from core.stages.guidelines import Guidelines
from core.stages.judge_items import Item, ItemError, ItemSource, Outcome, search_of
from core.stages.judge_recipe import Recipe

Answer = TypeVar("Answer")


@dataclass
class Usage:
    """What a mode's calls took, by purpose: calls, tokens, dollars."""

    calls: Counter[str] = field(default_factory=Counter)
    input_tokens: Counter[str] = field(default_factory=Counter)
    output_tokens: Counter[str] = field(default_factory=Counter)
    cost_usd: dict[str, float] = field(default_factory=dict)

    def add(self, purpose: str, reply: LlmReply) -> None:
        """Count one answered call."""
        self.calls[purpose] += 1
        self.input_tokens[purpose] += reply.input_tokens
        self.output_tokens[purpose] += reply.output_tokens
        self.cost_usd[purpose] = self.cost_usd.get(purpose, 0.0) + reply.cost_usd


@dataclass(frozen=True, slots=True)
class CountedLlm:
    """`Llm` that counts what passes."""

    llm: Llm
    usage: Usage

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the one behind it."""
        reply = await self.llm.complete(request)
        self.usage.add(request.purpose, reply)
        return reply


@dataclass(frozen=True, slots=True)
class ModeResult:
    """What one mode says: labels by task key, reasons of those without, how many were known before, what it took."""

    mode: Mode
    labels: Mapping[str, ModeLabel]
    failures: Mapping[str, str]
    reused: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class ModeComparison:
    """The stage over its ports. `recipe` is that of the service: its mode is replaced. `attempts` and `jitter` as for
    tasks; `in_flight` queries at once."""

    llm: Llm
    store: JudgementStore
    labels: ModeStore
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    pictures: PictureSource
    clock: Clock
    recipe: Recipe
    cascade: Cascade | None
    per_call: int
    in_flight: int
    attempts: int
    jitter: Callable[[], float]

    async def judge(self, tasks: Sequence[Task], mode: Mode) -> ModeResult:
        """Every pair in one mode. LlmUnauthorised and LlmOverBudget end it: a person has to do something first."""
        groups: dict[Search, list[Task]] = {}
        for task in tasks:
            groups.setdefault(search_of(task), []).append(task)
        usage, room = Usage(), asyncio.Semaphore(self.in_flight)
        one = replace(self, llm=CountedLlm(self.llm, usage), recipe=replace(self.recipe, mode=mode))

        async def judged(search: Search, group: Sequence[Task]) -> _Judged:
            async with room:
                return await one._judge_query(search, group)

        parts = await asyncio.gather(*(judged(search, group) for search, group in groups.items()))
        return ModeResult(
            mode,
            {key: label for part in parts for key, label in part.labels.items()},
            {key: reason for part in parts for key, reason in part.failures.items()},
            sum(part.reused for part in parts),
            usage,
        )

    async def _judge_query(self, search: Search, tasks: Sequence[Task]) -> _Judged:
        done = _Judged()
        source = self._source()
        items = done.kept(await source.items(tasks))
        if not items:
            return done
        try:
            guideline = await self._patiently(lambda: self._guidelines().of(search, [item.task for item in items]))
        except LlmError as error:
            done.fail([item.task for item in items], error)
            return done
        keyed = [replace(item, key=self.recipe.key(search, guideline, item)) for item in items]
        known = await self.labels.known([item.key for item in keyed])
        done.reuse(keyed, known)
        left = [item for item in keyed if item.key not in known]
        ready = done.kept(await source.described(search, left))
        by_key = {item.key: item for item in ready}
        order = shuffled(list(by_key), seed_of(by_key))
        for start in range(0, len(order), self.per_call):
            batch = [by_key[key] for key in order[start : start + self.per_call]]
            await self._judge_batch(search, guideline, batch, done)
        return done

    async def _judge_batch(
        self, search: Search, guideline: StoredGuideline, batch: Sequence[Item], done: _Judged
    ) -> None:
        """One call; what may be one product's fault is tried again in halves."""
        try:
            grades = await self._patiently(lambda: self._grading().grade(search, guideline, batch))
        except LlmError as error:
            if isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) and len(batch) > 1:
                middle = len(batch) // 2
                await self._judge_batch(search, guideline, batch[:middle], done)
                await self._judge_batch(search, guideline, batch[middle:], done)
                return
            done.fail([item.task for item in batch], error)
            return
        parts = Counter(graded.reply.call_id for graded in grades.given.values())
        graded = [(item, grades.given[item.key]) for item in batch if item.key in grades.given]
        made = {item.key: self._label(search, item, each, parts[each.reply.call_id]) for item, each in graded}
        await self.labels.save(list(made.values()))
        done.reuse(batch, made, new=True)
        for item in batch:
            if item.key not in made:
                done.fail(
                    [item.task], grades.failed.get(item.key) or LlmMissingItem("the reply leaves the product out")
                )

    def _label(self, search: Search, item: Item, graded: Graded, share: int) -> ModeLabel:
        """The label; `share` pairs were graded by its call."""
        reply, judgement = graded.reply, graded.judgement
        return ModeLabel(
            content_key=item.key,
            application=search.application,
            market=search.market,
            query=search.query,
            listing_id=item.listing.listing_id,
            mode=self.recipe.mode,
            label=judgement.label,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning,
            model=reply.asked_model or self.recipe.judging_model,
            call_id=reply.call_id,
            judged_at=self.clock.now(),
            input_tokens=reply.input_tokens / share,
            output_tokens=reply.output_tokens / share,
            cost_usd=reply.cost_usd / share,
        )

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Again after a passing failure, `attempts` times in all."""
        for failure in range(1, self.attempts):
            try:
                return await ask()
            except (LlmSlowDown, LlmBreakerOpen) as error:
                await self.clock.sleep(error.retry_after)
            except (LlmUnavailable, LlmInvalid, LlmTruncated):
                await self.clock.sleep(backoff_s(failure, self.jitter()))
        return await ask()

    def _guidelines(self) -> Guidelines:
        return Guidelines(self.llm, self.guidelines, self.claims, self.clock, self.clock, self.recipe)

    def _grading(self) -> Grading:
        return Grading(self.llm, self.recipe, self.cascade)

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


@dataclass
class _Judged:
    """What has come of one query's pairs so far, by task key."""

    labels: dict[str, ModeLabel] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    reused: int = 0

    def kept(self, outcomes: Sequence[Outcome]) -> list[Item]:
        """The items; the reasons of the others are noted."""
        for each in outcomes:
            if not isinstance(each, Item):
                self.fail([each[0]], each[1])
        return [each for each in outcomes if isinstance(each, Item)]

    def reuse(self, items: Sequence[Item], labels: Mapping[str, ModeLabel], *, new: bool = False) -> None:
        """Note the labels of those items that have one."""
        found = {item.task.task_key: labels[item.key] for item in items if item.key in labels}
        self.labels |= found
        self.reused += 0 if new else len(found)

    def fail(self, tasks: Sequence[Task], error: ItemError) -> None:
        """Note why tasks have no label; what only a person can mend is raised."""
        if isinstance(error, LlmUnauthorised | LlmOverBudget):
            raise error
        self.failures |= {task.task_key: error.kind for task in tasks}
