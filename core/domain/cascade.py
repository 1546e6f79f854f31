"""Cheap first, strong where it matters: which products of a cheap model's reply a stronger model grades again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.domain.judging import GuidelineReply, ProductJudgement, undecided

Reason = Literal["low_confidence", "must_have_undecided", "disagreement", "no_second_opinion"]
"""Why the strong model is asked. The first that holds is told, in the order of `escalates`."""

Step = Literal["first", "second", "strong"]
"""Which call of a cascade it is; a call's subject carries it under the key `cascade`."""

STEP = "cascade"
"""The key of a call's subject that tells its step."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """Models by name. `second` empty: one cheap model. `confidence`, 0 to 1: below it a grade is unsure."""

    strong: str
    second: str = ""
    confidence: float = 0.0

    @property
    def identity(self) -> str:
        """What tells one cascade's labels from another's, as a part of the content key."""
        return f"{self.strong}|{self.second}|{self.confidence:g}"


def escalates(
    cascade: Cascade, guideline: GuidelineReply, first: ProductJudgement, second: ProductJudgement | None
) -> Reason | None:
    """Why the strong model is to grade this product; None where the first cheap model's grade stands.

    `second` None where a second model is set: it refused or left the product out, and one opinion is not two.
    """
    if undecided(first, guideline):
        return "must_have_undecided"
    if first.confidence < cascade.confidence:
        return "low_confidence"
    if cascade.second and second is None:
        return "no_second_opinion"
    if second is not None and second.label is not first.label:
        return "disagreement"
    return None


def escalated(
    cascade: Cascade,
    guideline: GuidelineReply,
    first: Mapping[str, ProductJudgement],
    second: Mapping[str, ProductJudgement],
) -> dict[str, Reason]:
    """Reason by item, of those that the strong model is to grade, in the first reply's order."""
    reasons = {item: escalates(cascade, guideline, told, second.get(item)) for item, told in first.items()}
    return {item: reason for item, reason in reasons.items() if reason is not None}


def step_subject(subject: Mapping[str, str], step: Step, reasons: Mapping[str, Reason] | None = None) -> dict[str, str]:
    """A call's subject with its step and, of a strong call, how many products came for which reason."""
    counts = Counter((reasons or {}).values())
    return {**subject, STEP: step, **{reason: str(count) for reason, count in sorted(counts.items())}}
