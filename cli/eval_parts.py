"""What a run of evaluation is made of, over the settings' database, endpoint and pictures."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from cli.compose import owner
from core.adapters import llm_wire as wire
from core.adapters.call_history import PostgresCallHistory
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.judgements import PostgresJudgements
from core.adapters.llm_endpoint import Surroundings, first_limits
from core.adapters.llm_open import open_llms
from core.adapters.llm_prices import load_prices
from core.adapters.mode_labels import PostgresModeLabels
from core.adapters.otel_open import open_traces
from core.adapters.picture_files import FilePictures
from core.adapters.pictures import HttpPictureSource
from core.domain import money
from core.eval_ports import CallHistory
from core.image_thresholds import thresholds_of
from core.ports import LlmRequest, TextPart
from core.settings import Settings
from core.stages.eval_parts import EvalPorts
from core.stages.eval_plan import Pricing, Weight
from core.stages.patience import Patience

AT_ONCE_TIMES = 2
"""Queries under way for each call that the endpoint takes at once: while half of them wait for the database, a picture
or their turn at the gate, the other half keep its places taken."""


@dataclass(frozen=True, slots=True)
class EvalParts:
    """Open while a command runs."""

    ports: EvalPorts
    history: CallHistory
    pricing: Pricing


@asynccontextmanager
async def eval_parts(settings: Settings, around: Surroundings, pictures: str | None = None) -> AsyncIterator[EvalParts]:
    """`pictures`: the folder of a dataset's picture files."""
    async with (
        open_traces(settings, around.metrics, around.wall, owner()) as traces,
        open_llms(settings, around, owner()) as llm,
        HttpPictureSource(settings) as http,
    ):
        pool = around.pool
        ports = EvalPorts(
            llm=traces.llm(llm),
            runs=traces.runs(pool),
            store=PostgresJudgements(pool),
            labels=PostgresModeLabels(pool),
            guidelines=PostgresGuidelines(pool),
            claims=PostgresClaims(pool),
            catalogue=PostgresCatalogue(pool),
            pictures=FilePictures(http, pictures, settings.image_max_bytes),
            patience=Patience(around.wall, settings.task_attempts, random.random),
            at_once=AT_ONCE_TIMES * settings.llm_max_in_flight,
            thresholds=thresholds_of(settings),
            seller=settings.listing_seller_attribute,
        )
        yield EvalParts(ports, PostgresCallHistory(pool), pricing_of(settings, around))


def pricing_of(settings: Settings, around: Surroundings) -> Pricing:
    """Today's prices, and a request's weight as the lane reckons it before it reserves."""
    prices = load_prices(settings.llm_prices).of(around.clock.now().date())

    def weigh(request: LlmRequest) -> Weight:
        price = prices.price(request.model)
        texts = replace(request, user=tuple(part for part in request.user if isinstance(part, TextPart)))
        most = wire.size(request, price).most
        worst = money.worst_cost(price, most, request.max_output_tokens)
        return Weight(wire.size(texts, price).most - wire.ENVELOPE_TOKENS, money.usd(worst))

    return Pricing(prices, first_limits(settings), weigh, settings.image_max_side)
