"""`EngineStore`: lists of engines as they were answered, and what is read of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest

from core.adapters.engine_store import PostgresEngineStore
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.postgres import Pool
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.domain.engines import EngineList, EngineQuery, Sampling, ranked
from core.domain.labels import Label
from core.domain.selection import Deep
from core.engine_ports import EngineStore, TaskState
from core.ports import LabelFact, TaskInbox
from core.signal_ports import QueryKey
from core.stream_ports import StreamStore
from tests.contract.facts import label, task
from tests.support.fake_engines import InMemoryEngineStore
from tests.support.fake_signals import listing, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, FakeClock, InMemoryInbox

HOUR = timedelta(hours=1)
SOFA = EngineQuery("shop", "de", "de", "sofa")
LAMP = EngineQuery("shop", "de", "de", "lampe")
TWO = Sampling(2)


class World(Protocol):
    store: EngineStore
    streams: StreamStore
    inbox: TaskInbox

    async def judged(self, fact: LabelFact) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.memory, self.tasks = InMemoryStreamStore(), InMemoryInbox(FakeClock())
        self.fake = InMemoryEngineStore(self.memory, self.tasks)
        self.store: EngineStore = self.fake
        self.streams: StreamStore = self.memory
        self.inbox: TaskInbox = self.tasks

    async def judged(self, fact: LabelFact) -> None:
        key: QueryKey = (fact.application, fact.market, fact.query)
        self.fake.labels[key, fact.listing_id, fact.content_hash] = fact.label.grade


@dataclass
class PostgresWorld:
    pool: Pool

    def __post_init__(self) -> None:
        self.store: EngineStore = PostgresEngineStore(self.pool)
        self.streams: StreamStore = PostgresStreamStore(self.pool, FakeClock())
        self.inbox: TaskInbox = PostgresInbox(self.pool, FakeClock())

    async def judged(self, fact: LabelFact) -> None:
        await PostgresJudgements(self.pool).save_labels([fact], [], [], fact.judged_at)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else PostgresWorld(request.getfixturevalue("work_pool"))


def answer(ids: str, *, engine: str = "a", query: EngineQuery = SOFA, hours: int = 0, top: int = 2) -> EngineList:
    hits = ranked([(each, None) for each in ids.split()], 0)
    return EngineList(engine, query, NOON + hours * HOUR, Sampling(top), hits)


async def catalogue(world: World, *ids: str) -> dict[str, str]:
    """Tell of these listings; their hashes."""
    effects = Effects()
    for each in ids:
        listing(effects, each, f"Sofa {each}")
    await told(world.streams, effects)
    return {listing_id: record.content_hash for listing_id, (_, record) in effects.listings.items()}


async def test_the_newest_list_is_shown_with_its_known_listings(world: World) -> None:
    hashes = await catalogue(world, "x", "y", "z")
    await world.store.save_lists([answer("x y"), answer("y unknown z", hours=1, top=3)])
    (found,) = await world.store.shown(["a"], [SOFA.key], Sampling(3))
    assert (found.engine, found.query, found.language) == ("a", "sofa", "de")
    assert list(found.listings) == [(1, "y", hashes["y"]), (3, "z", hashes["z"])]


async def test_lists_of_other_engines_and_queries_are_not_shown(world: World) -> None:
    await catalogue(world, "x", "y")
    await world.store.save_lists([answer("x"), answer("y", engine="b"), answer("y", query=LAMP)])
    found = await world.store.shown(["a"], [SOFA.key], TWO)
    assert [(each.engine, each.query) for each in found] == [("a", "sofa")]


async def test_a_list_that_was_asked_for_fewer_ranks_does_not_stand_for_more(world: World) -> None:
    await catalogue(world, "x", "y")
    await world.store.save_lists([answer("x y", top=2), answer("y", hours=1, top=1)])
    assert await world.store.fetched(["a"], [SOFA.key], TWO) == {("a", SOFA.key): NOON}
    assert await world.store.fetched(["a"], [SOFA.key], Sampling(1)) == {("a", SOFA.key): NOON + HOUR}
    assert await world.store.fetched(["a"], [SOFA.key], Sampling(3)) == {}


async def test_only_the_ranks_that_are_wanted_are_shown(world: World) -> None:
    await catalogue(world, *(f"x{n}" for n in range(1, 10)))
    hits = ranked([(f"x{n}", None) for n in range(1, 10)], 0)
    sampling = Sampling(9, Deep(7, 2))
    await world.store.save_lists([EngineList("a", SOFA, NOON, sampling, hits)])
    (found,) = await world.store.shown(["a"], [SOFA.key], Sampling(2, Deep(7, 2)))
    assert [rank for rank, _, _ in found.listings] == [1, 2, 7, 8]
    assert await world.store.shown(["a"], [SOFA.key], Sampling(2, Deep(8, 2))) == []


async def test_an_empty_list_was_fetched_and_shows_nothing(world: World) -> None:
    await world.store.save_lists([answer("")])
    assert await world.store.fetched(["a"], [SOFA.key], TWO) == {("a", SOFA.key): NOON}
    assert await world.store.shown(["a"], [SOFA.key], TWO) == []


async def test_a_querys_language_is_that_of_its_last_search(world: World) -> None:
    effects = Effects()
    results(effects, "sofa", ["x"])
    await told(world.streams, effects)
    assert await world.store.languages([SOFA.key, LAMP.key]) == {SOFA.key: "de"}


async def test_grades_are_told_by_content(world: World) -> None:
    await world.judged(label("k1", query="sofa", listing_id="x", content_hash="old", label=Label.IRRELEVANT))
    await world.judged(label("k2", query="sofa", listing_id="x", content_hash="new", label=Label.HIGHLY_RELEVANT))
    await world.judged(label("k3", query="lampe", listing_id="x", content_hash="new", label=Label.HIGHLY_RELEVANT))
    assert await world.store.grades([SOFA.key]) == {(SOFA.key, "x", "old"): 0, (SOFA.key, "x", "new"): 2}


async def test_of_two_grades_of_one_content_the_newest_counts(world: World) -> None:
    of_pair = {"query": "sofa", "listing_id": "x", "content_hash": "c"}
    await world.judged(label("k1", **of_pair, label=Label.IRRELEVANT))
    await world.judged(label("k2", **of_pair, label=Label.HIGHLY_RELEVANT, judged_at=NOON + HOUR))
    assert await world.store.grades([SOFA.key]) == {(SOFA.key, "x", "c"): 2}


async def test_tasks_are_told_by_key(world: World) -> None:
    await world.inbox.add([task("t1")])
    assert await world.store.task_states(["t1", "t2"]) == {"t1": TaskState("waiting", "")}
