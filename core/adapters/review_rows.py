"""Rows of the review tables as the port's records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from core.domain.evaluation.items import DatasetKind
from core.domain.judging import GuidelineReply
from core.domain.review.answers import Act, Subject
from core.review_ports import Candidate, Item, Opinion

_SUBJECT = (
    "application", "market", "language", "query", "context", "listing_id", "content_hash", "image_url"
)  # fmt: skip


def candidate_of(kind: DatasetKind, row: asyncpg.Record) -> Candidate:
    """A live label or score without its product: the shadows' opinions stand behind the live judge's."""
    segment = {"market": row["market"], "language": row["language"]}
    return Candidate(
        subject=subject_of(kind, row),
        listing=None,
        segment={name: value for name, value in segment.items() if value},
        guideline_version=row["guideline_version"],
        opinions=[_opinion(row), *(shadow_of(each) for each in row["shadows"] or [])],
    )


def subject_of(kind: DatasetKind, row: asyncpg.Record) -> Subject:
    """What is graded, of a row with its columns."""
    return Subject(kind, *(row[name] for name in _SUBJECT))


def _opinion(row: asyncpg.Record) -> Opinion:
    return Opinion(
        judge=row["judge"],
        grade=row["grade"],
        confidence=row["confidence"],
        reasoning=row["reasoning"],
        verdicts=row["verdicts"],
        aspects=row["aspects"],
        content_key=row["content_key"],
        run_id=None,
        dataset_item="",
        call_id=row["call_id"],
        judged_at=row["judged_at"],
    )


def shadow_of(told: Mapping[str, object]) -> Opinion:
    """A candidate's opinion, of the JSON that a statement makes of its row."""
    aspects, confidence, call_id = told.get("aspects"), told.get("confidence"), told.get("call_id")
    return Opinion(
        judge=str(told["judge"]),
        grade=int(str(told["grade"])),
        confidence=None if confidence is None else float(str(confidence)),
        reasoning=str(told["reasoning"]),
        verdicts=str(told.get("verdicts", "")),
        aspects={str(name): int(score) for name, score in aspects.items()} if isinstance(aspects, dict) else {},
        content_key=str(told["content_key"]),
        run_id=None,
        dataset_item="",
        call_id=None if call_id is None else UUID(str(call_id)),
        judged_at=datetime.fromisoformat(str(told["judged_at"])),
        shadow=True,
    )


def item_of(row: asyncpg.Record) -> Item:
    """An item of the queue; `guideline` and `pictures` where the statement joins them."""
    body, pictures = row["guideline"], row["pictures"]
    return Item(
        item_id=row["item_id"],
        subject=subject_of(row["kind"], row),
        listing=row["listing"],
        segment=row["segment"],
        guideline_version=row["guideline_version"],
        needed=row["needed"],
        decided=row["decided"],
        guideline=None if body is None else GuidelineReply.model_validate(body),
        pictures=pictures or {},
    )


def act_of(row: asyncpg.Record) -> Act:
    """A row of `review_acts`."""
    return Act(
        row["act_id"],
        row["item_id"],
        row["reviewer"],
        row["act"],
        row["grade"],
        row["blind"],
        row["undoes"],
        row["note"],
        tuple(row["tags"]),
        row["at"],
    )


def opinion_of(row: asyncpg.Record) -> Opinion:
    """A row of `review_opinions`."""
    return Opinion(
        row["judge"],
        row["grade"],
        row["confidence"],
        row["reasoning"],
        row["verdicts"],
        row["aspects"],
        row["content_key"],
        row["run_id"],
        row["dataset_item"],
        row["call_id"],
        row["judged_at"],
        row["shadow"],
    )
