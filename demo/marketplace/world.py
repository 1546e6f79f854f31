"""The simulated marketplace: its records day by day, and the truth behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.domain.normalise import normalised_query
from demo.marketplace.anchors import labelled_pairs
from demo.marketplace.broken import broken_days, broken_reasons, broken_records
from demo.marketplace.catalogue import BrokenPicture, Product, listing_record
from demo.marketplace.colours import COLOURS
from demo.marketplace.engine import PAGE
from demo.marketplace.experts import rated
from demo.marketplace.facts import MARKETS, Market, grade_of
from demo.marketplace.pictures import PictureFacts, draw_picture, saved_anew
from demo.marketplace.queries import EngineFault, Query
from demo.marketplace.records import OutRecord, json_record
from demo.marketplace.shoppers import PICTURE_LIFT
from demo.marketplace.side import Side
from demo.marketplace.times import DAY_MS, midnight_ms
from demo.marketplace.vocabulary import CATEGORY_OF

BOT_MIN_DAYS = 7
"""Shorter runs are small tests, where 2,000 records of a bot would be most of the traffic."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a run and not said in its records."""

    badly_served: Mapping[Market, Mapping[str, EngineFault]]
    """Normalised queries that the engine serves badly from the first day on, with what it gets wrong."""
    engine_worse_on: int | None
    """Day index from which on the engine is worse; None with drift faults turned off."""
    worse_queries: Mapping[Market, frozenset[str]]
    """Normalised queries whose results the worse engine changes; empty when it never comes."""
    pictures: Mapping[tuple[str, int], PictureFacts]
    """By listing id and picture number, from 1."""
    broken_pictures: Mapping[str, BrokenPicture]
    """Listings whose picture address serves no good picture, and what it does instead."""
    copied_pictures: Mapping[str, str]
    """Listings whose main picture is another seller's, and whose."""
    picture_lift: float
    """Share of clicks that a picture of quality 0 loses against one of quality 1."""
    broken_records: Mapping[tuple[str, str], int]
    """Dead letters to come, by topic and reason."""


class Marketplace:
    """Seeded and deterministic; one day's records do not depend on which other days were asked for."""

    def __init__(
        self,
        seed: int,
        start: date,
        days: int,
        *,
        sessions_per_day: int = 250,
        engine_worse_on: int | None = None,
        faults: bool = True,
        picture_base_url: str = "http://127.0.0.1:8000",
    ) -> None:
        """`sessions_per_day` a market. `faults` false turns off what drifts (the engine getting worse), not the
        queries that are served badly from the start."""
        self.start, self.days = start, days
        self._seed, self._start_ms = seed, midnight_ms(start)
        self._base_url = picture_base_url.rstrip("/")
        self._worse_on = engine_worse_on if faults else None
        self._sides: dict[str, Side] = {
            market: Side(
                seed, market, self._start_ms, days=days, sessions_per_day=sessions_per_day, worse_on=self._worse_on
            )
            for market in MARKETS
        }
        self._products = {i: product for side in self._sides.values() for i, product in side.by_id.items()}

    def initial_listings(self) -> Iterator[OutRecord]:
        """Listings from before the first day, in time order."""
        for product in sorted(self._products.values(), key=lambda product: product.listed_at):
            if product.listed_at < self._start_ms:
                yield self._listing(product, product.listed_at, "new")

    def day(self, index: int) -> Iterator[OutRecord]:
        """All records of a day, 0 to `days` - 1, in time order."""
        midnight = self.day_start_ms(index)
        weekend = (self.start + timedelta(days=index)).weekday() >= 5
        records = [record for product in self._products.values() for record in self._changes(product, midnight)]
        for side in self._sides.values():
            records += side.crowd.day(index, midnight, weekend=weekend)
        if self.days >= BOT_MIN_DAYS and index == self.days // 2:
            records += self._sides[MARKETS[0]].crowd.bot(index, midnight)
        if index in broken_days(self._seed, self.days):
            records += broken_records(self._seed, index, midnight)
        records.sort(key=lambda record: record.timestamp_ms)
        yield from records

    def truth(self) -> Truth:
        """What is true of this run."""
        rounds = len(broken_days(self._seed, self.days))
        sides, products = self._sides.values(), self._products.values()
        never: frozenset[str] = frozenset()
        return Truth(
            badly_served={side.market: {q.key: q.fault for q in side.queries if q.fault} for side in sides},
            engine_worse_on=self._worse_on,
            worse_queries={side.market: never if self._worse_on is None else side.worse for side in sides},
            pictures={(p.listing_id, n): f for p in products for n, f in enumerate(p.pictures, start=1)},
            broken_pictures={p.listing_id: p.broken_picture for p in products if p.broken_picture},
            copied_pictures={p.listing_id: p.copy_of for p in products if p.copy_of},
            picture_lift=PICTURE_LIFT,
            broken_records={pair: rounds * count for pair, count in Counter(broken_reasons()).items()},
        )

    def grade(self, market: str, query: str, listing_id: str) -> int | None:
        """The true grade 0, 1, 2; None for a query or listing that this market does not know."""
        side = self._sides.get(market)
        if side is None:
            return None
        known, product = side.by_key.get(normalised_query(query)), side.by_id.get(listing_id)
        return grade_of(known.want, product.facts) if known is not None and product is not None else None

    def queries(self, market: str) -> tuple[Query, ...]:
        """The market's queries, head first; none for an unknown market."""
        side = self._sides.get(market)
        return side.queries if side is not None else ()

    def search(
        self, market: str, query: str, day: int, size: int = PAGE, *, start: int = 0, before: bool = False
    ) -> tuple[str, ...]:
        """The engine's results on a day, best first, from `start` on; none for an unknown market. `before`: those of
        the engine before it got worse."""
        side = self._sides.get(market)
        return side.engine.ranked(query, day, before=before)[start : start + size] if side is not None else ()

    def anchors(self, n: int) -> list[dict[str, object]]:
        """`n` pairs graded as people do (`query`, `market`, `listing` as CONTRACT 2 writes it, `grade`)."""
        return labelled_pairs(self._seed, tuple(self._sides.values()), self._start_ms, n, self._base_url)

    def experts(self, n: int) -> list[dict[str, object]]:
        """`n` other pairs with the ratings of three people."""
        sides = tuple(self._sides.values())
        pairs = labelled_pairs(self._seed, sides, self._start_ms, n, self._base_url, "experts")
        return list(rated(pairs, self._seed))

    def picture(self, listing_id: str, number: int) -> bytes | None:
        """JPEG of a listing's picture, from 1; None where there is none. Takes some milliseconds of CPU."""
        product = self._products.get(listing_id)
        if product is None or not 1 <= number <= len(product.pictures):
            return None
        if product.copy_of is not None and number == 1:
            original = self.picture(product.copy_of, 1)
            return saved_anew(original) if original is not None else None
        facts = product.facts
        name, colour = f"{listing_id}:{number}", COLOURS[facts.colour].rgb
        return draw_picture(name, CATEGORY_OF[facts.category], colour, product.pictures[number - 1])

    def broken_picture(self, listing_id: str) -> BrokenPicture | None:
        """What is wrong with the listing's picture address, if anything."""
        product = self._products.get(listing_id)
        return product.broken_picture if product is not None else None

    def day_start_ms(self, index: int) -> int:
        """Midnight UTC of a day, milliseconds since 1970."""
        return self._start_ms + index * DAY_MS

    def day_of(self, at: datetime) -> int:
        """The index of the day that holds an aware time; negative before the start."""
        return (int(at.timestamp() * 1000) - self._start_ms) // DAY_MS

    def _listing(self, product: Product, at_ms: int, event: str) -> OutRecord:
        body = listing_record(product, self._base_url, at_ms, event)
        return json_record("listings", product.listing_id, body, at_ms)

    def _changes(self, product: Product, midnight: int) -> Iterator[OutRecord]:
        moments = (("new", product.listed_at), ("updated", product.updated_at), ("deleted", product.deleted_at))
        for event, at_ms in moments:
            if at_ms is not None and midnight <= at_ms < midnight + DAY_MS:
                yield self._listing(product, at_ms, event)
