"""`Catalogue` and `PictureStore`: what is known of listings and pictures."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

from core.adapters.postgres import Pool
from core.ports import SeenPicture
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


async def test_what_is_kept_of_a_picture_is_found_by_its_url(stores: Stores) -> None:
    kept = replace(picture("h1"), phash=-5, features={"a": b"12", "b": b"34"}, etag='"1"', last_modified="Mon")
    await stores.pictures.save_picture("https://a.example/1", kept, b"small", NOON)
    await stores.pictures.save_picture("https://a.example/bare", picture("h2"), b"small", NOON)
    assert await stores.pictures.seen("https://a.example/1") == SeenPicture(
        "h1", {"sharpness": 12.5}, -5, {"a": b"12", "b": b"34"}, '"1"', "Mon", NOON
    )
    assert await stores.pictures.seen("https://a.example/bare") == SeenPicture(
        "h2", {"sharpness": 12.5}, None, {}, "", "", NOON
    )
    assert await stores.pictures.seen("https://a.example/2") is None


async def test_a_url_whose_picture_is_unchanged_was_fetched_then(stores: Stores) -> None:
    later = NOON + timedelta(hours=1)
    for url in ("a", "b"):
        await stores.pictures.save_picture(url, picture("h1"), b"small", NOON)
    told = (("a", "h1", later), ("a", "h1", NOON), ("b", "h0", later), ("never fetched", "h1", later))
    await asyncio.gather(*(stores.pictures.unchanged(*each) for each in told))
    seen = [await stores.pictures.seen(url) for url in ("a", "b", "never fetched")]
    assert [each and each.fetched_at for each in seen] == [later, NOON, None]


async def test_pictures_that_come_at_one_moment_are_all_kept(stores: Stores) -> None:
    kept = [replace(picture(f"h{n % 7}"), features={"a": b"1"}) for n in range(60)]
    await asyncio.gather(*(stores.pictures.save_picture(f"u{n}", each, b"s", NOON) for n, each in enumerate(kept)))
    assert await stores.picture_urls() == {f"u{n}": f"h{n % 7}" for n in range(60)}
    seen = await asyncio.gather(*(stores.pictures.seen(f"u{n}") for n in range(61)))
    assert [None if each is None else each.image_hash for each in seen] == [*(f"h{n % 7}" for n in range(60)), None]


async def test_of_two_pictures_of_one_url_at_one_moment_the_later_stands(stores: Stores) -> None:
    later = NOON + timedelta(seconds=1)
    await asyncio.gather(
        stores.pictures.save_picture("u", picture("h0"), b"s", NOON),
        stores.pictures.save_picture("u", picture("h2"), b"s", later),
    )
    assert await stores.picture_urls() == {"u": "h2"}


async def test_a_picture_is_kept_with_the_size_of_its_original(work_pool: Pool) -> None:
    await PostgresStores(work_pool).pictures.save_picture("https://a.example/1", picture("h1"), b"small", NOON)
    row = await work_pool.fetchrow(
        "SELECT width, height, byte_size, media_type, measures::text AS measures, thumbnail FROM assay_data.pictures"
    )
    assert row is not None
    assert (row["width"], row["height"], row["byte_size"], row["media_type"]) == (2048, 1536, 90_000, "image/png")
    assert json.loads(row["measures"]) == {"sharpness": 12.5}
    assert row["thumbnail"] == b"small"
