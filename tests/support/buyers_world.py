"""A market whose shoppers mind pictures by a known amount: its log folded as the service folds it, and its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from core.domain.fields import Unusable
from core.domain.images.buyers.agreement import Lifts, Listings, strata
from core.domain.images.buyers.exposures import Bounds, DaySums
from core.domain.images.buyers.log_events import listing_of
from core.domain.images.buyers.propensities import Curve, Pairs, curve
from core.domain.images.buyers.visits import Visits
from core.domain.search_log import decode_search_log
from demo.marketplace.engine import PAGE
from demo.marketplace.queries import Query
from demo.marketplace.records import OutRecord
from demo.marketplace.shoppers import NEXT_PAGE, POSITION_BIAS, SATISFIED, Crowd, Served, served
from demo.marketplace.side import Side
from demo.marketplace.times import DAY_MS, midnight_ms

START = date(2026, 3, 2)
ENGAGEMENT = frozenset({"click", "add_to_cart", "purchase"})
BOUNDS = Bounds(1.0, 100, 5_000)
BANDS = 3

Floats = NDArray[np.float64]


class World:
    """One market, `us`. `lift` is the share of clicks that the worst picture loses."""

    def __init__(self, seed: int, lift: float, days: int, sessions: int) -> None:
        self.seed, self.lift, self.days, self.sessions = seed, lift, days, sessions
        self._start = midnight_ms(START)
        self.side = Side(self.seed, "us", self._start, days=self.days, sessions_per_day=self.sessions, worse_on=None)
        self._pages: dict[tuple[str, int], tuple[Served, ...]] = {}
        self._crowd = Crowd(self.seed, "us", self.side.queries, self.sessions, self._serve)

    def records(self, day: int) -> list[OutRecord]:
        """That day's, in time order."""
        made = self._crowd.day(day, self._start + day * DAY_MS, weekend=False)
        return sorted(made, key=lambda record: record.timestamp_ms)

    def folded(self) -> dict[date, DaySums]:
        """All days, folded from the records' bytes."""
        sums = {START + timedelta(days=day): DaySums() for day in range(self.days)}
        visits = Visits(sums, ENGAGEMENT, BOUNDS)
        for day in range(self.days):
            for record in self.records(day):
                read = decode_search_log(record.value, record.timestamp_ms)
                assert not isinstance(read, Unusable)
                visits.add(read, None if read.action is None else listing_of(record.value))
        visits.close()
        return sums

    def looked(self) -> Floats:
        """How much each place is really looked at beside the first: what the shoppers' own chances give, those who
        stopped above it left out. NaN where nothing is ever shown."""
        looks, shown = np.zeros(2 * PAGE), np.zeros(2 * PAGE)
        for (key, _), pages in self._pages.items():
            for number, page in enumerate(pages):
                weight = self.side.by_key[key].weight * (NEXT_PAGE if number else 1.0)
                goes_on = np.cumprod([1.0, *(1 - SATISFIED * chance for chance in page.chances[:-1])])
                ranks = np.arange(1, len(page.chances) + 1)
                places = slice(number * PAGE, number * PAGE + len(ranks))
                looks[places] += weight * goes_on[: len(ranks)] * ranks**-POSITION_BIAS
                shown[places] += weight
        with np.errstate(invalid="ignore"):
            looked: Floats = looks / shown
        return looked / looked[0]

    def listings(self, examined: Mapping[str, float], clicks: Mapping[str, float]) -> Listings:
        """With the score that a perfect judge gives, 1 to 10."""
        products = [self.side.by_id[each] for each in sorted(examined)]
        stratum = strata([p.facts.category for p in products], np.array([p.price for p in products]), BANDS)
        base = np.array([examined[p.listing_id] for p in products])
        done = np.array([clicks.get(p.listing_id, 0.0) for p in products])
        return Listings(stratum, np.round(1 + 9 * self._qualities(products)), done, base)

    def true_lift(self, examined: Mapping[str, float]) -> float:
        """Clicks gained per point of that score, when each listing is clicked just as its picture deserves."""
        qualities = self._qualities([self.side.by_id[each] for each in sorted(examined)])
        clicks = {
            each: (1 - self.lift * (1 - quality)) * examined[each]
            for each, quality in zip(sorted(examined), qualities, strict=True)
        }
        held = self.listings(examined, clicks)
        return float(np.expm1(Lifts(held).logs(np.ones((1, held.score.size)))[0]))

    def _qualities(self, products: Sequence[object]) -> Floats:
        return np.array([product.pictures[0].quality for product in products])  # type: ignore[attr-defined]

    def _serve(self, query: Query, day: int) -> tuple[Served, ...]:
        known = self._pages.get((query.key, day))
        if known is None:
            ids = self.side.engine.ranked(query.text, day)
            starts = range(0, max(1, len(ids)), PAGE)
            known = self._pages[query.key, day] = tuple(self._page(query, ids[at : at + PAGE]) for at in starts)
        return known

    def _page(self, query: Query, ids: tuple[str, ...]) -> Served:
        products = [self.side.by_id[each] for each in ids]
        grades = [self.side.grade(query, product) for product in products]
        return served(ids, grades, [product.pictures[0].quality for product in products], lift=self.lift)


def pairs_of(sums: Mapping[date, DaySums]) -> Pairs:
    """All days' queries and listings by place, of all markets."""
    cells: dict[tuple[int, str, int], list[float]] = {}
    for day in sums.values():
        for market in day.markets.values():
            for query, places in market.queries.kept.items():
                for place, cell in places.items():
                    total = cells.setdefault((query, place.listing_id, place.position), [0.0, 0.0])
                    total[0] += cell.impressions
                    total[1] += cell.clicks
    numbers: dict[tuple[int, str], int] = {}
    rows = [
        (numbers.setdefault((query, listing), len(numbers)), place, *total)
        for (query, listing, place), total in cells.items()
    ]
    table = np.array(rows, dtype=np.float64)
    return Pairs(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3])


def shown(sums: Mapping[date, DaySums], looked: Curve) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """By listing: looks, impressions, clicks, all in the places that the curve knows."""
    examined, impressions, clicks = dict[str, float](), dict[str, float](), dict[str, float]()
    for day in sums.values():
        for market in day.markets.values():
            for place, cell in market.places.items():
                if place.position <= looked.propensity.size:
                    looks = cell.impressions * float(looked.propensity[place.position - 1])
                    examined[place.listing_id] = examined.get(place.listing_id, 0) + looks
                    impressions[place.listing_id] = impressions.get(place.listing_id, 0) + cell.impressions
                    clicks[place.listing_id] = clicks.get(place.listing_id, 0) + cell.clicks
    return examined, impressions, clicks


def curve_of(sums: Mapping[date, DaySums]) -> Curve:
    """As the service estimates it."""
    return curve(pairs_of(sums), BOUNDS.max_positions)
