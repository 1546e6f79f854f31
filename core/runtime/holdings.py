"""The partitions in a stream process's hands: records are queued, folded, and cut off into a transaction's parts.

No awaits: between two of the loop's turns everything here is whole. Nothing of a partition is ever half written,
because `cut` takes all that was folded of it since the last cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog

from core.domain.effects import RawRecord
from core.domain.positions import Stop
from core.domain.timestamps import to_datetime
from core.runtime.partitions import Owned, Part, StreamPlan, is_old, monotonic
from core.stream_ports import Partition, Progress, RecordSource

log = structlog.get_logger(__name__)

FOLD_AHEAD = 4
"""While a transaction is written, as much as so many hold may be folded for the next one: a stream that lags behind
then writes fewer and larger transactions, and waits less for the database."""

FOLD_RECORDS = 1_000
"""Records folded before the event loop turns: 5 ms, so that each of a transaction's ten answers waits no longer."""


class Holdings:
    """Owned partitions and what is folded of them and not cut yet."""

    def __init__(self, plan: StreamPlan, source: RecordSource) -> None:
        self._plan = plan
        self._source = source
        self._owned: dict[Partition, Owned] = {}
        self._records = 0
        self._bytes = 0
        self._oldest = 0.0

    def __len__(self) -> int:
        return len(self._owned)

    def all(self) -> Iterable[Owned]:
        """Every partition held."""
        return self._owned.values()

    def get(self, partition: Partition) -> Owned | None:
        """What is held of a partition, if it is."""
        return self._owned.get(partition)

    def put(self, owned: Owned) -> None:
        """Hold it from now on."""
        self._owned[owned.partition] = owned

    def drop(self, partition: Partition) -> None:
        """Forget it: what was folded and not written is read again, by whoever takes it."""
        self._owned.pop(partition, None)
        if not any(owned.changed for owned in self._owned.values()):
            self._records = self._bytes = 0  # or what went with it would be waited for, and never be cut

    def open_sessions(self) -> int:
        """Sessions held in memory."""
        return sum(owned.fold.open_sessions() for owned in self._owned.values())

    def queue(self, partition: Partition, records: Sequence[RawRecord], size: int, end_offset: int) -> None:
        """Records that were read. Those of a partition that is not held, or stopped, are nobody's."""
        owned = self._owned.get(partition)
        if owned is None or owned.stop is not None:
            return
        owned.read_to = -1
        owned.last_record = monotonic()
        owned.end_offset = max(end_offset, records[-1].offset + 1)
        for begin in range(0, len(records), FOLD_RECORDS):
            piece = records[begin : begin + FOLD_RECORDS]
            owned.queued.append((piece, size * len(piece) // len(records)))

    def fold(self) -> bool:
        """Fold one batch of what is queued, of the partition that has most. False when there is none, or no room: what
        is folded and not written is bounded."""
        fullest = max(self._owned.values(), key=lambda o: len(o.queued), default=None)
        if fullest is None or not fullest.queued or not self._has_room():
            return False
        try:
            self._fold_batch(fullest, *fullest.queued.popleft())
            self._pass_gap(fullest)
        except BaseException:
            self._owned.clear()  # half a batch is folded: nothing of it may be written
            raise
        return True

    def at_end(self, partition: Partition, next_offset: int) -> None:
        """The partition has been read to its end."""
        owned = self._owned.get(partition)
        if owned is not None:
            owned.read_to = owned.end_offset = next_offset
            self._pass_gap(owned)

    def _pass_gap(self, owned: Owned) -> None:
        """Behind the last record there may be a transaction's marker, or aborted records: none of it is lag."""
        if not owned.queued and owned.stop is None and owned.read_to - 1 > owned.folded:
            owned.folded = owned.read_to - 1
            if self._records == 0 and not owned.changed:
                self._oldest = monotonic()
            owned.changed = owned.changed or owned.folded > owned.applied

    def _has_room(self) -> bool:
        plan = self._plan
        return self._records < plan.batch_records * FOLD_AHEAD and self._bytes < plan.batch_bytes * FOLD_AHEAD

    def _fold_batch(self, owned: Owned, records: Sequence[RawRecord], size: int) -> None:
        if self._records == 0:
            self._oldest = monotonic()
        dead = owned.fold.add(records, owned.applied)
        owned.folded, owned.newest_ms = records[-1].offset, records[-1].timestamp
        owned.changed = owned.changed or owned.folded > owned.applied
        if owned.changed:
            self._records += len(records)
            self._bytes += size
        self._source.taken(owned.partition, size)
        if owned.folded > owned.applied and owned.is_flooded(len(records), dead):
            self._stop(owned, Stop("flood", str(owned.share)))

    def _stop(self, owned: Owned, stop: Stop) -> None:
        log.error("stream.stopped", reason=stop.reason, detail=stop.detail, partition=str(owned.partition))
        owned.stop = stop
        owned.queued.clear()
        self._source.hold(owned.partition)

    def close_idle(self) -> None:
        """Close the sessions of partitions that have stood at their end for long (CONTRACT 3)."""
        for owned in self._owned.values():
            stood = monotonic() - owned.last_record
            stands = owned.read_to >= 0 and not owned.queued
            if stands and stood >= self._plan.idle_close_s and owned.fold.open_sessions():
                owned.fold.close_open()
                owned.changed = owned.idle_closed = True
                self._oldest = 0.0

    def is_full(self) -> bool:
        """Whether what is folded fills a transaction."""
        return self._records >= self._plan.batch_records or self._bytes >= self._plan.batch_bytes

    def is_due(self) -> bool:
        """Whether it is time to write: at once what was just taken, so that a new owner shows that it goes on."""
        waits = monotonic() - self._oldest < self._plan.batch_seconds
        return self.is_full() or any(o.changed and not (waits and o.cut) for o in self._owned.values())

    def waits(self) -> bool:
        """Whether anything is folded and not cut."""
        return self._records > 0

    def cut(self, owned: Iterable[Owned], *, keep: bool) -> dict[Partition, Part]:
        """Take what was folded since the last cut. `keep`: with every partition's snapshot, not just the oldest and
        those that have to be."""
        changed = [o for o in owned if o.changed]
        self._records = self._bytes = 0
        due = min(changed, key=lambda o: o.snapshot_at, default=None)
        kept = {o.partition for o in changed if keep or _has_to_be_kept(o) or (o is due and is_old(o))}
        return {o.partition: self._part(o, keep=o.partition in kept) for o in changed}

    def _part(self, owned: Owned, *, keep: bool) -> Part:
        owned.turn += 1
        owned.applied = max(owned.applied, owned.folded)
        owned.changed, owned.idle_closed, owned.cut = False, False, True
        progress = _progress(owned)
        owned.topic_id, owned.missing = None, 0
        # Behind what is applied the state is older than the offset it would be kept under.
        kept = keep and owned.folded >= owned.applied
        if kept:
            owned.snapshot_at = monotonic()
        return Part(progress, owned.fold.take(), owned.fold.snapshot() if kept else None)


def _has_to_be_kept(owned: Owned) -> bool:
    """What closed at no record's word, and a stopped partition, which is read on from exactly here."""
    return owned.idle_closed or owned.stop is not None


def _progress(owned: Owned) -> Progress:
    watermark = owned.fold.watermark()
    return Progress(
        owned.partition,
        owned.epoch,
        owned.turn,
        owned.applied,
        owned.end_offset,
        owned.fold.open_sessions(),
        to_datetime(watermark) if watermark else None,
        owned.topic_id,
        owned.stop,
        owned.missing,
    )
