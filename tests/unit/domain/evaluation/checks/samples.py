"""A judgement that every check passes, and how to change it."""

from __future__ import annotations

from dataclasses import replace

from core.domain.evaluation.checks import Judged
from core.domain.judging import GuidelineReply, Importance, LabelGuide, Requirement
from core.domain.relevance import Product, Search

SEARCH = Search("shop", "uk", "sony headphones black", "en")
PRODUCT = Product(
    title="Sony WH-1000XM5 Noise Cancelling, Black",
    brand="Sony",
    category="Audio > Headphones",
    price="299.9 GBP",
    attributes=(("battery life", "30"), ("weight", "250 g"), ("cable", "1.2")),
    description="Over-ear headphones. Cable of 1,2 m, works to 10 m away.",
)
ASPECTS = {
    "focus": 8, "lighting": 7, "background": 7, "framing": 8, "completeness": 9, "overlays": 10, "honesty": 9,
}  # fmt: skip


def guideline(*weights: Importance) -> GuidelineReply:
    asked = ("headphones", "made by Sony", "black", "for travel")
    return GuidelineReply(
        translation="black sony headphones",
        specificity="medium",
        requirements=[
            Requirement(requirement=text, importance=weight, why="asked")
            for text, weight in zip(asked, weights, strict=False)
        ],
        guideline=LabelGuide(
            highly_relevant="Sony headphones in black.",
            acceptable_substitute="In another colour.",
            irrelevant="Another brand; pads and cables.",
        ),
    )


GOOD = Judged(
    kind="relevance",
    key="k1",
    judge="j@1",
    item_id="i1",
    listing_id="l1",
    search=SEARCH,
    guideline=guideline("must_have", "must_have", "approximate_is_okay"),
    product=PRODUCT,
    grade=2,
    confidence=0.9,
    reasoning="Sony headphones in black, noise cancelling: kind, brand and colour are as asked.",
    verdicts="yyy",
    brands=frozenset({"sony", "jbl", "lg", "blackdecker", "thenorthface"}),
)
GOOD_IMAGE = replace(
    GOOD,
    kind="image",
    guideline=None,
    verdicts="",
    confidence=None,
    grade=7,
    aspects=ASPECTS,
    reasoning="The whole item, upright and sharp, in soft daylight on a plain wall; a cable at the edge distracts.",
)


def judged(**changes: object) -> Judged:
    return replace(GOOD, **changes)


def scored(grade: int, reasoning: str = GOOD_IMAGE.reasoning, **aspects: int) -> Judged:
    return replace(GOOD_IMAGE, grade=grade, reasoning=reasoning, aspects={**ASPECTS, **aspects})


def product(**changes: object) -> Product:
    return replace(PRODUCT, **changes)
