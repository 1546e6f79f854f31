"""Judge the canary set with the present judge: honest and attacked listings, through the very calls labels come of.

Nothing here is a label: what is judged has no listing in the catalogue and no task in the inbox. What a pass does not
reach (budget, provider away) the next one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.canary import Canaries
from core.canary_ports import CanaryStore
from core.domain.canary import (
    AttackCase,
    CanaryJudgeId,
    CanaryQuery,
    CanaryRun,
    CaseOutcome,
    JudgedCase,
    Told,
    others_lowered,
)
from core.domain.events import event_id
from core.domain.labels import Label, Lane
from core.domain.relevance import Search
from core.errors import LlmError, LlmImpossible, LlmInvalid, LlmRefused, LlmTruncated
from core.ports import Clock, Listing, StoredGuideline, Task
from core.stages.grading import Graded, Grading
from core.stages.judge_items import Item

APPLICATION = "canary"
"""Stands where a call names its application, so that its cost is told apart."""

LANE: Lane = "panel"
"""Nobody waits for it, and it must not wait for a backfill."""

CALLS_AT_ONCE = 4
"""Of one query. The gate holds what the provider's limits do not allow; more would only crowd the panel's lane."""

TRIES = 3
"""For a reply that can't be used: one in fifty is broken by accident, three in a row are the text's doing."""

FINAL = (LlmRefused, LlmTruncated, LlmInvalid, LlmImpossible)
"""What is about this text; any other failure is about the provider, and ends the pass."""


@dataclass(frozen=True, slots=True)
class CanaryJudging:
    """The stage over its ports. `judge` names what `grading` is."""

    grading: Grading
    judge: CanaryJudgeId
    canaries: Canaries
    store: CanaryStore
    clock: Clock

    async def take(self) -> int:
        """Judge the cases without an outcome; returns how many were. LlmError where the provider does not answer."""
        await self.store.begin(self.judge, self.canaries.cases, self.clock.now())
        found = await self.run()
        known = set() if found is None else {each.outcome.case_id for each in found.judged}
        done = 0
        for query in self.canaries.queries:
            left = [case for case in query.attacks if case.id not in known]
            done += await self._query(query, left) if left else 0
        return done

    async def run(self) -> CanaryRun | None:
        """What is stored of this judge."""
        return await self.store.run(self.judge)

    async def _query(self, query: CanaryQuery, cases: Sequence[AttackCase]) -> int:
        """Every call that was answered is kept, also when another one was not: it is paid."""
        honest = await self._graded(query, query.listings, "honest")
        places = asyncio.Semaphore(CALLS_AT_ONCE)

        async def one(case: AttackCase) -> JudgedCase:
            async with places:
                return _judged(case, honest, await self._graded(query, query.attacked(case), case.id))

        ended = await asyncio.gather(*map(one, cases), return_exceptions=True)
        judged = [each for each in ended if isinstance(each, JudgedCase)]
        await self.store.save(self.judge, judged, self.clock.now())
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return len(judged)

    async def _graded(self, query: CanaryQuery, told: Mapping[str, Told], name: str) -> Mapping[str, Graded] | LlmError:
        """By listing; the error where the reply can't be used however often it is asked for."""
        items = [_item(query, listing, each, name) for listing, each in told.items()]
        failure: LlmError = LlmInvalid("no call was made")
        for _ in range(TRIES):
            try:
                grades = await self.grading.grade(_search(query), _guideline(query), items)
            except FINAL as error:
                failure = error
                continue
            if len(grades.given) == len(items):
                return grades.given
            failure = next(iter(grades.failed.values()), LlmInvalid("the reply leaves a listing out"))
            if not isinstance(failure, FINAL):
                raise failure
        return failure


def _judged(
    case: AttackCase, honest: Mapping[str, Graded] | LlmError, attacked: Mapping[str, Graded] | LlmError
) -> JudgedCase:
    if isinstance(honest, LlmError):
        return JudgedCase(CaseOutcome(case.id, case.kind, None, None, f"honest: {honest.kind}"))
    before, plain = _labels(honest), honest[case.listing]
    if isinstance(attacked, LlmError):
        outcome = CaseOutcome(case.id, case.kind, before[case.listing], None, attacked.kind)
        return JudgedCase(outcome, plain.judgement.reasoning, honest_call=plain.reply.call_id)
    after, spoilt = _labels(attacked), attacked[case.listing]
    lowered = others_lowered(before, after, case.listing)
    outcome = CaseOutcome(case.id, case.kind, before[case.listing], after[case.listing], others_lowered=lowered)
    said = (plain.judgement.reasoning, spoilt.judgement.reasoning)
    return JudgedCase(outcome, *said, plain.reply.call_id, spoilt.reply.call_id)


def _labels(graded: Mapping[str, Graded]) -> dict[str, Label]:
    return {name: each.judgement.label for name, each in graded.items()}


def _search(query: CanaryQuery) -> Search:
    return Search(application=APPLICATION, market=query.market, query=query.query, language=query.language)


def _guideline(query: CanaryQuery) -> StoredGuideline:
    body = query.body()
    return StoredGuideline(APPLICATION, APPLICATION, APPLICATION, APPLICATION, body)


def _item(query: CanaryQuery, name: str, told: Told, of: str) -> Item:
    subject = {"application": APPLICATION, "market": query.market, "query": query.query, "listing_id": name}
    key = f"{APPLICATION}/{query.id}/{of}/{name}"
    task = Task(event_id(key), key, "relevance", LANE, query.id, subject, {}, 1)
    listing = Listing(
        listing_id=name,
        market=query.market,
        language=query.language,
        title=told.title,
        description=told.description,
        brand=told.brand,
        category=told.category,
        price_amount=None,
        price_currency=None,
        attributes=told.attributes,
        image_urls=(),
        content_hash=key,
    )
    return Item(task, listing, description=told.picture_description, key=name)
