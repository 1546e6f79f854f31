"""The work side in memory: what `core.adapters` keeps in PostgreSQL. The contract suite runs on both.

What is kept is open to tests (`inbox.rows`, `outbox.events`, `judgements.facts`, …); nothing waits, nothing fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.domain.events import event_id
from core.domain.failures import CRASHED, DOUBTED_CRASHES
from core.domain.labels import LANE_RANK, Lane
from core.ports import (
    AnchorOutcome,
    Clock,
    ImageScoreFact,
    LabelFact,
    Listing,
    NewTask,
    OutgoingEvent,
    Picture,
    SeenPicture,
    Task,
    TaskFailure,
    TaskKind,
    TaskRetry,
)

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)


class FakeClock:
    """Stands still until told; `sleep` moves it and returns at once."""

    def __init__(self, start: datetime = NOON) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


# --- Inbox -----------------------------------------------------------------------------------------------


@dataclass
class TaskRow:
    """A task as the table has it."""

    task_id: UUID
    new: NewTask
    created_at: datetime
    not_before: datetime
    state: str = "waiting"
    reason: str = ""
    attempts: int = 0
    lease_until: datetime | None = None
    finished_at: datetime | None = None
    lease: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> tuple[int, float, datetime, UUID]:
        return (LANE_RANK[self.new.lane], -self.new.priority, self.created_at, self.task_id)

    def could_run(self, now: datetime) -> bool:
        if self.state == "running":
            return self.lease_until is not None and self.lease_until < now
        return self.state == "waiting" and self.not_before <= now

    def leased(self) -> Task:
        new = self.new
        return Task(
            self.task_id,
            new.task_key,
            new.kind,
            new.lane,
            new.group_key,
            new.subject,
            new.payload,
            self.attempts,
            self.lease,
            dict(self.failures),
        )

    @property
    def crashes(self) -> int:
        return self.failures[CRASHED] + (self.state == "running")

    def held_under(self, lease: int | None) -> bool:
        return self.state == "running" and lease in (None, self.lease)


class InMemoryInbox:
    """`TaskInbox`. `rows` by task key; `crashes`: so many leases that ran out end a task."""

    def __init__(self, clock: Clock, crashes: int = 5) -> None:
        self._clock = clock
        self._crashes = crashes
        self.rows: dict[str, TaskRow] = {}

    async def add(self, tasks: Sequence[NewTask]) -> int:
        return sum(self._add(task) for task in tasks)

    def _add(self, task: NewTask) -> bool:
        now, row = self._clock.now(), self.rows.get(task.task_key)
        if row is None or row.state == "failed":
            self.rows[task.task_key] = TaskRow(event_id(f"task/{task.task_key}"), task, created_at=now, not_before=now)
            return True
        if row.state == "waiting":
            lane = min(row.new.lane, task.lane, key=LANE_RANK.__getitem__)
            row.new = replace(row.new, lane=lane, priority=max(row.new.priority, task.priority))
        return False

    async def lease(
        self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float, lane: Lane | None = None
    ) -> list[list[Task]]:
        now, taken = self._clock.now(), dict[tuple[str, str, UUID | None], list[TaskRow]]()
        runnable = (row for row in self.rows.values() if row.new.kind in kinds and row.could_run(now))
        for row in sorted(runnable, key=lambda row: row.order):
            alone = row.task_id if row.crashes >= DOUBTED_CRASHES else None
            taken.setdefault((row.new.kind, row.new.group_key, alone), []).append(row)
        wanted = [rows for rows in taken.values() if lane is None or rows[0].new.lane == lane]
        groups_of = [self._take(rows[:per_group], now, seconds) for rows in wanted[:groups]]
        return [group for group in groups_of if group]

    def _take(self, rows: list[TaskRow], now: datetime, seconds: float) -> list[Task]:
        for row in rows:
            crashes, row.lease = row.crashes, row.lease + 1
            if row.state == "running":
                row.failures[CRASHED] = crashes
            if crashes >= self._crashes:
                row.state, row.reason, row.finished_at, row.lease_until = "failed", CRASHED, now, None
                continue
            row.state, row.reason, row.attempts = "running", "", row.attempts + 1
            row.lease_until = now + timedelta(seconds=seconds)
        return [row.leased() for row in rows if row.state == "running"]

    async def renew(self, tasks: Sequence[Task], seconds: float) -> set[UUID]:
        leases = {task.task_id: task.lease for task in tasks}
        ours = [row for row in self.rows.values() if row.held_under(leases.get(row.task_id, -1))]
        for row in ours:
            row.lease_until = self._clock.now() + timedelta(seconds=seconds)
        return {row.task_id for row in self.rows.values() if leases.get(row.task_id, row.lease) != row.lease}

    async def release(self, retries: Sequence[TaskRetry], failures: Sequence[TaskFailure]) -> None:
        for retry in retries:
            for row in self._held(retry.task_id, retry.lease):
                row.state, row.reason, row.not_before, row.lease_until = "waiting", retry.reason, retry.not_before, None
                row.attempts -= 0 if retry.counts else 1
                row.failures.update([retry.reason] if retry.counts else [])
        for failure in failures:
            for row in self._held(failure.task_id, failure.lease):
                row.state, row.reason, row.finished_at = "failed", failure.reason, self._clock.now()
                row.lease_until = None
                row.failures[failure.reason] += 1

    async def runnable(self, kinds: Sequence[TaskKind], within_s: float = 0.0) -> int:
        now = self._clock.now() + timedelta(seconds=within_s)
        of_kinds = [row for row in self.rows.values() if row.new.kind in kinds]
        return sum(row.state == "running" or row.could_run(now) for row in of_kinds)

    def finish(self, task_ids: Iterable[UUID], at: datetime) -> None:
        """What a store's transaction does to tasks that have their result."""
        ended = set(task_ids)
        for row in self.rows.values():
            if row.task_id in ended and row.state != "done":
                row.state, row.reason, row.lease_until, row.finished_at = "done", "", None, at

    def _held(self, task_id: UUID, lease: int | None) -> list[TaskRow]:
        return [row for row in self.rows.values() if row.task_id == task_id and row.held_under(lease)]


# --- Outbox and leadership -------------------------------------------------------------------------------


class InMemoryOutbox:
    """`Outbox`. `events` still to publish, oldest first."""

    def __init__(self) -> None:
        self.events: list[OutgoingEvent] = []

    @asynccontextmanager
    async def batch(self, limit: int) -> AsyncIterator[Sequence[OutgoingEvent]]:
        taken = self.events[:limit]
        yield taken
        del self.events[: len(taken)]

    async def unpublished(self) -> int:
        return len(self.events)


class InMemoryLeadership:
    """`Leadership` for several replicas in one process: give each the same `held`."""

    def __init__(self, held: set[str] | None = None) -> None:
        self.held = set[str]() if held is None else held

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncIterator[bool]:
        if name in self.held:
            yield False
            return
        self.held.add(name)
        try:
            yield True
        finally:
            self.held.discard(name)


# --- Judgements ------------------------------------------------------------------------------------------


class InMemoryJudgements:
    """`JudgementStore` over the inbox whose tasks it ends and the outbox it fills."""

    def __init__(self, inbox: InMemoryInbox, outbox: InMemoryOutbox) -> None:
        self._inbox, self._outbox = inbox, outbox
        self.facts: dict[str, LabelFact] = {}
        self.scores: dict[str, ImageScoreFact] = {}
        self.outcomes: dict[tuple[str, str], AnchorOutcome] = {}
        self.descriptions: dict[tuple[str, str, str], str] = {}

    async def description(self, image_hash: str, prompt_version: str, model: str) -> str | None:
        return self.descriptions.get((image_hash, prompt_version, model))

    async def save_description(self, image_hash: str, prompt_version: str, model: str, text: str) -> None:
        self.descriptions.setdefault((image_hash, prompt_version, model), text)

    async def labels(self, content_keys: Sequence[str]) -> set[str]:
        return self.facts.keys() & set(content_keys)

    async def image_score(self, image_hash: str, prompt_version: str, model: str) -> ImageScoreFact | None:
        key = (image_hash, prompt_version, model)
        known = [fact for fact in self.scores.values() if (fact.image_hash, fact.prompt_version, fact.model) == key]
        return known[-1] if known else None

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        fresh = {fact.content_key: fact for fact in reversed(facts) if fact.content_key not in self.facts}
        self.facts.update(fresh)
        self._publish({fact.event_id for fact in fresh.values()}, events, done, at)

    async def save_image_score(
        self,
        facts: Sequence[ImageScoreFact],
        events: Sequence[OutgoingEvent],
        done: Sequence[UUID],
        at: datetime,
        more: Sequence[NewTask] = (),
    ) -> None:
        wanted = [fact for fact in facts if fact.tier != "student" or not self._judged(fact)]
        fresh = {fact.content_key: fact for fact in reversed(wanted) if fact.content_key not in self.scores}
        self.scores.update(fresh)
        await self._inbox.add(more)
        self._publish({fact.event_id for fact in fresh.values()}, events, done, at)

    def _judged(self, fact: ImageScoreFact) -> bool:
        place = (fact.listing_id, fact.image_url)
        held = [score for score in self.scores.values() if (score.listing_id, score.image_url) == place]
        newest = max(reversed(held), key=lambda score: score.judged_at, default=None)
        return newest is not None and (newest.tier, newest.image_hash) == ("llm", fact.image_hash)

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        for outcome in outcomes:
            self.outcomes.setdefault((outcome.anchor_id, outcome.night), outcome)
        self._inbox.finish(done, at)

    def _publish(self, fresh: set[UUID], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime) -> None:
        once = {event.event_id: event for event in events if event.event_id in fresh}
        self._outbox.events.extend(once.values())
        self._inbox.finish(done, at)


# --- Catalogue and pictures ------------------------------------------------------------------------------


class InMemoryCatalogue:
    """`Catalogue`. `known` by listing id."""

    def __init__(self, listings: Iterable[Listing] = ()) -> None:
        self.known = {listing.listing_id: listing for listing in listings}

    async def listings(self, ids: Sequence[str]) -> dict[str, Listing]:
        return {listing_id: self.known[listing_id] for listing_id in ids if listing_id in self.known}


class InMemoryPictures:
    """`PictureStore`. `pictures` by hash, `urls` to hash."""

    def __init__(self) -> None:
        self.pictures: dict[str, tuple[Picture, bytes]] = {}
        self.urls: dict[str, str] = {}
        self._seen: dict[str, SeenPicture] = {}

    async def save_picture(self, url: str, picture: Picture, thumbnail: bytes, at: datetime) -> None:
        self.pictures.setdefault(picture.image_hash, (picture, thumbnail))
        self.urls[url] = picture.image_hash
        self._seen[url] = SeenPicture(
            picture.image_hash,
            picture.measures,
            picture.phash,
            picture.features,
            picture.etag,
            picture.last_modified,
            at,
        )

    async def unchanged(self, url: str, image_hash: str, at: datetime) -> None:
        seen = self._seen.get(url)
        if seen is not None and seen.image_hash == image_hash:
            self._seen[url] = replace(seen, fetched_at=max(seen.fetched_at, at))

    async def seen(self, url: str) -> SeenPicture | None:
        return self._seen.get(url)
