"""What was wrong with a judge's label, in nine classes (docs/review.md has an example of each).

They follow the error analysis of Hosseini et al., "Retrieve, Annotate, Evaluate, Repeat" (Zalando, arXiv 2409.11860),
of people's and models' hard disagreements. Its published summary names brands, products and categories (mostly people's
errors), too strict and understanding (mostly models'). The paper's own table of classes was not at hand: `attribute`,
`style`, `too_lenient` and `evidence` are our choice, for what remains of its examples, the other side of `too_strict`,
and a reason that the product's facts or its picture do not bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Tag = Literal[
    "brand", "product", "category", "attribute", "style", "too_strict", "too_lenient", "understanding", "evidence"
]


@dataclass(frozen=True, slots=True)
class TagMeaning:
    """A class, the key that sets it and what it says."""

    tag: Tag
    key: str
    meaning: str


_MEANINGS: dict[Tag, str] = {
    "brand": "another brand than the query asks for, or a brand not recognised as one",
    "product": "another product or model than the query names",
    "category": "another kind of thing, or for other people: children's for adults'",
    "attribute": "colour, size, material, pattern, quantity or price read wrongly",
    "style": "style, occasion, season or trend misjudged",
    "too_strict": "a small difference made it worse than a shopper would find it",
    "too_lenient": "a requirement that is not met was passed over",
    "understanding": "the query was misunderstood: a name taken literally, a word in its other sense",
    "evidence": "the reason tells what product or picture do not say",
}

TAGS: tuple[TagMeaning, ...] = tuple(
    TagMeaning(tag, str(place), _MEANINGS[tag]) for place, tag in enumerate(get_args(Tag), 1)
)
"""The nine classes, each under the key of its place."""


def known_tags(given: Sequence[str]) -> tuple[str, ...]:
    """Those that are classes, each once, in their order."""
    return tuple(each.tag for each in TAGS if each.tag in given)
