"""The LLM as the settings name it: one endpoint behind its breaker, and a second behind its own where one is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from core.adapters.llm_breaker import BreakingLlm
from core.adapters.llm_endpoint import (
    Surroundings,
    first_endpoint,
    first_limits,
    open_books,
    open_endpoint,
    second_endpoint,
    second_limits,
)
from core.adapters.llm_failover import FailoverLlm, Second
from core.adapters.llm_health import PostgresHealth
from core.ports import Llm
from core.settings import Settings


@asynccontextmanager
async def open_llms(settings: Settings, around: Surroundings, replica: str) -> AsyncIterator[Llm]:
    """The port `Llm` over all endpoints while the block lasts; SettingsError where one is missing or impossible.

    `replica` names this process where breakers are told of.
    """
    async with AsyncExitStack() as stack:
        books = open_books(settings, around.pool)
        health = await stack.enter_async_context(PostgresHealth(around.pool, replica))
        first = open_endpoint(settings, first_endpoint(settings), first_limits(settings), books, around)
        stack.push_async_callback(first.aclose)
        breaking = BreakingLlm(first, "first", around.wall, around.metrics, told=health.teller("first"))
        if settings.llm_fallback_base_url is None:
            yield breaking
            return
        second = open_endpoint(settings, second_endpoint(settings), second_limits(settings), books, around)
        stack.push_async_callback(second.aclose)
        other = BreakingLlm(second, "second", around.wall, around.metrics, told=health.teller("second"))
        yield FailoverLlm(breaking, _second(settings, other), around.metrics)


def _second(settings: Settings, llm: Llm) -> Second:
    model = settings.llm_fallback_model or ""
    vision_model = settings.llm_fallback_vision_model or model
    return Second(llm, model, vision_model, settings.llm_fallback_lanes, settings.llm_fallback_hold_s)
