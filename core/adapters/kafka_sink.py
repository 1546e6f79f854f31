"""Sending records and making topics: an idempotent producer driven from a thread, so the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from core.adapters.kafka_options import LIBRDKAFKA
from core.errors import RetryLater, SettingsError, StopProcess
from core.ports import OutgoingRecord

FLUSH_S = 30.0
"""A batch is delivered within this or repeated: a broker's leader election takes 10 to 20."""

ADMIN_S = 15.0
"""Seconds for making topics: the broker's own default is 5 for the request, and it may have to elect leaders."""

METADATA_S = 5.0
"""Seconds for the list of topics: a broker that is there answers in milliseconds, one that is not is said so soon."""

_DEFAULTS: dict[str, str | int | float | bool] = {
    "enable.idempotence": True,
    # Errors only: what it warns of ("coordinator load in progress, retrying") it deals with by itself.
    "log_level": 3,
    "acks": "all",
    "linger.ms": 5,
    "compression.type": "lz4",
    "message.max.bytes": 2_097_152,
    "delivery.timeout.ms": 25_000,
    "queue.buffering.max.messages": 200_000,
}


class KafkaSink:
    """Port `RecordSink`. Nothing connects before the first use."""

    def __init__(self, servers: str, options: Mapping[str, str | int | float | bool]) -> None:
        shared = {key: value for key, value in options.items() if key not in _CONSUMER_ONLY}
        self._options = {**_DEFAULTS, **shared, "bootstrap.servers": servers, "client.id": "assay"}
        self._admin_options = {**shared, "bootstrap.servers": servers, "client.id": "assay"}
        self._producer: Producer | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        await asyncio.to_thread(self._send, records)

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        await asyncio.to_thread(self._ensure, topics)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, FLUSH_S)
            self._producer = None

    def _send(self, records: Sequence[OutgoingRecord]) -> None:
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            producer = self._producer = self._producer or Producer(self._options, logger=LIBRDKAFKA)
            for record in records:
                _produce(producer, record, delivered)
        except KafkaException as error:
            raise reaction(error.args[0]) from None
        left = producer.flush(FLUSH_S)
        if left:
            raise RetryLater(f"Kafka did not take {left} of {len(records)} records within {FLUSH_S:.0f} s")
        if failures:
            raise reaction(failures[0])

    def _ensure(self, topics: Sequence[str]) -> None:
        try:
            admin = AdminClient(self._admin_options, logger=LIBRDKAFKA)
            known = admin.list_topics(timeout=METADATA_S).topics
            missing = [NewTopic(topic, num_partitions=-1) for topic in topics if topic not in known]
            for future in admin.create_topics(missing).values() if missing else ():
                _made(future.result(ADMIN_S))
        except TimeoutError:
            raise RetryLater(f"Kafka did not make the topics within {ADMIN_S:.0f} s") from None
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise reaction(error.args[0]) from None


_CONSUMER_ONLY = {
    "group.protocol",
    "group.id",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "isolation.level",
}


def _made(_: object) -> None:
    """The future's value is None; asking for it raises what went wrong."""


def _produce(
    producer: Producer, record: OutgoingRecord, delivered: Callable[[KafkaError | None, Message], None]
) -> None:
    while True:
        try:
            producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=-1 if record.partition is None else record.partition,
                timestamp=record.timestamp_ms or 0,
                on_delivery=delivered,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def reaction(error: KafkaError) -> Exception:
    """What an error of librdkafka demands of us."""
    if error.code() == KafkaError._INVALID_ARG:
        return SettingsError(f"ASSAY_KAFKA_OPTIONS can't be used: {error.str()}")
    if error.fatal() or error.code() in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE}:
        return StopProcess(f"Kafka refused a record: {error.str()}")
    return RetryLater(f"Kafka is not there: {error.str()}")
