"""Engines side by side: the union is judged once, what is not judged is named, the labels say who ranks better."""

from __future__ import annotations

from uuid import UUID

from core.domain.engines import EngineQuery, Sampling
from core.engine_ports import Comparison
from core.errors import EngineRefused, RetryLater
from core.ports import Listing
from core.signal_ports import QueryKey
from core.stages.compare_engines import EngineComparer
from tests.support.fake_engines import FakeEngine, InMemoryEngineStore
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import FakeClock, InMemoryCatalogue, InMemoryInbox

JUDGE = "text|judge-1|relevance@1"
RUN = UUID(int=5)
QUERIES = [EngineQuery("shop", "de", "de", f"sofa {n}") for n in range(12)]
SOFA = QUERIES[0]


class Shop:
    """Two engines over one catalogue: `good` shows a, b, c; `bad` shows c, d, e."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.inbox, self.streams = InMemoryInbox(self.clock), InMemoryStreamStore()
        self.store = InMemoryEngineStore(self.streams, self.inbox)
        self.catalogue = InMemoryCatalogue()
        for each in "abcde":
            self.catalogue.known[each] = product(each)
        self.good = FakeEngine("good", {each.text: ["a", "b", "c"] for each in QUERIES})
        self.bad = FakeEngine("bad", {each.text: ["c", "d", "e"] for each in QUERIES})

    @property
    def comparer(self) -> EngineComparer:
        return EngineComparer([self.good, self.bad], self.store, self.catalogue, self.inbox, self.clock, JUDGE)

    def judge(self, grades: dict[str, int]) -> None:
        """Every waiting task whose listing has a grade here is done."""
        for row in self.inbox.rows.values():
            subject = row.new.subject
            if row.state == "waiting" and subject["listing_id"] in grades:
                key: QueryKey = (subject["application"], subject["market"], subject["query"])
                self.store.labels[key, subject["listing_id"], f"c-{subject['listing_id']}"] = grades[
                    subject["listing_id"]
                ]
                row.state = "done"

    async def compared(self, grades: dict[str, int], queries: list[EngineQuery], k: int = 3) -> Comparison:
        comparer = self.comparer
        fetched = await comparer.fetch(queries, Sampling(k))
        pairs = await comparer.pairs(fetched.lists)
        await comparer.queue(pairs, "backfill")
        self.judge(grades)
        return await comparer.report(RUN, fetched, pairs, k, 1)


def product(listing_id: str) -> Listing:
    return Listing(
        listing_id, "de", "de", f"Sofa {listing_id}", None, None, None, None, None, {}, (), f"c-{listing_id}"
    )


ALL = {"a": 2, "b": 2, "c": 1, "d": 0, "e": 0}


def value(made: Comparison, engine: str, measure: str) -> float | None:
    (found,) = [s for s in made.summaries if (s.engine, s.measure) == (engine, measure)]
    return found.estimate.value


async def test_two_engines_pay_for_the_union_of_their_results_once() -> None:
    shop = Shop()
    await shop.compared({}, [SOFA])
    assert sorted(row.new.subject["listing_id"] for row in shop.inbox.rows.values()) == ["a", "b", "c", "d", "e"]


async def test_a_second_comparison_of_judged_results_queues_nothing() -> None:
    shop = Shop()
    await shop.compared(ALL, [SOFA])
    pairs = await shop.comparer.pairs((await shop.comparer.fetch([SOFA], Sampling(3))).lists)
    assert await shop.comparer.queue(pairs, "live") == 0


async def test_tasks_are_of_reason_request_and_carry_the_querys_language() -> None:
    shop = Shop()
    await shop.compared({}, [SOFA])
    row = next(iter(shop.inbox.rows.values()))
    assert (row.new.payload, row.new.lane) == ({"reason": "request", "language": "de"}, "backfill")


async def test_the_better_engine_is_better_by_every_measure() -> None:
    made = await Shop().compared(ALL, QUERIES)
    assert (value(made, "good", "ndcg"), value(made, "good", "precision"), value(made, "good", "irrelevant")) == (
        1,
        1,
        0,
    )
    assert value(made, "bad", "precision") == 1 / 3
    assert value(made, "bad", "irrelevant") == 2 / 3
    bad = next(s for s in made.summaries if (s.engine, s.measure) == ("bad", "ndcg"))
    assert bad.difference is not None
    assert bad.difference.value is not None
    assert bad.difference.value < 0
    assert (bad.difference.losses, bad.difference.wins) == (12, 0)


async def test_the_ideal_ranking_is_made_of_the_union() -> None:
    made = await Shop().compared(ALL, [SOFA])
    ideal = 2 + 2 / 1.584962500721156 + 1 / 2
    assert abs((value(made, "bad", "ndcg") or 0) - 1 / ideal) < 1e-9


async def test_what_is_not_judged_is_named_and_never_irrelevant() -> None:
    made = await Shop().compared({"a": 2, "b": 2, "c": 1}, [SOFA])
    assert value(made, "bad", "irrelevant") == 0
    assert (made.pairs, made.judged, dict(made.missing)) == (5, 3, {"waiting": 2})
    bad = next(f for f in made.figures if f.engine == "bad")
    assert (bad.shown, bad.judged) == (3, 1)


async def test_a_listing_that_nobody_tells_of_is_named() -> None:
    shop = Shop()
    shop.bad.lists[SOFA.text] = ["c", "nowhere"]
    made = await shop.compared(ALL, [SOFA])
    assert (made.pairs, made.unknown) == (4, 1)
    assert len(shop.inbox.rows) == 3


async def test_a_listing_of_the_engines_document_alone_travels_with_its_task() -> None:
    shop = Shop()
    shop.bad.lists[SOFA.text] = ["own"]
    shop.bad.listings["own"] = {"listing_id": "own", "market": "de", "title": "Only in the index"}
    await shop.compared({}, [SOFA])
    (row,) = [row for row in shop.inbox.rows.values() if row.new.subject["listing_id"] == "own"]
    assert row.new.payload["listing"] == {"listing_id": "own", "market": "de", "title": "Only in the index"}


async def test_a_query_that_an_engine_refused_is_left_out_and_told() -> None:
    shop = Shop()
    shop.bad.refuses[SOFA.text] = EngineRefused("too odd", "refused")
    made = await shop.compared(ALL, QUERIES)
    assert dict(made.failures) == {"bad: refused": 1}
    bad = next(s for s in made.summaries if (s.engine, s.measure) == ("bad", "ndcg"))
    assert bad.difference is not None
    assert (made.queries, bad.estimate.queries, bad.difference.queries) == (12, 11, 11)


async def test_an_engine_that_is_away_is_not_asked_for_the_rest() -> None:
    shop = Shop()
    shop.bad.refuses = {each.text: RetryLater("gone") for each in QUERIES}
    made = await shop.compared(ALL, QUERIES)
    assert dict(made.failures) == {"bad: away": 12}
    assert len(shop.bad.asked) == 1


async def test_no_engine_is_sent_personal_data() -> None:
    shop = Shop()
    await shop.compared({}, [EngineQuery("shop", "de", "de", "sofa jan@example.org")])
    assert shop.good.asked == shop.bad.asked == []


async def test_waiting_ends_with_the_last_label_and_tells_how_far_it_is() -> None:
    shop = Shop()
    comparer = shop.comparer
    pairs = await comparer.pairs((await comparer.fetch([SOFA], Sampling(3))).lists)
    await comparer.queue(pairs, "backfill")
    seen: list[tuple[int, int, int]] = []

    def tell(judged: int, failed: int, total: int) -> None:
        seen.append((judged, failed, total))
        shop.judge(dict(list(ALL.items())[: 2 * len(seen)]))

    assert await comparer.wait(pairs, 60, tell)
    assert seen == [(0, 0, 5), (2, 0, 5), (4, 0, 5), (5, 0, 5)]


async def test_waiting_ends_with_its_time() -> None:
    comparer = Shop().comparer
    pairs = await comparer.pairs((await comparer.fetch([SOFA], Sampling(3))).lists)
    await comparer.queue(pairs, "backfill")
    assert not await comparer.wait(pairs, 10, lambda *_: None)


async def test_a_failed_pair_is_not_waited_for_and_named() -> None:
    shop = Shop()
    comparer = shop.comparer
    fetched = await comparer.fetch([SOFA], Sampling(3))
    pairs = await comparer.pairs(fetched.lists)
    await comparer.queue(pairs, "backfill")
    for row in shop.inbox.rows.values():
        row.state, row.reason = "failed", "refused"
    assert await comparer.wait(pairs, 0, lambda *_: None)
    assert dict((await comparer.report(RUN, fetched, pairs, 3, 1)).missing) == {"failed: refused": 5}


async def test_the_run_and_the_lists_are_kept() -> None:
    shop = Shop()
    made = await shop.compared(ALL, QUERIES)
    assert shop.store.comparisons == [made]
    assert len(shop.store.lists) == 24
