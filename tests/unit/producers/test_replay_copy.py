"""A replay on a broker and a book that can die at every step: each record is copied once, and the run ends once."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.replay_files import KeyedFiles
from core.domain.effects import RawRecord
from core.domain.folds import RUN_END_HEADER, has_header, run_of
from core.domain.replays import Asked, Read, Source, source_of
from core.domain.timestamps import HOUR_MS
from core.errors import StopProcess, UsageError
from producers.replay import Tools
from producers.replay_copy import Outcome, copy_of, replay
from tests.support.fake_replays import FakeBook, FakeBroker, FakeTopic, Fate, Killed
from tests.support.fakes import FakeClock

T0 = 1_767_225_600_000  # 2026-01-01T00:00Z
ASKED = Asked("r", T0, T0 + 2 * HOUR_MS)
LIVE, LISTINGS, COPIES = "search-log", "listings", "search-log-replay"


def record(partition: int, offset: int, at: int, key: bytes | None = b"k") -> Read:
    value = json.dumps({"timestamp": at, "n": f"{partition}/{offset}"}).encode()
    return Read(partition, key, RawRecord(offset, at, value, None))


def topic(*times: Sequence[int]) -> FakeTopic:
    """A partition a sequence of times, in milliseconds after T0."""
    return FakeTopic([[record(p, i, T0 + at) for i, at in enumerate(ats)] for p, ats in enumerate(times)])


def tools(broker: FakeBroker, book: FakeBook, *, rate: int = 4, files: KeyedFiles | None = None) -> Tools:
    return Tools(broker, files or KeyedFiles({}), broker, book, FakeClock(), "", rate)


def copies(broker: FakeBroker, name: str = COPIES) -> Counter[Source]:
    found = [source_of(r.record.headers) for log in broker.topics[name].partitions for r in log]
    return Counter(source for source in found if source is not None)


def ends(broker: FakeBroker, name: str = COPIES) -> list[int]:
    """How many end records of the run each partition has."""
    logs = broker.topics[name].partitions
    return [
        sum(has_header(r.record.headers, RUN_END_HEADER) and run_of(r.record.headers) == "r" for r in log)
        for log in logs
    ]


async def until_done(
    broker: FakeBroker, book: FakeBook, asked: Asked, fates: Sequence[Fate], rates: Sequence[int] = (4,)
) -> None:
    """Start the command again and again, at one rate and another; each time it dies where its fate says."""
    files = KeyedFiles(asked.files())
    for fate, rate in zip([*fates, Fate()], cycle(rates), strict=False):
        broker.fate = book.fate = fate
        try:
            await replay(tools(broker, book, files=files, rate=rate), asked)
        except Killed:
            continue


async def test_what_is_timed_within_the_range_is_copied_to_its_own_partition_with_key_value_and_time() -> None:
    broker = FakeBroker({LIVE: topic([-1, 0, 5], [2 * HOUR_MS - 1, 2 * HOUR_MS], [7]), LISTINGS: topic([3])})
    done = await replay(tools(broker, FakeBook()), ASKED)
    logs = broker.topics[COPIES].partitions
    assert done == Outcome(5)
    assert [[r.record.value for r in log[:-1]] for log in logs] == [
        [record(0, 1, T0).record.value, record(0, 2, T0 + 5).record.value],
        [record(1, 0, T0 + 2 * HOUR_MS - 1).record.value],
        [record(2, 0, T0 + 7).record.value],
    ]
    assert (logs[0][0].key, logs[0][0].record.timestamp) == (b"k", T0)
    assert run_of(logs[0][0].record.headers) == "r"


async def test_each_partition_of_both_replay_topics_ends_with_one_end_record() -> None:
    broker, book = FakeBroker({LIVE: topic([0], [1], [2])}), FakeBook()
    await replay(tools(broker, book), ASKED)
    assert ends(broker) == [1, 1, 1]
    assert ends(broker, "listings-replay") == [1, 1]
    assert book.ends["r"] == {(COPIES, p): 1 for p in range(3)} | {("listings-replay", p): 0 for p in range(2)}


async def test_a_finished_run_sends_nothing_the_second_time() -> None:
    broker, book = FakeBroker({LIVE: topic([0, 1])}), FakeBook()
    await replay(tools(broker, book), ASKED)
    sent = list(broker.deliveries)
    assert await replay(tools(broker, book), ASKED) == Outcome(2, already=True)
    assert broker.deliveries == sent


@pytest.mark.parametrize("other", [replace(ASKED, to_ms=T0 + 1), Asked("r", None, None, "file")])
async def test_a_name_stands_for_one_run(other: Asked) -> None:
    broker, book = FakeBroker({LIVE: topic([0])}), FakeBook()
    await replay(tools(broker, book), ASKED)
    with pytest.raises(UsageError, match="another name"):
        await replay(tools(broker, book), other)


async def test_a_run_killed_at_any_step_and_started_again_has_each_record_once() -> None:
    steps = Fate()
    whole = FakeBroker({LIVE: topic([0, 1, 2, 3, 4], [5, 6, 7])}, steps)
    await replay(tools(whole, FakeBook(steps)), ASKED)
    for dies_at in range(1, steps.steps + 1):
        broker, book = FakeBroker({LIVE: topic([0, 1, 2, 3, 4], [5, 6, 7])}), FakeBook()
        await until_done(broker, book, ASKED, [Fate(dies_at)])
        assert copies(broker) == copies(whole), dies_at
        assert ends(broker) == [1, 1], dies_at
        assert book.runs["r"].copied == 8, dies_at


RATES = st.lists(st.sampled_from([2, 4, 6, 20]), min_size=1)


@given(st.data())
async def test_copies_are_those_of_an_uninterrupted_run_whatever_dies_how_often(data: st.DataObject) -> None:
    times = st.lists(st.integers(-HOUR_MS, 3 * HOUR_MS), max_size=12)
    partitions = data.draw(st.lists(times, min_size=1, max_size=3))
    fates = [Fate(at) for at in data.draw(st.lists(st.integers(1, 40), max_size=8))]
    chunk = data.draw(st.integers(1, 6))
    whole, broker, book = (FakeBroker({LIVE: topic(*partitions)}), FakeBroker({LIVE: topic(*partitions)}), FakeBook())
    broker.chunk = chunk
    await replay(tools(whole, FakeBook()), ASKED)
    await until_done(broker, book, ASKED, fates, data.draw(RATES))
    for theirs, ours in zip(whole.topics[COPIES].partitions, broker.topics[COPIES].partitions, strict=True):
        assert [r.record.value for r in ours] == [r.record.value for r in theirs]
    assert book.runs["r"].copied == whole_count(whole)


def whole_count(broker: FakeBroker) -> int:
    return sum(copies(broker).values())


async def test_other_runs_on_the_topics_are_left_alone() -> None:
    broker, book = FakeBroker({LIVE: topic([0, 1, 2, 3])}), FakeBook()
    await until_done(broker, book, replace(ASKED, run="other"), [Fate(9)])
    await until_done(broker, book, ASKED, [Fate(9)])
    assert set(copies(broker).values()) == {2}
    assert ends(broker)[0] == 1


async def test_a_copier_that_was_taken_over_books_nothing_more() -> None:
    broker, book = FakeBroker({LIVE: topic([0, 1, 2, 3])}), FakeBook()
    broker.fate = book.fate = Fate(12)
    with pytest.raises(Killed):
        await replay(tools(broker, book), ASKED)
    stale = book.runs["r"].epoch
    broker.fate = book.fate = Fate()
    await book.take_over("r", FakeClock().now())
    with pytest.raises(StopProcess, match="taken"):
        await book.finish("r", stale, {}, None, FakeClock().now())


async def test_a_copy_that_arrives_after_its_copier_was_taken_over_stops_the_run_instead_of_counting_twice() -> None:
    broker, book = FakeBroker({LIVE: topic([0, 1, 2, 3])}), FakeBook()
    broker.fate = book.fate = Fate(7)
    with pytest.raises(Killed):
        await replay(tools(broker, book), ASKED)
    fate = broker.fate = book.fate = Fate(1_000)

    class Late(FakeBook):
        async def finish(self, *_: object) -> None:
            raise AssertionError("the run is ended")

    late = Late(fate)
    late.runs = book.runs
    original = broker.deliver

    async def with_a_late_one(records: Sequence[object]) -> object:
        stand = await original(records)  # type: ignore[arg-type]
        [first] = [s for s in book.runs["r"].stretches if s.source == LIVE]
        broker.append(copy_of(first, record(0, 3, T0 + 3), "r", 0))
        return stand

    broker.deliver = with_a_late_one  # type: ignore[method-assign,assignment]
    with pytest.raises(StopProcess, match="stand twice"):
        await replay(tools(broker, late), ASKED)


async def test_a_live_topic_made_again_stops_the_run() -> None:
    broker, book = FakeBroker({LIVE: topic([0, 1, 2])}, Fate(8)), FakeBook()
    book.fate = broker.fate
    with pytest.raises(Killed):
        await replay(tools(broker, book), ASKED)
    broker.fate = book.fate = Fate()
    broker.topics[LIVE].topic_id = "other"
    with pytest.raises(StopProcess, match="made again"):
        await replay(tools(broker, book), ASKED)


# --- Files -------------------------------------------------------------------------------------------------


def lines(path: Path, clients: Sequence[int]) -> str:
    """A search log of these clients; a client 0 is none that can be read, so its line has no key."""
    rows = [{"client_id": f"c{c}" if c else None, "n": n, "timestamp": T0 + n} for n, c in enumerate(clients)]
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return str(path)


@given(st.data())
async def test_a_file_is_copied_once_whatever_dies_how_often(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    clients = data.draw(st.lists(st.integers(0, 4), max_size=15))
    asked = Asked("r", None, None, lines(tmp_path_factory.mktemp("file") / "log", clients))
    fates = [Fate(at) for at in data.draw(st.lists(st.integers(1, 40), max_size=8))]
    broker, book = FakeBroker({}), FakeBook()
    await until_done(broker, book, asked, fates, data.draw(RATES))
    assert copies(broker) == Counter(Source("file search-log", 0, line) for line in range(len(clients)))
    for log in broker.topics[COPIES].partitions:
        found = [source.offset for r in log if (source := source_of(r.record.headers))]
        assert found == sorted(found)
    assert ends(broker) == [1, 1]


async def test_a_file_is_keyed_as_produce_keys_it_and_takes_no_hours_unless_asked(tmp_path: Path) -> None:
    asked = Asked("r", None, None, lines(tmp_path / "log", [1, 2]))
    broker, book = FakeBroker({}), FakeBook()
    await replay(tools(broker, book, files=KeyedFiles(asked.files())), asked)
    logs = broker.topics[COPIES].partitions
    assert {r.key for log in logs for r in log if r.record.value} == {b"c1", b"c2"}
    assert book.hours["r"] is None


async def test_a_packed_file_gives_only_what_is_timed_within_the_range(tmp_path: Path) -> None:
    lines(tmp_path / "log", [1, 2, 3, 4])
    (tmp_path / "log.gz").write_bytes(gzip.compress((tmp_path / "log").read_bytes()))
    asked = Asked("r", T0 + 1, T0 + 3, str(tmp_path / "log.gz"))
    broker = FakeBroker({})
    done = await replay(tools(broker, FakeBook(), files=KeyedFiles(asked.files())), asked)
    assert done.copied == 2
    assert {source.offset for source in copies(broker)} == {1, 2}


async def test_a_file_that_is_another_now_is_not_gone_on_with(tmp_path: Path) -> None:
    asked = Asked("r", None, None, lines(tmp_path / "log", [1, 2, 3, 4, 5, 6]))
    broker, book = FakeBroker({}), FakeBook()
    broker.fate = book.fate = Fate(12)
    with pytest.raises(Killed):
        await replay(tools(broker, book, files=KeyedFiles(asked.files())), asked)
    lines(tmp_path / "log", [9, 2, 3, 4, 5, 6])
    broker.fate = book.fate = Fate()
    with pytest.raises(UsageError, match="not the file"):
        await replay(tools(broker, book, files=KeyedFiles(asked.files())), asked)


# --- What is not there -------------------------------------------------------------------------------------


async def test_a_live_topic_that_is_not_there_is_said() -> None:
    done = await replay(tools(FakeBroker({LIVE: topic([0])}), FakeBook()), ASKED)
    assert done.notes == ["the topic listings is not there: none of its records are copied"]


async def test_with_neither_topic_the_name_is_not_used_up() -> None:
    book = FakeBook()
    with pytest.raises(StopProcess, match="not there"):
        await replay(tools(FakeBroker({}), book), ASKED)
    assert book.runs == {}


async def test_what_retention_took_before_the_copy_is_said_and_its_hours_are_not_covered() -> None:
    live = topic([60_000 * minute for minute in range(0, 120, 10)])
    live.low[0] = 3
    book = FakeBook()
    done = await replay(tools(FakeBroker({LIVE: live, LISTINGS: topic([])}), book), ASKED)
    [note] = done.notes
    assert "up to 3 records" in note
    assert book.hours["r"] == (T0 + HOUR_MS, T0 + 2 * HOUR_MS)


async def test_what_retention_takes_under_way_is_counted_and_its_hours_are_not_covered() -> None:
    live = topic([60_000 * minute for minute in range(0, 120, 10)])
    broker, book = FakeBroker({LIVE: live, LISTINGS: topic([])}), FakeBook()
    broker.fate = book.fate = Fate(12)
    with pytest.raises(Killed):
        await replay(tools(broker, book), ASKED)
    [booked] = [s.next for s in book.runs["r"].stretches if s.source == LIVE]
    broker.fate = book.fate = Fate()
    live.low[0] = 5
    done = await replay(tools(broker, book), ASKED)
    assert done.notes == [f"{5 - booked} records were not there any more when they were to be copied"]
    assert done.copied == 12 - (5 - booked)
    assert book.hours["r"] == (T0 + HOUR_MS, T0 + 2 * HOUR_MS)


# --- Hours covered -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [([70, 80], (0, 3)), ([5, 70, 80], (1, 3)), ([70, 80, 179], (0, 2)), ([-5, 70, 185], (0, 3))],
)
async def test_an_hour_that_the_range_cuts_is_covered_when_nothing_of_it_is_left_out(
    minutes: list[int], hours: tuple[int, int]
) -> None:
    asked, book = Asked("r", T0 + HOUR_MS // 2, T0 + 5 * HOUR_MS // 2), FakeBook()
    await replay(tools(FakeBroker({LIVE: topic([60_000 * m for m in minutes])}), book), asked)
    assert book.hours["r"] == (T0 + hours[0] * HOUR_MS, T0 + hours[1] * HOUR_MS)


# --- Rate --------------------------------------------------------------------------------------------------


async def test_records_go_out_at_the_rate() -> None:
    broker = FakeBroker({LIVE: topic(range(100))})
    made = tools(broker, FakeBook(), rate=10)
    began = made.clock.now()
    await replay(made, ASKED)
    assert max(broker.deliveries) <= 5
    assert (made.clock.now() - began).total_seconds() == pytest.approx(100 / 10, abs=0.6)


async def test_records_left_out_do_not_hold_a_slow_copy_up() -> None:
    broker = FakeBroker({LIVE: topic([3 * HOUR_MS] * 200)})
    made = tools(broker, FakeBook(), rate=1)
    began = made.clock.now()
    await replay(made, ASKED)
    assert (made.clock.now() - began).total_seconds() < 1.0
