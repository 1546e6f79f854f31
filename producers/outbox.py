"""The process `outbox`: events that transactions promised, published in their order as CloudEvents."""

from __future__ import annotations

from datetime import UTC

from core.ports import Leadership, Outbox, OutgoingEvent, OutgoingRecord, RecordSink
from core.runtime.periodic import PeriodicProcess
from core.telemetry import Metrics

BATCH = 500
"""Events a transaction: half a megabyte, acknowledged by the broker in milliseconds."""

LOOK_EVERY_S = 0.25
"""An event waits at most this long for the relay: nothing beside the judge's seconds."""

CLOUDEVENTS_VERSION = b"1.0"
SOURCE = b"assay"
CONTENT_TYPE = b"application/json"


def build(outbox: Outbox, sink: RecordSink, leadership: Leadership, prefix: str, metrics: Metrics) -> PeriodicProcess:
    """oldest events -> CloudEvents in Kafka's binary mode -> acknowledged -> gone from the outbox."""

    async def publish() -> int:
        published = 0
        while topics := await _publish_batch(outbox, sink, prefix):
            for topic in topics:
                metrics.count("assay_outbox_published_total", topic=topic)
            published += len(topics)
        return published

    async def is_idle() -> bool:
        return await outbox.unpublished() == 0

    return PeriodicProcess("outbox", publish, leadership, LOOK_EVERY_S, is_idle=is_idle)


async def _publish_batch(outbox: Outbox, sink: RecordSink, prefix: str) -> list[str]:
    async with outbox.batch(BATCH) as events:
        if events:
            await sink.send([cloud_event(event, prefix) for event in events])
        return [event.topic for event in events]


def cloud_event(event: OutgoingEvent, prefix: str) -> OutgoingRecord:
    """CloudEvents 1.0, Kafka binary content mode: attributes are headers, the body is the value."""
    time = event.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return OutgoingRecord(
        topic=prefix + event.topic,
        key=event.key.encode(),
        value=event.body,
        headers=[
            ("ce_specversion", CLOUDEVENTS_VERSION),
            ("ce_id", str(event.event_id).encode()),
            ("ce_type", event.type.encode()),
            ("ce_source", SOURCE),
            ("ce_time", time.encode()),
            ("content-type", CONTENT_TYPE),
        ],
    )
