"""What a listing offers, read by a shopper's rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.offline_judge.lexicon import AUDIENCES, COLOURS
from demo.offline_judge.sizes import as_size, measures, said_sizes
from demo.offline_judge.stuffing import text_without_stuffing, title_without_stuffing
from demo.offline_judge.words import compact, fold, stems, tokens

NOT_GIVEN = "not given"
"""What the prompt says where a listing has nothing."""

_SIZE_KEYS = {"size", "groesse", "grosse", "schuhgrosse", "eu size", "shoe size"}
_COLOUR_KEYS = {"color", "colour", "farbe", "product colour", "product color", "colour of product"}
_AUDIENCE_KEYS = {"gender", "geschlecht", "audience", "zielgruppe", "department"}
_SUITS_ALL = {"unisex", "all", "alle"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A listing taken apart; `colours`, `sizes` and `audiences` are empty when it does not say."""

    item: str
    title: str
    brand: str
    category: str
    description: str
    attributes: Mapping[str, str]
    picture: str
    title_words: tuple[str, ...]
    colours: frozenset[str]
    sizes: frozenset[str]
    audiences: frozenset[str]


def read_offer(row: Mapping[str, object], picture: str = "") -> Offer:
    """Take a PRODUCTS row apart; `picture` is what is known of its picture in words."""
    title, brand, category, description = (_field(row, name) for name in ("title", "brand", "category", "description"))
    title, description = title_without_stuffing(title), text_without_stuffing(description)
    given = row.get("attributes")
    attributes = {fold(str(k)).strip(): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    return Offer(
        item=_field(row, "item"),
        title=title,
        brand=brand,
        category=category,
        description=description,
        attributes=attributes,
        picture=picture or _field(row, "picture_description"),
        title_words=tuple(stems(title)),
        colours=_offered_colours(title, attributes, picture or _field(row, "picture_description")),
        sizes=_offered_sizes(title, description, attributes),
        audiences=_offered_audiences(title, category, attributes),
    )


def _field(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    text = value if isinstance(value, str) else ""
    return "" if text == NOT_GIVEN else text


def _offered_colours(title: str, attributes: Mapping[str, str], picture: str) -> frozenset[str]:
    """The colour attribute, else the title's colour words, else the picture's: the first that says something.
    Of a picture's words only those before its background count."""
    told = " ".join(value for key, value in attributes.items() if key in _COLOUR_KEYS)
    for text in (told, title, picture.partition("Background")[0]):
        found = frozenset(COLOURS[word] for word in tokens(text) if word in COLOURS)
        if found:
            return found
    return frozenset()


def _offered_sizes(title: str, description: str, attributes: Mapping[str, str]) -> frozenset[str]:
    values = " ; ".join(f"{key} {value}" for key, value in attributes.items())
    told = [value for key, value in attributes.items() if key in _SIZE_KEYS]
    worn = {as_size(fold(size).strip()) for size in (*told, *said_sizes(title))} - {""}
    return measures(f"{title} ; {description} ; {values}") | worn


def _offered_audiences(title: str, category: str, attributes: Mapping[str, str]) -> frozenset[str]:
    told = " ".join(value for key, value in attributes.items() if key in _AUDIENCE_KEYS)
    words = tokens(f"{title} {category} {told}")
    if _SUITS_ALL & set(words):
        return frozenset()
    return frozenset(AUDIENCES[word] for word in words if word in AUDIENCES)


def same_brand(asked: str, offer: Offer) -> bool:
    """The asked brand is the listing's: its brand field, or, where that is missing, anywhere in the title."""
    brand = compact(offer.brand)
    return asked in compact(offer.title) if not brand else asked == brand or (len(asked) > 3 and asked in brand)
