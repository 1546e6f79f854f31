"""The view `listing_image_scores`: the formula of the domain, of the pictures that a listing shows now."""

from __future__ import annotations

import re
from datetime import timedelta

import asyncpg
import pytest

from core.adapters.postgres import Pool
from core.domain.images.listing_score import listing_score
from core.ports import ImageScoreFact
from tests.contract.facts import listing, score
from tests.contract.stores import PostgresStores
from tests.support.fakes import NOON

URLS = ("https://p.example/1", "https://p.example/2", "https://p.example/3")
MINUTE = timedelta(minutes=1)


def given(place: int, points: int, minutes: int = 0, tier: str = "llm") -> ImageScoreFact:
    told = {"score": points, "tier": tier, "judged_at": NOON + minutes * MINUTE}
    return score(f"{place} {minutes}", image_url=URLS[place], image_hash=f"h{place}", **told)


async def row(pool: Pool, *scores: ImageScoreFact, urls: tuple[str, ...] = URLS) -> asyncpg.Record:
    stores = PostgresStores(pool)
    await stores.tell(listing("L1", image_urls=urls))
    for fact in scores:
        await stores.judgements.save_image_score([fact], [], [], fact.judged_at)
    found = await pool.fetchrow("SELECT * FROM assay.listing_image_scores WHERE listing_id = 'L1'")
    assert found is not None
    return found


@pytest.mark.parametrize(("primary", "others"), [(9, [5, 7]), (1, [10]), (10, [1, 2]), (6, []), (None, [8])])
async def test_it_is_the_formula_of_the_domain(pool: Pool, primary: int | None, others: list[int]) -> None:
    scores = [given(place, points) for place, points in enumerate([primary, *others]) if points is not None]
    found = await row(pool, *scores)
    expected = listing_score(primary, others)
    assert found["score"] == (None if expected is None else pytest.approx(expected))
    assert found["primary_score"] == primary


async def test_the_newest_score_of_each_picture_counts(pool: Pool) -> None:
    found = await row(pool, given(0, 2, 0, "student"), given(1, 9, 0, "student"), given(0, 8, 5))
    assert (found["primary_score"], found["pictures"], found["scored"], found["worst_score"]) == (8, 3, 2, 8)
    assert (found["tier"], found["judged_at"]) == ("mixed", NOON + 5 * MINUTE)


@pytest.mark.parametrize("tier", ["llm", "student"])
async def test_scores_of_one_tier_are_told_as_such(pool: Pool, tier: str) -> None:
    assert (await row(pool, given(0, 8, 0, tier), given(1, 4, 0, tier)))["tier"] == tier


async def test_a_listing_without_a_score_is_there_with_its_pictures(pool: Pool) -> None:
    found = await row(pool)
    assert (found["score"], found["tier"], found["judged_at"]) == (None, None, None)
    assert (found["pictures"], found["scored"]) == (3, 0)


async def test_pictures_that_a_listing_shows_no_more_do_not_count(pool: Pool) -> None:
    found = await row(pool, given(0, 1), given(1, 9), urls=(URLS[1],))
    assert (found["score"], found["primary_score"], found["pictures"]) == (9.0, 9, 1)


async def test_listings_without_a_picture_and_deleted_ones_are_not_there(pool: Pool) -> None:
    stores = PostgresStores(pool)
    await stores.tell(listing("L1", image_urls=()))
    await stores.tell(listing("L2"), deleted=True)
    assert await pool.fetchval("SELECT count(*) FROM assay.listing_image_scores") == 0


async def test_one_listing_is_found_by_indexes(pool: Pool) -> None:
    async with pool.acquire() as held, held.transaction():
        await held.execute("SET LOCAL enable_seqscan = off")
        plan = await held.fetch("EXPLAIN SELECT * FROM assay.listing_image_scores WHERE listing_id = 'L1'")
    text = "\n".join(line[0] for line in plan)
    assert re.search(r"Index Scan using listings_\w+", text)
    assert "image_scores_newest" in text
    assert "Seq Scan" not in text
