"""What the grades of a file mean: `0=0 1=1 2=1 3=2`, the file's on the left, ours on the right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.domain.evaluation.items import DatasetKind
from core.domain.labels import Label

LOWEST_SCORE, HIGHEST_SCORE = 1, 10
"""Of a picture (CONTRACT 4)."""

NO_GRADE = frozenset({"", "none", "null", "n/a", "na", "-"})
"""How files write that a rater gave no grade; a rule may say what else means none: `unrateable=none`."""

_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")

_EXAMPLES: Mapping[DatasetKind, str] = {
    "relevance": '--rule "0=0 1=1 2=1 3=2" (on the left the file\'s grade; on the right 0 irrelevant, '
    "1 acceptable_substitute, 2 highly_relevant, or none)",
    "image": '--rule "1=2 2=4 3=6 4=8 5=10" (on the left the file\'s score; on the right 1 to 10, or none)',
}


class BadRule(ValueError):
    """A rule that can't be read; the message says what it takes."""


class OutsideRule(ValueError):
    """A grade that the rule does not name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` as it is kept with the dataset. `grades` by the file's grade in one spelling; None: no grade."""

    text: str
    kind: DatasetKind
    grades: Mapping[str, int | None]
    stated: bool

    def grade(self, written: object) -> int | None:
        """Ours of a grade as the file writes it; None where it means none. OutsideRule."""
        word = spelled(written)
        if word in self.grades:
            return self.grades[word]
        if word in NO_GRADE:
            return None
        if self.stated:
            raise OutsideRule(f"not in the rule {self.text}")
        raise OutsideRule(f"what it means is not said; state it with {_EXAMPLES[self.kind]}")


def spelled(written: object) -> str:
    """One spelling of a grade: `3`, `3.0` and `03` are one, and so are `Good` and `good `."""
    word = " ".join(str(written).split()).casefold() if written is not None else ""
    if _NUMBER.fullmatch(word):
        return f"{float(word):g}"
    return word


def rule_of(text: str, kind: DatasetKind) -> Rule:
    """The rule that a person stated; empty text is none stated: labels by their names, scores as they are.

    Entries stand apart by commas, semicolons or, where there are none of these, by spaces. BadRule.
    """
    if not text.strip():
        return unstated(kind)
    grades: dict[str, int | None] = {}
    for entry in re.split(r"[,;]" if re.search(r"[,;]", text) else r"\s+", text.strip().strip(",;")):
        theirs, equals, ours = entry.rpartition("=")
        if not equals or not theirs.strip():
            raise BadRule(f"{entry.strip()!r} is no part of a rule, which is written so: {_EXAMPLES[kind]}")
        word, grade = spelled(theirs), _ours(ours, kind)
        if grades.setdefault(word, grade) != grade:
            raise BadRule(f"the rule gives {word} two meanings")
    if not any(grade is not None for grade in grades.values()):
        raise BadRule("the rule gives no grade at all")
    names = {} if kind == "image" else dict(_labels())
    return Rule(_told(grades), kind, {**names, **grades}, stated=True)


def unstated(kind: DatasetKind) -> Rule:
    """What needs no rule: our labels' own names, a picture's score of 1 to 10."""
    grades = dict(_labels()) if kind == "relevance" else dict(_scores())
    return Rule(_told(grades), kind, grades, stated=False)


def ours(kind: DatasetKind, text: str) -> Rule:
    """Of a file whose grades are ours already, as an export's are; `text` is the rule they once were made by."""
    grades = {str(label.grade): label.grade for label in Label} if kind == "relevance" else dict(_scores())
    return Rule(text, kind, grades, stated=True)


def _ours(text: str, kind: DatasetKind) -> int | None:
    word = spelled(text)
    if word in NO_GRADE and word:
        return None
    known = {**_labels(), **{str(label.grade): label.grade for label in Label}} if kind == "relevance" else _scores()
    if word not in known:
        raise BadRule(f"{text.strip()!r} is none of our grades; a rule is written so: {_EXAMPLES[kind]}")
    return known[word]


def _labels() -> Mapping[str, int | None]:
    return {label.value: label.grade for label in Label}


def _scores() -> Mapping[str, int | None]:
    return {str(score): score for score in range(LOWEST_SCORE, HIGHEST_SCORE + 1)}


def _told(grades: Mapping[str, int | None]) -> str:
    """Entries in one order: numbers first, by size, then words; commas where a word holds a space."""
    named = sorted(grades, key=lambda word: (0, float(word), "") if _NUMBER.fullmatch(word) else (1, 0.0, word))
    entries = [f"{word}={'none' if grades[word] is None else grades[word]}" for word in named]
    return (", " if any(" " in entry for entry in entries) else " ").join(entries)
