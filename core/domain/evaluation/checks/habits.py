"""What is told by many judgements together: a judge that answers by habit. Nothing of one judgement is wrong for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from core.domain.evaluation.checks.facts import Finding, Judged

LEAST = 30
"""Judgements from which a habit is told: of fewer, all may well be alike."""

MOST_SHARE = 0.9
"""Part of the answers that are one and the same from which it is a habit. Confidences of the offline judge on 2,135
graded pairs: the commonest value has 17 %."""

Habit = Callable[[Sequence[Judged]], Finding | None]


def one_confidence(judged: Sequence[Judged]) -> Finding | None:
    """Always as sure: the number says nothing, and a cascade or a review queue that goes by it is blind."""
    given = [f"{each.confidence:.2f}" for each in judged if each.confidence is not None]
    return _habit(one_confidence.__name__, given, "confidence {}")


def one_verdict(judged: Sequence[Judged]) -> Finding | None:
    """The same letter for every requirement of every product, of those whose guideline has two or more."""
    given = ["".join(sorted(set(each.verdicts))) for each in judged if len(each.verdicts) > 1]
    return _habit(one_verdict.__name__, given, "all requirements “{}”") if any(len(x) == 1 for x in given) else None


def one_score(judged: Sequence[Judged]) -> Finding | None:
    """Every aspect of a picture with the same score: the aspects are not looked at one by one."""
    given = ["alike" if len(set(each.aspects.values())) == 1 else "apart" for each in judged if each.aspects]
    found = _habit(one_score.__name__, given, "aspects of a picture all {}")
    return found if given.count("alike") >= MOST_SHARE * max(1, len(given)) else None


HABITS: tuple[Habit, ...] = (one_confidence, one_verdict, one_score)


def habits(judged: Sequence[Judged]) -> tuple[Finding, ...]:
    """Those of one judge."""
    found = (habit(judged) for habit in HABITS)
    return tuple(each for each in found if each is not None)


def _habit(name: str, given: Sequence[str], told: str) -> Finding | None:
    if len(given) < LEAST:
        return None
    value, count = Counter(given).most_common(1)[0]
    return (
        Finding(name, f"{told.format(value)} in {count} of {len(given)}") if count >= MOST_SHARE * len(given) else None
    )
