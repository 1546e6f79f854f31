"""The work side twice, in memory and in PostgreSQL, and a look behind each that the ports don't give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.leadership import PostgresLeadership
from core.adapters.outbox import PostgresOutbox, insert_events
from core.adapters.picture_store import PostgresPictures
from core.adapters.postgres import Pool, transaction
from core.guideline_ports import Claims, GuidelineStore
from core.ports import (
    Catalogue,
    JudgementStore,
    Leadership,
    Listing,
    Outbox,
    OutgoingEvent,
    PictureStore,
    TaskInbox,
)
from tests.support import fakes
from tests.support.fake_guidelines import InMemoryClaims, InMemoryGuidelines


@dataclass(frozen=True)
class TaskView:
    """What the view `judge_tasks` shows of a task, and its lane's priority."""

    state: str
    reason: str
    attempts: int
    lane: str
    created_at: datetime
    finished_at: datetime | None


class Stores(Protocol):
    """The ports, and what a test needs to prepare and to see."""

    clock: fakes.FakeClock
    inbox: TaskInbox
    outbox: Outbox
    judgements: JudgementStore
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    pictures: PictureStore

    def replica(self) -> Leadership: ...
    async def task(self, task_key: str) -> TaskView: ...
    async def promise(self, events: Sequence[OutgoingEvent]) -> None: ...
    async def tell(self, listing: Listing, *, deleted: bool = False) -> None: ...
    async def enroll(self, anchor_id: str) -> None: ...
    async def reasonings(self) -> dict[str, str]: ...
    async def anchor_grades(self) -> dict[tuple[str, str], int]: ...
    async def picture_urls(self) -> dict[str, str]: ...


class MemoryStores:
    """The fakes."""

    def __init__(self) -> None:
        self.clock = fakes.FakeClock()
        self._inbox = fakes.InMemoryInbox(self.clock)
        self._outbox = fakes.InMemoryOutbox()
        self._judgements = fakes.InMemoryJudgements(self._inbox, self._outbox)
        self._catalogue = fakes.InMemoryCatalogue()
        self._pictures = fakes.InMemoryPictures()
        self._held = set[str]()
        self.inbox: TaskInbox = self._inbox
        self.outbox: Outbox = self._outbox
        self.judgements: JudgementStore = self._judgements
        self.guidelines: GuidelineStore = InMemoryGuidelines(self._inbox, self._judgements, self._catalogue)
        self.claims: Claims = InMemoryClaims()
        self.catalogue: Catalogue = self._catalogue
        self.pictures: PictureStore = self._pictures

    def replica(self) -> Leadership:
        return fakes.InMemoryLeadership(self._held)

    async def task(self, task_key: str) -> TaskView:
        row = self._inbox.rows[task_key]
        return TaskView(row.state, row.reason, row.attempts, row.new.lane, row.created_at, row.finished_at)

    async def promise(self, events: Sequence[OutgoingEvent]) -> None:
        self._outbox.events.extend(events)

    async def tell(self, listing: Listing, *, deleted: bool = False) -> None:
        self._catalogue.known.pop(listing.listing_id, None)
        if not deleted:
            self._catalogue.known[listing.listing_id] = listing

    async def enroll(self, anchor_id: str) -> None:
        """Nothing refers to an anchor here."""

    async def reasonings(self) -> dict[str, str]:
        return {key: fact.reasoning for key, fact in self._judgements.facts.items()}

    async def anchor_grades(self) -> dict[tuple[str, str], int]:
        return {key: outcome.label.grade for key, outcome in self._judgements.outcomes.items()}

    async def picture_urls(self) -> dict[str, str]:
        return dict(self._pictures.urls)


class PostgresStores:
    """The adapters on one database."""

    def __init__(self, pool: Pool) -> None:
        self.clock = fakes.FakeClock()
        self.pool = pool
        self.inbox: TaskInbox = PostgresInbox(pool, self.clock)
        self.outbox: Outbox = PostgresOutbox(pool)
        self.judgements: JudgementStore = PostgresJudgements(pool)
        self.guidelines: GuidelineStore = PostgresGuidelines(pool)
        self.claims: Claims = PostgresClaims(pool)
        self.catalogue: Catalogue = PostgresCatalogue(pool)
        self.pictures: PictureStore = PostgresPictures(pool)

    def replica(self) -> Leadership:
        return PostgresLeadership(self.pool)

    async def task(self, task_key: str) -> TaskView:
        row = await self.pool.fetchrow(
            "SELECT state, reason, attempts, lane, created_at, finished_at FROM assay.judge_tasks"
            " WHERE task_id = (SELECT task_id FROM assay_data.tasks WHERE task_key = $1)",
            task_key,
        )
        assert row is not None
        return TaskView(**dict(row))

    async def promise(self, events: Sequence[OutgoingEvent]) -> None:
        async with transaction(self.pool) as connection:
            await insert_events(connection, events)

    async def tell(self, listing: Listing, *, deleted: bool = False) -> None:
        await self.pool.execute(
            """INSERT INTO assay_data.listings (listing_id, market, language, title, description, brand, category,
                price_amount, price_currency, attributes, image_urls, content_hash, deleted, run, told_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11, $12, $13, 'live', $14)
            ON CONFLICT (listing_id) DO UPDATE SET deleted = excluded.deleted""",
            listing.listing_id,
            listing.market,
            listing.language,
            listing.title,
            listing.description,
            listing.brand,
            listing.category,
            listing.price_amount,
            listing.price_currency,
            json.dumps(dict(listing.attributes)),
            list(listing.image_urls),
            listing.content_hash,
            deleted,
            self.clock.now(),
        )

    async def enroll(self, anchor_id: str) -> None:
        await self.pool.execute(
            """INSERT INTO assay_data.anchors (anchor_id, application, market, language, query, listing, human_grade,
                added_at)
            VALUES ($1, 'shop', 'de', 'de', 'sofa', '{}', 2, $2)""",
            anchor_id,
            self.clock.now(),
        )

    async def reasonings(self) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT content_key, reasoning FROM assay_data.labels")
        return {row["content_key"]: row["reasoning"] for row in rows}

    async def anchor_grades(self) -> dict[tuple[str, str], int]:
        rows = await self.pool.fetch("SELECT anchor_id, night::text AS night, grade FROM assay_data.anchor_outcomes")
        return {(row["anchor_id"], row["night"]): row["grade"] for row in rows}

    async def picture_urls(self) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT url, image_hash FROM assay_data.picture_urls")
        return {row["url"]: row["image_hash"] for row in rows}
