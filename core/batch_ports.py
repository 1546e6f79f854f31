"""The batch lane's effects by name: the calls collected for a batch, the provider's batches, and their money."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.batch_facts import (
    Batch,
    BatchCounts,
    CallMoney,
    Ended,
    Item,
    NewItem,
    ProviderBatch,
    Result,
    Settled,
)
from core.domain.batches import Sized, Waiting
from core.domain.labels import Lane

__all__ = [
    "Batch",
    "BatchApi",
    "BatchCounts",
    "BatchItems",
    "BatchMoney",
    "BatchStore",
    "CallMoney",
    "Ended",
    "Item",
    "NewItem",
    "ProviderBatch",
    "Result",
    "Settled",
]


class BatchItems(Protocol):
    """The calls, as the asking side sees them."""

    async def ask(self, new: NewItem, now: datetime, deadline_at: datetime) -> Item:
        """The current call of `new.key`; `new` itself, collected, where there is none. While it waits, `new.tasks` wait
        with it and come back together; past its deadline it is `live` from now on. An answer that other tasks asked
        for and have had is none for these."""
        ...

    async def go_live(self, call_id: UUID, why: str, now: datetime) -> None:
        """The next time, this call is asked the usual way."""
        ...

    async def unusable(self, call_id: UUID, kind: str, error: str) -> None:
        """The call's record says what its asker found wrong with the answer."""
        ...


class BatchStore(Protocol):
    """Batches and their calls, as the ordering side sees them. Every method is one transaction, safe to repeat; all
    but the first of two that make the same step find it done and return false or nothing."""

    async def waiting(self) -> list[Waiting]:
        """Collected calls by lane and model."""
        ...

    async def queued_tokens(self, model: str) -> int:
        """Input tokens of batches of a model that have not ended."""
        ...

    async def queue_was_full(self, model: str, since: datetime) -> bool:
        """Whether the provider's queue for a model was full after `since`."""
        ...

    async def sizes(self, lane: Lane, model: str, limit: int) -> list[Sized]:
        """Collected calls, the longest waiting first."""
        ...

    async def open_batch(
        self, batch_id: UUID, calls: Sequence[UUID], asked_at: datetime, now: datetime
    ) -> list[CallMoney]:
        """Make a batch `preparing` of those of the calls that are still collected; returns them. None, no batch."""
        ...

    async def reserved(self, batch_id: UUID, granted: Sequence[UUID]) -> int:
        """Money is reserved for these calls; the others are collected again. Returns how many are in the batch; with
        none it is removed."""
        ...

    async def undo(self, batch_id: UUID) -> None:
        """Before anything was ordered: its calls are collected again, the batch is removed."""
        ...

    async def open_batches(self) -> list[Batch]:
        """All that have not ended, oldest first."""
        ...

    async def call_ids(self, batch_id: UUID) -> list[UUID]:
        """The calls of a batch."""
        ...

    def lines(self, batch_id: UUID) -> AsyncIterator[tuple[UUID, str]]:
        """The calls of a batch that are still to be ordered, with their bodies, a few at a time."""
        ...

    async def uploaded(self, batch_id: UUID, file_id: str) -> bool:
        """The file is there."""
        ...

    async def trying(self, batch: Batch, now: datetime) -> bool:
        """About to create the batch at the provider; false when another was here first."""
        ...

    async def ordered(self, batch_id: UUID, provider_id: str, now: datetime, next_look_at: datetime) -> bool:
        """The provider has it."""
        ...

    async def looked(self, batch_id: UUID, seen: ProviderBatch | None, next_look_at: datetime) -> None:
        """It was looked at; `seen` None: the provider did not answer. Bodies go when it was accepted."""
        ...

    async def keep(self, batch_id: UUID, results: Sequence[Result], now: datetime) -> int:
        """Results of calls of this batch that have none yet; returns how many were new."""
        ...

    async def unanswered(self, batch_id: UUID, why: str, *, free: bool, now: datetime) -> int:
        """Calls of this batch without a result go live; returns how many."""
        ...

    async def collect_again(self, batch_id: UUID, error: str, now: datetime) -> None:
        """The provider took nothing of it: calls are collected again, the batch has ended."""
        ...

    async def unsettled(self, batch_id: UUID, limit: int) -> list[Ended]:
        """Calls of this batch that have ended and are not settled."""
        ...

    async def settled(self, costs: Sequence[Settled]) -> None:
        """Their money is settled."""
        ...

    async def ended(self, batch_id: UUID, error: str, now: datetime) -> None:
        """Every call of it has ended and is settled: add up, and let it go."""
        ...

    async def ask_cancel(self, batch_ids: Sequence[UUID], now: datetime) -> int:
        """Those of the batches are to be cancelled that have not ended; returns how many."""
        ...

    async def cancel_sent(self, batch_id: UUID, now: datetime) -> None:
        """The provider was told."""
        ...

    async def overdue(self, now: datetime) -> int:
        """Calls past their deadline go live, and their batches are to be cancelled; returns how many calls."""
        ...

    async def lanes_live(self, lanes: Sequence[Lane], now: datetime) -> int:
        """Collected calls of other lanes than these go live, their open batches are to be cancelled; how many."""
        ...

    async def these_live(self, call_ids: Sequence[UUID], why: str, now: datetime) -> None:
        """These collected calls go live."""
        ...

    async def wake(self, now: datetime, limit: int) -> int:
        """Tasks of up to `limit` calls that ended come back now; returns how many tasks."""
        ...

    async def forget(self, now: datetime, limit: int, keep_batches_days: int) -> int:
        """Calls that nobody will ask for again, and old batches; returns how many."""
        ...

    async def counts(self, now: datetime) -> BatchCounts:
        """How the lane stands."""
        ...


class BatchApi(Protocol):
    """The provider's files and batches. Errors are `core.errors.LlmError`."""

    async def upload(self, name: str, lines: AsyncIterator[tuple[UUID, str]]) -> str | None:
        """A file of one line a call; returns the provider's name for it, None where there was no line."""
        ...

    async def find(self, batch_id: UUID, file_id: str, since: datetime) -> ProviderBatch | None:
        """The batch that was created for `batch_id` after `since`, if any was."""
        ...

    async def create(self, batch_id: UUID, file_id: str) -> ProviderBatch:
        """Order the file's calls within 24 hours, under our own id."""
        ...

    async def retrieve(self, provider_id: str) -> ProviderBatch | None:
        """How it stands; None where the provider does not know it."""
        ...

    async def cancel(self, provider_id: str) -> None:
        """End it early; what is answered by then is still delivered and billed."""
        ...

    def results(self, file_id: str) -> AsyncIterator[list[Result]]:
        """Lines of an output or error file, some at a time; lines that are none of ours are left out."""
        ...

    async def delete(self, file_ids: Sequence[str]) -> None:
        """Remove files; those that are gone are no error."""
        ...


class BatchMoney(Protocol):
    """The ledger, at batch prices."""

    async def reserve(self, calls: Sequence[CallMoney], at: datetime) -> set[UUID]:
        """Those whose worst case fits into the day's and the lane's caps; `at` is business time."""
        ...

    async def release(self, call_ids: Sequence[UUID]) -> None:
        """Never sent: they leave no trace. Unknown ones are no error."""
        ...

    async def settle(self, ended: Sequence[Ended]) -> list[Settled]:
        """End calls with what they took; known ends are no error."""
        ...
