"""`Catalogue` and `PictureStore`: what is known of listings and pictures."""

from __future__ import annotations

import json

from core.adapters.postgres import Pool
from tests.contract.facts import listing, picture
from tests.contract.stores import PostgresStores, Stores
from tests.support.fakes import NOON


async def test_known_listings_come_back_whole_and_unknown_ones_do_not(stores: Stores) -> None:
    full = listing("L1")
    bare = listing(
        "L2",
        language=None,
        description=None,
        brand=None,
        category=None,
        price_amount=None,
        price_currency=None,
        attributes={},
        image_urls=(),
    )
    await stores.tell(full)
    await stores.tell(bare)
    assert await stores.catalogue.listings(["L1", "L2", "L9"]) == {"L1": full, "L2": bare}


async def test_a_listing_nobody_asked_for_does_not_come(stores: Stores) -> None:
    await stores.tell(listing("L1"))
    assert await stores.catalogue.listings([]) == {}


async def test_a_deleted_listing_is_unknown(stores: Stores) -> None:
    await stores.tell(listing("L1"))
    await stores.tell(listing("L1"), deleted=True)
    assert await stores.catalogue.listings(["L1"]) == {}


async def test_a_picture_is_remembered_by_each_url_it_came_from(stores: Stores) -> None:
    await stores.pictures.save_picture("https://a.example/1", picture("h1"), b"small", NOON)
    await stores.pictures.save_picture("https://b.example/2", picture("h1"), b"small", NOON)
    assert await stores.picture_urls() == {"https://a.example/1": "h1", "https://b.example/2": "h1"}


async def test_a_url_shows_the_picture_it_gave_last(stores: Stores) -> None:
    await stores.pictures.save_picture("https://a.example/1", picture("h1"), b"small", NOON)
    await stores.pictures.save_picture("https://a.example/1", picture("h2"), b"small", NOON)
    assert await stores.picture_urls() == {"https://a.example/1": "h2"}


async def test_a_picture_is_kept_with_the_size_of_its_original(work_pool: Pool) -> None:
    await PostgresStores(work_pool).pictures.save_picture("https://a.example/1", picture("h1"), b"small", NOON)
    row = await work_pool.fetchrow(
        "SELECT width, height, byte_size, media_type, measures::text AS measures, thumbnail FROM assay_data.pictures"
    )
    assert row is not None
    assert (row["width"], row["height"], row["byte_size"], row["media_type"]) == (2048, 1536, 90_000, "image/png")
    assert json.loads(row["measures"]) == {"sharpness": 12.5}
    assert row["thumbnail"] == b"small"
