"""The batch lane as the settings name it: both its sides over one database and the first endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from core.adapters.llm_batch import BatchLlm, BatchPolicy
from core.adapters.llm_batch_api import OpenAiBatches
from core.adapters.llm_batch_items import PostgresBatchItems
from core.adapters.llm_batch_money import LedgerMoney
from core.adapters.llm_batch_store import PostgresBatches
from core.adapters.llm_client import client
from core.adapters.llm_endpoint import Surroundings, first_endpoint, open_books
from core.adapters.llm_prices import load_prices
from core.ports import Llm
from core.settings import Settings


class BatchParts(NamedTuple):
    """What the process `batches` is made of."""

    store: PostgresBatches
    api: OpenAiBatches
    money: LedgerMoney


def batching(inner: Llm, settings: Settings, around: Surroundings) -> Llm:
    """`inner`, with the calls of batched lanes put into batches before it; itself where none are."""
    if not settings.llm_batch_lanes:
        return inner
    endpoint = first_endpoint(settings)
    policy = BatchPolicy(
        lanes=frozenset(settings.llm_batch_lanes),
        purposes=frozenset(settings.llm_batch_purposes),
        deadline=timedelta(seconds=settings.llm_batch_deadline_s),
        temperature=endpoint.temperature,
        newer=endpoint.output_limit == "max_completion_tokens",
        secret=endpoint.api_key,
    )
    items, prices = PostgresBatchItems(around.pool), load_prices(settings.llm_prices)
    return BatchLlm(inner, items, prices, policy, around.clock, around.wall)


@asynccontextmanager
async def open_batches(settings: Settings, around: Surroundings) -> AsyncIterator[BatchParts]:
    """The ordering side while the block lasts; SettingsError where the endpoint is missing."""
    endpoint, books = first_endpoint(settings), open_books(settings, around.pool)
    asking = client(endpoint)
    money = LedgerMoney(books.ledger, books.prices, endpoint.base_url, endpoint.api_key)
    try:
        yield BatchParts(PostgresBatches(around.pool), OpenAiBatches(asking, endpoint.api_key, around.wall), money)
    finally:
        await asking.close()
