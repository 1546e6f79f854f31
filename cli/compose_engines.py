"""What selection and drift look at: the log's result lists, or search engines asked for theirs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

from core.adapters.engine_config import LOG
from core.adapters.engine_open import open_engines
from core.adapters.engine_store import PostgresEngineStore
from core.adapters.llm_endpoint import Surroundings
from core.adapters.signals import PostgresSignalStore
from core.settings import Settings
from core.signal_ports import SignalStore
from core.stages.engine_lists import SourcedSignals


async def signals_of(
    settings: Settings, around: Surroundings, stack: AsyncExitStack, *, asks_engines: bool
) -> SignalStore:
    """Result lists come from where the setting says; no engine is opened where nobody asks one."""
    log, sources = PostgresSignalStore(around.pool), settings.selection_results_from
    wanted = [name for name in sources if name != LOG]
    if not wanted or not asks_engines:
        return log
    engines = await stack.enter_async_context(open_engines(settings, wanted, around.wall, around.metrics))
    store, refresh = PostgresEngineStore(around.pool), timedelta(hours=settings.selection_engine_hours)
    return SourcedSignals(log, store, engines, around.clock, refresh, with_log=LOG in sources)
