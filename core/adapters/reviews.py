"""The review queue in PostgreSQL: port `ReviewStore`. Acts are appended; what follows from them is kept beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from core.adapters import audit
from core.adapters import reviews_sql as sql
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.adapters.review_rows import act_of, item_of, opinion_of
from core.domain.evaluation.items import DatasetKind
from core.domain.review.answers import Act, ActKind, decided, is_disputed, ratings_of, standing
from core.review_ports import (
    COUNTED,
    Answered,
    AnswerFilter,
    Asked,
    Fill,
    Item,
    Noted,
    Opinion,
    Progress,
    ReviewRefused,
)


class PostgresReviews:
    """Port `ReviewStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fill(self, fill: Fill, asked: Sequence[Asked], needed: int) -> int:
        """One transaction; returns how many items are new."""
        async with transaction(self._pool) as held:
            await held.execute(sql.FILL, *_fill_row(fill))
            rows = await held.fetch(sql.ITEMS, fill.kind, needed, fill.made_at, *_columns(map(_item_row, asked), 16))
            await held.execute(sql.DRAWS, fill.fill_id, *_columns(map(_draw_row, asked), 5))
            opinions = [_opinion_row(each, opinion) for each in asked for opinion in each.candidate.opinions]
            await held.execute(sql.KEEP_OPINIONS, *_columns(opinions, 14))
        return sum(row["is_new"] for row in rows)

    async def fills(self, kind: DatasetKind, limit: int) -> Sequence[Fill]:
        """Newest first."""
        async with connection(self._pool) as held:
            return [Fill(**row) for row in await held.fetch(sql.FILLS, kind, limit)]

    async def answered_of(self, fills: Sequence[UUID]) -> Mapping[UUID, int]:
        """Items of each filling that somebody has answered."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.ANSWERED_OF, list(fills))
        return dict.fromkeys(fills, 0) | {row["fill_id"]: row["count"] for row in rows}

    async def take(self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float) -> Item | None:
        """What is on screen, else the next; leased."""
        async with transaction(self._pool) as held:
            await held.execute(sql.TAKE_TURNS, kind)
            item_id = await held.fetchval(sql.HELD, reviewer, kind, at) or await held.fetchval(
                sql.NEXT, reviewer, kind, at
            )
            if item_id is None:
                return None
            await held.execute(sql.LEASE, reviewer, kind, item_id, at + timedelta(seconds=lease_s))
            return await _item(held, item_id)

    async def item(self, item_id: UUID) -> Item | None:
        """One item."""
        async with connection(self._pool) as held:
            return await _item(held, item_id)

    async def opinions(self, item_id: UUID) -> Sequence[Opinion]:
        """The judges' words."""
        async with connection(self._pool) as held:
            return [opinion_of(row) for row in await held.fetch(sql.OPINIONS, [item_id])]

    async def acts(self, item_id: UUID) -> Sequence[Act]:
        """Oldest first."""
        async with connection(self._pool) as held:
            return await _acts(held, item_id)

    async def answer(
        self, item_id: UUID, reviewer: str, grade: int | None, note: str, at: datetime, noted: Noted | None = None
    ) -> Act:
        """An answer or a skip."""
        async with transaction(self._pool) as held:
            locked = await _locked(held, item_id)
            if reviewer in locked["seen_by"]:
                raise ReviewRefused("you have answered or skipped this item already; press u to take that back")
            if locked["decided"] is not None:
                raise ReviewRefused("this item was decided in the meantime")
            known = await _acts(held, item_id)
            blind = not any(act.reviewer == reviewer and act.act == "answer" for act in known)
            kept = await _act(
                held, item_id, reviewer, "answer" if grade is not None else "skip", at, grade, note=note, blind=blind
            )
            await held.execute(sql.END_LEASE, reviewer, item_id)
            await _state(held, item_id, locked["needed"], [*known, kept])
            await _note(held, noted, kept)
        return kept

    async def undo(
        self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float, noted: Noted | None = None
    ) -> UUID:
        """The newest that stands."""
        async with transaction(self._pool) as held:
            newest = await held.fetchrow(sql.NEWEST_STANDING, reviewer, kind)
            if newest is None:
                raise ReviewRefused("there is nothing of yours to take back")
            item_id: UUID = newest["item_id"]
            locked = await _locked(held, item_id)
            known = await _acts(held, item_id)
            if newest["act_id"] not in {act.act_id for act in standing(known)}:
                raise ReviewRefused("that was taken back already")
            if locked["decided"] is not None:
                raise ReviewRefused("the item of your last answer was decided since: your answer stays as it is")
            kept = await _act(held, item_id, reviewer, "undo", at, undoes=newest["act_id"])
            await _state(held, item_id, locked["needed"], [*known, kept])
            await held.execute(sql.LEASE, reviewer, kind, item_id, at + timedelta(seconds=lease_s))
            await _note(held, noted, kept)
        return item_id

    async def remark(
        self, item_id: UUID, reviewer: str, note: str, tags: Sequence[str], at: datetime, noted: Noted | None = None
    ) -> None:
        """A note and error classes."""
        async with transaction(self._pool) as held:
            await _locked(held, item_id)
            kept = await _act(held, item_id, reviewer, "remark", at, note=note, tags=tags)
            await _note(held, noted, kept)

    async def decide(
        self, item_id: UUID, by: str, grade: int, reason: str, at: datetime, noted: Noted | None = None
    ) -> None:
        """The grade that counts."""
        async with transaction(self._pool) as held:
            locked = await _locked(held, item_id)
            known = await _acts(held, item_id)
            if not ratings_of(known):
                raise ReviewRefused("nobody has answered this item yet: there is nothing to decide")
            kept = await _act(held, item_id, by, "decision", at, grade, note=reason)
            await _state(held, item_id, locked["needed"], [*known, kept])
            await _note(held, noted, kept)

    async def progress(self, reviewer: str, kind: DatasetKind, at: datetime) -> Progress:
        """Where the queue stands."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql.PROGRESS, reviewer, kind, midnight, COUNTED + 1)
        return Progress(**row) if row else Progress(0, 0, 0)

    async def answered(self, wanted: AnswerFilter) -> Sequence[Answered]:
        """Items with everything that was done and said."""
        asked = (wanted.kind, wanted.fill, wanted.disputed, wanted.item, wanted.limit, wanted.at_random)
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.ANSWERED, *asked)
            ids = [row["item_id"] for row in rows]
            acts, opinions = defaultdict[UUID, list[Act]](list), defaultdict[UUID, list[Opinion]](list)
            for row in await held.fetch(sql.ACTS, ids):
                acts[row["item_id"]].append(act_of(row))
            for row in await held.fetch(sql.OPINIONS, ids):
                opinions[row["item_id"]].append(opinion_of(row))
        return [_answered(row, acts[row["item_id"]], opinions[row["item_id"]]) for row in rows]


def _answered(row: asyncpg.Record, acts: Sequence[Act], opinions: Sequence[Opinion]) -> Answered:
    random_in = {UUID(fill): float(probability) for fill, probability in (row["random_in"] or {}).items()}
    return Answered(item_of(row), acts, opinions, row["anchors"], row["dataset"], random_in)


async def _item(held: Connection, item_id: UUID) -> Item | None:
    row = await held.fetchrow(sql.ITEM, item_id)
    return None if row is None else item_of(row)


async def _locked(held: Connection, item_id: UUID) -> asyncpg.Record:
    row = await held.fetchrow(sql.LOCK, item_id)
    if row is None:
        raise ReviewRefused("there is no such item in the queue")
    return row


async def _acts(held: Connection, item_id: UUID) -> list[Act]:
    return [act_of(row) for row in await held.fetch(sql.ACTS, [item_id])]


async def _act(
    held: Connection,
    item_id: UUID,
    reviewer: str,
    act: ActKind,
    at: datetime,
    grade: int | None = None,
    *,
    blind: bool = True,
    undoes: int | None = None,
    note: str = "",
    tags: Sequence[str] = (),
) -> Act:
    row = await held.fetchrow(sql.ACT, item_id, reviewer, act, grade, blind, undoes, note, list(tags), at)
    assert row is not None  # noqa: S101 - an insert without a conflict clause returns its row
    return act_of(row)


async def _note(held: Connection, noted: Noted | None, kept: Act) -> None:
    """The act's audit entry, in the transaction of the act."""
    if noted is not None:
        await audit.note(held, noted(kept))


async def _state(held: Connection, item_id: UUID, needed: int, acts: Sequence[Act]) -> None:
    """Write what follows from the acts beside them."""
    ratings, decision = ratings_of(acts), decided(acts)
    grade = decision.grade if decision else None
    seen = [act.reviewer for act in standing(acts)]
    still_open = decision is None and len(ratings) < needed
    await held.execute(sql.STATE, item_id, seen, len(ratings), still_open, is_disputed(ratings, needed, grade), grade)


def _columns(rows: Sequence[tuple[object, ...]] | map[tuple[object, ...]], width: int) -> list[list[object]]:
    """Columns of rows, as `unnest` takes them; empty ones of no row."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _fill_row(fill: Fill) -> tuple[object, ...]:
    counts = (fill.frame, fill.items, fill.random_items)
    return (fill.fill_id, fill.kind, fill.source, fill.told, *counts, fill.made_at, fill.made_by)


def _item_row(asked: Asked) -> tuple[object, ...]:
    told, subject = asked.candidate, asked.candidate.subject
    listing: Mapping[str, object] | None = told.listing
    return (
        subject.item_id,
        asked.place,
        subject.application,
        subject.market,
        subject.language,
        subject.query,
        subject.context,
        subject.listing_id,
        subject.content_hash,
        subject.image_url,
        None if listing is None else encode_json(listing),
        encode_json(told.segment),
        told.guideline_version,
        told.anchors,
        told.dataset,
        told.dataset_item,
    )


def _draw_row(asked: Asked) -> tuple[object, ...]:
    return (asked.candidate.subject.item_id, asked.drawn, asked.probability, asked.teaches, encode_json(asked.why))


def _opinion_row(asked: Asked, told: Opinion) -> tuple[object, ...]:
    return (
        asked.candidate.subject.item_id,
        told.key,
        told.judge,
        told.content_key,
        told.run_id,
        told.dataset_item,
        told.grade,
        told.confidence,
        told.reasoning,
        told.verdicts,
        encode_json(told.aspects),
        told.call_id,
        told.judged_at,
        told.shadow,
    )
