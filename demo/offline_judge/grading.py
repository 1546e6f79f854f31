"""From evidence to a grade: a calibrated score, then what a shopper's rules say. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Literal

from core.domain.judging import Importance
from core.domain.labels import Label
from demo.offline_judge.evidence import Evidence
from demo.offline_judge.reading import Wish

Strictness = Literal["usual", "lenient"]

# Logistic regression (L2, C = 0.3, standardised; here in the evidence's own units) of "adjudicated grade is 2 or 3" on
# 2,135 human-labelled pairs of 64 queries. `python -m tests.bench.offline_judge_agreement --fit` prints it again, with
# the figures cross-validated by query that docs/offline-judge.md reports. Few and linear: 64 queries are few.
INTERCEPT = -51.89
TEXT = 15.45
KINDS = 2.79
OFFER_LEVEL = 43.23
TEXT_COVER = 1.46
PHRASE = 2.01
BRAND_MET = 2.27
ACCESSORY = -2.73
CONTRADICTED = -1.01

SUBSTITUTE_FROM = -1.57
RELEVANT_FROM = 0.4
"""Cut points of the score: those with the best quadratic kappa with the human grades (0, 1, and 2-3 as one)."""

ANY_USE = (0.70, 0.90)
"""P(grade 1 or more) = logistic(a + b score), fitted beside."""

RULE_CONFIDENCE = 0.88
"""Of the 356 labelled pairs that are of another brand or name than asked for, 89 % have the human grade 0."""

LENIENT_LIFT = 2.0
"""What a pair that is graded leniently gains on the score where no rule decides."""

LENIENT_SHARE = 0.25
"""Share of pairs that the lenient judge grades leniently: of the demo's pairs a third would change, so a tenth do."""

NEAR_KIND = 0.25
"""Overlap of kinds from which a thing of the asked name is taken for it without more ado."""


@dataclass(frozen=True, slots=True)
class Grade:
    """A label, how sure, the score behind it, and the rules that spoke."""

    label: Label
    confidence: float
    score: float
    rules: tuple[str, ...]


def score(evidence: Evidence) -> float:
    """Log odds that people call the pair relevant (grade 2 or 3)."""
    seen = evidence.similarities
    return (
        INTERCEPT
        + TEXT * seen.text
        + KINDS * seen.kinds
        + OFFER_LEVEL * seen.offer_level
        + TEXT_COVER * evidence.text_cover
        + PHRASE * evidence.phrase
        + BRAND_MET * evidence.brand_met
        + ACCESSORY * bool(evidence.accessory)
        + CONTRADICTED * evidence.contradicted
    )


def decide(
    wish: Wish,
    evidence: Evidence,
    importance: Mapping[str, Importance] | None = None,
    *,
    lenient: bool = False,
) -> Grade:
    """Grade a pair. `importance` per requirement is the guideline's: a person's edit there changes the grade.
    `lenient`: another brand is no reason against it, and another colour, size or feature none to lower it."""
    number = score(evidence)
    against = _against(evidence, importance or {}, lenient=lenient)
    if against:
        return Grade(Label.IRRELEVANT, _sure(number, Label.IRRELEVANT, by_rule=True), number, against)
    limits = () if lenient else _limits(evidence, importance or {})
    good = evidence.kind_met and not evidence.accessory and not evidence.contradicted
    if good and (wish.specific or evidence.similarities.kinds >= NEAR_KIND):
        label = Label.ACCEPTABLE_SUBSTITUTE if limits else Label.HIGHLY_RELEVANT
        return Grade(label, _sure(number, label, by_rule=wish.specific), number, limits or (NOTHING_AGAINST,))
    label = _by_score(number + LENIENT_LIFT * lenient)
    if label is Label.HIGHLY_RELEVANT and (limits or evidence.contradicted):
        label = Label.ACCEPTABLE_SUBSTITUTE
    return Grade(label, _sure(number, label, by_rule=False), number, limits)


NOTHING_AGAINST = "the kind asked for, nothing against it"


def is_spared(query: str, title: str) -> bool:
    """Whether the lenient judge is lenient with this pair: like a changed model it is so with some, always the same."""
    digest = hashlib.blake2b(f"{query}\n{title}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < LENIENT_SHARE * 2**64


def _against(evidence: Evidence, importance: Mapping[str, Importance], *, lenient: bool) -> tuple[str, ...]:
    """What makes the pair irrelevant whatever the score."""
    brand = "" if lenient or importance.get("brand", "must_have") != "must_have" else evidence.brand_missed
    name = "" if importance.get("name", "must_have") != "must_have" else evidence.name_missed
    kind = "only the brand is as asked" if evidence.only_brand else ""
    other = "an accessory is asked for, this is none such" if evidence.not_the_accessory else ""
    musts = [limit.text for limit in evidence.limits if importance.get(limit.name) == "must_have"]
    return tuple(text for text in (brand, name, kind, other, *musts) if text)


def _limits(evidence: Evidence, importance: Mapping[str, Importance]) -> tuple[str, ...]:
    return tuple(limit.text for limit in evidence.limits if importance.get(limit.name) != "nice_to_have")


def _by_score(number: float) -> Label:
    if number >= RELEVANT_FROM:
        return Label.HIGHLY_RELEVANT
    return Label.ACCEPTABLE_SUBSTITUTE if number >= SUBSTITUTE_FROM else Label.IRRELEVANT


def _sure(number: float, label: Label, *, by_rule: bool) -> float:
    """The share of people who would say so, by the calibration; at least `RULE_CONFIDENCE` when a rule decided."""
    any_use = max(_logistic(ANY_USE[0] + ANY_USE[1] * number), _logistic(number))
    relevant = _logistic(number)
    share = {
        Label.IRRELEVANT: 1 - any_use,
        Label.ACCEPTABLE_SUBSTITUTE: any_use - relevant,
        Label.HIGHLY_RELEVANT: relevant,
    }[label]
    return round(min(0.99, max(share, RULE_CONFIDENCE if by_rule else 0.05)), 2)


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))
