"""Dead letters are sent again as the log has them, else as they are stored, and at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.kafka_lookup import FoundRecord
from core.domain.effects import STORED_PAYLOAD_BYTES, RawRecord
from core.errors import RetryLater
from core.ports import OutgoingRecord
from producers.requeue import (
    CHUNK,
    IMPOSSIBLE_GONE,
    IMPOSSIBLE_LARGE,
    IMPOSSIBLE_PARTITION,
    LARGEST_BYTES,
    Again,
    Requeue,
    again_of,
    is_of,
)
from tests.support.fake_letters import MemoryLetters, MemoryLog, letter
from tests.support.fakes import FakeClock

HEADERS: list[tuple[str, bytes | None]] = [("assay-run", b"r1"), ("empty", None)]


def record(value: bytes | None, key: bytes | None = b"k", timestamp: int = 5) -> FoundRecord:
    return FoundRecord(key, RawRecord(7, timestamp, value, HEADERS))


def sent(again: Again | str) -> OutgoingRecord:
    assert isinstance(again, Again), again
    return again.record


def test_what_the_log_holds_is_sent_with_key_headers_time_and_to_its_partition() -> None:
    again = again_of(letter(payload=b"{"), record(b"{"), "")
    assert sent(again) == OutgoingRecord("search-log", b"k", b"{", [("assay-run", b"r1"), ("empty", b"")], 0, 5)


def test_a_record_without_a_kafka_time_is_sent_without() -> None:
    assert sent(again_of(letter(), record(b"{", timestamp=-1), "")).timestamp_ms is None


def test_the_whole_value_is_sent_of_a_letter_that_holds_its_beginning() -> None:
    value = b"x" * (STORED_PAYLOAD_BYTES + 10)
    again = again_of(letter(payload=value[:STORED_PAYLOAD_BYTES]), record(value), "")
    assert sent(again).value == value


def test_another_record_at_its_offset_is_not_sent_for_it() -> None:
    again = again_of(letter(payload=b"{"), record(b"another"), "")
    assert isinstance(again, Again)
    assert (again.record.value, again.from_log) == (b"{", False)


def test_a_letter_that_may_be_cut_and_is_gone_from_the_log_is_not_sent() -> None:
    assert again_of(letter(payload=b"x" * STORED_PAYLOAD_BYTES), None, "") == IMPOSSIBLE_GONE


def test_a_letter_one_byte_shorter_is_sent_as_it_is_stored() -> None:
    value = b"x" * (STORED_PAYLOAD_BYTES - 1)
    assert sent(again_of(letter(payload=value), None, "")).value == value


def test_a_record_larger_than_we_send_is_not_sent() -> None:
    value = b"x" * (LARGEST_BYTES + 1)
    assert again_of(letter(payload=value[:STORED_PAYLOAD_BYTES]), record(value), "") == IMPOSSIBLE_LARGE


@pytest.mark.parametrize(
    ("topic", "value", "key"),
    [
        ("p.search-log", b'{"client_id": "c"}', b"c"),
        ("p.search-log-replay", b'{"session_id": 4}', b"4"),
        ("p.listings", b'{"listing_id": "L"}', b"L"),
        ("p.listings-replay", b'{"listing_id": "L"}', b"L"),
        ("p.listings", b"no json", None),
        ("p.listings", None, None),
        ("elsewhere", b'{"listing_id": "L"}', None),
    ],
)
def test_what_is_stored_is_keyed_as_produce_keys_it(topic: str, value: bytes | None, key: bytes | None) -> None:
    assert sent(again_of(letter(topic=topic, payload=value), None, "p.")).key == key


def test_what_is_stored_of_a_replay_keeps_its_run() -> None:
    replayed = letter(topic="p.search-log-replay", run="r1")
    assert sent(again_of(replayed, None, "p.")).headers == [("assay-run", b"r1")]
    assert sent(again_of(replace(replayed, run=None), None, "p.")).headers == []
    assert sent(again_of(letter(topic="p.search-log"), None, "p.")).headers == []


@given(st.none() | st.binary(max_size=9), st.integers(STORED_PAYLOAD_BYTES - 5, STORED_PAYLOAD_BYTES + 5))
def test_a_letter_is_of_the_value_it_was_made_of(beginning: bytes | None, length: int) -> None:
    value = None if beginning is None else beginning.ljust(length, b"x")
    assert is_of(letter(payload=value if value is None else value[:STORED_PAYLOAD_BYTES]), value)
    assert not is_of(letter(payload=value if value is None else value[:STORED_PAYLOAD_BYTES]), b"!" + (value or b""))


# --- Sending -----------------------------------------------------------------------------------------------


@dataclass
class Sink:
    """Port `RecordSink`."""

    said: list[str]
    records: list[OutgoingRecord] = field(default_factory=list)
    fails_at: int | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.said.append("send")
        if self.fails_at is not None and len(self.records) >= self.fails_at:
            raise RetryLater("Kafka is not there")
        self.records += records

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        raise NotImplementedError


@dataclass
class Case:
    """A requeue and all it works with."""

    letters: MemoryLetters = field(default_factory=MemoryLetters)
    log: MemoryLog = field(default_factory=MemoryLog)
    sink: Sink = field(init=False)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.sink = Sink(self.letters.said)

    def requeue(self, *, dry: bool = False, as_of_now: bool = False) -> Requeue:
        return Requeue(self.log, self.letters, self.sink, self.clock, "", dry=dry, as_of_now=as_of_now)


@pytest.fixture
def case() -> Case:
    return Case()


ONE = {("search-log", 0): [7]}


async def test_a_letter_is_marked_before_it_is_sent_and_confirmed_after(case: Case) -> None:
    case.letters.add(letter(7))
    done = await case.requeue().run(ONE)
    assert case.letters.said == ["claim", "send", "confirm"]
    assert (done.from_log, done.from_stored, done.in_doubt, done.failure) == (0, 1, [], "")
    assert case.letters.rows[letter(7).place].requeue_state == "requeued"


async def test_what_kafka_did_not_confirm_is_in_doubt_and_ends_it(case: Case) -> None:
    offsets = list(range(3 * CHUNK))
    case.letters.add(*map(letter, offsets))
    case.sink.fails_at = CHUNK
    done = await case.requeue().run({("search-log", 0): offsets})
    states = [case.letters.rows[letter(offset).place].requeue_state for offset in offsets]
    assert states == ["requeued"] * CHUNK + ["in_doubt"] * CHUNK + ["new"] * CHUNK
    assert (done.from_stored, done.failure) == (CHUNK, "Kafka is not there")
    assert [place.offset for place in done.in_doubt] == offsets[CHUNK : 2 * CHUNK]


async def test_what_another_marked_meanwhile_is_left_alone(case: Case) -> None:
    case.letters.add(letter(7), letter(8))
    case.letters.as_seen = await case.letters.whole("search-log", 0, [7, 8])
    await case.letters.claim(case.letters.as_seen[:1], case.clock.now())
    done = await case.requeue().run({("search-log", 0): [7, 8]})
    assert (done.taken, done.from_stored) == (1, 1)
    assert len(case.sink.records) == 1


async def test_a_dry_run_marks_and_sends_nothing(case: Case) -> None:
    case.letters.add(letter(7), letter(8, payload=b"x" * STORED_PAYLOAD_BYTES))
    case.log.records[7] = record(b"{")
    done = await case.requeue(dry=True).run({("search-log", 0): [7, 8]})
    assert (done.from_log, done.from_stored, len(done.impossible)) == (1, 0, 1)
    assert case.letters.said == []


async def test_what_is_not_possible_does_not_keep_the_others(case: Case) -> None:
    case.letters.add(letter(7, payload=b"x" * STORED_PAYLOAD_BYTES), letter(8))
    done = await case.requeue().run({("search-log", 0): [7, 8]})
    assert done.impossible == [(letter(7).place, IMPOSSIBLE_GONE)]
    assert done.from_stored == 1
    assert case.letters.rows[letter(7).place].requeue_state == "new"


async def test_a_partition_that_is_gone_takes_nothing(case: Case) -> None:
    case.letters.add(letter(7))
    case.log.there = ()
    done = await case.requeue().run(ONE)
    assert done.impossible == [(letter(7).place, IMPOSSIBLE_PARTITION)]
    assert case.letters.said == []


async def test_as_of_now_leaves_the_time_to_kafka(case: Case) -> None:
    case.letters.add(letter(7))
    case.log.records[7] = record(b"{")
    await case.requeue(as_of_now=True).run(ONE)
    [only] = case.sink.records
    assert (only.timestamp_ms, only.key, only.partition) == (None, b"k", 0)


async def test_a_place_without_a_letter_is_nothing(case: Case) -> None:
    done = await case.requeue().run(ONE)
    assert (done.from_stored, done.impossible, case.letters.said) == (0, [], [])
