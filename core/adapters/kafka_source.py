"""A consumer-group member on a poll thread of its own (`confluent_kafka.aio` loses messages on cancel, DESIGN 11).

The thread polls, hands batches to the event loop and does nothing else. Offsets to start from come from our own
store, so `auto.offset.reset` never decides; Kafka's committed offset is only a hint.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.adapters.kafka_messages import BROKER_AWAY, is_incremental, partition_of, raw, start, translated
from core.adapters.kafka_options import LIBRDKAFKA
from core.domain.effects import RawRecord
from core.errors import RetryLater, StopProcess
from core.stream_ports import Partition, StreamListener

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_RECORDS = 5_000
"""Records a poll: what one transaction takes."""

POLL_S = 0.05
"""A poll waits this long for a full batch: the share of a record's latency that polling may cost."""

QUEUED_RECORDS = 40_000
"""Records a partition may have waiting in the process: a quarter of a second of work; above it is paused."""

CALLBACK_S = 20.0
"""When the process ends, the last transaction has this long: SIGTERM is to be answered within 30 s."""

LOOK_UP_S = 1.0
"""A waiting poll thread looks up this often to show that it lives."""

WATERMARK_S = 10.0
"""Seconds to ask a broker where a partition begins and ends: a live one answers in milliseconds."""


class KafkaSource:
    """Port `RecordSource` over one Consumer."""

    def __init__(self, options: Mapping[str, str | int | float | bool], topics: Sequence[str]) -> None:
        self._options: dict[str, object] = dict(options)
        self._topics = list(topics)
        self._incremental = is_incremental(self._options)
        self._calls: queue.SimpleQueue[Callable[[Consumer], object]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._waiting: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._lock = threading.Lock()
        self._beat = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said_away = 0.0
        self._away_since = 0.0
        self._options["error_cb"] = self._on_error

    async def run(self, listener: StreamListener) -> None:
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        thread = threading.Thread(target=self._poll_until_closed, args=(listener, done), name="kafka-poll", daemon=True)
        thread.start()
        try:
            await asyncio.shield(done)
        finally:
            self._closing.set()
            await asyncio.to_thread(thread.join, CALLBACK_S)

    def close(self) -> None:
        self._closing.set()

    def beat(self) -> float:
        return self._beat

    def away(self) -> bool:
        return self._away_since > 0

    def taken(self, partition: Partition, records: int) -> None:
        with self._lock:
            if partition in self._waiting:
                self._waiting[partition] -= records
            resume = partition in self._paused and self._waiting.get(partition, 0) < QUEUED_RECORDS // 2
            if resume:
                self._paused.discard(partition)
        if resume:
            self._calls.put(methodcaller("resume", [TopicPartition(*partition)]))

    def commit_hint(self, partition: Partition, next_offset: int) -> None:
        offsets = [TopicPartition(*partition, next_offset)]
        self._calls.put(lambda consumer: consumer.commit(offsets=offsets, asynchronous=True))

    # Everything below runs on the poll thread.

    def _poll_until_closed(self, listener: StreamListener, done: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            self._poll(listener)
        except KafkaException as raised:
            error = translated(raised)
            if self._closing.is_set() and isinstance(error, RetryLater):
                # The process is ending and what is not written is read again: a broker that is away is no failure.
                log.warning("stream.left_without_broker", error=str(error))
                error = None
        except BaseException as raised:  # noqa: BLE001 - the thread's death must end the process with its reason
            error = raised
        self._on_loop(lambda: None if done.done() else _settle(done, error))

    def _poll(self, listener: StreamListener) -> None:
        consumer = Consumer(self._options, logger=LIBRDKAFKA)
        consumer.subscribe(
            self._topics,
            on_assign=lambda c, parts: self._on_assign(c, parts, listener),
            on_revoke=lambda c, parts: self._on_revoke(c, parts, listener, lost=False),
            on_lost=lambda c, parts: self._on_revoke(c, parts, listener, lost=True),
        )
        try:
            while not self._closing.is_set():
                self._beat = time.monotonic()
                self._do_calls(consumer)
                self._look_for_broker(consumer)
                self._deliver(consumer, consumer.consume(POLL_RECORDS, POLL_S), listener)
        finally:
            self._do_calls(consumer)
            consumer.close()

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._away_since = self._away_since or time.monotonic()
            log.warning("stream.waiting_for_broker", error=error.str(), topics=self._topics)

    def _look_for_broker(self, consumer: Consumer) -> None:
        """A broker that was away is back when it answers; an idle topic would not show it."""
        if self._away_since and time.monotonic() - self._away_since > LOOK_UP_S:
            try:
                consumer.list_topics(self._topics[0], LOOK_UP_S)
                self._away_since = 0.0
            except KafkaException:
                self._away_since = time.monotonic()

    def _do_calls(self, consumer: Consumer) -> None:
        while not self._calls.empty():
            call = self._calls.get()
            try:
                call(consumer)
            except KafkaException as error:
                # A hint or a resume for a partition that has just been revoked: its next owner does without it.
                log.debug("stream.call_refused", error=str(error))

    def _deliver(self, consumer: Consumer, messages: list[Message], listener: StreamListener) -> None:
        for partition, group in itertools.groupby(messages, key=partition_of):
            records: list[RawRecord] = []
            end = -1
            for message in group:
                error = message.error()
                if error is None:
                    records.append(raw(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    end = message.offset() or 0
                else:
                    self._wait_or_raise(error)
            if records:
                self._hand_over(consumer, partition, records, listener)
            if end >= 0:
                self._on_loop(partial(listener.at_end, partition, end))

    def _hand_over(
        self, consumer: Consumer, partition: Partition, records: list[RawRecord], listener: StreamListener
    ) -> None:
        with self._lock:
            self._waiting[partition] = self._waiting.get(partition, 0) + len(records)
            pause = self._waiting[partition] > QUEUED_RECORDS and partition not in self._paused
            if pause:
                self._paused.add(partition)
        _, end_offset = consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        self._on_loop(partial(listener.fetched, partition, records, end_offset))
        if pause:
            consumer.pause([TopicPartition(*partition)])

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition], listener: StreamListener) -> None:
        partitions = [Partition(p.topic, p.partition) for p in assigned]
        starts = self._ask(listener.assigned(partitions))
        with self._lock:
            self._waiting.update(dict.fromkeys(partitions, 0))
            self._paused.difference_update(partitions)
        positions = [TopicPartition(*p, start(p, starts[p], *self._ends(consumer, p))) for p in partitions]
        if self._incremental:
            consumer.incremental_assign(positions)
        else:
            consumer.assign(positions)

    def _ends(self, consumer: Consumer, partition: Partition) -> tuple[int, int]:
        """Where the partition begins and ends; waits for a broker that is away, as long as the process does."""
        while True:
            self._beat = time.monotonic()
            try:
                low, high = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=WATERMARK_S)
                return low, high
            except KafkaException as error:
                if self._closing.is_set():
                    raise
                self._wait_or_raise(error.args[0])

    def _on_revoke(
        self, consumer: Consumer, revoked: list[TopicPartition], listener: StreamListener, *, lost: bool
    ) -> None:
        partitions = [Partition(p.topic, p.partition) for p in revoked]
        self._ask(listener.revoked(partitions, lost=lost))
        with self._lock:
            for partition in partitions:
                self._waiting.pop(partition, None)
                self._paused.discard(partition)
        if self._incremental:
            consumer.incremental_unassign(revoked)
        else:
            consumer.unassign()

    def _ask(self, answer: Coroutine[object, object, T]) -> T:
        """The event loop's answer. It may take its time (a database that is away) unless the process is ending."""
        if self._loop is None:
            raise StopProcess("the poll thread runs without an event loop")
        asked = asyncio.run_coroutine_threadsafe(answer, self._loop)
        while True:
            self._beat = time.monotonic()
            limit = CALLBACK_S if self._closing.is_set() else LOOK_UP_S
            done, _ = concurrent.futures.wait([asked], limit)
            if done or limit == CALLBACK_S:
                return asked.result(0)

    def _on_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _wait_or_raise(self, error: KafkaError) -> None:
        if error.code() not in BROKER_AWAY or error.fatal():
            raise KafkaException(error)
        if time.monotonic() - self._said_away > WATERMARK_S:
            self._said_away = time.monotonic()
            log.warning("stream.waiting_for_broker", error=error.str(), topics=self._topics)


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
