"""How much of the log is read for days: to its end for those of now, else to where what belongs to them has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from core.adapters.exposure_reader import LATE_MS, KafkaExposures
from core.adapters.kafka_reader import TopicReader
from core.domain.images.buyers.exposures import Bounds
from core.domain.replays import Batch, Extent
from core.domain.sessions import SPAN_MS
from tests.support.fakes import FakeClock

DAY = date(2026, 3, 2)
END = datetime(2026, 3, 3, tzinfo=UTC)


class EmptyLog(TopicReader):
    """Remembers up to which Kafka time it was asked."""

    def __init__(self) -> None:
        self.until: list[int | None] = []

    def extents(self, topic: str, from_ms: int, to_ms: int | None = None) -> dict[int, Extent]:
        self.until.append(to_ms)
        return {0: Extent(0, 0, 0)}

    def read(self, topic: str, stretches: Mapping[int, tuple[int, int]]) -> Iterator[Batch]:
        return iter(())


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (END + timedelta(hours=2), None),
        (END + timedelta(days=40), int(END.timestamp() * 1000) + SPAN_MS + LATE_MS),
    ],
)
async def test_days_of_the_past_are_not_read_to_the_end_of_the_log(now: datetime, until: int | None) -> None:
    log = EmptyLog()
    await KafkaExposures(log, "search-log", frozenset(), FakeClock(now)).read([DAY], Bounds(1.0, 100, 10))
    assert log.until == [until]
