"""An endpoint of the settings, opened: its gate over the shared ledger and limits, and the client behind it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.adapters.llm import OpenAiLlm
from core.adapters.llm_client import Endpoint
from core.adapters.llm_gate import Gate, LanePlan
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.llm_prices import load_prices
from core.adapters.llm_shares import PostgresShares
from core.adapters.postgres import Pool
from core.domain.budget import caps_of
from core.domain.money import PriceTable
from core.domain.pacing import Limits
from core.ports import Clock
from core.settings import Settings, required
from core.telemetry import Metrics

LEASE_MARGIN_SECONDS = 30.0
"""How much longer than the longest call a reservation lives: storing its end is retried for less."""


class Surroundings(NamedTuple):
    """What an endpoint needs of the process. `clock` tells the budget's day, `wall` real time."""

    pool: Pool
    clock: Clock
    wall: Clock
    metrics: Metrics


class Books(NamedTuple):
    """What money is reserved and counted by: the ledger that all replicas share, and the prices."""

    ledger: PostgresLedger
    prices: PriceTable


def open_books(settings: Settings, pool: Pool) -> Books:
    """Both, one for all endpoints of a process; SettingsError where the prices are impossible."""
    caps = caps_of(settings.llm_budget_usd_per_day, settings.llm_lane_budget_usd_per_day)
    ledger = PostgresLedger(pool, caps, settings.llm_timeout_s + LEASE_MARGIN_SECONDS)
    return Books(ledger, load_prices(settings.llm_prices))


def first_endpoint(settings: Settings) -> Endpoint:
    """The endpoint that the settings name; SettingsError where it is missing."""
    required(settings, "llm_base_url", "llm_model")
    return _endpoint(settings, settings.llm_base_url or "", settings.llm_api_key)


def second_endpoint(settings: Settings) -> Endpoint:
    """The endpoint to fall back to; SettingsError where it has no model."""
    required(settings, "llm_fallback_base_url", "llm_fallback_model")
    return _endpoint(settings, settings.llm_fallback_base_url or "", settings.llm_fallback_api_key)


def _endpoint(settings: Settings, base_url: str, key: SecretStr | None) -> Endpoint:
    return Endpoint(
        base_url=base_url,
        api_key=key.get_secret_value() if key else "",
        timeout=settings.llm_timeout_s,
        connect_timeout=settings.llm_connect_timeout_s,
    )


def first_limits(settings: Settings) -> Limits:
    """Its limits, all replicas together."""
    return Limits(settings.llm_requests_per_minute, settings.llm_tokens_per_minute, settings.llm_max_in_flight)


def second_limits(settings: Settings) -> Limits:
    """Those of the endpoint to fall back to, all replicas together."""
    return Limits(
        settings.llm_fallback_requests_per_minute,
        settings.llm_fallback_tokens_per_minute,
        settings.llm_fallback_max_in_flight,
    )


def open_endpoint(
    settings: Settings, endpoint: Endpoint, limits: Limits, books: Books, around: Surroundings
) -> OpenAiLlm:
    """The port `Llm` there."""
    name = urlsplit(endpoint.base_url).netloc.rpartition("@")[2]
    plan = LanePlan(limits, settings.llm_lane_shares, by_prefix=settings.llm_prefix_order, name=name)
    shares = PostgresShares(around.pool, endpoint.base_url, limits.in_flight, plan.guaranteed)
    gate = Gate(books.ledger, shares, plan, around.clock, around.wall, around.metrics)
    return OpenAiLlm(endpoint, gate, books.prices, around.clock, around.wall)
