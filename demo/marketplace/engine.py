"""The search engine of one market: BM25 over titles, with faults that are known and switched from outside."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from core.domain.normalise import normalised_query
from demo.marketplace.catalogue import Product
from demo.marketplace.colours import COLOURS
from demo.marketplace.facts import Language, Market, language_of
from demo.marketplace.queries import EngineFault
from demo.marketplace.vocabulary import CATEGORIES, CATEGORY_OF

K1, B = 1.2, 0.3
"""BM25's saturation (usual value) and length weight (low: titles differ little in length)."""

PAGE = 20
"""Results a page."""

FEWEST, MOST = 10, 40
"""A list is never shorter than half a page nor longer than two."""

TAIL = 0.4
"""Results below this share of the best score are left out, unless the list would be too short."""

TIE_BREAK = 0.01
"""Weight of popularity: it orders equal scores and nothing else."""

ACCESSORY_FACTOR = 0.3
"""Accessories count less when the query does not name one."""

BACKWARDS_FACTOR = 0.0
"""What a faulty engine makes of the score of a product that it should have put first: it comes by chance only."""

_WORD = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """Words without plural s, casefolded."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words]


class Engine:
    """Ranks listings; the index is rebuilt each midnight. Same query, same day: same list."""

    def __init__(
        self,
        market: Market,
        products: Sequence[Product],
        faults: Mapping[str, EngineFault],
        worse: Callable[[str, int], bool],
        day_start: Callable[[int], int],
    ) -> None:
        """`worse(query key, day)`: whether brand and colour are ignored; `day_start(day)`: its midnight, in ms."""
        self._language: Language = language_of(market)
        self._products = products
        self._faults = faults
        self._worse = worse
        self._day_start = day_start
        self._words = [Counter(tokens(product.title)) for product in products]
        self._lengths = [sum(words.values()) for words in self._words]
        self._mean_length = sum(self._lengths) / len(self._lengths)
        documents = Counter(word for words in self._words for word in words)
        self._idf = {w: math.log(1 + (len(products) - n + 0.5) / (n + 0.5)) for w, n in documents.items()}
        self._colours = {word for colour in COLOURS.values() for word in tokens(colour.names[self._language])}
        self._brand_words = [frozenset(tokens(product.facts.brand)) for product in products]
        self._brands = frozenset().union(*self._brand_words)
        self._noun_words = {c.key: frozenset(tokens(c.nouns[self._language])) for c in CATEGORIES}
        self._nouns = frozenset().union(*self._noun_words.values())
        self._synonyms = _synonyms(self._language)
        self._orders: dict[tuple[str, bool], list[tuple[float, Product]]] = {}
        self._lists: dict[tuple[str, int, bool], tuple[str, ...]] = {}

    def ranked(self, query: str, day: int, *, before: bool = False) -> tuple[str, ...]:
        """Listing ids, best first: none, or 10 to 40 of those in that day's index; `before`: by the engine as it was
        before it got worse, on the same index."""
        key = normalised_query(query)
        worse = not before and self._worse(key, day)
        known = self._lists.get((key, day, worse))
        if known is None:
            known = self._lists[key, day, worse] = self._rank(key, day, worse)
        return known

    def _rank(self, key: str, day: int, worse: bool) -> tuple[str, ...]:
        if self._faults.get(key) == "no_results":
            return ()
        midnight = self._day_start(day)
        order = [(score, p) for score, p in self._order(key, worse) if p.listed(midnight)]
        bar = TAIL * order[0][0] if order else 0.0
        good = sum(score >= bar for score, _ in order)
        return tuple(product.listing_id for _, product in order[: min(MOST, max(FEWEST, good))])

    def _order(self, key: str, worse: bool) -> list[tuple[float, Product]]:
        """All products of all days, best first: scores do not depend on the day, only what is listed does."""
        known = self._orders.get((key, worse))
        if known is not None:
            return known
        fault, asked = self._faults.get(key), self._terms(key)
        terms = self._heard(asked, fault, worse)
        order = [
            (
                self._score(number, terms) * self._factor(number, frozenset(asked), fault)
                + TIE_BREAK * product.popularity,
                product,
            )
            for number, product in enumerate(self._products)
        ]
        order.sort(key=lambda pair: (-pair[0], pair[1].listing_id))
        self._orders[key, worse] = order
        return order

    def _terms(self, key: str) -> list[str]:
        """The query's words, with a synonym replaced by the catalogue's noun."""
        text = " ".join(tokens(key))
        for synonym, noun in self._synonyms:
            text = re.sub(rf"\b{re.escape(synonym)}\b", noun, text)
        return text.split()

    def _heard(self, terms: list[str], fault: EngineFault | None, worse: bool) -> list[str]:
        """The words that the engine takes notice of."""
        if fault == "wrong_category":
            return [term for term in terms if term not in self._nouns]
        if worse:
            return [term for term in terms if term not in self._brands and term not in self._colours]
        return terms

    def _score(self, number: int, terms: Sequence[str]) -> float:
        words, score = self._words[number], 0.0
        norm = K1 * (1 - B + B * self._lengths[number] / self._mean_length)
        for term in terms:
            count = words.get(term, 0)
            if count:
                score += self._idf[term] * count * (K1 + 1) / (count + norm)
        return score

    def _factor(self, number: int, asked: frozenset[str], fault: EngineFault | None) -> float:
        category = CATEGORY_OF[self._products[number].facts.category]
        named = self._noun_words[category.key] <= asked
        if fault == "accessories":
            return 1.0 if category.accessory else BACKWARDS_FACTOR
        if fault == "other_brands" and self._brand_words[number] <= asked:
            return BACKWARDS_FACTOR
        if fault == "wrong_category" and named:
            return BACKWARDS_FACTOR
        return ACCESSORY_FACTOR if category.accessory and not named else 1.0


def _synonyms(language: Language) -> list[tuple[str, str]]:
    pairs = ((category.synonyms[language], category.nouns[language]) for category in CATEGORIES)
    return [(" ".join(tokens(synonym)), " ".join(tokens(noun))) for synonym, noun in pairs if synonym]
