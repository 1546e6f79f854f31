"""One market: its products, queries, engine and shoppers, put together."""

from __future__ import annotations

from random import Random

from demo.marketplace.catalogue import Product, make_catalogue
from demo.marketplace.engine import PAGE, Engine
from demo.marketplace.facts import Market, grade_of
from demo.marketplace.queries import Query, make_queries
from demo.marketplace.shoppers import Crowd, Served, served
from demo.marketplace.times import DAY_MS

WORSE_SHARE = 0.5
"""Share of the market's queries that the worse engine breaks: mean gain over all falls by 0.1 to 0.2."""


class Side:
    """A market's parts. `worse` are the queries in which the worse engine ignores brand and colour."""

    def __init__(
        self, seed: int, market: Market, start_ms: int, *, days: int, sessions_per_day: int, worse_on: int | None
    ) -> None:
        self.market = market
        self._start_ms = start_ms
        self._worse_on = worse_on
        self.products = make_catalogue(seed, market, start_ms, days)
        self.by_id = {product.listing_id: product for product in self.products}
        self.queries = make_queries(seed, market, self.products, start_ms)
        self.by_key = {query.key: query for query in self.queries}
        self.worse = _worse(seed, market, self.queries)
        self.engine = Engine(
            market,
            self.products,
            {query.key: query.fault for query in self.queries if query.fault},
            self._is_worse,
            lambda day: start_ms + day * DAY_MS,
        )
        self.crowd = Crowd(seed, market, self.queries, sessions_per_day, self._serve)
        self._pages: dict[tuple[str, int], tuple[Served, ...]] = {}

    def grade(self, query: Query, product: Product) -> int:
        """The true grade."""
        return grade_of(query.want, product.facts)

    def _is_worse(self, key: str, day: int) -> bool:
        return self._worse_on is not None and day >= self._worse_on and key in self.worse

    def _serve(self, query: Query, day: int) -> tuple[Served, ...]:
        known = self._pages.get((query.key, day))
        if known is None:
            ids = self.engine.ranked(query.text, day)
            starts = range(0, max(1, len(ids)), PAGE)
            known = self._pages[query.key, day] = tuple(self._page(query, ids[at : at + PAGE]) for at in starts)
        return known

    def _page(self, query: Query, ids: tuple[str, ...]) -> Served:
        products = [self.by_id[listing_id] for listing_id in ids]
        grades = [self.grade(query, product) for product in products]
        return served(ids, grades, [product.pictures[0].quality for product in products])


def _worse(seed: int, market: Market, queries: tuple[Query, ...]) -> frozenset[str]:
    """Half of the queries, as far as so many name a brand or colour and neither a model nor are served badly anyway."""
    open_to_it = sorted(
        query.key
        for query in queries
        if (query.want.brand or query.want.colour) and query.want.model is None and query.fault is None
    )
    count = min(len(open_to_it), round(WORSE_SHARE * len(queries)))
    return frozenset(Random(f"{seed}:worse:{market}").sample(open_to_it, count))
