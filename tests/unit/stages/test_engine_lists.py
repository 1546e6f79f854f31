"""Result lists from engines, for selection and drift: asked for when due, kept, joined with the log's."""

from __future__ import annotations

from datetime import timedelta

from core.domain.effects import Effects
from core.domain.engines import EngineQuery, Sampling
from core.domain.selection import Deep
from core.errors import EngineRefused, RetryLater
from core.signal_ports import QueryKey, ShownResults
from core.stages.engine_lists import REFUSED_REST, SourcedSignals, fetch_lists
from tests.support.fake_engines import FakeEngine, InMemoryEngineStore
from tests.support.fake_signals import InMemorySignals, listing, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import FakeClock, InMemoryInbox

SOFA: QueryKey = ("shop", "de", "sofa")
LAMP: QueryKey = ("shop", "de", "lampe")
DAY_S = 24 * 3600


class Shop:
    def __init__(self, *, with_log: bool = False) -> None:
        self.clock, self.streams = FakeClock(), InMemoryStreamStore()
        inbox = InMemoryInbox(self.clock)
        self.store = InMemoryEngineStore(self.streams, inbox)
        self.next = FakeEngine("next", {"sofa": ["b", "c"]})
        log = InMemorySignals(self.streams, inbox)
        refresh = timedelta(hours=24)
        self.signals = SourcedSignals(log, self.store, [self.next], self.clock, refresh, with_log=with_log)

    async def opened(self) -> Shop:
        effects = Effects()
        results(effects, "sofa", ["a", "b"], engine="bm25")
        for each in "abc":
            listing(effects, each)
        await told(self.streams, effects)
        return self

    async def shown(self, *keys: QueryKey) -> list[tuple[str, list[str]]]:
        return named(await self.signals.shown(list(keys), 10))


def named(found: list[ShownResults]) -> list[tuple[str, list[str]]]:
    return [(each.engine, [listing_id for _, listing_id, _ in each.listings]) for each in found]


async def test_results_come_from_the_engine_alone() -> None:
    assert await (await Shop().opened()).shown(SOFA) == [("next", ["b", "c"])]


async def test_results_come_from_log_and_engine() -> None:
    shop = await Shop(with_log=True).opened()
    assert await shop.shown(SOFA) == [("bm25", ["a", "b"]), ("next", ["b", "c"])]


async def test_the_engine_is_asked_in_the_language_of_the_log() -> None:
    shop = await Shop().opened()
    await shop.shown(SOFA)
    assert [each.query.language for each in shop.store.lists] == ["de"]


async def test_an_engine_is_asked_again_only_when_its_list_is_old() -> None:
    shop = await Shop().opened()
    await shop.shown(SOFA)
    shop.clock.advance(DAY_S - 1)
    await shop.shown(SOFA)
    assert len(shop.next.asked) == 1
    shop.clock.advance(1)
    shop.next.lists["sofa"] = ["c"]
    assert await shop.shown(SOFA) == [("next", ["c"])]


async def test_where_an_engine_is_away_the_list_before_stands() -> None:
    shop = await Shop().opened()
    await shop.shown(SOFA)
    shop.clock.advance(DAY_S)
    shop.next.refuses["sofa"] = RetryLater("gone")
    assert await shop.shown(SOFA) == [("next", ["b", "c"])]


async def test_an_engine_that_was_away_is_asked_at_the_next_look() -> None:
    shop = await Shop().opened()
    shop.next.refuses["sofa"] = RetryLater("gone")
    assert await shop.shown(SOFA) == []
    del shop.next.refuses["sofa"]
    assert await shop.shown(SOFA) == [("next", ["b", "c"])]


async def test_a_refused_query_rests_and_the_others_do_not() -> None:
    shop = await Shop().opened()
    shop.next.refuses["sofa"] = EngineRefused("odd", "refused")
    await shop.shown(SOFA, LAMP)
    await shop.shown(SOFA, LAMP)
    assert [query for query, _, _ in shop.next.asked] == ["sofa", "lampe"]
    shop.clock.advance(REFUSED_REST.total_seconds() + 1)
    await shop.shown(SOFA)
    assert [query for query, _, _ in shop.next.asked] == ["sofa", "lampe", "sofa"]


async def test_ranks_far_down_are_a_request_of_their_own() -> None:
    ids = [f"x{n}" for n in range(1, 601)]
    engine = FakeEngine("deep", {"sofa": ids})
    query = EngineQuery("shop", "de", "de", "sofa")
    fetched = await fetch_lists([engine], [query], Sampling(15, Deep(500, 5)), FakeClock())
    assert engine.asked == [("sofa", 15, 0), ("sofa", 5, 499)]
    assert [hit.rank for hit in fetched.lists[0].hits] == [*range(1, 16), *range(500, 505)]
