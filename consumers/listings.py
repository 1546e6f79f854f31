"""The process `listings`: listings in, the catalogue, picture tasks and dead letters out."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.effects import DeadLetter, Effects
from core.domain.folds import ListingsFold
from core.domain.labels import LIVE_RUN
from core.domain.task_keys import image_task_key
from core.ports import Clock, NewTask, OutgoingEvent
from core.runtime.partitions import StreamPlan
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.stream_ports import Partition, RecordSource, StreamStore
from core.telemetry import Metrics

LIVE_BATCH_S = 0.1
"""Seconds a live listing waits at most before its transaction, unless `stream_batch_seconds` is less: its pictures are
to have a score within 2 s of the record. Ten small transactions a second are a hundredth of what PostgreSQL does."""

NEWEST_S = 600
"""Pictures of listings of the same ten minutes are of one priority, and the first of them comes first. What is left of
one such stretch waits for the next one's as long as any wait: by ten seconds that was every tenth listing, and the 99th
percentile was 10 s at three quarters of the load that can be carried; by ten minutes it is one in 500. A backlog of
more than that is behind."""


def build(
    settings: Settings,
    source: RecordSource,
    store: StreamStore,
    clock: Clock,
    metrics: Metrics,
    owner: str,
    event: Callable[[DeadLetter], OutgoingEvent],
    picture_judge: Callable[[], str],
    *,
    replay: bool = False,
) -> StreamProcess:
    """records -> decoded -> newest per listing -> catalogue and picture tasks in one transaction with the offsets."""

    def fold(partition: Partition, _snapshot: bytes | None) -> ListingsFold:
        return ListingsFold(partition.topic, partition.partition, replay=replay)

    def tasks(effects: Effects) -> list[NewTask]:
        return picture_tasks(effects, picture_judge())

    plan = StreamPlan(
        name="replay" if replay else "listings",
        fold=fold,
        keeps_sessions=False,
        tasks=tasks,
        event=event,
        batch_records=settings.stream_batch_records,
        batch_seconds=settings.stream_batch_seconds if replay else min(LIVE_BATCH_S, settings.stream_batch_seconds),
        batch_bytes=settings.stream_batch_bytes,
        dead_share=settings.stream_dead_letter_share,
        dead_window=settings.stream_dead_letter_window,
    )
    return StreamProcess(plan, source, store, clock, metrics, owner)


def picture_tasks(effects: Effects, judge: str) -> list[NewTask]:
    """A task for every picture told of; those already asked for add nothing. A replay's go behind live work, and of one
    lane the newest listing's first: what was just listed is what shoppers are about to see, backlog or not."""
    return [
        NewTask(
            image_task_key(listing.listing_id, url, judge),
            "image",
            "live" if run == LIVE_RUN else "backfill",
            listing.listing_id,
            {"listing_id": listing.listing_id, "image_url": url, "market": listing.market},
            priority=listing.timestamp // (NEWEST_S * 1000) * NEWEST_S,
        )
        for run, listing in effects.listings.values()
        if listing.event != "deleted"
        for url in listing.image_urls
    ]
