"""The anchor set: pairs of query and listing as a person would have graded them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from demo.marketplace.catalogue import Product, listing_record
from demo.marketplace.facts import grade_of
from demo.marketplace.queries import Query
from demo.marketplace.side import Side
from demo.marketplace.vocabulary import CATEGORY_OF

SLIP = 0.03
"""Share that the person graded one off: in clear pairs people agree with themselves about that often."""


def labelled_pairs(
    seed: int, sides: Sequence[Side], start_ms: int, n: int, base_url: str, purpose: str = "anchors"
) -> list[dict[str, object]]:
    """`n` pairs (`query`, `market`, `listing`, `grade`), a third of each grade, fewer where there are no more. Another
    `purpose`, other pairs."""
    rng = Random(f"{seed}:{purpose}")
    pools: dict[int, list[tuple[Query, Product]]] = {0: [], 1: [], 2: []}
    for side in sides:
        for query, product in _pairs(side, start_ms):
            pools[grade_of(query.want, product.facts)].append((query, product))
    anchors: list[dict[str, object]] = []
    for grade, pool in pools.items():
        wanted = min(n // 3 + (grade < n % 3), len(pool))
        anchors += [_anchor(rng, query, product, grade, base_url) for query, product in rng.sample(pool, wanted)]
    rng.shuffle(anchors)
    return anchors


def _pairs(side: Side, start_ms: int) -> Iterator[tuple[Query, Product]]:
    """Each product query with the products that one could mistake for an answer."""
    listed = [product for product in side.products if product.listed(start_ms)]
    for query in side.queries:
        if not query.want.nothing:
            yield from ((query, product) for product in listed if _near(query, product))


def _near(query: Query, product: Product) -> bool:
    want, facts = query.want, product.facts
    if CATEGORY_OF[facts.category].accessory and facts.category != want.category:
        return want.model == facts.model
    return facts.category == want.category or (want.brand is not None and facts.brand == want.brand)


def _anchor(rng: Random, query: Query, product: Product, grade: int, base_url: str) -> dict[str, object]:
    said = grade
    if rng.random() < SLIP:
        said = 1 if grade != 1 else rng.choice((0, 2))
    listing = listing_record(product, base_url, product.listed_at, "new")
    return {"query": query.text, "market": product.market, "listing": listing, "grade": said}
