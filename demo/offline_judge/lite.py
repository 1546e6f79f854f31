"""Two cheap judges for a cascade: word overlap and nothing else, embedding similarity and nothing else.

They know no brand and no rule, so they are wrong more often than the offline judge, and they say where they are unsure:
their confidence is the share of labelled pairs like this one on which they were right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from core.domain.judging import GuidelineReply, JudgementsReply, ProductJudgement
from core.domain.labels import Label
from demo.offline_judge.evidence import Evidence, Similarities, weigh
from demo.offline_judge.offers import Offer
from demo.offline_judge.reading import Wish
from demo.offline_judge.verdicts import verdicts_by_similarity, verdicts_by_words


@dataclass(frozen=True, slots=True)
class Scale:
    """From a score (log odds that people call the pair relevant) to label and confidence: cut points, and a and b of
    P(grade 1 or more) = logistic(a + b score)."""

    substitute_from: float
    relevant_from: float
    any_use: tuple[float, float]


# As in `grading`, of two features and of one, on the same 2,135 human-labelled pairs; the first are printed again by
# `python -m tests.bench.judging.cascade_held_out`.
INTERCEPT = -2.52
TITLE_COVER = 2.44
TEXT_COVER = 1.33
WORDS = Scale(-1.19, 0.17, (0.53, 0.98))

TEXT_INTERCEPT = -41.46
TEXT = 48.89
LIKENESS = Scale(-0.92, -0.37, (0.58, 1.05))

NOTHING_SEEN = Similarities(text=0.0, kinds=0.0, offer_level=0.0, kind="")
"""In place of what embeddings would say."""


def by_words(wish: Wish, shown: Sequence[Offer], body: GuidelineReply | None = None) -> JudgementsReply:
    """Graded by the share of the asked words in title and description."""
    found = [(offer, weigh(wish, offer, NOTHING_SEEN)) for offer in shown]
    return JudgementsReply(judgements=[_by_words(offer, evidence, body) for offer, evidence in found])


def by_similarity(
    shown: Sequence[Offer], evidence: Sequence[Evidence], body: GuidelineReply | None = None
) -> JudgementsReply:
    """Graded by the cosine of query and text."""
    told = verdicts_by_similarity(body)
    return JudgementsReply(judgements=[_by_similarity(*each, told) for each in zip(shown, evidence, strict=True)])


def _by_words(offer: Offer, evidence: Evidence, body: GuidelineReply | None) -> ProductJudgement:
    score = INTERCEPT + TITLE_COVER * evidence.title_cover + TEXT_COVER * evidence.text_cover
    return _judged(offer, score, WORDS, f"Lite judge: {_words(evidence)}", verdicts_by_words(body, evidence))


def _by_similarity(offer: Offer, evidence: Evidence, verdicts: str) -> ProductJudgement:
    cosine = evidence.similarities.text
    return _judged(offer, TEXT_INTERCEPT + TEXT * cosine, LIKENESS, f"Similarity judge: {cosine:.2f}", verdicts)


def _judged(offer: Offer, score: float, scale: Scale, why: str, verdicts: str) -> ProductJudgement:
    label = _label(score, scale)
    return ProductJudgement(
        item=offer.item,
        reasoning=f"{why}; score {score:+.1f}.",
        verdicts=verdicts,
        label=label,
        confidence=_confidence(score, label, scale),
    )


def _label(score: float, scale: Scale) -> Label:
    if score >= scale.relevant_from:
        return Label.HIGHLY_RELEVANT
    return Label.ACCEPTABLE_SUBSTITUTE if score >= scale.substitute_from else Label.IRRELEVANT


def _confidence(score: float, label: Label, scale: Scale) -> float:
    relevant = _logistic(score)
    any_use = max(relevant, _logistic(scale.any_use[0] + scale.any_use[1] * score))
    share = {
        Label.IRRELEVANT: 1 - any_use,
        Label.ACCEPTABLE_SUBSTITUTE: any_use - relevant,
        Label.HIGHLY_RELEVANT: relevant,
    }[label]
    return round(min(0.99, max(0.05, share)), 2)


def _words(evidence: Evidence) -> str:
    shared = ", ".join(f"'{word}'" for word in evidence.shared[:6])
    missing = ", ".join(f"'{word}'" for word in evidence.missing[:6])
    told = f"shares {shared}" if shared else "shares no word with the query"
    return f"{told}, lacks {missing}" if shared and missing else told


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))
