"""The lite judge: word overlap and nothing else, for a cascade that begins cheap. It takes microseconds a pair.

It knows no embedding, no brand and no rule, so it is wrong more often than the offline judge, and it says where it is
unsure: its confidence is the share of labelled pairs like this one on which it was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from core.domain.judging import JudgementsReply, ProductJudgement
from core.domain.labels import Label
from demo.offline_judge.evidence import Evidence, Similarities, weigh
from demo.offline_judge.offers import Offer
from demo.offline_judge.reading import Wish

NAME = "Lite judge"

# As in `grading`, of two features, on the same 2,135 human-labelled pairs; printed again by
# `python -m tests.bench.judging.cascade_held_out`.
INTERCEPT = -2.52
TITLE_COVER = 2.44
TEXT_COVER = 1.33
SUBSTITUTE_FROM = -1.19
RELEVANT_FROM = 0.17
ANY_USE = (0.53, 0.98)
"""P(grade 1 or more) = logistic(a + b score)."""

NOTHING_SEEN = Similarities(text=0.0, kinds=0.0, offer_level=0.0, kind="")
"""In place of what embeddings would say."""


def judgements(wish: Wish, shown: Sequence[Offer]) -> JudgementsReply:
    """Each product by itself."""
    return JudgementsReply(judgements=[_judged(offer, weigh(wish, offer, NOTHING_SEEN)) for offer in shown])


def score(evidence: Evidence) -> float:
    """Log odds that people call the pair relevant (grade 2 or 3)."""
    return INTERCEPT + TITLE_COVER * evidence.title_cover + TEXT_COVER * evidence.text_cover


def _judged(offer: Offer, evidence: Evidence) -> ProductJudgement:
    number = score(evidence)
    label = _label(number)
    return ProductJudgement(
        item=offer.item,
        reasoning=f"{NAME}: {_words(evidence)}; score {number:+.1f}.",
        undecided=undecided(evidence),
        label=label,
        confidence=_confidence(number, label),
    )


def undecided(evidence: Evidence) -> int:
    """1 where some asked words are there and those of the kind of thing are not together: of such pairs 44 % were
    graded as people do, of the others 73 %."""
    return int(bool(evidence.shared) and not evidence.kind_met)


def _label(number: float) -> Label:
    if number >= RELEVANT_FROM:
        return Label.HIGHLY_RELEVANT
    return Label.ACCEPTABLE_SUBSTITUTE if number >= SUBSTITUTE_FROM else Label.IRRELEVANT


def _confidence(number: float, label: Label) -> float:
    relevant = _logistic(number)
    any_use = max(relevant, _logistic(ANY_USE[0] + ANY_USE[1] * number))
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
