"""The first tier: checks of form and grounding that need no model.

A new check is one function `(Judged) -> Finding | None`, its name in `CHECKS` or `IMAGE_CHECKS`, and its test.
"""

from __future__ import annotations

from collections.abc import Callable

from core.domain.evaluation.checks import form, grounding, pictures
from core.domain.evaluation.checks.facts import Beside, Finding, Judged

Check = Callable[[Judged], Finding | None]

CHECKS: tuple[Check, ...] = (
    form.label_over_verdicts,
    form.label_under_verdicts,
    form.no_verdicts,
    form.sure_though_untold,
    form.reason_missing,
    form.reason_too_short,
    form.reason_too_long,
    form.reason_not_english,
    form.reason_against_label,
    form.reason_of_another,
    grounding.size_not_stated,
    grounding.price_not_stated,
    grounding.model_not_stated,
    grounding.brand_not_stated,
    grounding.colour_not_stated,
)
"""Of relevance judgements, in the order in which they are told."""

IMAGE_CHECKS: tuple[Check, ...] = (
    pictures.overall_over_fault,
    pictures.overall_outside_aspects,
    pictures.fault_not_explained,
    pictures.reason_against_aspects,
    form.reason_missing,
    form.reason_too_short,
    form.reason_too_long,
    form.reason_not_english,
)
"""Of picture scores. What a picture shows, words can't tell: nothing is said of grounding."""

__all__ = ["CHECKS", "IMAGE_CHECKS", "Beside", "Check", "Finding", "Judged", "checks_of", "findings"]


def checks_of(kind: str) -> tuple[Check, ...]:
    """Those that a judgement of the kind goes through."""
    return IMAGE_CHECKS if kind == "image" else CHECKS


def findings(judged: Judged) -> tuple[Finding, ...]:
    """All that the checks find fault with; empty: it passes."""
    found = (check(judged) for check in checks_of(judged.kind))
    return tuple(each for each in found if each is not None)
