"""A second model's look at judgements, the pure part: what is asked, under which key, and what an answer says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from core.domain.evaluation.checks.tiers import SAME_SCORE
from core.domain.judging import CritiqueReply, GuidelineReply, JudgementCritique, PictureCritiqueReply
from core.domain.labels import Label
from core.domain.prompting import clean, section
from core.domain.relevance import Product, Search, judgements_prompt
from core.errors import LlmWrongItems

WHY_LIMIT = 600
"""Characters kept of what a critique says: three times the 30 words that are asked for."""

CRITIQUE_BASE_TOKENS, TOKENS_PER_CRITIQUE = 100, 140
"""Output of a call, and of one critique: 60 to 70 tokens as the example has them, doubled."""

MAX_PER_CALL = 10
"""Judgements of a query in one call: each product comes with its judgement, so that ten make a prompt as long as
fifteen products to grade."""


@dataclass(frozen=True, slots=True)
class Given:
    """The judgement that is looked at."""

    label: Label
    reasoning: str
    verdicts: str


@dataclass(frozen=True, slots=True)
class GivenScores:
    """The scores of a picture that are looked at; `overall` and each aspect 1 to 10."""

    overall: int
    aspects: Mapping[str, int]
    reasoning: str


def critique_prompt(
    search: Search, guideline: GuidelineReply, products: Mapping[str, Product], given: Mapping[str, Given]
) -> str:
    """The user message: that of a judge, and the judgements after it. `products` and `given` by item name, in the same
    order."""
    rows = [
        {"item": item, "label": each.label.value, "reasoning": each.reasoning, "verdicts": each.verdicts}
        for item, each in given.items()
    ]
    return judgements_prompt(search, guideline, products) + section("JUDGEMENTS", rows, search.market)


def critique_key(judgement: str, given: Given, critic: Sequence[str]) -> str:
    """64 hex digits. `judgement` is the content key, which stands for query, guideline and product; `critic` all that
    makes the critic: its model, prompt and layout."""
    told = (judgement, given.label.value, given.reasoning, given.verdicts, tuple(critic))
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def critique_tokens(judgements: int) -> int:
    """Output limit of a call with so many judgements."""
    return CRITIQUE_BASE_TOKENS + TOKENS_PER_CRITIQUE * judgements


def matched_critiques(reply: CritiqueReply, given: Mapping[str, Given]) -> dict[str, JudgementCritique]:
    """By item; items may be missing, and one that agrees with another label than was given, or does not agree with the
    very one, says nothing that can be used and is left out. LlmWrongItems as with judgements."""
    found: dict[str, JudgementCritique] = {}
    for each in reply.critiques:
        if each.item not in given:
            raise LlmWrongItems("the reply is about an item that was not asked for")
        if each.item in found:
            raise LlmWrongItems(f"the reply is about {each.item} twice")
        found[each.item] = each.model_copy(update={"why": clean(each.why, WHY_LIMIT)})
    return {item: each for item, each in found.items() if each.agrees == (each.label is given[item].label)}


def scores_section(item: str, given: GivenScores) -> str:
    """The scores of the one picture, as they stand before it in the prompt."""
    row = {"item": item, "overall": given.overall, "aspects": dict(given.aspects), "reasoning": given.reasoning}
    return section("JUDGEMENTS", [row])


def picture_critique_key(judgement: str, given: GivenScores, critic: Sequence[str]) -> str:
    """64 hex digits, as `critique_key`: the content key stands for listing, address, picture and judge."""
    told = (judgement, given.overall, sorted(given.aspects.items()), given.reasoning, tuple(critic))
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def usable_critique(reply: PictureCritiqueReply, given: GivenScores) -> PictureCritiqueReply | None:
    """None for one that contradicts itself: it agrees and names a score further off than `SAME_SCORE`, or does not and
    names the very same."""
    apart = abs(reply.overall - given.overall)
    if apart > SAME_SCORE if reply.agrees else apart == 0:
        return None
    return reply.model_copy(update={"why": clean(reply.why, WHY_LIMIT)})
