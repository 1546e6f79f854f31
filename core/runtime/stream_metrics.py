"""What a stream process measures: transactions, lag by partition, what is stopped or missing."""

from __future__ import annotations

from collections.abc import Iterable

from core.metric_table import GaugeName
from core.ports import Clock
from core.runtime.partitions import Owned, Part
from core.stream_ports import Partition
from core.telemetry import Metrics

OF_A_PARTITION: tuple[GaugeName, ...] = (
    "assay_stream_lag_records",
    "assay_stream_lag_seconds",
    "assay_stream_stopped",
)


class StreamMetrics:
    """The metrics of one stream process."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def written(self, part: Part, seconds: float) -> None:
        """A partition's part of a transaction that took so long."""
        effects, metrics = part.effects, self._metrics
        topic = part.progress.partition.topic
        metrics.observe("assay_stream_batch_seconds", seconds, topic=topic)
        for dead in effects.dead_letters:
            metrics.count("assay_dead_letters_total", topic=topic, reason=dead.reason)
        used = effects.records - len(effects.dead_letters)
        metrics.count("assay_stream_records_total", used, topic=topic, outcome="used")
        metrics.count("assay_stream_records_total", len(effects.dead_letters), topic=topic, outcome="dead_letter")
        metrics.count("assay_stream_missing_total", part.progress.missing, topic=topic)
        metrics.count("assay_panes_written_total", len(effects.panes))
        metrics.count("assay_sessions_automated_total", effects.automated)

    def sessions(self, held: int) -> None:
        """Sessions held in memory."""
        self._metrics.set("assay_sessions_open", held)

    def lag(self, held: Iterable[Owned]) -> None:
        """How far each partition is behind: also while nothing of it can be written, which is when it matters."""
        now = self._clock.now()
        for owned in held:
            place: dict[str, str | int] = {"topic": owned.partition.topic, "partition": owned.partition.partition}
            self._metrics.set("assay_stream_lag_records", owned.lag, **place)
            self._metrics.set("assay_stream_lag_seconds", owned.lag_s(now), **place)
            self._metrics.set("assay_stream_stopped", int(owned.stop is not None), **place)

    def forget(self, partition: Partition) -> None:
        """It is another replica's now."""
        for name in OF_A_PARTITION:
            self._metrics.forget(name, topic=partition.topic, partition=partition.partition)
