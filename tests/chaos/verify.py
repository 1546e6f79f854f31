"""What PostgreSQL shows after a run against what the plain implementation makes of the log as it stands."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.domain.effects import STORED_PAYLOAD_BYTES
from core.domain.events import event_id
from tests.chaos.servers import DEAD_LETTERS, TOPIC, Servers
from tests.oracle.contract import COUNTERS, MINUTE, Counters, Log, LogRecord, Outcome, PaneKey, Session
from tests.oracle.decoding import Search

READ_S = 30.0
READ_RECORDS = 5_000
POLL_S = 0.2  # `consume` waits it out unless it has all it may take
SHOWN = 5  # differences of a kind that are printed: enough to see what they have in common
LETTERS = 'SELECT partition, "offset", run, reason, payload FROM assay.dead_letters WHERE topic = $1'
ROWS = """
SELECT partition, applied, watermark, open_sessions, stopped, missing FROM assay_data.stream_partitions WHERE topic = $1
"""
Place = tuple[int, int]
K = TypeVar("K")
V = TypeVar("V")


class QuickSession(Session):
    """The same; its lowest and highest timestamps are kept instead of looked for."""

    def __init__(self) -> None:
        super().__init__()
        self._span: tuple[int, int] | None = None

    def add(self, record: Search) -> None:
        """One more record."""
        low, high = self._span or (record.at, record.at)
        self._span = (min(low, record.at), max(high, record.at))
        self.records.append(record)

    def low(self) -> int:
        return self._span[0] if self._span else super().low()

    def high(self) -> int:
        return self._span[1] if self._span else super().high()


class QuickLog(Log):
    """The same for one partition, fast enough for a long log: looks for sessions to close when one may be due.

    `_oldest` is never above the lowest last timestamp of an open session, so no look that would close one is left out.
    """

    def __init__(self) -> None:
        super().__init__(replay=False)
        self._oldest = 0

    def take(self, run: str, partition: int, record: Search) -> None:
        key = (run, record.application, partition, record.identity)
        session = self.open.get(key)
        if not isinstance(session, QuickSession) or not session.takes(record.at):
            if session is not None:
                self.close(lambda other, _: other == key)
            session = self.open[key] = QuickSession()
        session.add(record)
        mark = max(self.watermark.get((run, partition), record.at), record.at)
        self.watermark[run, partition] = mark
        limit = mark - 35 * MINUTE
        self._oldest = min(self._oldest, record.at)
        if self._oldest < limit:
            self.close(lambda _, s: s.high() < limit)
            self._oldest = min((s.high() for s in self.open.values()), default=mark)


@dataclass
class Expected:
    """What the log comes to."""

    outcome: Outcome = field(default_factory=Outcome)
    payloads: dict[Place, str] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    """Offset of each partition's last record; markers of transactions have offsets too, but are none."""
    watermarks: dict[int, int] = field(default_factory=dict)
    records: int = 0


def expected(servers: Servers, partitions: int) -> Expected:
    """Read the log back and count it: each partition by itself, since nothing crosses them."""
    result = Expected()
    for partition in range(partitions):
        log = QuickLog()
        for record in read(servers.broker.bootstrap, TOPIC, partition):
            log.read(record)
            result.records += 1
            result.last[partition] = record.offset
            if (partition, record.offset) in log.outcome.dead:
                result.payloads[partition, record.offset] = _digest(record.value)
        _add(result.outcome, log.outcome)
        result.outcome.left_open += len(log.open)
        result.watermarks[partition] = log.watermark.get(("live", partition), 0)
    return result


def _add(total: Outcome, one: Outcome) -> None:
    total.dead |= one.dead
    total.automated += one.automated
    for key, counters in one.panes.items():
        pane = total.panes.setdefault(key, dict.fromkeys(COUNTERS, 0))
        for name, count in counters.items():
            pane[name] += count


def _digest(value: bytes | None) -> str:
    return "none" if value is None else hashlib.sha256(value[:STORED_PAYLOAD_BYTES]).hexdigest()


def read(bootstrap: str, topic: str, partition: int) -> Iterator[LogRecord]:
    """A partition's committed records from its beginning to its end."""
    for message in _messages(bootstrap, topic, partition):
        headers = message.headers() or []
        assert isinstance(headers, list)
        given = tuple((name, value if isinstance(value, bytes) else b"") for name, value in headers)
        yield LogRecord(partition, message.offset() or 0, message.value(), message.timestamp()[1], given)


def _messages(bootstrap: str, topic: str, partition: int) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "verify",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        deadline = time.monotonic() + READ_S
        while time.monotonic() < deadline:
            for message in consumer.consume(READ_RECORDS, POLL_S):
                deadline = time.monotonic() + READ_S
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise KafkaException(error)
        raise RuntimeError(f"{topic}[{partition}]: nothing for {READ_S:.0f} s, and no end")
    finally:
        consumer.close()


async def differences(servers: Servers, wanted: Expected) -> list[str]:
    """Every way in which PostgreSQL shows something else; none is what a run is to find."""
    connection = await asyncpg.connect(servers.postgres.dsn)
    try:
        return [
            *_panes(wanted, await connection.fetch("SELECT * FROM assay.query_panes")),
            *_letters(wanted, await connection.fetch(LETTERS, TOPIC)),
            *_rows(wanted, await connection.fetch(ROWS, TOPIC)),
            *_promised(wanted, await connection.fetch("SELECT event_id FROM assay_data.outbox")),
        ]
    finally:
        await connection.close()


def _panes(wanted: Expected, rows: list[asyncpg.Record]) -> list[str]:
    found: dict[PaneKey, Counters] = {
        (row["run"], row["application"], row["market"], row["query"], row["hour"]): {
            name: row[name] for name in COUNTERS
        }
        for row in rows
    }
    return _differing("pane", wanted.outcome.panes, found)


def _letters(wanted: Expected, rows: list[asyncpg.Record]) -> list[str]:
    found = {
        (row["partition"], row["offset"]): (row["run"] or "", row["reason"], _digest(row["payload"])) for row in rows
    }
    letters = {place: (run, why.reason, wanted.payloads[place]) for place, (run, why) in wanted.outcome.dead.items()}
    return _differing("dead letter", letters, found)


def _rows(wanted: Expected, rows: list[asyncpg.Record]) -> list[str]:
    found = {
        row["partition"]: {
            "applied": row["applied"],
            "watermark": round(row["watermark"].timestamp() * 1000) if row["watermark"] else 0,
            "stopped": row["stopped"],
            "missing": row["missing"],
        }
        for row in rows
    }
    stand = {
        partition: {"applied": last, "watermark": wanted.watermarks[partition], "stopped": None, "missing": 0}
        for partition, last in wanted.last.items()
    }
    still = sum(row["open_sessions"] for row in rows)
    left = [f"{still} sessions open, the log leaves {wanted.outcome.left_open}"]
    return _differing("partition", stand, found) + (left if still != wanted.outcome.left_open else [])


def _ids(wanted: Expected) -> Counter[str]:
    return Counter(str(event_id(f"{TOPIC}/{partition}/{offset}")) for partition, offset in wanted.outcome.dead)


def _promised(wanted: Expected, rows: list[asyncpg.Record]) -> list[str]:
    return _differing("outbox event", _ids(wanted), Counter(str(row["event_id"]) for row in rows))


def published(servers: Servers, wanted: Expected, partitions: int) -> list[str]:
    """Each dead letter once on the topic for them, by its event's id."""
    found: Counter[str] = Counter()
    for partition in range(partitions):
        for record in read(servers.broker.bootstrap, DEAD_LETTERS, partition):
            found.update(value.decode() for name, value in record.headers if name == "ce_id")
    return _differing("published dead letter", _ids(wanted), found)


def _differing(what: str, wanted: Mapping[K, V], found: Mapping[K, V]) -> list[str]:
    keys = [key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)]
    lines = [f"{what} {key}: {found.get(key)}, should be {wanted.get(key)}" for key in sorted(keys, key=str)[:SHOWN]]
    return lines + ([f"{what}: {len(keys)} differ in all"] if len(keys) > SHOWN else [])
