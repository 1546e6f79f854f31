"""Selection as Zalando samples: the first results and some from far down, the panel's strata by engine too."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from consumers.selection import build
from core.domain.effects import Effects
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.stages.engine_lists import SourcedSignals
from tests.support.fake_engines import FakeEngine, InMemoryEngineStore
from tests.support.fake_signals import InMemorySignals, listing, pane, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import FakeClock, InMemoryInbox, InMemoryLeadership

DEPTH = 30
ZALANDO = Settings(
    selection_sampling="zalando",
    selection_sampling_top=3,
    selection_sampling_deep_from=20,
    selection_sampling_deep_count=2,
    selection_friction_queries=0,
    selection_volume_queries=1,
    selection_panel_queries=2,
)


class Shop:
    def __init__(self, settings: Settings) -> None:
        self.clock, self.streams = FakeClock(), InMemoryStreamStore()
        self.inbox = InMemoryInbox(self.clock)
        self.store = InMemorySignals(self.streams, self.inbox)
        self.engine = FakeEngine("next", {})
        self.settings = settings

    def sourced(self, *, with_log: bool) -> SourcedSignals:
        kept = InMemoryEngineStore(self.streams, self.inbox)
        return SourcedSignals(self.store, kept, [self.engine], self.clock, timedelta(days=1), with_log=with_log)

    def process(self, signals: SourcedSignals | None = None) -> PeriodicProcess:
        leadership = InMemoryLeadership()
        return build(self.settings, signals or self.store, leadership, self.clock, lambda: "judge", on_nudge_only=True)

    async def tell(self, effects: Effects) -> None:
        await told(self.streams, effects)

    def listings(self, query: str = "sofa") -> set[str]:
        subjects = [row.new.subject for row in self.inbox.rows.values()]
        return {subject["listing_id"] for subject in subjects if subject["query"] == query}


async def look_once(process: PeriodicProcess) -> None:
    running = asyncio.create_task(process.run())
    await process.nudge()
    process.stop()
    await running


def traffic(*queries: tuple[str, str]) -> Effects:
    """Each query with the engine that serves it and a long list."""
    effects = Effects()
    for query, engine in queries:
        pane(effects, query, 100)
        hits = [f"{query}-{n}" for n in range(1, DEPTH + 1)]
        results(effects, query, hits, engine=engine)
        for hit in hits:
            listing(effects, hit)
    return effects


async def test_the_first_results_and_those_from_far_down_are_judged() -> None:
    shop = Shop(ZALANDO)
    await shop.tell(traffic(("sofa", "bm25")))
    await look_once(shop.process())
    assert shop.listings() == {"sofa-1", "sofa-2", "sofa-3", "sofa-20", "sofa-21"}


async def test_an_engine_is_asked_for_both_parts() -> None:
    shop = Shop(ZALANDO)
    await shop.tell(traffic(("sofa", "bm25")))
    shop.engine.lists["sofa"] = [f"sofa-{n}" for n in range(DEPTH, 0, -1)]
    await look_once(shop.process(shop.sourced(with_log=False)))
    assert shop.engine.asked == [("sofa", 3, 0), ("sofa", 2, 19)]
    assert shop.listings() == {"sofa-30", "sofa-29", "sofa-28", "sofa-11", "sofa-10"}


async def test_log_and_engine_are_judged_as_one_union() -> None:
    shop = Shop(ZALANDO.model_copy(update={"selection_sampling_deep_count": 0}))
    await shop.tell(traffic(("sofa", "bm25")))
    shop.engine.lists["sofa"] = ["sofa-2", "sofa-3", "sofa-9"]
    await look_once(shop.process(shop.sourced(with_log=True)))
    assert shop.listings() == {"sofa-1", "sofa-2", "sofa-3", "sofa-9"}
    assert len(shop.inbox.rows) == 4


async def test_the_panel_has_seats_for_every_engines_queries() -> None:
    queries = [(f"sofa {n}", "bm25") for n in range(40)] + [("sofa 99", "vectors")]
    shop = Shop(ZALANDO.model_copy(update={"selection_volume_queries": 0}))
    await shop.tell(traffic(*queries))
    await look_once(shop.process())
    assert ("shop", "de", "sofa 99") in shop.store.panel
