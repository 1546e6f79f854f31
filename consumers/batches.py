"""The process `batches`: calls that can wait are ordered from the provider's batch API, and their answers fetched."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from core.batch_ports import BatchApi, BatchMoney, BatchStore
from core.errors import RetryLater
from core.ports import Clock, Leadership
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.stages.order_batches import BatchLook, BatchRules
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 15.0
"""Half a minute more or less is nothing to a batch of hours; twenty looks' time is longer than the longest file takes
(core/adapters/llm_batch_api.py), so that a look at it does not count as hanging."""

QUIET_LOOK_S = 0.5
"""The same with `--until-idle`, where everything waits for it."""

QUIET_WAIT_S = 1.0
"""How long a call waits for others there: nothing more may come."""

GAUGES_EVERY_S = 15.0
"""Every replica says how the lane stands, so that the figures do not stop with the one that leads."""

CANCEL_S = 10.0
"""SIGTERM: the provider is told to cancel within this, where that is set; the rest is asked for by the next start."""


def build(
    settings: Settings,
    store: BatchStore,
    api: BatchApi,
    money: BatchMoney,
    leadership: Leadership,
    clock: Clock,
    wall: Clock,
    metrics: Metrics,
    *,
    until_idle: bool,
) -> BatchProcess:
    """collected calls -> money reserved -> file -> batch -> looks -> results, money settled -> tasks woken."""
    look = BatchLook(store, api, money, rules_of(settings, until_idle=until_idle), clock, wall, metrics)
    interval_s = QUIET_LOOK_S if until_idle else LOOK_EVERY_S
    return BatchProcess(look, leadership, interval_s, cancel_on_stop=settings.llm_batch_cancel_on_stop)


def rules_of(settings: Settings, *, until_idle: bool) -> BatchRules:
    """The settings as the stage takes them."""
    wait_s = min(settings.llm_batch_wait_s, QUIET_WAIT_S) if until_idle else settings.llm_batch_wait_s
    return BatchRules(
        lanes=frozenset(settings.llm_batch_lanes),
        enough=settings.llm_batch_enough,
        wait=timedelta(seconds=wait_s),
        requests=settings.llm_batch_max_requests,
        size=settings.llm_batch_max_bytes,
        queued_tokens=settings.llm_batch_queued_tokens,
        longest_look_s=QUIET_LOOK_S if until_idle else settings.llm_batch_look_s,
        keep_days=settings.retention_llm_call_days,
    )


class BatchProcess(PeriodicProcess):
    """Looks as any periodic process does, with `--until-idle` too, which waits for what is ordered. A batch goes on at
    the provider when this ends, unless `cancel_on_stop`."""

    def __init__(self, look: BatchLook, leadership: Leadership, interval_s: float, *, cancel_on_stop: bool) -> None:
        super().__init__("batches", look.take, leadership, interval_s, is_idle=self._nothing_pending)
        self._batches = look
        self._cancel_on_stop = cancel_on_stop

    async def run(self) -> None:
        """Until stopped."""
        saying = asyncio.create_task(self._say())
        try:
            await super().run()
        finally:
            saying.cancel()
        if self._cancel_on_stop:
            await self._cancel()

    async def _cancel(self) -> None:
        try:
            async with asyncio.timeout(CANCEL_S):
                log.info("batches.cancelled", count=await self._batches.cancel_all())
        except (TimeoutError, RetryLater) as error:
            log.warning("batches.not_all_cancelled", error=str(error) or "not in time")

    async def _nothing_pending(self) -> bool:
        counts = await self._batches.store.counts(self._batches.wall.now())
        return not (counts.collected or counts.open or counts.to_wake)

    async def _say(self) -> None:
        """The gauges, until cancelled; a database that is away is what `/readyz` says, not this."""
        metrics, store, wall = self._batches.metrics, self._batches.store, self._batches.wall
        while True:
            with suppress(RetryLater):
                counts = await store.counts(wall.now())
                metrics.set("assay_batch_calls", counts.collected, state="collected")
                metrics.set("assay_batch_calls", counts.ordered, state="ordered")
                metrics.set("assay_batches_open", counts.open)
                metrics.set("assay_batches_late", counts.late)
            await asyncio.sleep(GAUGES_EVERY_S)
