"""Batches made, ordered, followed and read (docs/batch-lane.md). One leader at a time; a step that a crash left half
done is found by the batch's state and gone on with, so that nothing is ordered twice and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from core.batch_ports import Batch, BatchApi, BatchMoney, BatchStore, ProviderBatch
from core.domain.batches import OVER, Room, Waiting, fitting, is_ripe, look_pause, oversized
from core.domain.labels import Lane
from core.errors import LlmError, LlmImpossible, LlmRefused, LlmSlowDown
from core.ports import Clock
from core.stages.settle_batches import BatchSettling
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LEFT_AFTER = timedelta(minutes=2)
"""A batch that is still being prepared after this was left by a process that died: reserving takes seconds."""

TRY_AGAIN_AFTER = timedelta(minutes=2)
"""After an order whose outcome is not known the provider is asked for it, and only then is it tried again: twice the
limit of one request, so that none is still on its way."""

PUT_OFF_S = 30.0
"""Pause after the provider could not be reached, doubled by `looks` up to the longest pause between two looks."""

QUEUE_FULL_PAUSE = timedelta(minutes=15)
"""After the provider's queue for a model was full: it empties by batches of hours, so this is soon enough."""

GONE_AFTER = timedelta(hours=48)
"""A batch that is not over by then will not be: providers give up after a day."""

CALLS_WOKEN = 500
"""Calls whose tasks are woken in one statement: at 20 each 10,000 tasks, half a second."""

WAKES_A_LOOK = 40
"""Such statements in one look: 20,000 calls, so that a stop is heeded; the next look goes on."""

FORGET_EVERY = timedelta(minutes=5)
"""Spent calls are looked for this often: they take room and nothing else."""

FORGOTTEN_AT_ONCE = 5_000
"""Calls removed in one statement, as elsewhere."""


@dataclass(frozen=True, slots=True)
class BatchRules:
    """`lanes` that go into batches. A batch is ordered at `enough` calls, or `wait` after its first; it holds at most
    `requests` calls and `size` bytes, and a model's open batches `queued_tokens` input tokens. `longest_look_s`: most
    seconds between two looks at a batch. `keep_days`: how long a batch that has ended is shown."""

    lanes: frozenset[Lane]
    enough: int
    wait: timedelta
    requests: int
    size: int
    queued_tokens: int
    longest_look_s: float
    keep_days: int


@dataclass(slots=True)
class BatchLook:
    """The stage over its ports. `clock` is the business's (money), `wall` real time; `new_id` names a batch."""

    store: BatchStore
    api: BatchApi
    money: BatchMoney
    rules: BatchRules
    clock: Clock
    wall: Clock
    metrics: Metrics
    new_id: Callable[[], UUID] = uuid4
    _forgot_at: datetime | None = None

    async def take(self) -> int:
        """What is late or unwanted goes live -> new batches -> each open one a step on -> tasks woken -> tidied up."""
        now = self.wall.now()
        done = await self.store.lanes_live(sorted(self.rules.lanes), now) + await self.store.overdue(now)
        for waiting in await self.store.waiting():
            done += await self._prepare(waiting)
        for batch in await self.store.open_batches():
            done += await self._advance(batch)
        return done + await self._wake() + await self._forget()

    async def cancel_all(self) -> int:
        """Every batch that has not ended is to be cancelled, and the provider told; returns how many."""
        batches = await self.store.open_batches()
        asked = await self.store.ask_cancel([batch.batch_id for batch in batches], self.wall.now())
        for batch in await self.store.open_batches():
            try:
                await self._cancel(batch)
            except LlmError as error:
                log.warning("batch.not_cancelled", batch=str(batch.batch_id), error=str(error))
        return asked

    # --- A new batch ---------------------------------------------------------------------------------------

    async def _prepare(self, waiting: Waiting) -> int:
        """Choose calls and reserve their money: nothing is sent yet. At most one batch a look, lane and model."""
        rules, now = self.rules, self.wall.now()
        if not is_ripe(waiting, now, rules.enough, rules.wait):
            return 0
        if await self.store.queue_was_full(waiting.model, now - QUEUE_FULL_PAUSE):
            return 0
        sizes = await self.store.sizes(waiting.lane, waiting.model, rules.requests)
        large = oversized(sizes, rules.size)
        if large:
            await self.store.these_live(large, "larger than a batch's file may be", now)
        queued = await self.store.queued_tokens(waiting.model)
        if queued >= rules.queued_tokens:
            return len(large)
        chosen = fitting(sizes, Room(rules.requests, rules.size, rules.queued_tokens - queued))
        return len(large) + await self._open(chosen)

    async def _open(self, chosen: list[UUID]) -> int:
        batch_id = self.new_id()
        at = self.clock.now()
        calls = await self.store.open_batch(batch_id, chosen, at, self.wall.now())
        if not calls:
            return 0
        granted = await self.money.reserve(calls, at)
        if len(granted) < len(calls):
            log.info("batch.over_budget", batch=str(batch_id), calls=len(calls), granted=len(granted))
        return await self.store.reserved(batch_id, sorted(granted))

    # --- A step on -----------------------------------------------------------------------------------------

    async def _advance(self, batch: Batch) -> int:
        now = self.wall.now()
        if batch.state == "preparing":
            return await self._undo(batch) if now - batch.created_at >= LEFT_AFTER else 0
        if now < batch.next_look_at:
            return 0
        try:
            return await self._step(batch)
        except (LlmImpossible, LlmRefused) as error:
            log.warning("batch.refused", batch=str(batch.batch_id), error=str(error))
            return await self._give_up(batch, str(error))
        except LlmError as error:
            log.warning("batch.put_off", batch=str(batch.batch_id), kind=error.kind, error=str(error))
            await self._put_off(batch, error)
            return 0

    async def _step(self, batch: Batch) -> int:
        if batch.state == "ordered":
            return await self._follow(batch)
        uploaded = batch if batch.state == "uploaded" else await self._upload(batch)
        return await self._order(uploaded) if uploaded else 1

    async def _upload(self, batch: Batch) -> Batch | None:
        """The file, with what has not gone live since; None where nothing is left, or another was faster."""
        if batch.cancel_asked_at is not None:
            await self._give_up(batch, "cancelled before it was ordered")
            return None
        file_id = await self.api.upload(f"assay-{batch.batch_id}.jsonl", self.store.lines(batch.batch_id))
        if file_id is None:
            await self._undo(batch)
            return None
        if not await self.store.uploaded(batch.batch_id, file_id):
            await self._delete([file_id])
            return None
        return replace(batch, state="uploaded", input_file=file_id)

    async def _order(self, batch: Batch) -> int:
        """Create it, once: where it may have been created already, the provider is asked first."""
        now, file_id = self.wall.now(), batch.input_file or ""
        if batch.tried_at is not None:
            if now - batch.tried_at < TRY_AGAIN_AFTER:
                return 0
            found = await self.api.find(batch.batch_id, file_id, batch.created_at)
            if found is not None:
                return int(await self._has(batch, found))
        if batch.cancel_asked_at is not None:
            return await self._give_up(batch, "cancelled before it was ordered")
        if not await self.store.trying(batch, now):
            return 0
        made = await self.api.create(batch.batch_id, file_id)
        await self._has(batch, made)
        self.metrics.count("assay_batches_total", outcome="ordered")
        log.info("batch.ordered", batch=str(batch.batch_id), provider_id=made.provider_id, calls=batch.requests)
        return batch.requests

    async def _has(self, batch: Batch, made: ProviderBatch) -> bool:
        now = self.wall.now()
        first_look = now + timedelta(seconds=look_pause(0, self.rules.longest_look_s))
        return await self.store.ordered(batch.batch_id, made.provider_id, now, first_look)

    async def _follow(self, batch: Batch) -> int:
        await self._cancel(batch)
        seen = await self.api.retrieve(batch.provider_id or "")
        if seen is None:
            return await self._give_up(batch, "the provider does not know the batch")
        if seen.status not in OVER:
            return await self._wait(batch, seen)
        if seen.queue_full:
            return await self._again(batch, seen)
        return await self._settling().read(batch, seen)

    async def _wait(self, batch: Batch, seen: ProviderBatch) -> int:
        now = self.wall.now()
        if now - (batch.ordered_at or now) >= GONE_AFTER:
            return await self._give_up(batch, "the provider did not end it")
        pause = look_pause(batch.looks, self.rules.longest_look_s)
        await self.store.looked(batch.batch_id, seen, now + timedelta(seconds=pause))
        return 0

    async def _again(self, batch: Batch, seen: ProviderBatch) -> int:
        """The provider took none of it, for want of room: its calls wait for another batch."""
        log.warning("batch.queue_full", batch=str(batch.batch_id), error=seen.error)
        await self.money.release(await self.store.call_ids(batch.batch_id))
        await self.store.collect_again(batch.batch_id, seen.error, self.wall.now())
        self.metrics.count("assay_batches_total", outcome="queue_full")
        await self._delete([batch.input_file] if batch.input_file else [])
        return batch.requests

    # --- What does not go well -----------------------------------------------------------------------------

    async def _undo(self, batch: Batch) -> int:
        """Nothing was sent: money back, calls collected again."""
        await self.money.release(await self.store.call_ids(batch.batch_id))
        await self.store.undo(batch.batch_id)
        return 1

    async def _give_up(self, batch: Batch, why: str) -> int:
        """The provider will not answer it: its calls go live."""
        self.metrics.count("assay_batches_total", outcome="given_up")
        if batch.state == "ordered":
            return await self._settling().close(batch, why, free=False)
        calls = await self.store.call_ids(batch.batch_id)
        await self._undo(batch)
        await self.store.these_live(calls, why, self.wall.now())
        return len(calls)

    async def _put_off(self, batch: Batch, error: LlmError) -> None:
        pause = min(self.rules.longest_look_s, PUT_OFF_S * 2.0 ** min(batch.looks, 10))
        pause = max(pause, error.retry_after) if isinstance(error, LlmSlowDown) else pause
        await self.store.looked(batch.batch_id, None, self.wall.now() + timedelta(seconds=pause))

    async def _cancel(self, batch: Batch) -> None:
        if batch.cancel_asked_at is None or batch.cancel_sent_at is not None or batch.provider_id is None:
            return
        await self.api.cancel(batch.provider_id)
        await self.store.cancel_sent(batch.batch_id, self.wall.now())
        self.metrics.count("assay_batches_total", outcome="cancel_sent")

    async def _delete(self, file_ids: list[str]) -> None:
        await self._settling().delete(file_ids)

    def _settling(self) -> BatchSettling:
        return BatchSettling(self.store, self.api, self.money, self.wall, self.metrics)

    # --- Tasks and room ------------------------------------------------------------------------------------

    async def _wake(self) -> int:
        woken = 0
        for _ in range(WAKES_A_LOOK):
            now = self.wall.now()
            woken += await self.store.wake(now, CALLS_WOKEN)
            if not (await self.store.counts(now)).to_wake:
                break
        return woken

    async def _forget(self) -> int:
        now = self.wall.now()
        if self._forgot_at is not None and now - self._forgot_at < FORGET_EVERY:
            return 0
        self._forgot_at = now
        return await self.store.forget(now, FORGOTTEN_AT_ONCE, self.rules.keep_days)
