"""What people did with the items of the queue, and what it comes to: who stands by which grade, what counts as true."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.domain.evaluation.datasets import median
from core.domain.evaluation.items import DatasetKind
from core.domain.task_keys import digest

ActKind = Literal["answer", "skip", "undo", "remark", "decision"]

_ITEMS = uuid.UUID("0d2b3b1c-6f0e-5a53-9d0a-6a3f4f1f7c11")
"""Namespace of item ids: any constant of our own."""

NOTE_CHARS = 1_000
"""Characters of a note: two or three sentences; a guideline's text of a label has as many."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is graded: a product for a query in its context, or a picture of a listing. The same subject is the same
    item of the queue, whichever way it comes there."""

    kind: DatasetKind
    application: str
    market: str
    language: str
    query: str
    context: str
    """Filters as a JSON object in one spelling; empty where there are none."""
    listing_id: str
    content_hash: str
    """Of the product's text as the judge was told."""
    image_url: str
    """Of an image; else empty."""

    @property
    def item_id(self) -> UUID:
        """Its id in the queue."""
        named = (self.application, self.market, self.query, self.context, self.listing_id, self.content_hash)
        return uuid.uuid5(_ITEMS, digest(self.kind, *named, self.image_url))


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person did with an item; never changed. `undoes` is the act that an undo takes back."""

    act_id: int
    item_id: UUID
    reviewer: str
    act: ActKind
    grade: int | None
    blind: bool
    """Of an answer: no judge's label had been shown to this reviewer for this item."""
    undoes: int | None
    note: str
    tags: tuple[str, ...]
    at: datetime


def standing(acts: Sequence[Act]) -> list[Act]:
    """Answers and skips that were not taken back, in their order."""
    undone = {act.undoes for act in acts if act.act == "undo"}
    return [act for act in acts if act.act in ("answer", "skip") and act.act_id not in undone]


def ratings_of(acts: Sequence[Act], *, blind: bool = False) -> dict[str, int]:
    """Grade by reviewer, of the answers that stand; only those given blind where `blind`."""
    return {act.reviewer: act.grade for act in standing(acts) if act.grade is not None and (act.blind or not blind)}


def decided(acts: Sequence[Act]) -> Act | None:
    """The newest decision."""
    return next((act for act in reversed(acts) if act.act == "decision"), None)


def truth_of(ratings: Mapping[str, int], decision: int | None) -> int | None:
    """The grade that counts: adjudicated, else the median of the reviewers, rounded down; None where nobody said."""
    if decision is not None:
        return decision
    return median(list(ratings.values())) if ratings else None


def is_disputed(ratings: Mapping[str, int], needed: int, decision: int | None) -> bool:
    """Whether all who were asked have answered, not alike, and nobody has decided."""
    return decision is None and len(ratings) >= needed and len(set(ratings.values())) > 1


def remark_of(acts: Sequence[Act], reviewer: str) -> tuple[str, tuple[str, ...]]:
    """Note and tags of the reviewer's newest remark, or answer with a note; empty where there is none."""
    own = [act for act in acts if act.reviewer == reviewer]
    newest = next((act for act in reversed(own) if act.act == "remark" or act.note), None)
    return (newest.note, newest.tags) if newest else ("", ())
