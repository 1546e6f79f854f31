"""The evidence of one pair: numbers for the calibrated score, and what rules say. Pure; similarities are given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from demo.offline_judge.lexicon import ACCESSORY_NOUNS, AUDIENCES, COLOURS, NAME_ALIASES
from demo.offline_judge.offers import NOT_GIVEN, Offer, same_brand
from demo.offline_judge.reading import Wish
from demo.offline_judge.words import compact, is_number, stems, tokens

COMPOUND = 4
"""Letters a word must have to be found at the end of a compound ("schuh" in "laufschuh"): shorter ones meet by
accident."""


@dataclass(frozen=True, slots=True)
class Similarities:
    """What the embeddings say of a pair."""

    text: float
    """Cosine of the query with title and description."""
    kinds: float
    """Overlap (Bhattacharyya, 0 to 1) of the two among the kinds of things in `lexicon.KINDS`."""
    offer_level: float
    """Mean of the ten highest cosines of the offer with the kinds."""
    kind: str
    """The kind that the offer is nearest to."""


SAME_KIND = 0.8
"""Overlap of kinds from which the two are one kind: of the human-labelled pairs above it against which nothing speaks,
87 % are relevant; between 0.1 and 0.5 it is 71 %."""

OTHER_KIND = 0.1
"""Overlap of kinds below which the two are different things, unless words say otherwise."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property that was asked for: `name` is that of the guideline's requirement, `text` says how it stands."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a grade is made of."""

    similarities: Similarities
    title_cover: float
    """Share of the asked words in title or category; the word for the kind counts twice."""
    text_cover: float
    """Share of the asked words in the description; without one, `title_cover`."""
    phrase: bool
    """The asked words stand side by side in title or category; for a query with brand, colour and so on, those for
    the kind of thing do, and the others are there too."""
    accessory: str
    """The word that makes the offer a thing for the asked thing (cover, stand, …); empty when none."""
    brand_asked: bool
    brand_met: bool
    brand_missed: str
    """Why the brand is another one; empty when it is not."""
    name_missed: str
    """Why it is another named product; empty when it is not."""
    only_brand: bool
    """The brand is as asked, and nothing else: neither the kind of thing nor anything near it."""
    not_the_accessory: bool
    """An accessory is asked for and the offer is none such."""
    kind_met: bool
    """It is the kind of thing asked for: its word stands in title or category, or the embeddings put both there."""
    limits: tuple[Property, ...]
    """Asked properties that the listing states otherwise (colour, size, audience) or does not state (features)."""
    met: tuple[Property, ...]
    """Asked properties that are as asked."""
    shared: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def contradicted(self) -> bool:
        """Another brand or another named product than the asked one."""
        return bool(self.brand_missed or self.name_missed)


def weigh(wish: Wish, offer: Offer, similarities: Similarities) -> Evidence:
    """Gather the evidence of a pair."""
    place = (*offer.title_words, *stems(offer.category))
    shared = tuple(word for word in wish.words if _found(word, wish, place))
    asked, met, missed = _brand(wish, offer)
    limits, kept = _properties(wish, offer)
    kind_met = _together(wish.kind or wish.words, place) or similarities.kinds >= SAME_KIND
    return Evidence(
        similarities=similarities,
        title_cover=_cover(wish, place),
        text_cover=_cover(wish, stems(offer.description) if offer.description else place),
        phrase=_phrase(wish, place, all_found=len(shared) == len(wish.words)),
        accessory=_accessory(wish, offer),
        brand_asked=asked,
        brand_met=met,
        brand_missed=missed,
        name_missed=_other_name(wish, offer),
        only_brand=met and bool(wish.kind) and not kind_met and similarities.kinds < OTHER_KIND,
        not_the_accessory=wish.for_another and not kind_met and not _found(wish.head, wish, place),
        kind_met=kind_met,
        limits=limits,
        met=kept,
        shared=shared,
        missing=tuple(word for word in wish.words if word not in shared),
    )


def _cover(wish: Wish, place: tuple[str, ...] | list[str]) -> float:
    weights = [2.0 if word == wish.head else 1.0 for word in wish.words]
    found = [weight for word, weight in zip(wish.words, weights, strict=True) if _found(word, wish, place)]
    return sum(found) / sum(weights) if weights else 0.0


def _found(word: str, wish: Wish, place: tuple[str, ...] | list[str]) -> bool:
    """The word itself, the end of a compound, or with its neighbour in the query one word ("head set", "headset")."""
    if word in place or (word in COLOURS and any(COLOURS.get(p) == COLOURS[word] for p in place)):
        return True
    if word in AUDIENCES and any(AUDIENCES.get(p) == AUDIENCES[word] for p in place):
        return True
    if len(word) >= COMPOUND and any(p.endswith(word) for p in place):
        return True
    joined = [a + b for a, b in pairwise(wish.words) if word in (a, b)]
    pairs = {a + b for a, b in pairwise(place)}
    return word in pairs or any(both in place for both in joined)


def _phrase(wish: Wish, place: tuple[str, ...], *, all_found: bool) -> bool:
    return _together(wish.words, place) or (all_found and bool(wish.kind) and _together(wish.kind, place))


def _together(words: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """In order as words, as one word or compound's end, or one word as neighbours."""
    joined = "".join(words)
    if f" {' '.join(words)} " in f" {' '.join(place)} " or any(p == joined or _ends(p, joined) for p in place):
        return True
    return joined in {a + b for a, b in pairwise(place)}


def _accessory(wish: Wish, offer: Offer) -> str:
    """The accessory noun that follows the asked thing within two words of the title, unless it is asked for."""
    head = wish.head or (wish.words[-1] if wish.words else "")
    places = [i for i, word in enumerate(offer.title_words) if word == head or _ends(word, head)]
    if not places:
        return ""
    following = offer.title_words[places[-1] + 1 : places[-1] + 3]
    return next((word for word in following if word in ACCESSORY_NOUNS and word not in wish.words), "")


def _ends(word: str, head: str) -> bool:
    return len(head) >= COMPOUND and word.endswith(head)


def _brand(wish: Wish, offer: Offer) -> tuple[bool, bool, str]:
    own = compact(offer.brand)
    if own and (own in wish.raw or own in wish.pairs):
        return True, True, ""
    if not wish.brands:
        return False, False, ""
    if any(same_brand(brand, offer) for brand in wish.brands) or (wish.for_another and _names_asked(wish, offer)):
        return True, True, ""
    asked = "/".join(sorted(wish.brands))
    return True, False, f"brand asked for '{asked}', product's brand is '{offer.brand or NOT_GIVEN}'"


def _names_asked(wish: Wish, offer: Offer) -> bool:
    """A case for an iPhone names the iPhone: for such things the asked brand or line is what they fit."""
    text = compact(f"{offer.title} {offer.description} {' '.join(offer.attributes.values())}")
    return any(name in text for name in wish.named)


def _other_name(wish: Wish, offer: Offer) -> str:
    """An asked name (model code, product line, or beside a brand a word that is no kind of thing) that is nowhere."""
    everything = f"{offer.title} {offer.description} {offer.category} {' '.join(offer.attributes.values())}"
    flat, words = compact(everything), tokens(everything)
    absent = [name for name in wish.names if not _named(name, flat, words)]
    return f"'{' '.join(absent)}' is named nowhere in the listing" if absent else ""


def _named(name: str, flat: str, words: list[str]) -> bool:
    """A bare number must be a word of its own; anything else may be written together or apart."""
    if is_number(name):
        return name in words
    written = (name, NAME_ALIASES.get(name, name))
    return any(form in flat for form in written) or any(len(w) >= COMPOUND and name.endswith(w) for w in words)


def _properties(wish: Wish, offer: Offer) -> tuple[tuple[Property, ...], tuple[Property, ...]]:
    asked = (
        ("colour", wish.colours, offer.colours),
        ("audience", wish.audiences, offer.audiences),
        ("size", wish.sizes, _comparable(wish.sizes, offer.sizes)),
    )
    limits: list[Property] = []
    met: list[Property] = []
    for name, wanted, stated in asked:
        if wanted & stated:
            met.append(Property(name, f"{name} {'/'.join(sorted(wanted & stated))} as asked"))
        elif wanted and stated:
            limits.append(Property(name, _differs(name, wanted, stated)))
    lacking = [names[0] for names in wish.features if not _says(offer, names)]
    limits.extend(Property("feature", f"asked for {name}, listing does not say so") for name in lacking)
    met.extend(Property("feature", f"{names[0]} as asked") for names in wish.features if names[0] not in lacking)
    return tuple(limits), tuple(met)


def _differs(name: str, wanted: frozenset[str], stated: frozenset[str]) -> str:
    return f"{name} asked for {'/'.join(sorted(wanted))}, listing states {'/'.join(sorted(stated)[:4])}"


def _says(offer: Offer, names: tuple[str, ...]) -> bool:
    given = (f"{key} {value}" for key, value in offer.attributes.items())
    text = compact(" ".join((offer.title, offer.description, offer.category, *given)))
    return any(compact(name) in text for name in names)


def _comparable(wanted: frozenset[str], stated: frozenset[str]) -> frozenset[str]:
    """The stated sizes in a unit that was asked for."""
    units = {size.split()[1] for size in wanted}
    return frozenset(size for size in stated if size.split()[1] in units)
