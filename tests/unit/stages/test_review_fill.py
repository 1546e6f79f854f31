"""The review queue filled: from a run, from live labels, from an alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from core.review_ports import AnswerFilter, Fill, Item, Moved, ReviewRefused
from core.stages.review_fill import Amount, FillParts, FromDrift, FromLive, FromRun, fill_queue
from tests.contract.facts import listing
from tests.support import sample_evals
from tests.support.fake_evals import InMemoryDatasets
from tests.support.fake_reviews import InMemoryReviews, InMemoryReviewSources
from tests.support.fake_runs import InMemoryRuns
from tests.support.fakes import NOON, InMemoryCatalogue
from tests.support.sample_reviews import candidate

ALERT = UUID("a1e27000-0000-0000-0000-000000000001")
LIVE = FromLive("relevance", NOON - timedelta(days=7), NOON)
RUN = FromRun("strict-brands-1")


class Room:
    """What filling needs, in memory."""

    def __init__(self) -> None:
        self.sources = InMemoryReviewSources()
        self.store = InMemoryReviews()
        self.datasets = InMemoryDatasets()
        self.runs = InMemoryRuns()
        self.catalogue = InMemoryCatalogue([listing("L1"), listing("L2", title="Sessel Lund")])

    async def with_run(self, *, anchors: bool = False) -> Room:
        found, run = sample_evals.items(), sample_evals.run_of(NOON)
        await self.datasets.save(replace(sample_evals.DATASET, made_at=NOON, anchors=anchors), found)
        await self.runs.begin(run)
        for judge, right in sample_evals.RIGHT.items():
            await self.runs.save(sample_evals.answers(found, judge, right, NOON))
        return self

    async def fill(
        self, wanted: FromRun | FromLive | FromDrift, items: int = 20, share: float = 0.25, seed: int = 1
    ) -> Fill:
        parts = FillParts(self.sources, self.store, self.datasets, self.runs, self.catalogue)
        amount = Amount(items, share, 2, "mara")
        made, _ = await fill_queue(parts, wanted, amount, NOON, np.random.default_rng(seed))
        return made

    async def queue(self, reviewer: str = "ada") -> list[Item]:
        """Everything in its order, as one reviewer gets it."""
        found = []
        while (item := await self.store.take(reviewer, "relevance", NOON, 60)) is not None:
            found.append(item)
            await self.store.answer(item.item_id, reviewer, 1, "", NOON)
        return found


async def test_a_run_fills_the_queue_with_what_its_judges_said() -> None:
    room = await Room().with_run()
    made = await room.fill(RUN)
    assert (made.frame, made.items, made.random_items, made.told) == (107, 20, 5, "run strict-brands-1")
    judges = {each.judge for item in await room.queue() for each in await room.store.opinions(item.item_id)}
    assert judges == {sample_evals.OLD, sample_evals.NEW}


async def test_the_same_draw_again_is_another_filling() -> None:
    room = await Room().with_run()
    first, second = await room.fill(RUN, seed=3), await room.fill(RUN, seed=3)
    assert first.fill_id != second.fill_id


async def test_where_the_judges_of_a_run_disagree_most_comes_first() -> None:
    room = await Room().with_run()
    await room.fill(RUN, share=0.0)
    apart = []
    for item in await room.queue():
        grades = [each.grade for each in await room.store.opinions(item.item_id)]
        apart.append(max(grades) - min(grades))
    assert apart[0] == 2
    assert apart[0] >= apart[-1]


async def test_what_a_critique_grades_otherwise_comes_first() -> None:
    room = await Room().with_run()
    judged = next(each for each in room.runs.kept.values() if each.grade == 2)
    room.runs.kept = {
        place: replace(each, grade=2, confidence=1.0, content_key=f"k {each.judge} {each.item_id}")
        for place, each in room.runs.kept.items()
    }
    room.sources.criticised = {f"k {judged.judge} {judged.item_id}": 0}
    await room.fill(RUN, items=1, share=0.0)
    (item,) = await room.queue()
    (told,) = {each.dataset_item for each in await room.store.opinions(item.item_id)}
    assert told == judged.item_id


async def test_the_random_share_carries_its_probability() -> None:
    room = await Room().with_run()
    made = await room.fill(RUN)
    await room.queue()
    drawn = await room.store.answered(AnswerFilter("relevance", made.fill_id, at_random=True))
    assert {each.random_in[made.fill_id] for each in drawn} == {5 / 107}


async def test_an_item_of_a_dataset_shows_its_product() -> None:
    room = await Room().with_run()
    await room.fill(RUN, items=1)
    (item,) = await room.queue()
    assert item.listing is not None
    assert item.listing["title"]


async def test_items_of_an_anchor_dataset_are_marked() -> None:
    room = await Room().with_run(anchors=True)
    await room.fill(RUN, items=3)
    await room.queue()
    assert all(each.anchors for each in await room.store.answered(AnswerFilter("relevance")))


async def test_a_live_label_brings_the_catalogues_product() -> None:
    room = Room()
    room.sources.known = [candidate("L1", listing=None), candidate("L9", listing=None)]
    await room.fill(LIVE)
    told = {item.subject.listing_id: item.listing for item in await room.queue()}
    assert told["L1"] is not None
    assert (told["L1"]["title"], told["L1"]["price"]) == ("Sofa Nordby, blau", {"amount": 499.5, "currency": "EUR"})
    assert told["L9"] is None


@pytest.mark.parametrize("title", ["Sofa Nordby, blau", "Another sofa"], ids=["by title", "by listing"])
async def test_a_live_pair_that_is_an_anchor_stays_one(title: str) -> None:
    room = Room()
    item = replace(sample_evals.items()[0], query="blaues sofa", listing_id="X1" if "blau" in title else "L1")
    await room.datasets.save(
        replace(sample_evals.DATASET, made_at=NOON, anchors=True),
        [replace(item, listing={"listing_id": item.listing_id, "title": title})],
    )
    room.sources.known = [candidate("L1", listing=None), candidate("L2", listing=None)]
    await room.fill(LIVE)
    await room.queue()
    marked = {
        each.item.subject.listing_id: each.anchors for each in await room.store.answered(AnswerFilter("relevance"))
    }
    assert marked == {"L1": True, "L2": False}


async def test_an_alerts_queries_come_first() -> None:
    room = Room()
    room.sources.known = [candidate(f"L{n}", "sofa" if n < 5 else "bett", listing=None) for n in range(10)]
    room.sources.alert = Moved(ALERT, "de", "shop", ["bett"], NOON, NOON)
    made = await room.fill(FromDrift("a1e270"), items=5, share=0.0)
    assert [item.subject.query for item in await room.queue()] == ["bett"] * 5
    assert made.told == "alert a1e27000, shop de"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (FromRun("nothing"), "there is no run 'nothing'"),
        (FromDrift("nothing"), "there is no alert 'nothing'"),
        (LIVE, "no label is known of live, 2025"),
    ],
)
async def test_where_there_is_nothing_to_draw_from_it_says_so(wanted: FromRun | FromLive | FromDrift, why: str) -> None:
    with pytest.raises(ReviewRefused, match=why):
        await Room().fill(wanted)


async def test_filled_twice_the_same_items_are_queued_once() -> None:
    room = await Room().with_run()
    await room.fill(RUN, items=108, share=1.0)
    await room.fill(RUN, items=108, share=1.0, seed=2)
    assert len(await room.queue()) == 107
