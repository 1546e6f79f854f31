"""A dataset of lamps: 30 queries of 4 products each, all in the split `test`."""

from __future__ import annotations

from datetime import UTC, datetime

from core.eval_facts import Dataset, EvalItem

QUERIES = 30
PRODUCTS = 4


def item(query: int, product: int) -> EvalItem:
    name = f"{query}-{product}"
    listing = {"listing_id": name, "title": f"lamp {query} number {product}", "market": "de"}
    return EvalItem(
        item_id=name,
        split="test",
        application="shop",
        market="de",
        language="en",
        query=f"lamp {query}",
        context=(),
        listing_id=name,
        listing=listing,
        image_url=None,
        segment={},
        ranks={},
        truth=product % 3,
        ratings={},
    )


ITEMS = [item(query, product) for query in range(QUERIES) for product in range(PRODUCTS)]
DATASET = Dataset(
    name="lamps",
    version="0123456789abcdef",
    kind="relevance",
    source="made up",
    licence="none",
    rule="0=0 1=1 2=2",
    anchors=False,
    items=len(ITEMS),
    queries=QUERIES,
    raters=(),
    made_at=datetime(2026, 11, 1, tzinfo=UTC),
    made_by="ada",
)
