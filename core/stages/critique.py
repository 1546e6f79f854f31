"""The second tier: another model looks at a sample of judgements again, through the same lane, budget and ledger.

What was critiqued before is taken from the store, but for anchors. A judgement whose call fails is simply not seen by
this tier: the report says how many it saw. What ends all of it (`core.stages.patience.ENDS_IT`) is raised, but for
the cap, which leaves the rest unseen.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from core.domain.critiquing import (
    MAX_PER_CALL,
    Given,
    critique_key,
    critique_prompt,
    critique_tokens,
    matched_critiques,
)
from core.domain.evaluation.checks import Judged
from core.domain.evaluation.checks.tiers import Verdict
from core.domain.judging import CritiqueReply, GuidelineReply, JudgementCritique, PictureCritiqueReply
from core.domain.labels import Label
from core.domain.relevance import Product, Search, layout_hash, parsed_reply, seed_of
from core.domain.strict_schema import strict_schema
from core.errors import LlmError, LlmOverCap
from core.ports import Llm, LlmReply, LlmRequest, TextPart
from core.prompts import Prompt
from core.stages.patience import ENDS_IT, Patience
from core.tier_ports import Critique, TierStore

Ended = TypeVar("Ended")

_SCHEMA = strict_schema(CritiqueReply)
_SCHEMA_HASH = hashlib.sha256(str(sorted(_SCHEMA.items())).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Asked:
    """A judgement to look at, with all that is needed for it."""

    judged: Judged
    guideline: GuidelineReply
    product: Product
    given: Given
    key: str


@dataclass(frozen=True, slots=True)
class Critiqued:
    """By the judgement's key. `complete` false: some of those asked for are absent, by the cap or by failed calls.
    `skipped`: pictures that could not be had as they were judged, by the reason."""

    verdicts: Mapping[str, Verdict]
    complete: bool = True
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Critic:
    """The stage over its ports. `salt` keeps critiques apart from all others: of anchors, which enter no cache, the
    run's id; else empty."""

    llm: Llm
    store: TierStore
    patience: Patience
    prompt: Prompt
    model: str
    at_once: int
    salt: str = ""

    async def critiques(self, judged: Sequence[Judged]) -> Critiqued:
        """What could be had. The cap ends it early; what else ends all of it is raised once the calls have ended."""
        asked = [each for each in map(self._asked, judged) if each is not None]
        known = await self.store.critiques([each.key for each in asked])
        room = asyncio.Semaphore(self.at_once)

        async def one(call: Sequence[Asked]) -> dict[str, Critique]:
            async with room:
                return await self._call(call)

        calls = calls_of([each for each in asked if each.key not in known])
        found = dict(known)
        for made in await under_cap(map(one, calls)):
            found |= made
        seen = {each.judged.key: verdict_of(found[each.key]) for each in asked if each.key in found}
        return Critiqued(seen, complete=len(seen) == len(asked))

    def requests(self, judged: Sequence[Judged]) -> list[tuple[LlmRequest, int]]:
        """The calls that would be made were nothing known, each with its judgements: to be sized before."""
        asked = [each for each in map(self._asked, judged) if each is not None]
        return [(self._request(call), len(call)) for call in calls_of(asked)]

    def _asked(self, judged: Judged) -> Asked | None:
        if judged.kind != "relevance" or judged.guideline is None or judged.product is None:
            return None
        given = Given(Label.of_grade(judged.grade), judged.reasoning, judged.verdicts)
        critic = (self.model, self.prompt.version, _SCHEMA_HASH, layout_hash(), self.salt)
        return Asked(judged, judged.guideline, judged.product, given, critique_key(judged.key, given, critic))

    async def _call(self, asked: Sequence[Asked]) -> dict[str, Critique]:
        named = _named(asked)

        def read(text: str) -> dict[str, JudgementCritique]:
            given = {name: each.given for name, each in named.items()}
            return matched_critiques(parsed_reply(CritiqueReply, text), given)

        reply = await answer_of(self.llm, self.patience, replace(self._request(asked), check=read))
        if reply is None:
            return {}
        at, critic = self.patience.clock.now(), (self.model, self.prompt.version)
        made = [
            critique_of(named[name].key, told.label.grade, told, reply, critic, at)
            for name, told in read(reply.text).items()
        ]
        await self.store.save_critiques(made)
        return {each.key: each for each in made}

    def _request(self, asked: Sequence[Asked]) -> LlmRequest:
        named, search = _named(asked), asked[0].judged.search
        text = critique_prompt(
            search,
            asked[0].guideline,
            {name: each.product for name, each in named.items()},
            {name: each.given for name, each in named.items()},
        )
        return LlmRequest(
            lane="backfill",
            purpose="critique",
            model=self.model,
            prompt_version=self.prompt.version,
            system=self.prompt.text,
            user=(TextPart(text),),
            schema=_SCHEMA,
            max_output_tokens=critique_tokens(len(asked)),
            subject=_subject(search),
            seed=seed_of(each.key for each in asked),
        )


async def answer_of(llm: Llm, patience: Patience, request: LlmRequest) -> LlmReply | None:
    """None for a call that failed; what ends all of it is raised."""
    try:
        return await patience.of(lambda: llm.complete(request))
    except LlmError as error:
        if isinstance(error, ENDS_IT):
            raise
        return None


def critique_of(
    key: str,
    grade: int,
    told: JudgementCritique | PictureCritiqueReply,
    reply: LlmReply,
    critic: tuple[str, str],
    at: datetime,
) -> Critique:
    """What is kept of an answer; `grade` is the better one on the judgement's own scale, `critic` model and prompt
    version."""
    model, prompt_version = critic
    return Critique(
        key=key,
        grade=grade,
        reason_holds=told.reason_holds,
        why=told.why,
        model=reply.asked_model or model,
        prompt_version=prompt_version,
        call_id=reply.call_id,
        made_at=at,
    )


def calls_of(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Judgements of one query under one guideline, `MAX_PER_CALL` at most; by key, so that their rank plays no part."""
    groups: dict[tuple[Search, str], list[Asked]] = {}
    for each in sorted(asked, key=lambda each: each.key):
        groups.setdefault((each.judged.search, each.guideline.model_dump_json()), []).append(each)
    return [
        group[start : start + MAX_PER_CALL] for group in groups.values() for start in range(0, len(group), MAX_PER_CALL)
    ]


def _named(asked: Sequence[Asked]) -> Mapping[str, Asked]:
    return {f"p{number}": each for number, each in enumerate(asked, 1)}


async def under_cap(calls: Iterable[Awaitable[Ended]]) -> list[Ended]:
    """What the calls gave; those that the cap refused are left out. Another error is raised once all have ended."""
    made: list[Ended] = []
    for each in await asyncio.gather(*calls, return_exceptions=True):
        if not isinstance(each, BaseException):
            made.append(each)
        elif not isinstance(each, LlmOverCap):
            raise each
    return made


def verdict_of(critique: Critique) -> Verdict:
    """As the tiers take it."""
    return Verdict(critique.grade, critique.reason_holds, critique.why)


def _subject(search: Search) -> dict[str, str]:
    told = {"application": search.application, "market": search.market, "query": search.query}
    return told | ({"language": search.language} if search.language else {})
