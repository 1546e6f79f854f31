"""`SignalStore`: what selection sees of traffic and result lists, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest

from core.adapters.inbox import PostgresInbox
from core.adapters.postgres import Pool
from core.adapters.signals import PostgresSignalStore
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.domain.friction import QuerySignals
from core.domain.selection import Deep, Earlier, Selection
from core.ports import TaskInbox
from core.signal_ports import QueryKey, SignalStore
from core.stream_ports import StreamStore
from tests.contract.facts import task
from tests.support.fake_signals import InMemorySignals, listing, pane, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, FakeClock, InMemoryInbox

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOFA: QueryKey = ("shop", "de", "sofa")
LAMP: QueryKey = ("shop", "de", "lampe")


class World(Protocol):
    """The store, and what fills and shows it."""

    signals: SignalStore
    streams: StreamStore
    inbox: TaskInbox

    async def evidence(self) -> list[tuple[str, str, float, int, dict[str, float]]]: ...


class FakeWorld:
    def __init__(self) -> None:
        streams, inbox = InMemoryStreamStore(), InMemoryInbox(FakeClock())
        self.fake = InMemorySignals(streams, inbox)
        self.signals: SignalStore = self.fake
        self.streams: StreamStore = streams
        self.inbox: TaskInbox = inbox

    async def evidence(self) -> list[tuple[str, str, float, int, dict[str, float]]]:
        return [
            (c.selection.query, c.selection.reason, c.selection.priority, c.pairs, dict(c.selection.evidence))
            for c in self.fake.choices
        ]


@dataclass
class PostgresWorld:
    pool: Pool

    def __post_init__(self) -> None:
        self.signals: SignalStore = PostgresSignalStore(self.pool)
        self.streams: StreamStore = PostgresStreamStore(self.pool, FakeClock())
        self.inbox: TaskInbox = PostgresInbox(self.pool, FakeClock())

    async def evidence(self) -> list[tuple[str, str, float, int, dict[str, float]]]:
        rows = await self.pool.fetch(
            "SELECT query, reason, priority, pairs, evidence FROM assay.query_selections ORDER BY selected_at, query"
        )
        return [tuple(row) for row in rows]


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else PostgresWorld(request.getfixturevalue("work_pool"))


def choice(query: str, reason: str = "friction") -> Selection:
    return Selection("shop", "de", query, reason, 3.5, {"searches": 40, "rate": 0.25})


# --- Traffic ---------------------------------------------------------------------------------------------


async def test_without_traffic_there_are_no_signals(world: World) -> None:
    assert await world.signals.signals(14) == []


async def test_panes_of_a_query_are_added_up(world: World) -> None:
    effects = Effects()
    pane(effects, "sofa", 10, sessions=7, struggles=4)
    pane(effects, "sofa", 5, sessions=5, struggles=1, at=NOON - HOUR)
    await told(world.streams, effects)
    assert await world.signals.signals(14) == [QuerySignals(*SOFA, 15, 12, 10, 5, 0, 0)]


async def test_queries_are_apart_by_application_and_market(world: World) -> None:
    effects = Effects()
    for market in (("shop", "de"), ("shop", "at"), ("app", "de")):
        pane(effects, "sofa", 1, market=market)
    await told(world.streams, effects)
    found = await world.signals.signals(14)
    assert {(s.application, s.market, s.searches) for s in found} == {
        ("shop", "de", 1),
        ("shop", "at", 1),
        ("app", "de", 1),
    }


async def test_the_window_ends_at_each_applications_newest_pane(world: World) -> None:
    effects = Effects()
    pane(effects, "neu", 1)
    pane(effects, "gerade noch", 2, at=NOON - 2 * DAY + HOUR)
    pane(effects, "zu alt", 3, at=NOON - 2 * DAY)
    pane(effects, "langsam", 4, market=("batch", "de"), at=NOON - 30 * DAY)
    await told(world.streams, effects)
    assert {s.query for s in await world.signals.signals(2)} == {"neu", "gerade noch", "langsam"}


async def test_a_replays_panes_are_no_signals(world: World) -> None:
    effects = Effects()
    pane(effects, "sofa", 5)
    pane(effects, "sofa", 50, run="trial")
    pane(effects, "lampe", 50, run="trial", at=NOON + 9 * DAY)
    await told(world.streams, effects)
    assert [s.searches for s in await world.signals.signals(1)] == [5]


# --- Result lists ----------------------------------------------------------------------------------------


async def test_a_query_shows_its_known_listings_in_rank_order(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["b", "unknown", "a"])
    listing(effects, "a", "Sofa A")
    listing(effects, "b", "Sofa B")
    await told(world.streams, effects)
    (found,) = await world.signals.shown([SOFA], 10)
    hashes = {listing_id: told_of.content_hash for listing_id, (_, told_of) in effects.listings.items()}
    assert (found.application, found.market, found.query, found.engine) == (*SOFA, "bm25")
    assert found.language == "de"
    assert found.listings == [(1, "b", hashes["b"]), (3, "a", hashes["a"])]


async def test_only_the_first_ranks_are_shown(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["a", "b", "c"])
    for each in "abc":
        listing(effects, each)
    await told(world.streams, effects)
    (found,) = await world.signals.shown([SOFA], 2)
    assert [listing_id for _, listing_id, _ in found.listings] == ["a", "b"]


async def test_ranks_from_far_down_are_shown_when_they_are_asked_for(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", [f"s{n}" for n in range(1, 12)])
    for n in range(1, 12):
        listing(effects, f"s{n}")
    await told(world.streams, effects)
    (found,) = await world.signals.shown([SOFA], 2, Deep(6, 3))
    assert [rank for rank, _, _ in found.listings] == [1, 2, 6, 7, 8]


async def test_queries_are_told_with_the_engines_that_serve_them(world: World) -> None:
    effects = Effects()
    for engine in ("vectors", "bm25"):
        results(effects, "sofa", ["a"], engine=engine)
    results(effects, "lampe", ["a"], engine="bm25")
    results(effects, "lampe", ["a"], engine="other", run="trial")
    await told(world.streams, effects)
    assert await world.signals.served_by() == {SOFA: "bm25,vectors", LAMP: "bm25"}


async def test_a_listing_twice_in_a_list_is_shown_at_its_first_rank(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["a", "b", "a"])
    for each in "ab":
        listing(effects, each)
    await told(world.streams, effects)
    (found,) = await world.signals.shown([SOFA], 10)
    assert [(rank, listing_id) for rank, listing_id, _ in found.listings] == [(1, "a"), (2, "b")]


async def test_deleted_listings_are_left_out_and_a_query_with_nothing_left_too(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["a", "b"])
    results(effects, "lampe", ["a"])
    listing(effects, "b")
    listing(effects, "a", event="deleted")
    await told(world.streams, effects)
    (found,) = await world.signals.shown([SOFA, LAMP], 10)
    assert (found.query, [each[:2] for each in found.listings]) == ("sofa", [(2, "b")])


async def test_an_empty_list_shows_nothing(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", [])
    await told(world.streams, effects)
    assert await world.signals.shown([SOFA], 10) == []


async def test_each_engine_has_its_own_list_and_replays_have_none(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["a"], engine="bm25")
    results(effects, "sofa", ["b"], engine="vectors")
    results(effects, "sofa", ["c"], engine="bm25", run="trial")
    for each in "abc":
        listing(effects, each)
    await told(world.streams, effects)
    found = await world.signals.shown([SOFA], 10)
    assert [(each.engine, each.listings[0][1]) for each in found] == [("bm25", "a"), ("vectors", "b")]


async def test_only_the_queries_asked_for_are_shown(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["a"])
    results(effects, "sofa", ["a"], market=("shop", "at"))
    results(effects, "lampe", ["a"])
    listing(effects, "a")
    await told(world.streams, effects)
    found = await world.signals.shown([LAMP], 10)
    assert [(each.application, each.market, each.query) for each in found] == [LAMP]
    assert await world.signals.shown([], 10) == []


# --- Choices ---------------------------------------------------------------------------------------------


async def test_choices_members_and_tasks_are_recorded_together(world: World) -> None:
    chosen = [(choice("sofa"), "hash", 2), (choice("lampe", "panel"), "other", 1)]
    added = await world.signals.record(chosen, [LAMP], [task("t1"), task("t2")], NOON)
    assert added == 2
    assert await world.signals.members() == {LAMP}
    assert await world.inbox.runnable(["relevance"]) == 2
    assert sorted(await world.evidence()) == [
        ("lampe", "panel", 3.5, 1, {"searches": 40, "rate": 0.25}),
        ("sofa", "friction", 3.5, 2, {"searches": 40, "rate": 0.25}),
    ]


async def test_tasks_that_wait_already_are_not_counted_again(world: World) -> None:
    await world.signals.record([(choice("sofa"), "hash", 1)], [], [task("t1")], NOON)
    assert await world.signals.record([(choice("sofa"), "new", 2)], [], [task("t1"), task("t2")], NOON) == 1


async def test_members_may_join_without_a_choice_and_join_once(world: World) -> None:
    await world.signals.record([], [SOFA], [], NOON)
    await world.signals.record([], [SOFA, LAMP], [], NOON + DAY)
    assert await world.signals.members() == {SOFA, LAMP}


async def test_the_newest_choice_of_a_query_and_reason_is_the_earlier_one(world: World) -> None:
    await world.signals.record([(choice("sofa"), "old", 1)], [], [], NOON - DAY)
    await world.signals.record([(choice("sofa"), "new", 1)], [], [], NOON)
    await world.signals.record([(choice("sofa", "volume"), "volume", 1)], [], [], NOON + DAY)
    await world.signals.record([(choice("lampe"), "lamp", 1)], [], [], NOON)
    assert await world.signals.earlier("friction", [SOFA]) == {SOFA: Earlier(NOON, "new")}
    assert await world.signals.earlier("panel", [SOFA, LAMP]) == {}
    assert await world.signals.earlier("friction", []) == {}


# --- PostgreSQL alone ------------------------------------------------------------------------------------


async def test_a_record_that_fails_leaves_nothing_of_it(work_pool: Pool) -> None:
    world = PostgresWorld(work_pool)
    with pytest.raises(Exception, match="0x00"):
        await world.signals.record([(choice("sofa"), "hash", 1)], [SOFA], [task("a\x00b")], NOON)
    assert await world.signals.members() == frozenset()
    assert await world.evidence() == []
