"""Near-duplicates: from scores to groups, to the views, the page and the command, on a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.image_duplicates import copies_table, groups_table, nothing
from consumers import look_alikes
from core.adapters.picture_alike import PostgresDuplicates, PostgresLookAlikes
from core.adapters.postgres import Pool
from core.adapters.reads import PostgresReads
from core.domain.images.duplicates import grouped
from core.duplicate_models import DuplicateFilter, DuplicateReport
from tests.support.sample_data import NOW
from tests.support.sample_pictures import draw, hash_of
from tests.support.sample_sightings import insert_listing, insert_picture, insert_score
from tests.support.served_console import BUDGET_USD, FixedClock, serving

pytestmark = pytest.mark.postgres

BASE = 0b0101 << 40 | 0xABC
EVERYTHING = DuplicateFilter(days=3_650)


async def show(pool: Pool, listing: str, seller: str, phash: int | None, minute: int, market: str = "de") -> str:
    """A listing of this seller shows a picture of its own; returns the picture's hash."""
    at, jpeg = NOW + timedelta(minutes=minute), draw(minute)
    await insert_listing(pool, listing, seller, at, market)
    await insert_picture(pool, hash_of(jpeg), phash, at, jpeg)
    await insert_score(pool, listing, hash_of(jpeg), at)
    return hash_of(jpeg)


async def looked(pool: Pool, distance: int = 4) -> PostgresDuplicates:
    found = PostgresDuplicates(pool, distance, "seller")
    await look_alikes.look(found)
    return found


async def read(pool: Pool, wanted: DuplicateFilter = EVERYTHING) -> DuplicateReport:
    return await PostgresReads(pool, FixedClock(), BUDGET_USD).pictures.duplicates(wanted)


@pytest.fixture
async def copied(pool: Pool) -> Pool:
    """`lamp` of anna, re-encoded by bert and cropped by carl; a table that anna alone shows twice."""
    await show(pool, "lamp-c", "carl", BASE ^ 0b1111, 30, "fr")
    await show(pool, "lamp-a", "anna", BASE, 10)
    await show(pool, "lamp-b", "bert", BASE ^ 0b11, 20)
    await show(pool, "table-1", "anna", ~BASE, 11)
    await show(pool, "table-2", "anna", ~BASE, 12)
    await looked(pool)
    return pool


async def test_copies_of_other_sellers_stand_beside_the_first(copied: Pool) -> None:
    rows = await copied.fetch("SELECT * FROM assay.near_duplicates ORDER BY seen_at")
    told = [(row["first_seller"], row["first_listing_id"], row["seller"], row["listing_id"]) for row in rows]
    assert told == [("anna", "lamp-a", "bert", "lamp-b"), ("anna", "lamp-a", "carl", "lamp-c")]
    assert [row["distance"] for row in rows] == [2, 4]
    assert all(row["on_sale"] for row in rows)


async def test_a_group_is_counted(copied: Pool) -> None:
    row = await copied.fetchrow("SELECT * FROM assay.near_duplicate_groups")
    assert row is not None
    assert (row["sellers"], row["listings"], row["pictures"], row["markets"]) == (3, 3, 3, ["de", "fr"])
    assert row["newest_at"] - row["first_seen_at"] == timedelta(minutes=20)


async def test_the_page_s_rows_are_the_view_s(copied: Pool) -> None:
    (group,) = (await read(copied)).groups
    assert (group.first.listing_id, [copy.listing_id for copy in group.copies]) == ("lamp-a", ["lamp-b", "lamp-c"])
    assert (group.sellers, group.copies_in_all, [copy.distance for copy in group.copies]) == (3, 2, [2, 4])
    assert group.group_id == await copied.fetchval("SELECT DISTINCT group_id FROM assay.near_duplicates")


async def test_the_same_file_under_two_addresses_is_a_duplicate(pool: Pool) -> None:
    image_hash = await show(pool, "one", "anna", BASE, 1)
    await insert_listing(pool, "two", "bert", NOW + timedelta(minutes=2))
    await insert_score(pool, "two", image_hash, NOW + timedelta(minutes=2))
    await looked(pool)
    (group,) = (await read(pool)).groups
    assert (group.pictures, group.listings, group.copies[0].distance) == (1, 2, 0)


async def test_listings_without_a_seller_are_sellers_of_their_own(pool: Pool) -> None:
    await show(pool, "one", "", BASE, 1)
    await show(pool, "two", "", BASE, 2)
    await looked(pool)
    (group,) = (await read(pool)).groups
    assert (group.first.seller, group.copies[0].seller) == ("one", "two")


async def test_a_plain_picture_is_like_no_other(pool: Pool) -> None:
    await show(pool, "one", "anna", None, 1)
    await show(pool, "two", "bert", None, 2)
    await looked(pool)
    assert (await read(pool)).groups == []


async def test_a_second_seller_is_seen_whenever_it_comes(pool: Pool) -> None:
    await show(pool, "one", "anna", BASE, 1)
    await looked(pool)
    assert (await read(pool)).groups == []
    await show(pool, "two", "bert", BASE ^ 1, 2)
    await looked(pool)
    assert len((await read(pool)).groups) == 1


async def test_a_look_without_new_scores_finds_nothing_to_do(copied: Pool) -> None:
    again = PostgresDuplicates(copied, 4, "seller")
    assert (await again.take(), await again.group()) == (0, 0)


async def test_another_distance_groups_anew(copied: Pool) -> None:
    await looked(copied, distance=1)
    assert (await read(copied)).groups == []
    await looked(copied, distance=4)
    assert len((await read(copied)).groups) == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 255), min_size=1, max_size=14), st.integers(0, 5))
async def test_groups_are_those_of_the_domain(pool: Pool, hashes: list[int], within: int) -> None:
    await pool.execute(
        "TRUNCATE assay_data.pictures, assay_data.picture_sightings, assay_data.phash_groups, assay_data.image_scores,"
        " assay_data.listings CASCADE"
    )
    for place, phash in enumerate(hashes):
        await insert_picture(pool, f"p{place}", phash, NOW + timedelta(seconds=place))
        await insert_score(pool, f"l{place}", f"p{place}", NOW + timedelta(seconds=place))
    await looked(pool, within)
    rows = await pool.fetch("SELECT first_phash, phash, distance FROM assay_data.phash_groups")
    found = {(row["first_phash"], row["phash"], row["distance"]) for row in rows}
    expected = grouped(hashes, within)
    assert found == {(first, each, bits) for first, members in expected.items() for each, bits in members.items()}


async def test_copies_grow_with_sellers_and_never_with_pairs(pool: Pool) -> None:
    for number in range(80):
        at = NOW + timedelta(seconds=number)
        await insert_listing(pool, f"l{number:03}", f"s{number:03}", at)
        await insert_picture(pool, f"p{number}", BASE ^ (1 << number % 5), at)
        await insert_score(pool, f"l{number:03}", f"p{number}", at)
    await looked(pool)
    (group,) = (await read(pool)).groups
    assert (group.sellers, group.copies_in_all, len(group.copies)) == (80, 79, 6)
    last = await read(pool, DuplicateFilter(group=group.group_id, page=2))
    assert (len(last.groups[0].copies), last.more) == (79 - 60, False)
    assert await pool.fetchval("SELECT count(*) FROM assay.near_duplicates") == 79


async def test_filters_narrow(copied: Pool) -> None:
    wanted = {
        DuplicateFilter(days=3_650, market="fr"): 1,
        DuplicateFilter(days=3_650, market="es"): 0,
        DuplicateFilter(days=3_650, seller="carl"): 1,
        DuplicateFilter(days=3_650, seller="dora"): 0,
        DuplicateFilter(days=3_650, page=2): 0,
        DuplicateFilter(group="no id"): 0,
        DuplicateFilter(group="ffff"): 0,
    }
    assert {each: len((await read(copied, each)).groups) for each in wanted} == wanted


async def test_copies_that_came_from_a_look_alike_s_score_share_nothing(pool: Pool) -> None:
    await insert_picture(pool, "copy", BASE, NOW)
    await insert_score(pool, "l", "copy", NOW, alike_of="abc")
    await insert_picture(pool, "student", BASE, NOW)
    await insert_score(pool, "l2", "student", NOW, tier="student")
    assert list(await PostgresLookAlikes(pool).look_alikes(BASE, 2)) == []


@pytest.fixture
async def visitor(copied: Pool) -> AsyncIterator[ClientSession]:
    reads = PostgresReads(copied, FixedClock(), BUDGET_USD)
    async with serving(reads) as url, ClientSession(url) as session:
        yield session


async def text_of(visitor: ClientSession, path: str) -> str:
    async with visitor.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_the_page_shows_thumbnails_side_by_side(visitor: ClientSession) -> None:
    text = await text_of(visitor, "/pictures/duplicates?days=365")
    assert text.count('<img class="thumb"') == 3
    assert "3 sellers" in text
    assert "4 of 64 bits differ" in text
    assert text.index("lamp-a") < text.index("lamp-b") < text.index("lamp-c")


async def test_an_empty_page_says_why(visitor: ClientSession) -> None:
    told = {
        "?market=es": "No group matches",
        "?page=9": "None on this page",
        "?group=ffff": "No such group",
        "?group=%27;drop": "No such group",
    }
    texts = {path: await text_of(visitor, f"/pictures/duplicates{path}") for path in told}
    assert all(words in texts[path] for path, words in told.items())


async def test_tables_name_first_and_copies(copied: Pool) -> None:
    (group,) = (await read(copied)).groups
    shown = copies_table(group)
    assert [str(cell) for cell in shown.columns[0].cells] == ["first", "copy", "copy"]
    assert groups_table([group]).row_count == 1


def test_nothing_says_what_to_do() -> None:
    assert "ASSAY_LISTING_SELLER_ATTRIBUTE" in nothing(DuplicateFilter())
    assert "--market" in nothing(DuplicateFilter(market="de"))
    assert "page 3" in nothing(DuplicateFilter(page=3))
    assert "ab12" in nothing(DuplicateFilter(group="ab12"))


async def test_the_command_tells_json(
    copied: Pool, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    from cli.image_duplicates import duplicates

    monkeypatch.setenv("ASSAY_POSTGRES_DSN", postgres_dsn)
    await asyncio.to_thread(duplicates, days=3_650, market="", seller="", group="", page=1, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [copy["listing_id"] for copy in told["groups"][0]["copies"]] == ["lamp-b", "lamp-c"]
