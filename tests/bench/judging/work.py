"""Pairs to judge, as a file of `assay judge` brings them: queries, and products that are 205 tokens in a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import msgspec

from cli.judge import queue
from core.domain.requests import JudgeRequest, request_of
from core.settings import Settings
from tests.bench.stream.servers import Place

MARKET = "us"
MODEL = "gpt-4o-mini"
FRESH_USD, CACHED_USD, OUTPUT_USD = Decimal("0.15"), Decimal("0.075"), Decimal("0.60")
"""What the model costs a million tokens; said here again, so that the ledger is not measured by its own rule."""

ATTRIBUTES = ("colour", "material", "size", "condition")
TITLE_WORDS, DESCRIPTION_WORDS = 9, 78
WORDS = (  # noqa: SIM905 - a list of seventy would take seventy lines
    "red blue black white green canvas leather cotton steel wooden glass small large wide slim light heavy warm soft "
    "shoes jacket lamp table chair bottle mug case cable charger phone watch bag tent knife pan kettle mirror clock "
    "with for and of the in classic modern vintage sport travel kitchen garden office summer winter running walking "
    "hiking waterproof washable foldable adjustable rechargeable portable durable comfortable lightweight original"
).split()


@dataclass(frozen=True)
class Shape:
    """How many of what."""

    queries: int
    products: int
    """A query."""

    @property
    def pairs(self) -> int:
        return self.queries * self.products


def usd(tokens: int, cached: int, output: int) -> Decimal:
    """What a provider bills; `cached` are part of `tokens`."""
    return (FRESH_USD * (tokens - cached) + CACHED_USD * cached + OUTPUT_USD * output) / 1_000_000


async def put(place: Place, shape: Shape) -> None:
    """Queue them all, in lane live."""
    settings = Settings(_env_file=None, postgres_dsn=place.dsn, llm_model=MODEL)
    pairs = list(requests(shape))
    added = await queue(settings, pairs, "live")
    assert added == shape.pairs, f"{added} of {shape.pairs} pairs were queued"


def requests(shape: Shape, seed: int = 7) -> Iterator[JudgeRequest]:
    """The same for the same seed; every product is another one."""
    random = Random(seed)
    for query in range(shape.queries):
        text = f"{_words(random, 3)} {query}"
        for product in range(shape.products):
            line = {"query": text, "market": MARKET, "language": "en", "listing": _listing(random, query, product)}
            request = request_of(msgspec.json.encode(line))
            assert isinstance(request, JudgeRequest), request
            yield request


def _listing(random: Random, query: int, product: int) -> dict[str, object]:
    return {
        "listing_id": f"l-{query}-{product}",
        "title": f"{_words(random, TITLE_WORDS)} {query} {product}",
        "brand": random.choice(WORDS),
        "category": " > ".join(random.choices(WORDS, k=3)),
        "price": {"amount": random.randrange(500, 50_000) / 100, "currency": "USD"},
        "attributes": {name: random.choice(WORDS) for name in ATTRIBUTES},
        "description": _words(random, DESCRIPTION_WORDS),
    }


def _words(random: Random, count: int) -> str:
    return " ".join(random.choices(WORDS, k=count))
