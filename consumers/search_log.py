"""The process `search-log`: UBI records in, panes, result lists and dead letters out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.domain.effects import DeadLetter, Effects
from core.domain.folds import SearchLogFold
from core.ports import Clock, NewTask, OutgoingEvent
from core.runtime.partitions import StreamPlan
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.stream_ports import Partition, RecordSource, StreamStore
from core.telemetry import Metrics


def build(
    settings: Settings,
    source: RecordSource,
    store: StreamStore,
    clock: Clock,
    metrics: Metrics,
    owner: str,
    event: Callable[[DeadLetter], OutgoingEvent],
    *,
    replay: bool = False,
) -> StreamProcess:
    """records -> decoded -> sessions -> closed ones to panes -> one transaction with the offsets."""
    engagement = frozenset(settings.session_engagement_actions)

    def fold(partition: Partition, snapshot: bytes | None) -> SearchLogFold:
        return SearchLogFold(partition.topic, partition.partition, engagement, replay=replay, snapshot=snapshot)

    plan = StreamPlan(
        name="replay" if replay else "search-log",
        fold=fold,
        keeps_sessions=True,
        tasks=no_tasks,
        event=event,
        batch_records=settings.stream_batch_records,
        batch_seconds=settings.stream_batch_seconds,
        batch_bytes=settings.stream_batch_bytes,
        dead_share=settings.stream_dead_letter_share,
        dead_window=settings.stream_dead_letter_window,
    )
    return StreamProcess(plan, source, store, clock, metrics, owner)


def no_tasks(_effects: Effects) -> Sequence[NewTask]:
    """The search log asks for no judging by itself: `selection` does."""
    return ()
