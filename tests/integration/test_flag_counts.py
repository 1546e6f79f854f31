"""Flags counted in PostgreSQL: what counts, for which window, market, seller and way; and the view that users ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import uuid4

import pytest

from core.adapters.flag_counts import PostgresFlagCounts
from core.adapters.postgres import Pool
from core.domain.images.flags import FlagCount

pytestmark = pytest.mark.postgres

DAY = date(2026, 3, 9)
FIRST, RECENT = DAY - timedelta(days=34), DAY - timedelta(days=6)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


async def tell(
    pool: Pool, listing_id: str, seller: str = "", category: str | None = "Bags", *, gone: bool = False
) -> None:
    await pool.execute(
        "INSERT INTO assay_data.listings (listing_id, market, title, category, attributes, image_urls, content_hash, "
        "deleted, run, told_at) VALUES ($1, 'us', 't', $2, $3, '{}', 'h', $4, 'live', $5)",
        listing_id, category, {"seller": seller} if seller else {}, gone, NOON,
    )  # fmt: skip


async def score(
    pool: Pool,
    listing_id: str,
    image_hash: str,
    flags: Sequence[str] = (),
    *,
    at: datetime = NOON,
    tier: Literal["llm", "student"] = "llm",
) -> None:
    key, version = uuid4(), "student@1" if tier == "student" else "p@1"
    await pool.execute(
        "INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score, "
        "aspects, reasoning, tier, model, fingerprint, prompt_version, judged_at, judge, flags) "
        "VALUES ($1, $2, $3, $4, $4, 5, '{}', '', $5, 'm', 'f', $6, $7, $8, $9)",
        key, str(key), listing_id, image_hash, tier, version, at, "" if tier == "student" else "j@1", list(flags),
    )  # fmt: skip


async def counts(pool: Pool, flag: str = "ai_made", category: str = "") -> list[FlagCount]:
    found = await PostgresFlagCounts(pool, "seller").flag_counts(FIRST, RECENT, DAY)
    return [each for each in found if (each.flag, each.category) == (flag, category)]


async def test_a_sellers_pictures_are_counted_together(pool: Pool) -> None:
    await tell(pool, "a1", "ann")
    await tell(pool, "a2", "ann")
    await tell(pool, "b1", "bob")
    for listing_id, image_hash, flags in (("a1", "x", ["ai_made"]), ("a2", "y", ["ai_made"]), ("b1", "z", [])):
        await score(pool, listing_id, image_hash, flags)
    [found] = await counts(pool)
    assert (found.pictures, found.flagged, found.sellers, found.flagged_sellers) == (3, 2, 2, 1)
    assert (found.pictures_squared, found.flagged_squared, found.product) == (5, 4, 4)
    assert (found.recent, found.market, found.way, found.days) == (True, "us", "j@1", 1)


async def test_a_copy_of_a_picture_by_its_seller_counts_once(pool: Pool) -> None:
    await tell(pool, "a1", "ann")
    await tell(pool, "a2", "ann")
    await score(pool, "a1", "x", ["ai_made"])
    await score(pool, "a2", "x", ["ai_made"])
    [found] = await counts(pool)
    assert (found.pictures, found.flagged) == (1, 1)


async def test_the_newest_score_by_the_judge_counts(pool: Pool) -> None:
    await tell(pool, "a1")
    await score(pool, "a1", "x", ["ai_made"], at=NOON - timedelta(hours=2))
    await score(pool, "a1", "x", at=NOON - timedelta(hours=1))
    await score(pool, "a1", "x", ["ai_made"], tier="student")
    [found] = await counts(pool)
    assert (found.pictures, found.flagged, found.way) == (1, 0, "j@1")


async def test_pictures_that_a_student_sent_are_apart(pool: Pool) -> None:
    await tell(pool, "a1")
    await tell(pool, "b1")
    await score(pool, "a1", "x", tier="student", at=NOON - timedelta(hours=1))
    await score(pool, "a1", "x")
    await score(pool, "b1", "y")
    assert [found.way for found in await counts(pool)] == ["j@1", "j@1 after student@1"]


async def test_windows_are_of_utc_days_both_ends_included(pool: Pool) -> None:
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    days = (midnight - timedelta(seconds=1), midnight - timedelta(days=7), midnight - timedelta(days=7, seconds=1))
    for number, at in enumerate((*days, midnight, midnight - timedelta(days=35, seconds=1))):
        await tell(pool, f"l{number}")
        await score(pool, f"l{number}", f"x{number}", at=at)
    assert [(each.recent, each.pictures) for each in await counts(pool)] == [(False, 1), (True, 2)]


async def test_what_was_taken_down_still_counts_and_its_category_beside_the_market(pool: Pool) -> None:
    await tell(pool, "a1", gone=True)
    await tell(pool, "b1", category=None)
    await score(pool, "a1", "x", ["instructions"])
    await score(pool, "b1", "y")
    [market], [bags] = await counts(pool, "instructions"), await counts(pool, "instructions", "Bags")
    assert (market.pictures, market.flagged, bags.pictures, bags.flagged) == (2, 1, 1, 1)


async def test_the_view_has_a_row_for_every_flag_of_a_day(pool: Pool) -> None:
    await tell(pool, "a1")
    await score(pool, "a1", "x", ["over_edited"])
    rows = await pool.fetch("SELECT * FROM assay.image_flag_shares ORDER BY flag")
    assert [tuple(row) for row in rows] == [
        (DAY, "us", "Bags", "ai_made", 1, 0, 0.0),
        (DAY, "us", "Bags", "instructions", 1, 0, 0.0),
        (DAY, "us", "Bags", "over_edited", 1, 1, 1.0),
    ]
