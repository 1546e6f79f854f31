"""Datasets of evaluation: what the port promises, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.adapters.drift_store import PostgresDriftStore
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.postgres import Pool
from core.domain.evaluation.anchor_texts import AnchorText
from core.drift_ports import Anchor
from core.eval_facts import Dataset, EvalItem
from core.eval_ports import DatasetStore
from tests.support.fake_evals import InMemoryDatasets
from tests.support.fakes import NOON

DATASET = Dataset(
    "sofas", "0f3a9b2c4d5e6f70", "relevance", "our own", "CC-BY-4.0", "0=0 1=1 2=2", False, 2, 2, ("ada",), NOON, "ben"
)


def item(listing_id: str, **changes: object) -> EvalItem:
    made = EvalItem(
        item_id=f"id of {listing_id}",
        split="tune",
        application="shop",
        market="de",
        language="de",
        query="blaues sofa",
        context=(("colour", "blue"), ("seats", "2")),
        listing_id=listing_id,
        listing={"listing_id": listing_id, "title": "Sofa, blau", "price": {"amount": 7.5, "currency": "EUR"}},
        image_url=None,
        segment={"market": "de", "length": "2"},
        ranks={"main": 3},
        truth=2,
        ratings={"ada": 2},
    )
    return replace(made, **changes)


BARE = {
    "listing": None,
    "image_url": "https://pictures/1.jpg",
    "truth": None,
    "ratings": {},
    "ranks": {},
    "context": (),
}
ITEMS = [item("L2"), item("L1", split="test", query="sofa", segment={}, **BARE)]


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def datasets(request: pytest.FixtureRequest) -> DatasetStore:
    if request.param == "fake":
        return InMemoryDatasets()
    return PostgresDatasets(request.getfixturevalue("work_pool"))


async def test_a_dataset_comes_back_whole_in_its_order(datasets: DatasetStore) -> None:
    assert await datasets.save(DATASET, ITEMS)
    assert await datasets.find("sofas") == DATASET
    assert list(await datasets.items(DATASET)) == ITEMS


async def test_a_version_is_stored_once(datasets: DatasetStore) -> None:
    await datasets.save(DATASET, ITEMS)
    assert not await datasets.save(replace(DATASET, made_by="eve"), [])
    assert await datasets.find("sofas") == DATASET
    assert list(await datasets.items(DATASET)) == ITEMS


async def test_the_same_version_may_have_another_name(datasets: DatasetStore) -> None:
    other = replace(DATASET, name="couches")
    assert await datasets.save(DATASET, ITEMS)
    assert await datasets.save(other, ITEMS[:1])
    assert await datasets.find("couches") == other
    assert list(await datasets.items(other)) == ITEMS[:1]


async def test_a_name_alone_is_its_newest_version(datasets: DatasetStore) -> None:
    newer = replace(DATASET, version="aaaa9b2c4d5e6f70", made_at=NOON + timedelta(hours=1))
    await datasets.save(newer, ITEMS)
    await datasets.save(DATASET, ITEMS)
    assert await datasets.find("sofas") == newer
    assert await datasets.find(DATASET.ref) == DATASET
    assert list(await datasets.all()) == [newer, DATASET]


async def test_of_versions_made_at_once_the_later_stored_is_the_newer(datasets: DatasetStore) -> None:
    second = replace(DATASET, version="aaaa9b2c4d5e6f70")
    await datasets.save(DATASET, ITEMS)
    await datasets.save(second, ITEMS)
    assert list(await datasets.all()) == [second, DATASET]
    assert await datasets.find("sofas") == second


@pytest.mark.parametrize("ref", ["0f3a9b", "0f3a9b2c4d5e6f70", "sofas@0f3a9b", "sofas@0f"])
async def test_a_beginning_of_a_version_names_it(datasets: DatasetStore, ref: str) -> None:
    await datasets.save(DATASET, ITEMS)
    assert await datasets.find(ref) == DATASET


@pytest.mark.parametrize("ref", ["0f3a9", "couches", "sofas@ffffff", "couches@0f3a9b", "%", "sofa_", ""])
async def test_what_names_no_dataset_finds_none(datasets: DatasetStore, ref: str) -> None:
    await datasets.save(DATASET, ITEMS)
    assert await datasets.find(ref) is None


async def test_a_dataset_that_is_not_there_has_no_items(datasets: DatasetStore) -> None:
    assert list(await datasets.items(DATASET)) == []
    assert list(await datasets.all()) == []


async def test_anchors_of_datasets_are_told_each_once(datasets: DatasetStore) -> None:
    anchors = replace(DATASET, anchors=True)
    await datasets.save(anchors, ITEMS)
    await datasets.save(replace(anchors, name="again"), ITEMS)
    await datasets.save(replace(DATASET, name="others"), [item("L9")])
    await datasets.save(replace(anchors, name="pictures", kind="image"), [item("L8")])
    assert list(await datasets.anchor_texts()) == [
        AnchorText("blaues sofa", "Sofa, blau", "L2"),
        AnchorText("sofa", "", "L1"),
    ]


@pytest.mark.postgres
async def test_anchors_of_the_drift_are_told_too(work_pool: Pool) -> None:
    listing = {"listing_id": "L7", "title": "Sessel"}
    await PostgresDriftStore(work_pool).add_anchors([Anchor("a", "shop", "de", "de", "sessel", listing, 2)], NOON)
    assert list(await PostgresDatasets(work_pool).anchor_texts()) == [AnchorText("sessel", "Sessel", "L7")]


@pytest.mark.postgres
async def test_a_dataset_whose_items_can_not_be_stored_is_not_there(work_pool: Pool) -> None:
    store = PostgresDatasets(work_pool)
    with pytest.raises(Exception, match="eval_items_by_id"):
        await store.save(DATASET, [ITEMS[0], ITEMS[0]])
    assert await store.find("sofas") is None


@pytest.mark.postgres
async def test_many_items_keep_their_order(work_pool: Pool) -> None:
    store = PostgresDatasets(work_pool)
    many = [item(f"L{number}", listing=None) for number in range(12_001)]
    await store.save(DATASET, many)
    assert [each.listing_id for each in await store.items(DATASET)] == [each.listing_id for each in many]
