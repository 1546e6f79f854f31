"""Candidates in the shadow: the same pairs, the same inputs, kept apart, behind live work."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.domain.judges import JudgeVersion
from core.domain.listings import ListingRecord, listing_of
from core.ports import Listing, Task
from core.stages.shadow import ShadowedPairs, ShadowedPictures
from core.stages.shadow_tasks import told_listing
from tests.support.fake_judges import InMemoryShadows, judge, reworded, settings_version
from tests.support.fakes import InMemoryCatalogue
from tests.unit.stages.test_judge_query import World, _listing, _task
from tests.unit.stages.test_score_picture import House

LIVE = settings_version()
CANDIDATE = reworded(judge("candidate", "judge-2"), judgements="Be stricter.")


class Pairs(World):
    """The process `relevance` with one candidate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shadows = InMemoryShadows(self.store, self.inbox)
        self.share: tuple[tuple[JudgeVersion, float], ...] = ((CANDIDATE, 1.0),)

    def process(self) -> ShadowedPairs:
        return ShadowedPairs(replace(self.judge(), shadows=lambda: self.share), self.shadows)

    async def work(self, *ids: str, **payload: object) -> None:
        await self.process().judge(await self.queue(ids, **payload))

    async def work_again(self, listing_id: str) -> None:
        await self.inbox.add([_task(listing_id, {}, "again")])
        await self.process().judge(await self.lease())

    async def shadow_tasks(self) -> list[Task]:
        return [task for group in await self.inbox.lease(("shadow",), 10, 100, 300.0) for task in group]


async def test_a_live_label_is_there_before_a_task_of_the_shadow_is() -> None:
    house = Pairs()
    await house.work("l1", "l2")
    tasks = await house.shadow_tasks()
    assert [task.lane for task in tasks] == ["backfill", "backfill"]
    live = {fact.listing_id: str(fact.event_id) for fact in house.store.facts.values()}
    assert {task.subject["listing_id"]: task.payload["live_event_id"] for task in tasks} == live
    assert house.shadows.labels == {}


async def test_the_candidate_answers_by_its_own_prompt_and_model_beside_the_live_label() -> None:
    house = Pairs()
    await house.work("l1")
    await house.process().judge(await house.shadow_tasks())
    (live,) = house.store.facts.values()
    assert list(house.shadows.labels) == [(CANDIDATE.version, live.event_id)]
    asked = house.llm.of("judgements")[-1]
    assert (asked.model, asked.system, asked.lane) == ("judge-2", "Be stricter.", "backfill")
    assert (live.judge, asked.subject["judge"]) == (LIVE.version, CANDIDATE.version)


async def test_nothing_of_the_shadow_is_published_or_a_label() -> None:
    house = Pairs()
    await house.work("l1")
    before = len(house.outbox.events)
    await house.process().judge(await house.shadow_tasks())
    assert (len(house.outbox.events), len(house.store.facts)) == (before, 1)
    assert set(house.ends().values()) == {("done", "")}


async def test_the_candidate_sees_the_listing_as_the_live_judge_saw_it() -> None:
    house = Pairs()
    await house.work("l1")
    house.catalogue = InMemoryCatalogue([])
    await house.process().judge(await house.shadow_tasks())
    live, shadow = house.llm.of("judgements")
    assert _products(live.user[0].text) == _products(shadow.user[0].text)
    assert len(house.shadows.labels) == 1


def _products(text: str) -> str:
    return text.split("### PRODUCTS\n")[1]


async def test_a_pair_that_has_its_label_is_not_put_into_the_shadow() -> None:
    house = Pairs()
    house.share = ()
    await house.work("l1")
    house.share = ((CANDIDATE, 1.0),)
    await house.work_again("l1")
    assert await house.shadow_tasks() == []


async def test_a_listing_that_was_judged_twice_has_an_answer_beside_each_label() -> None:
    house = Pairs()
    await house.work("l1")
    house.catalogue = InMemoryCatalogue([replace(_listing(1), title="blue lamp", content_hash="newer")])
    await house.work_again("l1")
    await house.process().judge(await house.shadow_tasks())
    assert len(house.store.facts) == 2
    assert {live for _, live in house.shadows.labels} == {fact.event_id for fact in house.store.facts.values()}
    assert len({fact.content_key for fact in house.shadows.labels.values()}) == 2


async def test_anchors_are_not_put_into_the_shadow() -> None:
    house = Pairs()
    anchor = {"anchor_id": "a", "night": "2026-01-01"}
    tasks = [replace(task, kind="anchor", payload=anchor) for task in await house.queue(["l1"])]
    await house.process().judge(tasks)
    assert await house.shadow_tasks() == []


async def test_every_replica_takes_the_same_share() -> None:
    chosen = []
    for _ in range(2):
        house = Pairs()
        house.share = ((CANDIDATE, 0.4),)
        await house.work(*(f"l{n}" for n in range(1, 21)))
        chosen.append({task.subject["listing_id"] for task in await house.shadow_tasks()})
    assert chosen[0] == chosen[1]
    assert 2 <= len(chosen[0]) <= 15


async def test_a_task_of_a_candidate_that_was_taken_out_ends_without_a_call() -> None:
    house = Pairs()
    await house.work("l1")
    tasks, calls = await house.shadow_tasks(), len(house.llm.requests)
    house.share = ()
    await house.process().judge(tasks)
    assert (len(house.llm.requests), house.shadows.labels) == (calls, {})
    assert set(house.ends().values()) == {("done", "")}


async def test_a_failure_of_the_candidate_waits_or_ends_as_any_other() -> None:
    house = Pairs()
    await house.work("l1")
    house.llm.faults = [("judgements", "{")]
    tasks = await house.shadow_tasks()
    await house.process().judge(tasks)
    assert house.inbox.rows[tasks[0].task_key].reason == "invalid_reply"
    assert house.shadows.labels == {}


class Pictures(House):
    """The process `image-score` with one candidate."""

    def process(self, *shadows: tuple[JudgeVersion, float]) -> ShadowedPictures:
        self.shadows = getattr(self, "shadows", InMemoryShadows(self.judgements, self.inbox))
        return ShadowedPictures(replace(self.scorer(), shadows=lambda: shadows), self.shadows)

    async def shadow_tasks(self) -> list[Task]:
        return [task for group in await self.inbox.lease(("shadow_image",), 10, 100, 300.0) for task in group]


async def test_a_scored_picture_is_scored_by_the_candidate_too() -> None:
    house = Pictures()
    process = house.process((CANDIDATE, 1.0))
    await process.score(await house.tasks(("l1", "u")))
    await process.score(await house.shadow_tasks())
    (live,) = house.facts
    assert list(house.shadows.scores) == [(CANDIDATE.version, live.event_id)]
    assert [request.model for request in house.llm.requests] == ["eye", "judge-2"]
    assert (len(house.outbox.events), len(house.facts)) == (1, 1)


async def test_a_picture_that_was_known_is_not_put_into_the_shadow() -> None:
    house = Pictures()
    await house.process().score(await house.tasks(("l1", "u")))
    await house.process((CANDIDATE, 1.0)).score(await house.tasks(("l2", "u")))
    assert await house.shadow_tasks() == []


# --- The listing that a task carries ---------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=8)
MAYBE = st.none() | TEXT


@given(
    st.builds(
        ListingRecord,
        listing_id=TEXT,
        timestamp=st.just(0),
        event=st.just("new"),
        market=TEXT,
        language=MAYBE,
        title=TEXT,
        description=MAYBE,
        brand=MAYBE,
        category=MAYBE,
        price_amount=st.none() | st.floats(0, 1e6),
        price_currency=MAYBE,
        attributes=st.dictionaries(TEXT, TEXT, max_size=3),
        image_urls=st.lists(TEXT, max_size=2, unique=True),
    )
)
def test_a_carried_listing_is_judged_as_the_same_content(record: ListingRecord) -> None:
    fields = {name: getattr(record, name) for name in Listing.__slots__ if name not in ("content_hash", "image_urls")}
    listing = Listing(**fields, image_urls=tuple(record.image_urls), content_hash=record.content_hash)
    told = json.loads(json.dumps(told_listing(listing)))
    back = listing_of({**told, "timestamp": 1_767_225_600_000, "event": "new"}, -1)
    assert isinstance(back, ListingRecord)
    assert (back.content_hash, back.image_urls) == (record.content_hash, record.image_urls)
