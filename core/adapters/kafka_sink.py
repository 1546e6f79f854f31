"""Sending records and making topics: an idempotent producer driven from a thread, so the event loop never waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from core.adapters.kafka_options import LIBRDKAFKA, shared_options
from core.domain.replays import Delivered
from core.errors import RetryLater, SettingsError, StopProcess
from core.ports import OutgoingRecord

FLUSH_S = 30.0
"""A batch is delivered within this or repeated: a broker's leader election takes 10 to 20."""

ADMIN_S = 15.0
"""Seconds for making topics: the broker's own default is 5 for the request, and it may have to elect leaders."""

METADATA_S = 5.0
"""Seconds for the list of topics: a broker that is there answers in milliseconds, one that is not is said so soon."""

LOOK_S = 0.1
"""Seconds between looks for new partitions: brokers hear of them within a tenth of a second or two."""

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
        self._admin_options = shared_options(servers, options)
        self._options = {**_DEFAULTS, **self._admin_options}
        self._producer: Producer | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        await asyncio.to_thread(self._send, records)

    async def deliver(self, records: Sequence[OutgoingRecord]) -> list[Delivered]:
        """As `send`; says where the records stand."""
        return await asyncio.to_thread(self._send, records)

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        await asyncio.to_thread(self._ensure, topics)

    async def ensure_partitions(self, topic: str, count: int) -> None:
        """Give the topic, which is there, so many partitions if it has fewer; returns when they can be sent to."""
        await asyncio.to_thread(self._grow, topic, count)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, FLUSH_S)
            self._producer = None

    def _send(self, records: Sequence[OutgoingRecord]) -> list[Delivered]:
        failures: list[KafkaError] = []
        stand: list[Delivered] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error)
            else:
                stand.append(Delivered(message.topic() or "", message.partition() or 0, message.offset() or 0))

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
        return stand

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

    def _grow(self, topic: str, count: int) -> None:
        try:
            admin = AdminClient(self._admin_options, logger=LIBRDKAFKA)
            if _partitions(admin, topic) < count:
                for future in admin.create_partitions([NewPartitions(topic, count)]).values():
                    _made(future.result(ADMIN_S))
            _await_partitions(admin, topic, count)
        except TimeoutError:
            raise RetryLater(f"Kafka did not make partitions of {topic} within {ADMIN_S:.0f} s") from None
        except KafkaException as error:
            raise reaction(error.args[0]) from None


def _partitions(admin: AdminClient, topic: str) -> int:
    return len(admin.list_topics(topic, timeout=METADATA_S).topics[topic].partitions)


def _await_partitions(admin: AdminClient, topic: str, count: int) -> None:
    """A broker hears of new partitions a moment after they are made."""
    deadline = time.monotonic() + ADMIN_S
    while _partitions(admin, topic) < count:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(LOOK_S)


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
