"""Sends the log at a steady rate from a thread of its own, past the proxies; now and then in a transaction."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from itertools import islice
from random import Random

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tests.oracle.contract import LogRecord

LOOK_S = 0.05
IN_TRANSACTION = 0.1  # of the looks that send something
ABORTED = 0.4  # of the transactions
TRANSACTION_RECORDS = 40
FLUSH_S = 120.0  # a killed broker is back within ten seconds; a busy machine takes its time
STAND_S = 20.0  # for one call of the transactional producer

COMMON: dict[str, str | int | float | bool] = {
    "enable.idempotence": True,
    "compression.type": "lz4",
    "message.max.bytes": 2_000_000,
    "linger.ms": 20,
    "log_level": 0,
    "reconnect.backoff.max.ms": 500,
}


class Feed:
    """Runs until all is sent, or `stop`. What went wrong is in `failed`."""

    def __init__(self, bootstrap: str, topic: str, records: Iterator[LogRecord], rate: float, random: Random) -> None:
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._bootstrap = bootstrap
        self._topic = topic
        self._records = records
        self._rate = rate
        self._random = random
        self._halt = threading.Event()
        self._transactional: Producer | None = None
        self._plain = Producer({**COMMON, "bootstrap.servers": bootstrap, "message.timeout.ms": 300_000})
        self.sent = 0
        self.aborted = 0
        self.failed: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait until all is sent."""
        self._thread.join()

    def stop(self) -> None:
        """Send no more."""
        self._halt.set()

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 - said by the run, which ends with it
            self.failed.append(repr(error))

    def _send_all(self) -> None:
        began = time.monotonic()
        while not self._halt.wait(LOOK_S):
            due = int((time.monotonic() - began) * self._rate) - self.sent
            batch = list(islice(self._records, max(0, due)))
            if due > 0 and not batch:
                break
            self._send(batch)
        left = self._plain.flush(FLUSH_S)
        if left:
            self.failed.append(f"{left} records not sent")

    def _send(self, batch: list[LogRecord]) -> None:
        """Records with headers are the log's own marks: they are not left to the fate of a transaction."""
        in_transaction: list[LogRecord] = []
        if self._random.random() < IN_TRANSACTION:
            in_transaction = [record for record in batch[:TRANSACTION_RECORDS] if not record.headers]
        taken = set(map(id, in_transaction))
        for record in batch:
            if id(record) not in taken:
                self._produce(self._plain, record)
        if in_transaction:
            self._transact(in_transaction)
        self.sent += len(batch)

    def _produce(self, producer: Producer, record: LogRecord) -> None:
        while True:
            try:
                producer.produce(
                    self._topic,
                    record.value,
                    partition=record.partition,
                    timestamp=record.kafka_ts,
                    headers=list(record.headers),
                    on_delivery=self._delivered if producer is self._plain else None,
                )
            except BufferError:
                producer.poll(LOOK_S)
            else:
                producer.poll(0)
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.failed.append(str(error))

    def _transact(self, records: list[LogRecord]) -> None:
        """Committed or aborted; one that a killed broker breaks off is one or the other: the log will show."""
        try:
            producer = self._transactional = self._transactional or self._begun()
            producer.begin_transaction()
            for record in records:
                self._produce(producer, record)
            producer.flush(STAND_S)  # an abort drops what has not been sent yet
            if self._random.random() < ABORTED:
                producer.abort_transaction(STAND_S)
                self.aborted += len(records)
                for record in records:  # as who sends in transactions does
                    self._produce(self._plain, record)
            else:
                producer.commit_transaction(STAND_S)
        except KafkaException:
            self._transactional = None  # the next one's `init_transactions` ends what this one left open

    def _begun(self) -> Producer:
        producer = Producer(
            {
                **COMMON,
                "bootstrap.servers": self._bootstrap,
                "transactional.id": "feed",
                "transaction.timeout.ms": 20_000,
            }
        )
        producer.init_transactions(STAND_S)
        return producer

    def close(self) -> None:
        """No transaction is left open: readers would wait at its beginning."""
        with contextlib.suppress(KafkaException):
            self._transactional = None
            self._begun()
