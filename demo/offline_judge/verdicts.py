"""Which of a guideline's requirements an offer meets, one letter each; from the same evidence that grades. Pure."""

from __future__ import annotations

from core.domain.judging import GuidelineReply, Requirement
from demo.offline_judge.evidence import OTHER_KIND, Evidence
from demo.offline_judge.guideline import name_of
from demo.offline_judge.words import stems

MET, NOT_MET, NOT_TOLD = "y", "n", "?"

MUST_BE_TOLD = frozenset({"brand", "name"})
"""The prompt's rule 4: one that was asked for must be told, so that the lite judge takes a missing word for a no."""


def verdicts(body: GuidelineReply | None, evidence: Evidence, *, brand_given: bool) -> str:
    """Read off the evidence, not off the label: where the two do not fit, the judge is seen to contradict itself.
    `brand_given`: the catalogue tells the offer's brand. Empty without a guideline."""
    requirements = body.requirements if body else []
    return "".join(_letter(name_of(each), evidence, brand_given=brand_given) for each in requirements)


def verdicts_by_words(body: GuidelineReply | None, evidence: Evidence) -> str:
    """As the lite judge sees it: a word that stands nowhere may be meant by another one, but a name may not."""
    return "".join(_by_words(each, evidence) for each in body.requirements) if body else ""


def verdicts_by_similarity(body: GuidelineReply | None) -> str:
    """One number for the whole tells of no requirement whether it is met."""
    return NOT_TOLD * len(body.requirements) if body else ""


def _letter(name: str, evidence: Evidence, *, brand_given: bool) -> str:
    """Of a requirement that this judge did not write, it can't tell."""
    match name:
        case "kind":
            return _kind(evidence)
        case "brand":
            return _brand(evidence, brand_given=brand_given)
        case "name":
            return NOT_MET if evidence.name_missed else MET
        case _:
            return _property(name, evidence)


def _kind(evidence: Evidence) -> str:
    if evidence.accessory or evidence.only_brand or evidence.not_the_accessory:
        return NOT_MET
    if evidence.kind_met:
        return MET
    return NOT_MET if evidence.similarities.kinds < OTHER_KIND else NOT_TOLD


def _brand(evidence: Evidence, *, brand_given: bool) -> str:
    if evidence.brand_missed:
        return NOT_MET if brand_given else NOT_TOLD
    return MET if evidence.brand_met else NOT_TOLD


def _property(name: str, evidence: Evidence) -> str:
    """A feature that the listing does not name is not told; a colour, size or audience that differs is not met."""
    if any(each.name == name for each in evidence.limits):
        return NOT_TOLD if name == "feature" else NOT_MET
    return MET if any(each.name == name for each in evidence.met) else NOT_TOLD


def _by_words(requirement: Requirement, evidence: Evidence) -> str:
    """Where some of the asked words are there, but not those for the kind together, the kind is not told: of the pairs
    left undecided by that 39 % were graded as people do, of the others 67 %."""
    name, _, value = requirement.requirement.partition(":")
    if name_of(requirement) == "kind":
        return MET if evidence.kind_met else NOT_TOLD if evidence.shared else NOT_MET
    if not evidence.missing or set(stems(value or name)) <= set(evidence.shared):
        return MET
    return NOT_MET if name_of(requirement) in MUST_BE_TOLD else NOT_TOLD
