"""A query's guideline as people handle it: what it is written for, what an edit may say, what an edit changed."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from pydantic import ValidationError

from core.domain.judging import GuidelineReply, LabelGuide, Requirement
from core.domain.prompting import clean

Context = tuple[tuple[str, str], ...]
"""Filters that the shopper had set beside the query, such as gender or category: (name, value) by name."""

RESERVED = frozenset({"query", "market", "language"})
"""What a prompt tells of a query by these names; no filter may be called so."""

MODEL_AUTHOR = "model"
"""Author of a guideline that no person has edited."""

MAX_CONTEXT = 10
"""Filters of one query: a shop's page shows as many at most, and each guideline is of one set of them."""

MAX_REQUIREMENTS = 12
"""Requirements of an edited guideline: the prompt calls one to six normal; every judging call pays for each."""

EDIT_CHARS = 1_000
"""Characters of one text of an edit: a label's guide takes 300, and every judging call of the query carries it."""

AUTHOR_CHARS = 100
COMMENT_CHARS = 500
"""Why an edit was made, in a sentence or two."""


class BadEdit(ValueError):
    """An edit can't be stored; the message says what to change, for a person."""


@dataclass(frozen=True, slots=True)
class GuidelineKey:
    """What a guideline is written for: a query and its context. Applications of one market share it."""

    market: str
    query: str
    language: str
    context: Context = ()

    @property
    def context_text(self) -> str:
        """The filters as a JSON object in one spelling; empty where there are none."""
        return context_text(self.context)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a guideline's text, and whether an edit added it, removed it or left it."""

    text: str
    change: Literal["same", "added", "removed"]


def context_of(told: Mapping[str, object]) -> Context:
    """The filters in one order; what is no text or empty is left out."""
    kept = ((name, value) for name, value in told.items() if isinstance(value, str) and value)
    return tuple(sorted(kept))


def context_text(context: Context) -> str:
    """One spelling of one set of filters, as it is stored; empty where there are none."""
    return msgspec.json.encode(dict(context), order="sorted").decode() if context else ""


def read_context(text: str) -> Context:
    """What `context_text` wrote; ValueError where it did not."""
    if not text:
        return ()
    told = msgspec.json.decode(text)
    if not isinstance(told, dict):
        raise ValueError("filters are a JSON object")
    return context_of(told)


def guideline_version(key: GuidelineKey, body: GuidelineReply, origin: str) -> str:
    """What labels carry: where it comes from (the prompt that made it, or `edit` and its revision), and a hash of what
    it says and for whom, so that among a query's labels a version names one guideline."""
    told = (key.language, key.context_text, body.model_dump(mode="json"))
    return f"{origin}.{hashlib.sha256(msgspec.json.encode(told, order='sorted')).hexdigest()[:12]}"


def edited_version(key: GuidelineKey, body: GuidelineReply, revision: int) -> str:
    """A person's version. The revision is part of it: text that comes back is judged by anew, and its labels are the
    newest again."""
    return guideline_version(key, body, f"edit{revision}")


def checked_edit(told: Mapping[str, object]) -> GuidelineReply:
    """The guideline of an edit, cleaned as a model's is; BadEdit says what is wrong with it."""
    try:
        body = GuidelineReply.model_validate_json(msgspec.json.encode(dict(told)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the guideline"
        raise BadEdit(f"{place}: {first['msg']}") from None
    if len(body.requirements) > MAX_REQUIREMENTS:
        raise BadEdit(f"requirements: {len(body.requirements)}, at most {MAX_REQUIREMENTS}")
    guide = body.guideline
    return GuidelineReply(
        translation=_text(body.translation, "translation"),
        specificity=body.specificity,
        requirements=[
            Requirement(
                requirement=_text(each.requirement, f"requirement {number}"),
                importance=each.importance,
                why=_text(each.why, f"why of requirement {number}", needed=False),
            )
            for number, each in enumerate(body.requirements, 1)
        ],
        guideline=LabelGuide(
            highly_relevant=_text(guide.highly_relevant, "highly relevant"),
            acceptable_substitute=_text(guide.acceptable_substitute, "acceptable substitute"),
            irrelevant=_text(guide.irrelevant, "irrelevant"),
        ),
    )


def checked_author(name: str) -> str:
    """A person's name; BadEdit for none, or the one that stands for models."""
    author = clean(name, AUTHOR_CHARS)
    if not author:
        raise BadEdit("author: an edit carries the name of who made it")
    if author == MODEL_AUTHOR:
        raise BadEdit(f"author: {MODEL_AUTHOR} is the name of those that no person wrote")
    return author


def checked_comment(text: str) -> str:
    """Why, in a sentence or two; may be empty."""
    return clean(text, COMMENT_CHARS)


def told_lines(body: GuidelineReply) -> list[str]:
    """The guideline as lines of text, one thing a line."""
    guide = body.guideline
    return [
        f"translation: {body.translation}",
        f"specificity: {body.specificity}",
        *(f"{each.importance}: {each.requirement}{f' ({each.why})' if each.why else ''}" for each in body.requirements),
        f"highly_relevant: {guide.highly_relevant}",
        f"acceptable_substitute: {guide.acceptable_substitute}",
        f"irrelevant: {guide.irrelevant}",
    ]


def difference(before: GuidelineReply | None, after: GuidelineReply) -> list[Line]:
    """What became of `before`, line by line; all is added where there was nothing."""
    old, new = told_lines(before) if before else [], told_lines(after)
    found: list[Line] = []
    for kind, old_start, old_end, new_start, new_end in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if kind == "equal":
            found += [Line(text, "same") for text in new[new_start:new_end]]
        else:
            found += [Line(text, "removed") for text in old[old_start:old_end]]
            found += [Line(text, "added") for text in new[new_start:new_end]]
    return found


def _text(value: str, name: str, *, needed: bool = True) -> str:
    if len(value) > EDIT_CHARS:
        raise BadEdit(f"{name}: {len(value)} characters, at most {EDIT_CHARS}")
    text = clean(value, EDIT_CHARS)
    if needed and not text:
        raise BadEdit(f"{name}: empty")
    return text
