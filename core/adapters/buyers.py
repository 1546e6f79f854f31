"""What buyers did, in PostgreSQL: port `Buyers`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

import asyncpg
import numpy as np

from core.adapters import buyers_sql as sql
from core.adapters.postgres import Connection, Pool, connection, transaction
from core.buyer_ports import AgreementRow, BuyerDay, Scored
from core.domain.images.buyers.cells import Done
from core.domain.images.buyers.exposures import DaySums, Market
from core.domain.images.buyers.propensities import Curve, Pairs
from core.domain.images.listing_score import listing_score

LISTINGS_A_QUESTION = 5_000
"""Listings whose scores are read at once: some 50 ms of the index on their pictures."""

NIGHT_S = 600.0
"""Seconds for a statement over weeks of sums, or one that lays down or lets go of a day: 10 million rows of a day are
copied and indexed in two minutes. A statement that is cut off each night would never have its look."""


class PostgresBuyers:
    """Port `Buyers`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def days(self, first: date, last: date) -> list[BuyerDay]:
        async with connection(self._pool) as held:
            return [BuyerDay(*row) for row in await held.fetch(sql.DAYS, first, last)]

    async def save_day(self, day: BuyerDay, sums: DaySums, forget_before: date) -> None:
        figures = (day.searches, day.impressions, day.automated, day.unmatched, day.note)
        async with transaction(self._pool) as held:
            await held.execute(sql.FORGET, day.day, forget_before, timeout=NIGHT_S)
            await held.execute(sql.SAVE_DAY, day.day, day.read_at, day.is_whole, *figures)
            await _copy(held, "buyer_exposures", sql.EXPOSURE_COLUMNS, _exposures(day.day, sums))
            await _copy(held, "buyer_pairs", sql.PAIR_COLUMNS, _pairs(day.day, sums))

    async def markets(self, first: date, last: date) -> list[Market]:
        async with connection(self._pool) as held:
            return [(row[0], row[1]) for row in await held.fetch(sql.MARKETS, first, last, timeout=NIGHT_S)]

    async def pairs(self, market: Market, first: date, last: date) -> Pairs:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.PAIRS, *market, first, last, timeout=NIGHT_S)
        table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(-1, 4)
        return Pairs(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3])

    async def save_curve(self, day: date, market: Market, curve: Curve) -> None:
        places = enumerate(zip(curve.propensity.tolist(), curve.clicks.tolist(), strict=True), 1)
        async with transaction(self._pool) as held:
            await held.execute(sql.FORGET_CURVE, day, *market)
            rows = [(day, *market, place, looked, clicks, curve.method) for place, (looked, clicks) in places]
            await _copy(held, "buyer_propensities", sql.CURVE_COLUMNS, rows)

    async def curve(self, day: date, market: Market) -> Curve | None:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.CURVE, day, *market)
        if not rows:
            return None
        return Curve(
            np.array([row["propensity"] for row in rows]),
            np.array([row["clicks"] for row in rows], dtype=np.int64),
            rows[0]["method"],
        )

    async def bought(self, market: Market, first: date, last: date, curve: Curve) -> list[Done]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.BOUGHT, *market, first, last, curve.propensity.tolist(), timeout=NIGHT_S)
        return [Done(*row) for row in rows]

    async def scored(self, listing_ids: Sequence[str], before: datetime) -> list[Scored]:
        found: list[Scored] = []
        for at in range(0, len(listing_ids), LISTINGS_A_QUESTION):
            async with connection(self._pool) as held:
                rows = await held.fetch(sql.SCORED, listing_ids[at : at + LISTINGS_A_QUESTION], before)
            found += _scored(rows)
        return found

    async def save_agreement(self, day: date, rows: Sequence[AgreementRow]) -> None:
        cells = [[getattr(row, column) for column in sql.AGREEMENT_COLUMNS] for row in rows]
        async with transaction(self._pool) as held:
            await held.execute(sql.FORGET_AGREEMENT, day)
            await _copy(held, "buyer_agreement", sql.AGREEMENT_COLUMNS, cells)

    async def agreement(self, first: date, last: date) -> list[AgreementRow]:
        async with connection(self._pool) as held:
            return [AgreementRow(*row) for row in await held.fetch(sql.AGREEMENT, first, last)]


async def _copy(held: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    await held.copy_records_to_table(table, schema_name="assay_data", columns=columns, records=rows, timeout=NIGHT_S)


def _exposures(day: date, sums: DaySums) -> Iterator[tuple[object, ...]]:
    for market, of_market in sums.markets.items():
        for place, cell in of_market.places.items():
            yield day, *market, *place, cell.impressions, cell.clicks, cell.carts, cell.purchases


def _pairs(day: date, sums: DaySums) -> Iterator[tuple[object, ...]]:
    for market, of_market in sums.markets.items():
        for query_hash, places in of_market.queries.kept.items():
            for place, cell in places.items():
                yield day, *market, query_hash, *place, cell.impressions, cell.clicks


def _scored(rows: Iterable[asyncpg.Record]) -> Iterator[Scored]:
    """Of each listing and tier whose first picture has a score."""
    for (listing_id, tier), group in groupby(rows, key=lambda row: (row["listing_id"], row["tier"])):
        scores = {row["place"]: row["score"] for row in group}
        main = scores.pop(1, None)
        whole = listing_score(main, list(scores.values()))
        if main is not None and whole is not None:
            yield Scored(listing_id, tier, float(main), whole)
