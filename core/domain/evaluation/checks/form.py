"""Form: does the judgement fit its own parts, and is the reason one. Needs nothing but the judgement and the guideline.

Each check is one function from a judgement to a finding or None; its name is the check's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.domain.evaluation.checks.facts import Beside, Finding, Judged, asked, fold, shortened, told, word_list
from core.domain.evaluation.checks.words import STOP_WORDS

SHORT_WORDS = 3
"""Words below which a reason says nothing that could be checked: "Not relevant.", "It fits"."""

LONG_WORDS, LONG_WORDS_IMAGE = 80, 240
"""Twice what the prompts ask for at most (40, of pictures 120): output tokens are the dearest part of a call."""

LANGUAGE_WORDS = 6
"""Words that a language is told from at least; fewer may be a title."""

FOREIGN_WORDS = 3
"""Words of another language that must be there, and more than of English: one or two are quoted from the data."""

FOREIGN_LETTERS = 0.3
"""Part of the letters that are not Latin from which it is another script: a quoted name is less."""

SURE = 0.95
"""The prompt's confidence where the evidence is plain; about 0.7 is asked for where something that matters is not
told."""

TWIN_WORDS = 6
"""Words from which the same reason for two products is no coincidence; "A mug, not a jacket." may be said twice."""

PATTERN_REASONS = 3
"""Other reasons from which a word that stands in all of them is the judge's manner and no name."""

NAME_LETTERS = 4
"""Letters of a word of a title from which it says which product is meant."""

SAME_TITLE = 0.5
"""Part of the words that two titles share from which they are the same thing twice (Jaccard), and may be judged in the
same words."""

IRRELEVANT, SUBSTITUTE, RELEVANT = 0, 1, 2
_NAMES = {IRRELEVANT: "irrelevant", SUBSTITUTE: "acceptable_substitute", RELEVANT: "highly_relevant"}

_PRAISE = re.compile(
    r"\b(?:every|all(?: of)?(?: the)?|each)\b[^.;]{0,30}\b(?:specification|requirement|criteri\w+|aspect)s?\b"
    r"(?:(?!\b(?:not|except|but|n't)\b)[^.;]){0,20}\b(?:is|are)? ?(?:met|satisfied|fulfilled)\b"
    r"|\b(?:meets|satisfies|fulfils|fulfills|matches)\b (?:every|all|each)\b(?! but| except)"
    r"|\b(?:exactly|precisely) what (?:was|is) asked\b|\b(?:perfect|exact) match\b"
)
_BLAME = re.compile(
    r"\bnot what (?:was|is|the shopper) (?:asked|wanted|wants)\b|\bnot the (?:thing|kind|product|item) asked for\b"
    r"|\b(?:completely|entirely|wholly) (?:different|unrelated)\b|\bunrelated to\b"
    r"|\b(?:wrong|another|a different) (?:brand|kind of (?:thing|product)|product type|model)\b"
    r"|\bdoes not (?:match|meet|satisfy|fit) (?:the )?(?:query|request|must)"
)
_NEGATED = re.compile(
    r"(?:\bnot\b|\bno\b|n't\b|\bnothing\b|\bneither\b|\bnever\b|\bwithout\b|\brather than\b)[^.;,]{0,25}$"
)
_LABELS = {
    IRRELEVANT: re.compile(r"\birrelevant\b"),
    SUBSTITUTE: re.compile(r"\bacceptable[ _]substitute\b"),
    RELEVANT: re.compile(r"\bhighly[ _]relevant\b"),
}


def label_over_verdicts(judged: Judged) -> Finding | None:
    """A must-have that is not met makes irrelevant, and another requirement that is not met a substitute at best."""
    if judged.kind != "relevance":
        return None
    if "n" in judged.musts and judged.grade > IRRELEVANT:
        return _against(label_over_verdicts.__name__, judged, "a must-have is not met")
    if "n" in judged.others and judged.grade == RELEVANT:
        return _against(label_over_verdicts.__name__, judged, "a requirement is not met")
    return None


def label_under_verdicts(judged: Judged) -> Finding | None:
    """Irrelevant with every must-have met; a substitute with all met."""
    if judged.kind != "relevance" or not judged.musts:
        return None
    met = set(judged.musts) == {"y"}
    if met and judged.grade == IRRELEVANT:
        return _against(label_under_verdicts.__name__, judged, "every must-have is met")
    if met and judged.grade == SUBSTITUTE and set(judged.others) <= {"y"}:
        return _against(label_under_verdicts.__name__, judged, "every requirement is met")
    return None


def no_verdicts(judged: Judged) -> Finding | None:
    """The guideline has requirements, and the judge said of none whether it is met."""
    asked_for = len(judged.guideline.requirements) if judged.guideline else 0
    if judged.kind == "relevance" and asked_for and not judged.verdicts:
        return Finding(no_verdicts.__name__, f"no verdict on {asked_for} requirements")
    return None


def sure_though_untold(judged: Judged) -> Finding | None:
    """As sure as with plain evidence, though by its own word a must-have is not told."""
    open_musts = "?" in judged.musts and "n" not in judged.musts
    if open_musts and judged.grade == RELEVANT and (judged.confidence or 0) >= SURE:
        told_as = f"confidence {judged.confidence:.2f} with must-haves {judged.musts}"
        return Finding(sure_though_untold.__name__, told_as)
    return None


def reason_missing(judged: Judged) -> Finding | None:
    """Empty, or without a word."""
    if not word_list(judged.reasoning):
        return Finding(reason_missing.__name__, "no reason is given")
    return None


def reason_too_short(judged: Judged) -> Finding | None:
    """So few words that nothing can be checked by them. Not of other scripts, some of which have no words apart."""
    count = len(word_list(judged.reasoning))
    if 0 < count < SHORT_WORDS and not _foreign_letters(judged.reasoning):
        return Finding(reason_too_short.__name__, f"{count} words: {shortened(judged.reasoning)}")
    return None


def reason_too_long(judged: Judged) -> Finding | None:
    """More than twice what the prompt asks for."""
    count, most = len(word_list(judged.reasoning)), LONG_WORDS_IMAGE if judged.kind == "image" else LONG_WORDS
    return Finding(reason_too_long.__name__, f"{count} words, at most {most}") if count > most else None


def reason_not_english(judged: Judged) -> Finding | None:
    """By its script, and by the commonest words of nine languages; words of the product's own data do not count."""
    other = _foreign_letters(judged.reasoning)
    if other:
        return Finding(reason_not_english.__name__, f"{other} letters are not Latin: {shortened(judged.reasoning)}")
    language = _language(judged)
    if language != "en":
        return Finding(reason_not_english.__name__, f"reads as {language}: {shortened(judged.reasoning)}")
    return None


def reason_against_label(judged: Judged) -> Finding | None:
    """Says that all is met of an irrelevant product, that it is not what was asked of a highly relevant one, or names
    another label than it gives."""
    if judged.kind != "relevance":
        return None
    text = fold(judged.reasoning)
    found = _PRAISE if judged.grade == IRRELEVANT else _BLAME if judged.grade == RELEVANT else None
    said = _plain(found, text) if found else ""
    others = [word for grade, each in _LABELS.items() if grade != judged.grade and (word := _plain(each, text))]
    if not said and others and not _plain(_LABELS[judged.grade], text):
        said = others[0]
    return Finding(reason_against_label.__name__, f"says “{said}” with {_NAMES[judged.grade]}") if said else None


def reason_of_another(judged: Judged) -> Finding | None:
    """Word for word the reason of another product, and it speaks of what only that one's title has. Judges that write
    by a pattern say the same of many products, which is no fault."""
    said, twins = set(word_list(judged.reasoning)), _twins(judged)
    if not twins or len(said) < TWIN_WORDS or judged.product is None:
        return None
    known = told(judged).words | asked(judged).words | STOP_WORDS["en"] | _pattern(judged)
    for each in twins:
        foreign = [word for word in word_list(each.title) if len(word) >= NAME_LETTERS and word in said - known]
        if foreign and not _same_title(judged.product.title, each.title):
            told_as = f"word for word the reason of “{shortened(each.title)}”, of “{foreign[0]}” too"
            return Finding(reason_of_another.__name__, told_as)
    return None


def _against(check: str, judged: Judged, what: str) -> Finding:
    requirements = judged.guideline.requirements if judged.guideline else []
    parts = zip(judged.verdicts, requirements, strict=True)
    listed = ", ".join(f"{shortened(each.requirement, 40)}: {letter}" for letter, each in parts)
    return Finding(check, f"{_NAMES[judged.grade]} though {what} ({listed})")


def _plain(pattern: re.Pattern[str], text: str) -> str:
    """The first match before which no negation stands; empty where there is none."""
    for match in pattern.finditer(text):
        if not _NEGATED.search(text[: match.start()]):
            return match.group()
    return ""


def _foreign_letters(text: str) -> int:
    """Letters that are not Latin, where they are so many that the text is of another script; else 0."""
    letters = [each for each in text if each.isalpha()]
    other = sum(not _latin(each) for each in letters)
    return other if letters and other / len(letters) > FOREIGN_LETTERS else 0


def _latin(letter: str) -> bool:
    """Basic Latin to Latin Extended-B, and its additions."""
    return ord(letter) < 0x250 or 0x1E00 <= ord(letter) < 0x1F00


def _language(judged: Judged) -> str:
    """`en` unless another one is told by more words."""
    own = told(judged).words
    words = [word for word in word_list(judged.reasoning) if word not in own or word in STOP_WORDS["en"]]
    if len(words) < LANGUAGE_WORDS:
        return "en"
    counts = {name: _of(words, common) for name, common in STOP_WORDS.items()}
    best = max(counts, key=lambda name: (counts[name], name == "en"))
    return best if counts[best] >= FOREIGN_WORDS and counts[best] > counts["en"] else "en"


def _of(words: Sequence[str], common: frozenset[str]) -> int:
    return len({word for word in words if word in common})


def _twins(judged: Judged) -> list[Beside]:
    return [each for each in judged.beside if each.reasoning == judged.reasoning]


def _pattern(judged: Judged) -> frozenset[str]:
    """Words of every reason that the judge gave for the query, where there are enough to tell."""
    said = [frozenset(word_list(each.reasoning)) for each in judged.beside]
    return frozenset.intersection(*said) if len(said) >= PATTERN_REASONS else frozenset()


def _same_title(one: str, other: str) -> bool:
    a, b = set(word_list(one)), set(word_list(other))
    return bool(a | b) and len(a & b) / len(a | b) >= SAME_TITLE
