"""What every `StreamStore` promises: fencing, repeats, and everything of a transaction or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from core.adapters.catalogue import PostgresCatalogue
from core.adapters.postgres import Pool, connection
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import DeadLetter, Effects, ResultList, ResultListKey
from core.domain.listings import ListingEvent, ListingRecord
from core.domain.panes import Counters, PaneKey, Panes
from core.domain.timestamps import HOUR_MS, to_datetime, to_milliseconds
from core.errors import LostOwnership
from core.ports import NewTask, OutgoingEvent
from core.stages.events import dead_letter_event
from core.stream_ports import Partition, PartitionStart, Progress, StreamCommit, StreamStore
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, FakeClock

P0, P1 = Partition("search-log", 0), Partition("search-log", 1)
HOUR = to_milliseconds(NOON) // HOUR_MS * HOUR_MS
PANE = PaneKey("live", "default", "se", "lamp", HOUR)
LIST = ResultListKey("live", "default", "se", "lamp", "")


class Seen(Protocol):
    """A store, and what it holds."""

    store: StreamStore

    async def panes(self) -> Panes: ...
    async def hits(self, key: ResultListKey) -> list[str] | None: ...
    async def title(self, listing_id: str) -> str | None: ...
    async def dead(self) -> list[tuple[int, str, bytes | None]]: ...
    async def events(self) -> int: ...
    async def tasks(self) -> list[str]: ...


class FakeSeen:
    def __init__(self) -> None:
        self.fake = InMemoryStreamStore()
        self.store: StreamStore = self.fake

    async def panes(self) -> Panes:
        return self.fake.panes

    async def hits(self, key: ResultListKey) -> list[str] | None:
        found = self.fake.result_lists.get(key)
        return None if found is None else found.hits

    async def title(self, listing_id: str) -> str | None:
        told = self.fake.listings.get(listing_id)
        return None if told is None or told[1].event == "deleted" else told[1].title

    async def dead(self) -> list[tuple[int, str, bytes | None]]:
        return sorted((d.offset, d.reason, d.payload) for d in self.fake.dead_letters.values())

    async def events(self) -> int:
        return len(self.fake.events)

    async def tasks(self) -> list[str]:
        return sorted(self.fake.tasks)


class PostgresSeen:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.store: StreamStore = PostgresStreamStore(pool, FakeClock())

    async def _rows(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        async with connection(self.pool) as held:
            return [tuple(row) for row in await held.fetch(sql, *arguments)]

    async def panes(self) -> Panes:
        async with connection(self.pool) as held:
            rows = await held.fetch("SELECT * FROM assay.query_panes")
        panes = Panes()
        for row in rows:
            key = PaneKey(row["run"], row["application"], row["market"], row["query"], to_milliseconds(row["hour"]))
            panes[key] = Counters(*(row[name] for name in Counters._fields))
        return panes

    async def hits(self, key: ResultListKey) -> list[str] | None:
        async with connection(self.pool) as held:
            rows = await held.fetch(
                "SELECT hits FROM assay_data.result_lists"
                " WHERE (run, application, market, query, engine) = ($1, $2, $3, $4, $5)",
                *key,
            )
        return list(rows[0]["hits"]) if rows else None

    async def title(self, listing_id: str) -> str | None:
        found = await PostgresCatalogue(self.pool).listings([listing_id])
        return found[listing_id].title if listing_id in found else None

    async def dead(self) -> list[tuple[int, str, bytes | None]]:
        async with connection(self.pool) as held:
            rows = await held.fetch('SELECT "offset", reason, payload FROM assay.dead_letters ORDER BY "offset"')
        return [(row["offset"], row["reason"], row["payload"]) for row in rows]

    async def events(self) -> int:
        async with connection(self.pool) as held:
            return int(await held.fetchval("SELECT count(*) FROM assay_data.outbox"))

    async def tasks(self) -> list[str]:
        async with connection(self.pool) as held:
            return [row["task_key"] for row in await held.fetch("SELECT task_key FROM assay_data.tasks ORDER BY 1")]


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def seen(request: pytest.FixtureRequest) -> Seen:
    return FakeSeen() if request.param == "fake" else PostgresSeen(request.getfixturevalue("work_pool"))


def progress(partition: Partition, start: PartitionStart, applied: int, turn: int | None = None) -> Progress:
    mark = to_datetime(HOUR + applied)
    return Progress(partition, start.epoch, turn or start.turn + 1, applied, applied + 1, 3, mark)


def counted(*counters: int) -> Effects:
    effects = Effects()
    effects.panes.count(PANE, Counters(*counters))
    return effects


def saw(seen_at: int, hits: list[str]) -> Effects:
    effects = Effects()
    effects.saw_results(LIST, ResultList(seen_at, "sv", hits))
    return effects


def told(
    at: int, event: ListingEvent = "new", title: str = "A lamp", attributes: dict[str, str] | None = None
) -> Effects:
    effects = Effects()
    listing = ListingRecord(
        "L1", HOUR + at, event, "se", None, title, None, None, None, 9.5, "SEK", attributes or {}, ["https://x/1.jpg"]
    )
    effects.saw_listing("live", listing)
    return effects


def letter(offset: int, payload: bytes | None = b"{") -> DeadLetter:
    return DeadLetter("live", "search-log", 0, offset, "not_json", "a detail", payload, 1)


def died(*letters: DeadLetter) -> tuple[Effects, list[OutgoingEvent]]:
    effects = Effects()
    effects.dead_letters += letters
    return effects, [dead_letter_event(dead, NOON) for dead in letters]


async def commit_next(
    seen: Seen, effects: Effects, events: Sequence[OutgoingEvent] = (), tasks: Sequence[NewTask] = ()
) -> None:
    """A transaction of a new owner of P0, one offset further."""
    start = await seen.store.take(P0, "me")
    await seen.store.commit(StreamCommit([progress(P0, start, start.applied + 1)], effects, events, tasks))


async def test_a_partition_never_owned_starts_at_its_beginning(seen: Seen) -> None:
    assert await seen.store.take(P0, "me") == PartitionStart(1, 0, -1, None, -1)


async def test_a_new_owner_starts_where_the_last_one_committed(seen: Seen) -> None:
    start = await seen.store.take(P0, "me")
    await seen.store.commit(StreamCommit([progress(P0, start, 41)], Effects()))
    assert await seen.store.take(P0, "other") == PartitionStart(start.epoch + 1, start.turn + 1, 41, None, -1)


async def test_a_new_owner_gets_the_newest_snapshot_and_its_offset(seen: Seen) -> None:
    start = await seen.store.take(P0, "me")
    await seen.store.commit(StreamCommit([progress(P0, start, 10)], Effects(), snapshots={P0: b"old"}))
    await seen.store.commit(
        StreamCommit([progress(P0, start, 20, start.turn + 2)], Effects(), snapshots={P0: b"\0new"})
    )
    await seen.store.commit(StreamCommit([progress(P0, start, 30, start.turn + 3)], Effects()))
    again = await seen.store.take(P0, "other")
    assert (again.applied, again.snapshot, again.snapshot_offset) == (30, b"\0new", 20)


async def test_partitions_are_apart(seen: Seen) -> None:
    start = await seen.store.take(P0, "me")
    await seen.store.commit(StreamCommit([progress(P0, start, 10)], Effects(), snapshots={P0: b"s"}))
    assert await seen.store.take(P1, "me") == PartitionStart(1, 0, -1, None, -1)


async def test_a_former_owner_writes_nothing_and_learns_what_it_lost(seen: Seen) -> None:
    mine, other = await seen.store.take(P0, "me"), await seen.store.take(P1, "me")
    await seen.store.take(P0, "another")
    effects, events = died(letter(1))
    effects.panes.count(PANE, Counters(1))
    with pytest.raises(LostOwnership) as lost:
        await seen.store.commit(
            StreamCommit([progress(P0, mine, 5), progress(P1, other, 5)], effects, events, snapshots={P1: b"s"})
        )
    assert lost.value.partitions == {P0}
    assert (await seen.panes(), await seen.dead(), await seen.events()) == ({}, [], 0)
    assert await seen.store.take(P1, "me") == PartitionStart(2, 0, -1, None, -1)


async def test_a_transaction_sent_again_is_not_applied_again(seen: Seen) -> None:
    start = await seen.store.take(P0, "me")
    effects, events = died(letter(1))
    effects.panes.count(PANE, Counters(1, 1))
    commit = StreamCommit([progress(P0, start, 5)], effects, events)
    await seen.store.commit(commit)
    await seen.store.commit(commit)
    assert await seen.panes() == {PANE: Counters(1, 1)}
    assert await seen.events() == 1


async def test_a_transaction_sent_again_after_a_loss_is_refused(seen: Seen) -> None:
    start = await seen.store.take(P0, "me")
    commit = StreamCommit([progress(P0, start, 5)], counted(1))
    await seen.store.commit(commit)
    await seen.store.take(P0, "another")
    with pytest.raises(LostOwnership):
        await seen.store.commit(commit)
    assert await seen.panes() == {PANE: Counters(1)}


async def test_panes_add_up(seen: Seen) -> None:
    await commit_next(seen, counted(1, 2, 3, 4, 5, 6))
    await commit_next(seen, counted(10, 20, 30, 40, 50, 60))
    assert await seen.panes() == {PANE: Counters(11, 22, 33, 44, 55, 66)}


async def test_panes_of_odd_texts_come_back_as_they_are(seen: Seen) -> None:
    effects = Effects()
    keys = [PANE._replace(query=query) for query in ("'\"\\{},", "\U0001f600 \u00e9", "null", "x" * 256)]
    for key in keys:
        effects.panes.count(key, Counters(1))
    await commit_next(seen, effects)
    assert set(await seen.panes()) == set(keys)


async def test_an_unusable_record_is_kept_once(seen: Seen) -> None:
    await commit_next(seen, died(letter(1), letter(2, None))[0])
    await commit_next(seen, died(letter(1, b"other"), letter(3, b"\0\xff"))[0])
    assert await seen.dead() == [(1, "not_json", b"{"), (2, "not_json", None), (3, "not_json", b"\0\xff")]


async def test_the_newest_result_list_stands_and_of_one_time_the_later(seen: Seen) -> None:
    await commit_next(seen, saw(HOUR + 5, ["a", "b"]))
    await commit_next(seen, saw(HOUR + 4, ["older"]))
    assert await seen.hits(LIST) == ["a", "b"]
    await commit_next(seen, saw(HOUR + 5, ["c,'\"", "{d}"]))
    assert await seen.hits(LIST) == ["c,'\"", "{d}"]
    await commit_next(seen, saw(HOUR + 6, []))
    assert await seen.hits(LIST) == []


async def test_the_newest_word_on_a_listing_stands(seen: Seen) -> None:
    await commit_next(seen, told(5, title="new", attributes={"colour": "r\u00f6d", "'": '"'}))
    await commit_next(seen, told(4, "updated", title="late"))
    assert await seen.title("L1") == "new"
    await commit_next(seen, told(5, "updated", title="same time, later in the log"))
    assert await seen.title("L1") == "same time, later in the log"


async def test_a_deleted_listing_is_gone_until_told_of_again_later(seen: Seen) -> None:
    await commit_next(seen, told(5))
    await commit_next(seen, told(6, "deleted", title=""))
    assert await seen.title("L1") is None
    await commit_next(seen, told(5, "updated"))
    assert await seen.title("L1") is None
    await commit_next(seen, told(7, "new", title="back"))
    assert await seen.title("L1") == "back"


async def test_a_deletion_that_comes_first_stands_against_what_is_older(seen: Seen) -> None:
    await commit_next(seen, told(6, "deleted", title=""))
    await commit_next(seen, told(5))
    assert await seen.title("L1") is None


async def test_tasks_and_events_are_of_the_same_transaction(seen: Seen) -> None:
    task = NewTask("k1", "image", "live", "L1", {"listing_id": "L1"})
    effects, events = died(letter(1))
    await commit_next(seen, effects, events, [task, task])
    assert (await seen.tasks(), await seen.events()) == (["k1"], 1)
    lost = await seen.store.take(P0, "me")
    await seen.store.take(P0, "another")
    with pytest.raises(LostOwnership):
        await seen.store.commit(
            StreamCommit([progress(P0, lost, 9)], Effects(), events, [NewTask("k2", "image", "live", "L2", {})])
        )
    assert (await seen.tasks(), await seen.events()) == (["k1"], 1)
