"""A consumer-group member on a poll thread of its own (`confluent_kafka.aio` loses messages on cancel, DESIGN 11).

The thread polls, hands batches to the event loop and does nothing else. What the listener asks for is queued for it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from confluent_kafka import Consumer, KafkaException

from core.adapters.kafka_away import BrokerWatch
from core.adapters.kafka_backlog import Backlog
from core.adapters.kafka_group import ONLY_CLASSIC, is_incremental, speaks_only_classic
from core.adapters.kafka_listening import Listening
from core.adapters.kafka_member import CALLBACK_S, Member
from core.adapters.kafka_messages import translated
from core.adapters.kafka_options import LIBRDKAFKA, MemberOptions, Options
from core.adapters.kafka_topics import Topics
from core.errors import RetryLater, StopProcess
from core.stream_ports import Assignment, Partition, StreamListener

log = structlog.get_logger(__name__)

REVOKE_SHARE = 1 / 15
"""And never more than this of max.poll.interval.ms, after which the group takes us for dead: 20 s of 5 minutes."""


LEAVE_S = CALLBACK_S + 3.0
"""Seconds to leave the group once told to: the last transaction, and a broker's answer. One that does not answer finds
out by itself, and the thread ends with the process."""

LOOK_S = 0.25
"""How often a process that is told to end looks whether its time to leave is over."""


class KafkaSource:
    """Port `RecordSource` over one Consumer."""

    def __init__(self, options: MemberOptions, topics: Sequence[str], queued_bytes: int) -> None:
        self._options = options
        self._topics = list(topics)
        self._calls: queue.SimpleQueue[Callable[[Member], object]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._backlog = Backlog(queued_bytes)
        self._now = Topics(options.shared, topics)
        self._broker = BrokerWatch(topics)
        self._beat = time.monotonic()

    async def run(self, listener: StreamListener) -> None:
        loop = asyncio.get_running_loop()
        listening = Listening(listener, loop)
        done: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(
            target=self._poll_until_closed, args=(listening, done), name="kafka-poll", daemon=True
        )
        thread.start()
        try:
            await self._ended(done)
        finally:
            self._closing.set()

    async def _ended(self, done: asyncio.Future[None]) -> None:
        told: float | None = None
        while not (await asyncio.wait({done}, timeout=LOOK_S))[0]:
            if self._closing.is_set():
                told = told or time.monotonic()
                if time.monotonic() - told > LEAVE_S:
                    log.warning("stream.left_group_unsaid", topics=self._topics)
                    return
        done.result()

    def close(self) -> None:
        self._closing.set()

    def beat(self) -> float:
        return self._beat

    def away(self) -> bool:
        return self._broker.is_away()

    def begin(self, assignment: Assignment, offset: int) -> None:
        self._calls.put(lambda member: member.begin(assignment, offset))

    def hold(self, partition: Partition) -> None:
        self._calls.put(lambda member: member.hold(partition))

    def look(self, partition: Partition) -> None:
        self._calls.put(lambda member: member.look(partition))

    def taken(self, partition: Partition, size: int) -> None:
        for freed in self._backlog.taken(partition, size):
            self._calls.put(partial(Member.resume, partition=freed))

    def commit_hint(self, partition: Partition, next_offset: int) -> None:
        self._calls.put(lambda member: member.commit(partition, next_offset))

    # Everything below runs on the poll thread.

    def _poll_until_closed(self, listening: Listening, done: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            self._poll_as_the_broker_can(listening)
        except KafkaException as raised:
            error = translated(raised)
            if self._closing.is_set() and isinstance(error, RetryLater):
                # The process is ending and what is not written is read again: a broker that is away is no failure.
                log.warning("stream.left_without_broker", error=str(error))
                error = None
        except BaseException as raised:  # noqa: BLE001 - the thread's death must end the process with its reason
            error = raised
        listening.call(lambda: None if done.done() else _settle(done, error))

    def _poll_as_the_broker_can(self, listening: Listening) -> None:
        try:
            self._poll(self._options.consumer, listening)
        except KafkaException as error:
            if not speaks_only_classic(error):
                raise
            if self._options.classic is None:
                raise StopProcess(ONLY_CLASSIC) from error
            log.warning("stream.classic_protocol", why=str(error.args[0].str()), topics=self._topics)
            self._poll(self._options.classic, listening)

    def _poll(self, options: Options, listening: Listening) -> None:
        consumer = Consumer({**options, "error_cb": self._broker.on_error}, logger=LIBRDKAFKA)
        parts = (consumer, self._broker, self._now, self._backlog, listening, self._turned)
        member = Member(*parts, incremental=is_incremental(options))
        try:
            member.join(self._topics, min(CALLBACK_S, REVOKE_SHARE * int(options["max.poll.interval.ms"]) / 1000))
            while not self._closing.is_set():
                self._do_calls(member)
                member.turn()
        finally:
            self._do_calls(member)
            member.close()

    def _turned(self) -> None:
        self._beat = time.monotonic()

    def _do_calls(self, member: Member) -> None:
        for _ in range(self._calls.qsize()):
            call = self._calls.get()
            try:
                call(member)
            except KafkaException as error:
                # A hint or a resume for a partition that has just been revoked: its next owner does without it.
                log.debug("stream.call_refused", error=str(error))


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
