"""The review queue in memory, and candidates to fill it with. The contract suite runs on this and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from core.domain.evaluation.items import DatasetKind
from core.domain.review.answers import Act, ActKind, decided, is_disputed, ratings_of, standing
from core.domain.review.drawing import Frame, frame_of
from core.review_ports import (
    COUNTED,
    Answered,
    AnswerFilter,
    Asked,
    Candidate,
    Fill,
    Item,
    Moved,
    Noted,
    Opinion,
    Progress,
    ReviewRefused,
)
from tests.support.fake_audit import FakeAudit


@dataclass
class Kept:
    """An item as it is kept."""

    item: Item
    place: int
    anchors: bool
    dataset: str
    queued_at: datetime
    opinions: dict[str, Opinion] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    random_in: dict[UUID, float] = field(default_factory=dict)
    fills: set[UUID] = field(default_factory=set)

    @property
    def seen_by(self) -> set[str]:
        return {act.reviewer for act in standing(self.acts)}

    @property
    def decided(self) -> int | None:
        decision = decided(self.acts)
        return decision.grade if decision else None

    @property
    def open(self) -> bool:
        return self.decided is None and len(ratings_of(self.acts)) < self.item.needed

    @property
    def disputed(self) -> bool:
        return is_disputed(ratings_of(self.acts), self.item.needed, self.decided)


@dataclass
class InMemoryReviews:
    """`ReviewStore`."""

    kept: dict[UUID, Kept] = field(default_factory=dict)
    filled: list[Fill] = field(default_factory=list)
    leases: dict[tuple[str, DatasetKind], tuple[UUID, datetime]] = field(default_factory=dict)
    count: int = 0
    audit: FakeAudit = field(default_factory=FakeAudit)

    async def fill(self, fill: Fill, asked: Sequence[Asked], needed: int) -> int:
        self.filled.append(fill)
        new = 0
        for each in asked:
            told, item_id = each.candidate, each.candidate.subject.item_id
            new += item_id not in self.kept
            item = Item(item_id, told.subject, told.listing, told.segment, told.guideline_version, needed, None)
            kept = self.kept.setdefault(item_id, Kept(item, each.place, False, told.dataset, fill.made_at))
            kept.anchors |= told.anchors
            kept.fills.add(fill.fill_id)
            for opinion in told.opinions:
                kept.opinions.setdefault(opinion.key, opinion)
            if each.drawn == "random":
                kept.random_in[fill.fill_id] = each.probability
        return new

    async def fills(self, kind: DatasetKind, limit: int) -> Sequence[Fill]:
        newest = sorted((fill for fill in self.filled if fill.kind == kind), key=lambda fill: fill.made_at)
        return newest[::-1][:limit]

    async def answered_of(self, fills: Sequence[UUID]) -> Mapping[UUID, int]:
        answered = [kept for kept in self.kept.values() if ratings_of(kept.acts)]
        return {fill: sum(fill in kept.fills for kept in answered) for fill in fills}

    async def take(self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float) -> Item | None:
        held, until = self.leases.get((reviewer, kind), (None, at))
        queue = sorted(self.kept.values(), key=lambda kept: (kept.item.item_id != held or until <= at, kept.place))
        free = next((kept for kept in queue if self._is_free(kept, reviewer, kind, at)), None)
        if free is None:
            return None
        self.leases[reviewer, kind] = (free.item.item_id, at + timedelta(seconds=lease_s))
        return await self.item(free.item.item_id)

    def _is_free(self, kept: Kept, reviewer: str, kind: DatasetKind, at: datetime) -> bool:
        others = sum(
            item_id == kept.item.item_id and name != reviewer and until > at
            for (name, _), (item_id, until) in self.leases.items()
        )
        places = kept.item.needed - len(ratings_of(kept.acts)) - others
        return kept.item.subject.kind == kind and kept.open and reviewer not in kept.seen_by and places > 0

    async def item(self, item_id: UUID) -> Item | None:
        kept = self.kept.get(item_id)
        return None if kept is None else replace(kept.item, decided=kept.decided)

    async def opinions(self, item_id: UUID) -> Sequence[Opinion]:
        kept = self.kept.get(item_id)
        newest = sorted(kept.opinions.values() if kept else [], key=lambda each: each.judge)
        return sorted(newest, key=lambda each: (each.shadow, -each.judged_at.timestamp()))

    async def acts(self, item_id: UUID) -> Sequence[Act]:
        kept = self.kept.get(item_id)
        return list(kept.acts) if kept else []

    async def answer(
        self, item_id: UUID, reviewer: str, grade: int | None, note: str, at: datetime, noted: Noted | None = None
    ) -> Act:
        kept = self._known(item_id)
        if reviewer in kept.seen_by:
            raise ReviewRefused("you have answered or skipped this item already; press u to take that back")
        if kept.decided is not None:
            raise ReviewRefused("this item was decided in the meantime")
        blind = not any(act.reviewer == reviewer and act.act == "answer" for act in kept.acts)
        if self.leases.get((reviewer, kept.item.subject.kind), (None, at))[0] == item_id:
            del self.leases[reviewer, kept.item.subject.kind]
        act: ActKind = "answer" if grade is not None else "skip"
        return await self._act(kept, reviewer, act, at, noted, grade, blind=blind, note=note)

    async def undo(
        self, reviewer: str, kind: DatasetKind, at: datetime, lease_s: float, noted: Noted | None = None
    ) -> UUID:
        own = [
            act
            for kept in self.kept.values()
            for act in standing(kept.acts)
            if act.reviewer == reviewer and kept.item.subject.kind == kind
        ]
        if not own:
            raise ReviewRefused("there is nothing of yours to take back")
        newest = max(own, key=lambda act: (act.at, act.act_id))
        kept = self.kept[newest.item_id]
        if kept.decided is not None:
            raise ReviewRefused("the item of your last answer was decided since: your answer stays as it is")
        await self._act(kept, reviewer, "undo", at, noted, undoes=newest.act_id)
        self.leases[reviewer, kind] = (newest.item_id, at + timedelta(seconds=lease_s))
        return newest.item_id

    async def remark(
        self, item_id: UUID, reviewer: str, note: str, tags: Sequence[str], at: datetime, noted: Noted | None = None
    ) -> None:
        await self._act(self._known(item_id), reviewer, "remark", at, noted, note=note, tags=tuple(tags))

    async def decide(
        self, item_id: UUID, by: str, grade: int, reason: str, at: datetime, noted: Noted | None = None
    ) -> None:
        kept = self._known(item_id)
        if not ratings_of(kept.acts):
            raise ReviewRefused("nobody has answered this item yet: there is nothing to decide")
        await self._act(kept, by, "decision", at, noted, grade, note=reason)

    async def progress(self, reviewer: str, kind: DatasetKind, at: datetime) -> Progress:
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        own = [kept for kept in self.kept.values() if kept.item.subject.kind == kind]
        today = sum(
            act.reviewer == reviewer and act.grade is not None and act.at >= midnight
            for kept in own
            for act in standing(kept.acts)
        )
        waiting = sum(kept.open and reviewer not in kept.seen_by for kept in own)
        return Progress(min(waiting, COUNTED + 1), today, sum(kept.disputed for kept in own))

    async def answered(self, wanted: AnswerFilter) -> Sequence[Answered]:
        found = [
            Answered(
                replace(kept.item, decided=kept.decided),
                list(kept.acts),
                await self.opinions(kept.item.item_id),
                kept.anchors,
                kept.dataset,
                dict(kept.random_in),
            )
            for kept in sorted(self.kept.values(), key=lambda kept: (-kept.queued_at.timestamp(), kept.place))
            if kept.item.subject.kind == wanted.kind
            and (ratings_of(kept.acts) or wanted.at_random)
            and (not wanted.at_random or kept.random_in.keys() & {wanted.fill or each for each in kept.random_in})
            and (kept.disputed or not wanted.disputed)
            and wanted.item in (None, kept.item.item_id)
            and (wanted.fill is None or wanted.fill in kept.fills)
        ]
        return found[: wanted.limit]

    def _known(self, item_id: UUID) -> Kept:
        if item_id not in self.kept:
            raise ReviewRefused("there is no such item in the queue")
        return self.kept[item_id]

    async def _act(
        self,
        kept: Kept,
        reviewer: str,
        act: ActKind,
        at: datetime,
        noted: Noted | None,
        grade: int | None = None,
        *,
        blind: bool = True,
        undoes: int | None = None,
        note: str = "",
        tags: tuple[str, ...] = (),
    ) -> Act:
        self.count += 1
        made = Act(self.count, kept.item.item_id, reviewer, act, grade, blind, undoes, note, tags, at)
        kept.acts.append(made)
        if noted is not None:
            await self.audit.note(noted(made))
        return made


@dataclass
class InMemoryReviewSources:
    """`ReviewSources` over candidates that a test tells, in the order of their keys."""

    known: list[Candidate] = field(default_factory=list)
    typed: dict[tuple[str, str, str], int] = field(default_factory=dict)
    alert: Moved | None = None
    criticised: dict[str, int] = field(default_factory=dict)
    in_queue: set[UUID] = field(default_factory=set)

    async def frame(self, kind: DatasetKind, since: datetime, until: datetime, moved: Moved | None = None) -> Frame:
        keys = [key for key, each in enumerate(self.known) if each.subject.kind == kind]
        n = len(keys)
        drift = [float(moved is not None and self.known[key].subject.query in moved.queries) for key in keys]
        return frame_of(keys, [0.0] * n, [np.nan] * n, [0.0] * n, drift, [False] * n)

    async def candidates(self, kind: DatasetKind, keys: Sequence[int]) -> Sequence[Candidate]:
        return [self.known[key] for key in keys]

    async def searches(
        self, queries: Sequence[tuple[str, str, str]], until: datetime
    ) -> Mapping[tuple[str, str, str], int]:
        return {query: self.typed[query] for query in queries if query in self.typed}

    async def moved(self, alert: str) -> Moved | None:
        return self.alert if self.alert is not None and str(self.alert.alert_id).startswith(alert) else None

    async def critics(self, content_keys: Sequence[str]) -> Mapping[str, int]:
        return {key: self.criticised[key] for key in content_keys if key in self.criticised}

    async def queued(self, items: Sequence[UUID]) -> set[UUID]:
        return self.in_queue & set(items)
