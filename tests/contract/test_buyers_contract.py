"""What buyers did, kept by day: a day replaces itself, sums come out by listing and place; fake and real alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

import asyncpg
import numpy as np
import pytest

from core.adapters.buyers import PostgresBuyers
from core.adapters.postgres import Pool
from core.buyer_ports import AgreementRow, BuyerDay, Buyers, Scored, Tier
from core.domain.images.buyers.cells import Done
from core.domain.images.buyers.exposures import Bounds, DaySums
from core.domain.images.buyers.propensities import Curve
from core.domain.images.listing_score import listing_score
from tests.support.fake_buyers import FakeBuyers, Shelf
from tests.support.sample_data import NOW

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)
US = ("shop", "us")
LONG_AGO = DAY - timedelta(days=90)
BOUNDS = Bounds(1.0, 100, 10)
CURVE = Curve(np.array([1.0, 0.5]), np.array([90, 40]), "harvested")


class Store(Protocol):
    """Buyers, with a way to put listings and scores beside them."""

    @property
    def buyers(self) -> Buyers: ...

    async def listing(self, listing_id: str, category: str, price: float | None) -> None: ...

    async def score(self, listing_id: str, tier: Tier, scores: list[int], at: datetime) -> None: ...


class FakeStore:
    def __init__(self) -> None:
        self.buyers = FakeBuyers()

    async def listing(self, listing_id: str, category: str, price: float | None) -> None:
        self.buyers.catalogue[listing_id] = Shelf(category, price)

    async def score(self, listing_id: str, tier: Tier, scores: list[int], at: datetime) -> None:
        whole = listing_score(scores[0], scores[1:])
        assert whole is not None
        self.buyers.scores.append((at, Scored(listing_id, tier, float(scores[0]), whole)))


class RealStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.buyers = PostgresBuyers(pool)

    async def listing(self, listing_id: str, category: str, price: float | None) -> None:
        await self._pool.execute(
            "INSERT INTO assay_data.listings (listing_id, market, title, category, price_amount, attributes,"
            " image_urls, content_hash, deleted, run, told_at)"
            " VALUES ($1, 'us', 't', $2, $3, '{}', $4, 'c', false, 'live', $5)",
            listing_id,
            category or None,
            price,
            [f"https://p.example/{listing_id}/{place}.jpg" for place in (1, 2, 3)],
            NOW,
        )

    async def score(self, listing_id: str, tier: Tier, scores: list[int], at: datetime) -> None:
        for place, score in enumerate(scores, 1):
            await self._pool.execute(
                "INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score,"
                " aspects, reasoning, tier, model, fingerprint, prompt_version, judged_at)"
                " VALUES (gen_random_uuid(), gen_random_uuid()::text, $1, $2, 'h', $3, '{}', '', $4, 'm', '', 'p', $5)",
                listing_id,
                f"https://p.example/{listing_id}/{place}.jpg",
                score,
                tier,
                at,
            )


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Store:
    return FakeStore() if request.param == "fake" else RealStore(request.getfixturevalue("pool"))


def sums(*searches: tuple[int, dict[str, int], dict[str, int]]) -> DaySums:
    """Searches of the market `us`: query, places, what was done (bits)."""
    made = DaySums()
    for query, places, done in searches:
        made.count(US, query, places, done, BOUNDS)
    return made


def row(day: date, of: DaySums, note: str = "") -> BuyerDay:
    return BuyerDay(day, NOW, True, of.searches, of.impressions, of.automated, of.unmatched, note)


async def save(buyers: Buyers, day: date, of: DaySums) -> None:
    await buyers.save_day(row(day, of), of, LONG_AGO)


async def test_a_day_is_read_as_it_was_kept(store: Store) -> None:
    of = sums((1, {"L1": 1}, {}))
    kept = replace(row(DAY, of, "half of the shoppers"), is_whole=False, automated=7)
    await store.buyers.save_day(kept, of, LONG_AGO)
    assert await store.buyers.days(DAY, DAY) == [kept]
    assert await store.buyers.days(NEXT, NEXT) == []


async def test_a_day_kept_again_replaces_itself_and_no_other(store: Store) -> None:
    await store.listing("L1", "lamps", 5.0)
    await save(store.buyers, DAY, sums((1, {"L1": 1}, {"L1": 1}), (1, {"L1": 1}, {})))
    await save(store.buyers, NEXT, sums((1, {"L1": 1}, {})))
    await save(store.buyers, DAY, sums((1, {"L1": 2}, {})))
    found = await store.buyers.bought(US, DAY, NEXT, CURVE)
    assert found == [Done("L1", "lamps", 5.0, 2, 1.5, 0, 0, 0)]


async def test_days_before_the_bound_are_let_go_with_all_of_theirs(store: Store) -> None:
    await save(store.buyers, DAY, sums((1, {"L1": 1}, {})))
    of = sums((1, {"L1": 1}, {}))
    await store.buyers.save_day(row(NEXT, of), of, NEXT)
    assert [each.day for each in await store.buyers.days(LONG_AGO, NEXT)] == [NEXT]
    assert await store.buyers.markets(DAY, DAY) == []


async def test_listings_sum_over_days_and_places_and_leave_out_what_the_curve_does_not_know(store: Store) -> None:
    await store.listing("L1", "lamps", None)
    await store.listing("L2", "", 9.5)
    await save(store.buyers, DAY, sums((1, {"L1": 1, "L2": 2, "L3": 3}, {"L1": 7})))
    await save(store.buyers, NEXT, sums((2, {"L2": 1, "L1": 3}, {"L2": 3, "L1": 1})))
    found = await store.buyers.bought(US, DAY, NEXT, CURVE)
    assert found == [Done("L1", "lamps", None, 1, 1.0, 1, 1, 1), Done("L2", "", 9.5, 2, 1.5, 1, 1, 0)]


async def test_pairs_are_numbered_by_query_and_listing(store: Store) -> None:
    await save(store.buyers, DAY, sums((1, {"L1": 1, "L2": 2}, {"L1": 1, "L2": 1}), (2, {"L1": 3}, {"L1": 1})))
    await save(store.buyers, NEXT, sums((1, {"L1": 2, "L2": 1}, {}), (2, {"L1": 1}, {})))
    found = await store.buyers.pairs(US, DAY, NEXT)
    rows = zip(found.pair.tolist(), found.position.tolist(), found.impressions, found.clicks, strict=True)
    assert list(rows) == [(0, 1, 1, 1), (0, 2, 1, 0), (1, 1, 1, 0), (1, 2, 1, 1), (2, 1, 1, 0), (2, 3, 1, 1)]


async def test_pairs_that_stood_in_one_place_or_were_never_clicked_are_not_told(store: Store) -> None:
    await save(store.buyers, DAY, sums((1, {"L1": 1, "L2": 2, "L3": 3}, {"L1": 1, "L3": 1})))
    await save(store.buyers, NEXT, sums((1, {"L1": 1, "L2": 3, "L3": 2}, {"L1": 1})))
    found = await store.buyers.pairs(US, DAY, NEXT)
    assert list(zip(found.pair.tolist(), found.position.tolist(), found.clicks, strict=True)) == [(0, 2, 0), (0, 3, 1)]


async def test_markets_are_those_of_any_of_the_days(store: Store) -> None:
    places = {"L1": 1}
    for day, markets in ((DAY, [US, ("shop", "jp")]), (NEXT, [("app", "us"), US, ("shop", "de")])):
        of = DaySums()
        for market in markets:
            of.count(market, 1, places, {}, BOUNDS)
        await save(store.buyers, day, of)
    assert await store.buyers.markets(DAY, NEXT) == [("app", "us"), ("shop", "de"), ("shop", "jp"), US]
    assert await store.buyers.markets(DAY, DAY) == [("shop", "jp"), US]


async def test_a_market_without_pairs_has_none(store: Store) -> None:
    assert (await store.buyers.pairs(US, DAY, NEXT)).pair.size == 0


async def test_a_curve_is_read_as_it_was_kept_last(store: Store) -> None:
    await save(store.buyers, DAY, sums((1, {"L1": 1}, {})))
    await store.buyers.save_curve(DAY, US, replace(CURVE, method="assumed"))
    await store.buyers.save_curve(DAY, US, CURVE)
    found = await store.buyers.curve(DAY, US)
    assert found is not None
    assert (found.propensity.tolist(), found.clicks.tolist(), found.method) == ([1.0, 0.5], [90, 40], "harvested")
    assert await store.buyers.curve(NEXT, US) is None


async def test_scores_are_the_newest_of_each_tier_that_stood_then(store: Store) -> None:
    await store.listing("L1", "lamps", 5.0)
    await store.score("L1", "student", [3], NOW - timedelta(hours=3))
    await store.score("L1", "llm", [5], NOW - timedelta(hours=2))
    await store.score("L1", "llm", [8, 4, 6], NOW - timedelta(hours=1))
    await store.score("L1", "llm", [10], NOW)
    found = await store.buyers.scored(["L1", "L2"], NOW)
    assert found == [Scored("L1", "llm", 8.0, 0.7 * 8 + 0.3 * 5), Scored("L1", "student", 3.0, 3.0)]


async def test_agreement_is_read_as_it_was_kept_last(store: Store) -> None:
    await save(store.buyers, DAY, sums((1, {"L1": 1}, {})))
    numbers = (0.3, 0.1, 0.5, 0.25, 0.08, 0.02, 0.14)
    told = AgreementRow(DAY, 1, *US, "", "llm", "main", "click", 40, 900, *numbers, "harvested", "")
    none = AgreementRow(DAY, 7, *US, "lamps", "llm", "main", "click", 3, 9, *[None] * 7, "assumed", "3 listings")
    await store.buyers.save_agreement(DAY, [replace(told, listings=1)])
    await store.buyers.save_agreement(DAY, [none, told])
    assert await store.buyers.agreement(DAY, NEXT) == [told, none]


@pytest.mark.postgres
async def test_a_day_that_cannot_be_kept_whole_leaves_what_was_there(pool: Pool) -> None:
    buyers = PostgresBuyers(pool)
    await save(buyers, DAY, sums((1, {"L1": 1}, {})))
    with pytest.raises(asyncpg.CheckViolationError):
        await save(buyers, DAY, sums((1, {"L1": 0}, {})))
    assert await pool.fetchval("SELECT sum(impressions) FROM assay.buyer_rates") is None
    assert await pool.fetchval("SELECT count(*) FROM assay_data.buyer_exposures") == 1


@pytest.mark.postgres
async def test_the_views_say_rates_and_the_main_pictures_agreement(pool: Pool) -> None:
    buyers = PostgresBuyers(pool)
    await save(buyers, DAY, sums((1, {"L1": 2}, {"L1": 1}), (1, {"L1": 1}, {})))
    await buyers.save_curve(DAY, US, CURVE)
    told = AgreementRow(DAY, 1, *US, "", "llm", "main", "click", 40, 900, *[None] * 7, "harvested", "few")
    others = [replace(told, measure="listing"), replace(told, days=7), replace(told, category="lamps")]
    await buyers.save_agreement(DAY, [told, *others])
    [rate] = await pool.fetch("SELECT listing_id, impressions, examined, clicks, rate FROM assay.buyer_rates")
    assert tuple(rate) == ("L1", 2, 1.5, 1, pytest.approx(2 / 3))
    assert await pool.fetchval("SELECT count(*) FROM assay.buyer_agreement") == 1
    assert await pool.fetchval("SELECT count(*) FROM assay.buyer_agreement_windows") == 4
