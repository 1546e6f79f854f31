"""Products graded by the LLM: which model is asked, and whose answer counts. No row is written here.

Without a cascade one call grades them all. With one (`core.domain.cascade`) a cheap model does, or two at once, and
what they leave open goes to the strong model in one further call of the same layout. Its grade stands, and where it
gives none the product has none: a cheap grade is never passed off as the strong one's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from uuid import UUID

from core.domain.cascade import Cascade, Reason, escalated, step_subject
from core.domain.judging import GuidelineReply, JudgementsReply, ProductJudgement, read_verdicts
from core.domain.relevance import Search, matched, parsed_reply
from core.errors import LlmError, LlmImpossible, LlmInvalid, LlmPending, LlmRefused, LlmTruncated
from core.llm_settings import JudgeSettings
from core.ports import Llm, LlmReply, LlmRequest, StoredGuideline
from core.stages.judge_items import Item
from core.stages.judge_recipe import Recipe
from core.telemetry import Metrics


@dataclass(frozen=True, slots=True)
class Graded:
    """One product's judgement and the call that gave it."""

    judgement: ProductJudgement
    reply: LlmReply


@dataclass(frozen=True, slots=True)
class Grades:
    """By content key: the graded, and those that a strong call was to grade and did not, with its error. Products that
    a reply leaves out are in neither."""

    given: Mapping[str, Graded]
    failed: Mapping[str, LlmError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Open:
    """What a cheap call left open: why, by content key; `tasks` are those of all its products."""

    cascade: Cascade
    search: Search
    guideline: StoredGuideline
    reasons: Mapping[str, Reason]
    tasks: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Grading:
    """Grades the products of one query that go into one call. `cascade` None: the recipe's model grades all."""

    llm: Llm
    recipe: Recipe
    cascade: Cascade | None = None
    metrics: Metrics | None = None

    async def grade(self, search: Search, guideline: StoredGuideline, batch: Sequence[Item]) -> Grades:
        """LlmError where the first call gave no answer, LlmPending where any call waits for a batch; otherwise `Grades`
        says what became of each product."""
        asked = self._request(search, guideline, batch)
        if self.cascade is None:
            return Grades(self._told(guideline.body, await self._answers(asked, batch)))
        first, second = await self._cheap(self.cascade, asked, batch)
        first = self._told(guideline.body, first)
        reasons = escalated(self.cascade, guideline.body, _judgements(first), _judgements(second))
        left_open = _Open(self.cascade, search, guideline, reasons, asked.tasks)
        strong = await self._strong(left_open, [item for item in batch if item.key in reasons])
        self._count(first, reasons)
        kept = {key: graded for key, graded in first.items() if key not in reasons}
        return Grades({**kept, **self._told(guideline.body, strong.given)}, strong.failed)

    async def _cheap(
        self, cascade: Cascade, asked: LlmRequest, batch: Sequence[Item]
    ) -> tuple[dict[str, Graded], dict[str, Graded]]:
        """What the cheap models say. Both calls are waited for: one that is sent is paid, whatever the other does."""
        first = replace(asked, subject=step_subject(asked.subject, "first"))
        if not cascade.second:
            return await self._answers(first, batch), {}
        second = replace(asked, model=cascade.second, subject=step_subject(asked.subject, "second"))
        one, two = await asyncio.gather(
            self._answers(first, batch), self._second_opinion(second, batch), return_exceptions=True
        )
        if isinstance(one, BaseException):
            raise one
        if isinstance(two, BaseException):
            raise two
        return one, two

    async def _second_opinion(self, asked: LlmRequest, batch: Sequence[Item]) -> dict[str, Graded]:
        """None for any product where the second model will not or can't answer; a passing failure is raised, since the
        strong model is no stand-in for an endpoint that is busy."""
        try:
            return await self._answers(asked, batch)
        except (LlmRefused, LlmTruncated, LlmInvalid, LlmImpossible):
            return {}

    async def _strong(self, left: _Open, items: Sequence[Item]) -> Grades:
        """One call; what may be one product's fault is tried again in halves."""
        if not items:
            return Grades({})
        asked = self._request(left.search, left.guideline, items)
        subject = step_subject(asked.subject, "strong", {item.key: left.reasons[item.key] for item in items})
        request = replace(asked, model=left.cascade.strong, subject=subject)
        try:
            return Grades(await self._answers(request, items))
        except LlmPending:
            # Ordered in a batch. All products of the call wait for it together: by themselves, these would come back
            # as another group and pay for a cheap call of their own.
            return Grades(await self._answers(replace(request, tasks=left.tasks), items))
        except LlmError as error:
            if not isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) or len(items) == 1:
                return Grades({}, {item.key: error for item in items})
        middle = len(items) // 2
        halves = [await self._strong(left, half) for half in (items[:middle], items[middle:])]
        return Grades({**halves[0].given, **halves[1].given}, {**halves[0].failed, **halves[1].failed})

    async def _answers(self, asked: LlmRequest, items: Sequence[Item]) -> dict[str, Graded]:
        """One call. The reply is read before the call is settled too, so that its status is the truth."""
        keys = {name: item.key for name, item in _named(items).items()}

        @cache  # the adapter looks at the reply before the call is settled, and this stage after it
        def read(text: str) -> dict[str, ProductJudgement]:
            return matched(parsed_reply(JudgementsReply, text), list(keys))

        reply = await self.llm.complete(replace(asked, check=read))
        return {keys[name]: Graded(judgement, reply) for name, judgement in read(reply.text).items()}

    def _told(self, guideline: GuidelineReply, graded: Mapping[str, Graded]) -> dict[str, Graded]:
        """With verdicts that fit the guideline, or none: they explain a label, and are no reason to judge it again."""
        kept: dict[str, Graded] = {}
        for key, each in graded.items():
            verdicts = read_verdicts(each.judgement.verdicts, len(guideline.requirements))
            if not verdicts and guideline.requirements and self.metrics is not None:
                self.metrics.count("assay_verdicts_unusable_total")
            judgement = each.judgement.model_copy(update={"verdicts": verdicts})
            kept[key] = replace(each, judgement=judgement)
        return kept

    def _request(self, search: Search, guideline: StoredGuideline, items: Sequence[Item]) -> LlmRequest:
        tasks = tuple(item.task.task_id for item in items)
        return replace(self.recipe.judgements_request(search, guideline, _named(items)), tasks=tasks)

    def _count(self, first: Mapping[str, Graded], reasons: Mapping[str, Reason]) -> None:
        for outcome, count in Counter(reasons.get(key, "kept") for key in first).items():
            if self.metrics is not None:
                self.metrics.count("assay_cascade_pairs_total", count, outcome=outcome)


def cascade_of(settings: JudgeSettings) -> Cascade | None:
    """The cascade that is set; None where none is."""
    if settings.llm_cascade_model is None:
        return None
    return Cascade(settings.llm_cascade_model, settings.llm_cascade_second_model or "", settings.llm_cascade_confidence)


def _named(items: Sequence[Item]) -> dict[str, Item]:
    return {f"p{number}": item for number, item in enumerate(items, 1)}


def _judgements(graded: Mapping[str, Graded]) -> dict[str, ProductJudgement]:
    return {key: each.judgement for key, each in graded.items()}
