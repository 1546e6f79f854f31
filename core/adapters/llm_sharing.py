"""Keeps this process's lease on its share of the limits while it has calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

from core.adapters.llm_pacer import Pacer
from core.adapters.llm_shares import EXPIRED_MARGIN_SECONDS, LEASE_SECONDS, RENEW_SECONDS, ShareBook
from core.domain.pacing import Limits
from core.domain.shares import Demand
from core.errors import RetryLater
from core.ports import Clock
from core.telemetry import Metrics

IDLE_LOOKS: Final = 15
"""A replica without work for so many renewals, a quarter of a minute, gives its share back; its next call asks for one
in a few milliseconds."""

STARVED_SECONDS: Final = 0.2
"""Between renewals of a replica that has no share yet: it starts as soon as another has let go of some."""


class Sharing:
    """`demand` tells what the process could use of the limits until the next renewal; `renewed` is called after each;
    `name` is the endpoint's in metrics. One statement to the book at a time: two would be answered in any order."""

    def __init__(
        self,
        book: ShareBook,
        pacer: Pacer,
        demand: Callable[[], Demand],
        renewed: Callable[[], None],
        wall: Clock,
        metrics: Metrics,
        name: str,
    ) -> None:
        self._book = book
        self._pacer = pacer
        self._demand = demand
        self._renewed = renewed
        self._wall = wall
        self._metrics = metrics
        self._name = name
        self._one = asyncio.Lock()
        self._replica = uuid4()
        self._renewal: asyncio.Task[None] | None = None

    async def held(self) -> None:
        """Returns once there is a share; RetryLater where none can be asked for; what a renewal has met by defect."""
        if self._pacer.share_is_over():
            await self._renew(self._demand())
        if self._renewal is None or self._renewal.done():
            ended, self._renewal = self._renewal, asyncio.create_task(self._keep(), name="llm share")
            if ended is not None:
                await ended

    async def close(self) -> None:
        """Give it back."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})
            if not self._pacer.share_is_over():
                await self._let_go()

    async def _keep(self) -> None:
        """A renewal that fails is tried again; the share ends by itself."""
        idle = 0
        while idle < IDLE_LOOKS:
            await self._wall.sleep(STARVED_SECONDS if self._pacer.starves() else RENEW_SECONDS)
            demand = self._demand()
            idle = 0 if any(demand.lanes.values()) or self._pacer.under_way else idle + 1
            try:
                await self._renew(demand)
            except RetryLater:
                self._metrics.count("assay_llm_share_not_renewed_total", endpoint=self._name)
        await self._let_go()

    async def _renew(self, demand: Demand) -> None:
        try:
            async with self._one, asyncio.timeout(LEASE_SECONDS):
                asked_at = self._pacer.now()
                share = await self._book.renew(self._replica, demand, self._pacer.under_way)
                self._pacer.use(share, asked_at + LEASE_SECONDS - EXPIRED_MARGIN_SECONDS)
        except TimeoutError:
            raise RetryLater("PostgreSQL takes longer to renew a share of the limits than one lasts") from None
        self._pacer.show(self._metrics, self._name)
        self._renewed()

    async def _let_go(self) -> None:
        try:
            async with self._one, asyncio.timeout(LEASE_SECONDS):
                self._pacer.let_go()
                await self._book.leave(self._replica)
        except (RetryLater, TimeoutError):  # it ends by itself
            self._metrics.count("assay_llm_share_not_renewed_total", endpoint=self._name)


def part_of(limits: Limits, waiting: Sequence[int], went: int) -> float:
    """Calls that wait, by their tokens, and as many as went since the last renewal, as a part of what the limits allow
    between two renewals."""
    calls = len(waiting) + went
    tokens = sum(waiting) * calls / len(waiting) if waiting else 0.0
    minutes = max(calls / limits.requests_per_minute, tokens / limits.tokens_per_minute)
    return minutes * 60.0 / RENEW_SECONDS
