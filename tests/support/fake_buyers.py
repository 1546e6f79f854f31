"""What buyers did, in memory; and a search log that was folded already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from core.buyer_ports import AgreementRow, BuyerDay, LogDays, Scored
from core.domain.images.buyers.cells import Done
from core.domain.images.buyers.exposures import Bounds, Cell, DaySums, Market, Place
from core.domain.images.buyers.propensities import Curve, Pairs


@dataclass(frozen=True, slots=True)
class Shelf:
    """A listing as the catalogue has it."""

    category: str
    price: float | None


class FakeExposureLog:
    """core.buyer_ports.ExposureLog."""

    def __init__(self, sums: Mapping[date, DaySums], note: str = "") -> None:
        self.sums, self.note = sums, note
        self.asked: list[list[date]] = []

    async def read(self, days: Sequence[date], bounds: Bounds) -> LogDays:
        self.asked.append(list(days))
        return LogDays({day: self.sums.get(day, DaySums()) for day in days}, self.note)


class FakeBuyers:
    """core.buyer_ports.Buyers. `catalogue` and `scores` (with the time of each) are filled by the test."""

    def __init__(self) -> None:
        self.kept: dict[date, tuple[BuyerDay, DaySums]] = {}
        self.curves: dict[tuple[date, Market], Curve] = {}
        self.rows: dict[date, list[AgreementRow]] = {}
        self.catalogue: dict[str, Shelf] = {}
        self.scores: list[tuple[datetime, Scored]] = []

    async def days(self, first: date, last: date) -> list[BuyerDay]:
        return [self.kept[day][0] for day in sorted(self.kept) if first <= day <= last]

    async def save_day(self, day: BuyerDay, sums: DaySums, forget_before: date) -> None:
        for gone in [each for each in self.kept if each == day.day or each < forget_before]:
            del self.kept[gone]
            self.rows.pop(gone, None)
            self.curves = {key: curve for key, curve in self.curves.items() if key[0] != gone}
        self.kept[day.day] = (day, sums)

    async def markets(self, first: date, last: date) -> list[Market]:
        found = {market for sums in self._sums(first, last) for market, of in sums.markets.items() if of.places}
        return sorted(found)

    async def pairs(self, market: Market, first: date, last: date) -> Pairs:
        totals: dict[tuple[int, str, int], list[float]] = {}
        for sums in self._sums(first, last):
            of_market = sums.markets.get(market)
            for query, places in (of_market.queries.kept if of_market else {}).items():
                for place, cell in places.items():
                    total = totals.setdefault((query, *place), [0.0, 0.0])
                    total[0] += cell.impressions
                    total[1] += cell.clicks
        places, clicked = Counter(key[:2] for key in totals), Counter[tuple[int, str]]()
        for key, (_, clicks) in totals.items():
            clicked[key[:2]] += int(clicks)
        told = [key for key in sorted(totals) if places[key[:2]] > 1 and clicked[key[:2]]]
        numbers: dict[tuple[int, str], int] = {}
        rows = [(numbers.setdefault(key[:2], len(numbers)), key[2], *totals[key]) for key in told]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return Pairs(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3])

    async def save_curve(self, day: date, market: Market, curve: Curve) -> None:
        self.curves[day, market] = curve

    async def curve(self, day: date, market: Market) -> Curve | None:
        return self.curves.get((day, market))

    async def bought(self, market: Market, first: date, last: date, curve: Curve) -> list[Done]:
        totals: dict[str, list[float]] = {}
        for sums in self._sums(first, last):
            of_market = sums.markets.get(market)
            for place, cell in (of_market.places if of_market else dict[Place, Cell]()).items():
                if place.position <= curve.propensity.size and place.listing_id in self.catalogue:
                    looked = float(curve.propensity[place.position - 1])
                    row = (cell.impressions, cell.impressions * looked, cell.clicks, cell.carts, cell.purchases)
                    total = totals.setdefault(place.listing_id, [0.0] * 5)
                    totals[place.listing_id] = [a + b for a, b in zip(total, row, strict=True)]
        return [
            Done(each, self.catalogue[each].category, self.catalogue[each].price, int(n), looks, int(c), int(k), int(p))
            for each, (n, looks, c, k, p) in sorted(totals.items())
        ]

    async def scored(self, listing_ids: Sequence[str], before: datetime) -> list[Scored]:
        newest: dict[tuple[str, str], Scored] = {}
        for at, scored in sorted(self.scores, key=lambda each: each[0]):
            if at < before and scored.listing_id in listing_ids:
                newest[scored.listing_id, scored.tier] = scored
        return [newest[key] for key in sorted(newest)]

    async def save_agreement(self, day: date, rows: Sequence[AgreementRow]) -> None:
        self.rows[day] = list(rows)

    async def agreement(self, first: date, last: date) -> list[AgreementRow]:
        found = [row for day, rows in self.rows.items() if first <= day <= last for row in rows]
        return sorted(found, key=_key)

    def _sums(self, first: date, last: date) -> list[DaySums]:
        return [sums for day, (_, sums) in self.kept.items() if first <= day <= last]


def _key(row: AgreementRow) -> tuple[object, ...]:
    return (row.day, row.days, row.application, row.market, row.category, row.tier, row.measure, row.action)
