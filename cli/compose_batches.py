"""The process `batches`, put together (a part of cli/compose.py)."""

from __future__ import annotations

from contextlib import AsyncExitStack

from consumers import batches
from core.adapters.leadership import PostgresLeadership
from core.adapters.llm_batch_open import open_batches
from core.adapters.llm_endpoint import Surroundings
from core.runtime.process import Process
from core.settings import Settings


async def batch_process(settings: Settings, around: Surroundings, stack: AsyncExitStack, *, quiet: bool) -> Process:
    """The ordering side of the batch lane; what it holds open is closed with `stack`."""
    store, api, money = await stack.enter_async_context(open_batches(settings, around))
    leadership = PostgresLeadership(around.pool)
    times = (around.clock, around.wall, around.metrics)
    return batches.build(settings, store, api, money, leadership, *times, until_idle=quiet)
