"""Step 1 of a judge: what the query asks for, and when each label applies; from the same rules that grade."""

from __future__ import annotations

from typing import Literal

from core.domain.judging import GuidelineReply, Importance, LabelGuide, Requirement
from demo.offline_judge.lexicon import AUDIENCES, COLOURS, GERMAN
from demo.offline_judge.reading import Wish
from demo.offline_judge.words import fold

BY = "offline judge's rule"


def guideline(wish: Wish, language: str) -> GuidelineReply:
    """The guideline of a query; every requirement is written `name: value`, which `importance_of` reads again."""
    requirements = [Requirement(requirement=text, importance=weight, why=why) for text, weight, why in _asked(wish)]
    return GuidelineReply(
        translation=_translation(wish, language),
        specificity=_specificity(wish),
        requirements=requirements,
        guideline=_labels(requirements),
    )


def _asked(wish: Wish) -> list[tuple[str, Importance, str]]:
    kind = " ".join(wish.kind) or ("" if wish.specific else wish.text)
    rows: list[tuple[str, str, Importance, str]] = [
        ("kind", kind, "must_have", "another kind of thing can't be used instead"),
        ("brand", _joined(wish.brands), "must_have", _brand_reason(wish)),
        ("name", " ".join(wish.names), "must_have", "a named product is wanted, not one like it"),
        ("colour", _joined(wish.colours), "approximate_is_okay", "another colour is a substitute"),
        ("size", _joined(wish.sizes), "approximate_is_okay", "another size is a substitute"),
        ("audience", _joined(wish.audiences), "approximate_is_okay", "made for others, a substitute"),
        ("feature", ", ".join(names[0] for names in wish.features), "approximate_is_okay", "lacking it, a substitute"),
    ]
    return [(f"{name}: {value}", weight, f"{BY}: {why}") for name, value, weight, why in rows if value]


def _brand_reason(wish: Wish) -> str:
    return (
        "it must fit this brand's product" if wish.for_another else "another brand than the one asked for is irrelevant"
    )


def _joined(values: frozenset[str]) -> str:
    return ", ".join(sorted(values))


def _specificity(wish: Wish) -> Literal["broad", "medium", "specific"]:
    given = (wish.brands, wish.colours, wish.sizes, wish.audiences, wish.features)
    properties = sum(bool(value) for value in given)
    if wish.names or properties >= 2:
        return "specific"
    return "medium" if properties or len(wish.kind) > 1 else "broad"


def _labels(requirements: list[Requirement]) -> LabelGuide:
    musts = ", ".join(r.requirement for r in requirements if r.importance == "must_have")
    rest = ", ".join(r.requirement for r in requirements if r.importance != "must_have")
    return LabelGuide(
        highly_relevant=f"Satisfies {', '.join(r.requirement for r in requirements)}.",
        acceptable_substitute=f"Satisfies {musts or 'the use meant'}"
        + (f" but differs in {rest}." if rest else " in part and can be used instead."),
        irrelevant=f"Misses one of: {musts or 'the use meant'}; or is only an accessory of it.",
    )


def _translation(wish: Wish, language: str) -> str:
    """Word by word, with the few words the judge knows; an unknown word stays."""
    if language.startswith("en"):
        return wish.text
    return " ".join(_english(word) for word in wish.text.split())


def _english(word: str) -> str:
    bare = fold(word)
    for table in (GERMAN, COLOURS, AUDIENCES):
        for form in (bare, bare.removesuffix("e"), bare.removesuffix("n"), bare.removesuffix("en")):
            if form in table:
                return table[form]
    return word


def importance_of(body: GuidelineReply) -> dict[str, Importance]:
    """Importance per requirement name (`colour`, `size`, …) of a guideline that the judge or a person wrote."""
    return {name_of(requirement): requirement.importance for requirement in body.requirements}


def name_of(requirement: Requirement) -> str:
    """`colour`, `size`, …; of one that this judge did not write its whole text, or the part before a colon."""
    return requirement.requirement.partition(":")[0].strip().casefold()
