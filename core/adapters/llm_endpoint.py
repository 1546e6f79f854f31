"""An endpoint of the settings, opened: its gate over the shared ledger and limits, and the client behind it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from core.adapters.llm import OpenAiLlm
from core.adapters.llm_client import Endpoint
from core.adapters.llm_gate import Gate, LanePlan
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.llm_prices import load_prices
from core.adapters.llm_shares import PostgresShares
from core.adapters.postgres import Pool
from core.domain.budget import caps_of
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


def open_ledger(settings: Settings, pool: Pool) -> PostgresLedger:
    """The ledger that all replicas share."""
    caps = caps_of(settings.llm_budget_usd_per_day, settings.llm_lane_budget_usd_per_day)
    return PostgresLedger(pool, caps, settings.llm_timeout_s + LEASE_MARGIN_SECONDS)


def first_endpoint(settings: Settings) -> Endpoint:
    """The endpoint that the settings name; SettingsError where it is missing."""
    required(settings, "llm_base_url", "llm_model")
    return Endpoint(
        base_url=settings.llm_base_url or "",
        api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "",
        timeout=settings.llm_timeout_s,
        connect_timeout=settings.llm_connect_timeout_s,
    )


def first_limits(settings: Settings) -> Limits:
    """Its limits, all replicas together."""
    return Limits(settings.llm_requests_per_minute, settings.llm_tokens_per_minute, settings.llm_max_in_flight)


def open_endpoint(settings: Settings, endpoint: Endpoint, limits: Limits, around: Surroundings) -> OpenAiLlm:
    """The port `Llm` there; SettingsError where the prices are impossible."""
    name = urlsplit(endpoint.base_url).netloc.rpartition("@")[2]
    plan = LanePlan(limits, settings.llm_lane_shares, by_prefix=settings.llm_prefix_order, name=name)
    ledger = open_ledger(settings, around.pool)
    shares = PostgresShares(around.pool, endpoint.base_url, limits.in_flight, plan.guaranteed)
    gate = Gate(ledger, shares, plan, around.clock, around.wall, around.metrics)
    return OpenAiLlm(endpoint, gate, load_prices(settings.llm_prices), around.clock, around.wall)


def open_llm(settings: Settings, around: Surroundings) -> OpenAiLlm:
    """The first endpoint alone."""
    return open_endpoint(settings, first_endpoint(settings), first_limits(settings), around)
