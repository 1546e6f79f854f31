"""What shoppers type: the queries of one market, their volumes, and what each one wants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from core.domain.normalise import normalised_query
from demo.marketplace.catalogue import Product
from demo.marketplace.colours import COLOURS
from demo.marketplace.facts import Language, Market, Want, grade_of, language_of
from demo.marketplace.vocabulary import CATEGORIES, Category

EngineFault = Literal["accessories", "other_brands", "no_results", "wrong_category"]

TARGET = 78
"""Queries with volume a market; typos and those with personal data come on top."""

MIN_RELEVANT = 4
"""A query needs this many products it wants, else even a good engine serves it badly."""

ZIPF_OFFSET, ZIPF_EXPONENT = 4.0, 0.8
"""Head query some 5 % of the searches, the last of 78 about 0.5 %."""

RARE_WEIGHT = 0.0004
"""Share of a rare query: about 5 sessions in four weeks, below the 20 that privacy asks for."""

PASTED_WEIGHT = 0.008
"""A service address that many paste into the wrong box: well over 20 sessions, so only the PII screen stops it."""

MAX_REPHRASINGS = 4

BADLY_SERVED: dict[Market, tuple[tuple[int, str, EngineFault], ...]] = {
    "us": (
        (3, "iphone 15", "accessories"),
        (7, "adidas sneakers", "other_brands"),
        (11, "noise cancelling headphones", "no_results"),
        (16, "black dress", "wrong_category"),
    ),
    "de": (
        (3, "galaxy s24", "accessories"),
        (7, "the north face jacke", "other_brands"),
        (11, "kaffeemaschine vollautomat", "no_results"),
        (16, "rucksack schwarz", "wrong_category"),
    ),
}
"""Rank by volume, query, and what the engine gets wrong, from the first day on."""

PERSONAL: dict[Market, tuple[tuple[str, float], ...]] = {
    "us": (
        ("service@shop.example", PASTED_WEIGHT),
        ("jane.doe@mail.example order", RARE_WEIGHT),
        ("call 201-555-0123 iphone", RARE_WEIGHT),
        ("4111 1111 1111 1111", RARE_WEIGHT),
    ),
    "de": (
        ("service@laden.example", PASTED_WEIGHT),
        ("max.muster@post.example rückgabe", RARE_WEIGHT),
        ("01512 3456789 handy", RARE_WEIGHT),
        ("+49 30 901820 bestellung", RARE_WEIGHT),
    ),
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as typed by most; `key` is its normalised form; `weight` its share of the intents."""

    text: str
    key: str
    want: Want
    weight: float = 0.0
    fault: EngineFault | None = None
    rephrasings: tuple[str, ...] = ()
    """Keys of what shoppers type next when this one served them badly."""


def make_queries(seed: int, market: Market, products: Sequence[Product], start_ms: int) -> tuple[Query, ...]:
    """All queries of a market, head first, then typos, then those with personal data."""
    rng = Random(f"{seed}:queries:{market}")
    language = language_of(market)
    initial = [product for product in products if product.listed(start_ms)]
    candidates = {query.key: query for category in CATEGORIES for query in _of_category(category, language)}
    bad = {normalised_query(text): (rank, fault) for rank, text, fault in BADLY_SERVED[market]}
    good = [q for q in candidates.values() if q.key not in bad and _relevant(q.want, initial) >= MIN_RELEVANT]
    good.sort(key=lambda query: rng.random() * len(query.key.split()))  # short queries are more often the head
    ranked = good[: TARGET - len(bad)]
    for key, (rank, fault) in bad.items():
        ranked.insert(rank, replace(candidates[key], fault=fault))
    weighted = [replace(query, weight=(rank + ZIPF_OFFSET) ** -ZIPF_EXPONENT) for rank, query in enumerate(ranked)]
    total = sum(query.weight for query in weighted)
    shares = [replace(query, weight=query.weight / total) for query in weighted]
    linked = [replace(query, rephrasings=_rephrasings(query, shares)) for query in shares]
    stuck = {query.key: _reworded(query, language) for query in linked if query.fault and not query.rephrasings}
    helped = [replace(q, rephrasings=(stuck[q.key].key,)) if q.key in stuck else q for q in linked]
    return (*helped, *stuck.values(), *_typos(rng, linked), *_personal(market))


def _query(text: str, want: Want) -> Query:
    return Query(text.lower(), normalised_query(text), want)


def _of_category(category: Category, language: Language) -> Iterator[Query]:
    """Broad, synonym, brand, model, colour, feature and size queries of one category."""
    key, noun = category.key, category.nouns[language]
    yield _query(noun, Want(category=key))
    synonym, feature = category.synonyms[language], category.feature[language]
    if synonym:
        yield _query(synonym, Want(category=key))
    if feature:
        yield _query(_joined(feature, noun, language), Want(category=key, featured=True))
    for colour in category.colours[:2]:
        yield _query(_joined(COLOURS[colour].names[language], noun, language), Want(category=key, colour=colour))
    if category.accessory:
        for model in category.models[:1]:
            yield _query(f"{model.name} {noun}", Want(category=key, model=model.name))
        return
    for brand in dict.fromkeys(model.brand for model in category.models):
        yield _query(f"{brand} {noun}", Want(category=key, brand=brand))
    for model in category.models[:2]:
        name = model.name if key == "phone" else f"{model.brand} {model.name}"
        yield _query(name, Want(category=key, brand=model.brand, model=model.name))
    first = category.models[0]
    if key == "phone":
        yield _query(f"{first.brand} {first.name}", Want(category=key, brand=first.brand, model=first.name))
    if key in {"phone", "laptop"}:
        size = category.sizes[1]
        yield _query(f"{first.brand} {noun} {size}", Want(category=key, brand=first.brand, size=size))
    colour = category.colours[0]
    in_colour = _joined(COLOURS[colour].names[language], f"{first.brand} {noun}", language)
    yield _query(in_colour, Want(category=key, brand=first.brand, colour=colour))


def _joined(quality: str, noun: str, language: Language) -> str:
    """English shoppers put the quality first, German ones mostly last, which spares them its ending."""
    return f"{quality} {noun}" if language == "en" else f"{noun} {quality}"


def _relevant(want: Want, products: Sequence[Product]) -> int:
    return sum(grade_of(want, product.facts) == 2 for product in products)


def _rephrasings(query: Query, queries: Sequence[Query]) -> tuple[str, ...]:
    """Other queries that share a word and ask for nothing that contradicts this one."""
    words = set(query.key.split())
    fitting = (other for other in queries if other.key != query.key and _agree(query.want, other.want))
    return tuple(other.key for other in fitting if words & set(other.key.split()))[:MAX_REPHRASINGS]


def _reworded(query: Query, language: Language) -> Query:
    """The same wish in other words, hardly typed at first: `buy iphone 15`."""
    text = f"buy {query.text}" if language == "en" else f"{query.text} kaufen"
    return Query(text, normalised_query(text), query.want, RARE_WEIGHT)


def _agree(one: Want, other: Want) -> bool:
    pairs = (
        (one.category, other.category),
        (one.brand, other.brand),
        (one.model, other.model),
        (one.colour, other.colour),
    )
    return all(a is None or b is None or a == b for a, b in pairs)


def _typos(rng: Random, queries: Sequence[Query]) -> list[Query]:
    """Rare misspellings: two neighbouring letters of a brand swapped."""
    branded = [query for query in queries if query.want.brand and len(query.key.split()[0]) > 3][:6]
    typos: list[Query] = []
    for query in branded:
        place = rng.randrange(1, len(query.text.split()[0]) - 1)
        text = query.text[:place] + query.text[place + 1] + query.text[place] + query.text[place + 2 :]
        if normalised_query(text) != query.key:
            typos.append(Query(text, normalised_query(text), query.want, RARE_WEIGHT, None, (query.key,)))
    return typos


def _personal(market: Market) -> list[Query]:
    return [Query(text, normalised_query(text), Want(nothing=True), weight) for text, weight in PERSONAL[market]]
