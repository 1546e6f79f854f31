"""What a query asks for, read by a shopper's rules. Pure; knows no embeddings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from demo.offline_judge.lexicon import (
    ACCESSORY_NOUNS,
    AUDIENCES,
    BRANDS,
    COLOURS,
    COMPATIBLE_HEADS,
    FEATURES,
    FOOD_WORDS,
    KINDS,
    LINES,
    MODEL_SUFFIXES,
    OTHER_KIND_WORDS,
    SAME_THING,
    SIZE_WORDS,
    STOP_WORDS,
    SYNONYMS,
)
from demo.offline_judge.sizes import is_measure, is_part, measures, stated_sizes
from demo.offline_judge.words import compact, fold, is_number, stem, stems, tokens


@dataclass(frozen=True, slots=True)
class Wish:
    """A query taken apart. `kind` is what is left when brand, model, colour, size and audience are taken out."""

    text: str
    raw: tuple[str, ...]
    """Folded words as written; `words` are their stems."""
    words: tuple[str, ...]
    kind: tuple[str, ...]
    brands: frozenset[str]
    named: tuple[str, ...]
    """Brands and product lines as written."""
    names: tuple[str, ...]
    """What must be named in the listing: model codes, product lines, unknown words beside a brand."""
    features: tuple[tuple[str, ...], ...]
    colours: frozenset[str]
    sizes: frozenset[str]
    audiences: frozenset[str]

    @property
    def pairs(self) -> frozenset[str]:
        """Neighbouring words as one ("north face", "northface")."""
        return frozenset(a + b for a, b in pairwise(self.raw))

    @property
    def for_another(self) -> bool:
        """It asks for a thing that serves another ("iphone 15 case"): brand and line say what it must fit."""
        return any(_is_accessory(word) for word in self.kind)

    @property
    def thing(self) -> str:
        """The query without colours, sizes and audience: what its place among the kinds of things is taken from."""
        said = [w for w in self.raw if w not in COLOURS and w not in AUDIENCES and not self._measured(w)]
        return " ".join(said) if len(said) < len(self.raw) and said else self.text

    def _measured(self, word: str) -> bool:
        return bool(self.sizes) and is_part(word) and word not in self.names

    @property
    def specific(self) -> bool:
        """More than a kind of thing is asked for, so that rules can say whether it is met."""
        return bool(self.brands or self.names or self.features or self.colours or self.sizes or self.audiences)

    @property
    def head(self) -> str:
        """The word that says what kind of thing it is: the last one that is not a property."""
        return self.kind[-1] if self.kind else ""


def read_wish(query: str, known_brands: frozenset[str] = BRANDS) -> Wish:
    """Take a query apart; `known_brands` are folded, spaces taken out."""
    raw = _said_words(query, known_brands)
    brands = _asked_brands(raw, known_brands)
    sizes = measures(query) | stated_sizes(query, raw)
    models = tuple(word for i, word in enumerate(raw) if _is_model(raw, i))
    features = tuple(names for names in FEATURES if any(_spells(name, raw) for name in names))
    properties = _property_words(raw, known_brands, models, sizes, features)
    named = tuple(w for i, w in enumerate(raw) if w in LINES or w in brands or "".join(raw[i : i + 2]) in brands)
    names = _names(raw, brands, models, properties)
    return Wish(
        text=query,
        raw=tuple(raw),
        words=tuple(dict.fromkeys(stem(word) for word in raw)) or tuple(stems(query)),
        kind=tuple(stem(word) for word in raw if word not in properties and compact(word) not in names),
        brands=brands,
        named=named,
        names=names,
        features=features,
        colours=frozenset(COLOURS[word] for word in raw if word in COLOURS and word not in brands),
        sizes=sizes,
        audiences=frozenset(AUDIENCES[word] for word in raw if word in AUDIENCES),
    )


def _said_words(query: str, known: frozenset[str]) -> list[str]:
    """The query's words in their usual spelling, without those that say nothing; "new" of "new balance" stays."""
    text = fold(query)
    for phrase, usual in SAME_THING.items():
        text = text.replace(phrase, usual)
    given = tokens(text)
    named = {part for a, b in pairwise(given) if a + b in known for part in (a, b)}
    kept = [word for word in given if word in named or (word not in STOP_WORDS and word not in SIZE_WORDS)]
    return [_spelled(word, known) for word in kept]


def _spelled(word: str, known: frozenset[str]) -> str:
    """The brand or line that is meant when two neighbouring letters are swapped ("aiddas")."""
    if word in known or word in LINES or _is_kind_word(word) or len(word) < 4:
        return word
    swapped = (word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1))
    return next((form for form in swapped if form in known or form in LINES), word)


def _spells(name: str, raw: list[str]) -> bool:
    """The feature's name stands among the words, as one word or as neighbours."""
    length = len(name.split())
    return any(" ".join(raw[i : i + length]) == name for i in range(len(raw)))


def _names(
    raw: list[str], brands: frozenset[str], models: tuple[str, ...], properties: frozenset[str]
) -> tuple[str, ...]:
    unknown = [word for word in raw if word not in properties and not _is_kind_word(word)]
    lines = [word for word in raw if word in LINES]
    said = (*models, *lines, *(unknown if brands else ()))
    return tuple(dict.fromkeys(word if is_number(word) else compact(word) for word in said))


_KIND_STEMS = frozenset({*SYNONYMS, *SYNONYMS.values(), *ACCESSORY_NOUNS, *OTHER_KIND_WORDS, *COMPATIBLE_HEADS}) | {
    stem(word) for kind in KINDS for word in tokens(kind)
}


def _is_kind_word(word: str) -> bool:
    """It is a word for things, or a compound that ends with one ("schreibtischlampe")."""
    bare = stem(word)
    return bare in _KIND_STEMS or any(len(k) >= 4 and (bare.endswith(k) or word.endswith(k)) for k in _KIND_STEMS)


def _is_accessory(word: str) -> bool:
    ends = any(len(noun) >= 4 and word.endswith(noun) for noun in ACCESSORY_NOUNS)
    return ends or word in ACCESSORY_NOUNS or word in COMPATIBLE_HEADS


def _asked_brands(raw: list[str], known: frozenset[str]) -> frozenset[str]:
    if any(word in FOOD_WORDS for word in raw):
        return frozenset()
    pairs = (a + b for a, b in pairwise(raw))
    named = {word for word in (*raw, *pairs) if word in known}
    return frozenset(named | {LINES[word] for word in raw if word in LINES})


def _is_model(raw: list[str], i: int) -> bool:
    """A code of letters and digits, or a number right after a product line or brand ("iphone 8")."""
    word = raw[i]
    if not any(c.isdigit() for c in word) or word in LINES or is_measure(word):
        return False
    if any(c.isalpha() for c in word):
        return word[0].isalpha() or len(word) >= 4
    return i > 0 and (raw[i - 1] in LINES) and len(word) <= 2


def _property_words(
    raw: list[str],
    known: frozenset[str],
    models: tuple[str, ...],
    sizes: frozenset[str],
    features: tuple[tuple[str, ...], ...],
) -> frozenset[str]:
    """Words that say something about a thing and are no kind of thing."""
    named = {word for word in raw if word in known or word in LINES or word in models}
    named |= {part for a, b in pairwise(raw) if a + b in known for part in (a, b)}
    named |= {part for model in models for part in re.split(r"[.\-/]", model)}
    said = {word for word in raw if word in COLOURS or word in AUDIENCES or word in MODEL_SUFFIXES}
    said |= {word for names in features for name in names if _spells(name, raw) for word in name.split()}
    measured = {word for word in raw if is_part(word)} if sizes else set()
    return frozenset(named | said | measured)
