"""What came of a batch: results stored, its calls' money settled, what is unanswered sent live. Safe to repeat from any
point: a result is stored once, a call is settled once, and the batch ends when nothing of it is left to settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core.batch_ports import Batch, BatchApi, BatchMoney, BatchStore, ProviderBatch, Settled
from core.domain.money import usd
from core.errors import LlmError
from core.ports import Clock
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

SETTLED_AT_ONCE = 200
"""Calls settled in one go, the ledger's own measure."""


@dataclass(frozen=True, slots=True)
class BatchSettling:
    """The stage's end over its ports; `wall` is real time."""

    store: BatchStore
    api: BatchApi
    money: BatchMoney
    wall: Clock
    metrics: Metrics

    async def read(self, batch: Batch, seen: ProviderBatch) -> int:
        """Store the results of a batch that is over, in whatever order they come, then close it. Returns how many."""
        kept = 0
        for file_id in (seen.output_file, seen.error_file):
            if file_id is not None:
                async for results in self.api.results(file_id):
                    kept += await self.store.keep(batch.batch_id, results, self.wall.now())
        await self.store.looked(batch.batch_id, seen, self.wall.now())
        why = f"the batch was {seen.status}" + (f": {seen.error}" if seen.error else "")
        # Of a completed batch every line should be there: what one that is missing cost is not known.
        await self.close(batch, why, free=seen.status != "completed", error=seen.error)
        self.metrics.count("assay_batches_total", outcome=seen.status)
        files = (batch.input_file, seen.output_file, seen.error_file)
        await self.delete([file_id for file_id in files if file_id is not None])
        return kept + 1

    async def close(self, batch: Batch, why: str, *, free: bool, error: str | None = None) -> int:
        """What has no result goes live, everything is settled, the batch has ended. Returns how many went live."""
        left = await self.store.unanswered(batch.batch_id, why, free=free, now=self.wall.now())
        while ended := await self.store.unsettled(batch.batch_id, SETTLED_AT_ONCE):
            costs = await self.money.settle(ended)
            await self.store.settled(costs)
            self._count(costs)
        await self.store.ended(batch.batch_id, why if error is None else error, self.wall.now())
        log.info("batch.ended", batch=str(batch.batch_id), why=why, live=left)
        return left

    async def delete(self, file_ids: Sequence[str]) -> None:
        """The provider's copies. One that stays is no harm but its room, so this is tried once."""
        try:
            await self.api.delete(file_ids)
        except LlmError as error:
            log.info("batch.file_left", files=list(file_ids), error=str(error))

    def _count(self, costs: Sequence[Settled]) -> None:
        for each in costs:
            metrics, lane = self.metrics, each.lane
            metrics.count("assay_llm_calls_total", lane=lane, model=each.model, status=each.status)
            metrics.count("assay_llm_tokens_total", each.input_tokens, lane=lane, kind="input")
            metrics.count("assay_llm_tokens_total", each.cached_tokens, lane=lane, kind="cached")
            metrics.count("assay_llm_tokens_total", each.output_tokens, lane=lane, kind="output")
            metrics.count("assay_llm_cost_usd_total", usd(each.cost), lane=lane)
