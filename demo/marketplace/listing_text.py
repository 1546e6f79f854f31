"""Titles, descriptions and attributes as sellers write them, in the market's language."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from demo.marketplace.colours import COLOURS
from demo.marketplace.facts import Facts, Language
from demo.marketplace.vocabulary import CATEGORIES, Category

NO_COLOUR_SHARE = 0.06
"""Sellers who leave the colour to the attributes."""

SHOUTING_SHARE = 0.05
SELLERS: Mapping[Language, tuple[str, ...]] = {
    "en": ("Main Street Outlet", "Bluebird Trading", "Harbor Goods", "Second Wind", "Northside Deals", "Lucky Fox"),
    "de": ("Kontor Nord", "Alpenhandel", "Stadtlager", "Zweite Hand Köln", "Hansa Outlet", "Fuchs & Söhne"),
}
CONDITIONS: Mapping[Language, tuple[str, ...]] = {
    "en": ("New", "Like new", "Good"),
    "de": ("Neu", "Wie neu", "Gut"),
}
SELLER = "seller"
"""The marketplace itself writes who sells, under one name in every language (setting `listing_seller_attribute`)."""

ATTRIBUTE_NAMES: Mapping[Language, tuple[str, str, str, str, str]] = {
    "en": ("colour", "size", "model", "condition", SELLER),
    "de": ("Farbe", "Größe", "Modell", "Zustand", SELLER),
}
CLOSINGS: Mapping[Language, tuple[str, ...]] = {
    "en": ("Ships within two days.", "Original box included.", "Returns accepted within 30 days.", ""),
    "de": ("Versand in zwei Tagen.", "Mit Originalverpackung.", "Rückgabe innerhalb von 30 Tagen.", ""),
}
_BRAND_OF_MODEL = {model.name: model.brand for c in CATEGORIES if not c.accessory for model in c.models}


def size_text(size: str, language: Language) -> str:
    """A size as written: `Gr. 42`, `Size M`; amounts such as `256 GB` stand alone."""
    if not size or " " in size:
        return size
    return f"Size {size}" if language == "en" else f"Gr. {size}"


def fits(facts: Facts) -> str:
    """Brand and name of the product that an accessory fits."""
    return f"{_BRAND_OF_MODEL[facts.model]} {facts.model}"


def title_of(rng: Random, category: Category, facts: Facts, language: Language) -> str:
    """A title: brand, model, noun, feature, colour, size, in one of the orders that sellers use."""
    style, hidden, loud = rng.randrange(3), rng.random() < NO_COLOUR_SHARE, rng.random() < SHOUTING_SHARE
    colour = "" if hidden else COLOURS[facts.colour].names[language]
    noun, size = category.nouns[language], size_text(facts.size, language)
    feature = (category.feature[language] or "") if facts.featured else ""
    if category.accessory:
        parts = [facts.brand, noun, "for" if language == "en" else "für", fits(facts), colour, size]
    elif style == 0:
        parts = [facts.brand, facts.model, feature, noun, colour, size]
    elif style == 1:
        parts = [facts.brand, facts.model, colour, noun, feature, size]
    else:
        parts = [noun, facts.brand, facts.model, "-", feature, colour, size]
    title = " ".join(part for part in parts if part).rstrip(" -")
    prefix = "" if not loud else "NEW! " if language == "en" else "NEU! "
    return prefix + title


def description_of(rng: Random, category: Category, facts: Facts, language: Language) -> str:
    """Two or three plain sentences that repeat the facts."""
    noun, colour = category.nouns[language], COLOURS[facts.colour].names[language]
    closing = CLOSINGS[language][rng.randrange(len(CLOSINGS[language]))]
    size = size_text(facts.size, language)
    if category.accessory:
        what = f"{noun} by {facts.brand}" if language == "en" else f"{noun} von {facts.brand}"
        for_what = f"Fits the {fits(facts)}." if language == "en" else f"Passend für {fits(facts)}."
    else:
        joint = "by" if language == "en" else "von"
        what = f"{noun} {joint} {facts.brand}"
        for_what = f"Model {facts.model}." if language == "en" else f"Modell {facts.model}."
    looks = f"Colour {colour.lower()}" if language == "en" else f"Farbe {colour.lower()}"
    feature = category.feature[language] if facts.featured else None
    details = ", ".join(part for part in (looks, size, feature) if part)
    return " ".join(part for part in (f"{what}.", for_what, f"{details}.", closing) if part)


def attributes_of(rng: Random, category: Category, facts: Facts, language: Language) -> Mapping[str, str]:
    """Name to text; what a product does not have is left out."""
    condition = rng.choices(CONDITIONS[language], (6, 3, 1))[0]
    seller = rng.choice(SELLERS[language])
    model = fits(facts) if category.accessory else facts.model
    values = (COLOURS[facts.colour].names[language], facts.size, model, condition, seller)
    return {name: value for name, value in zip(ATTRIBUTE_NAMES[language], values, strict=True) if value}
