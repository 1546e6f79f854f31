"""A call that waits at the gate, and how it is told that it need not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.adapters.llm_ledger import CallAsk
from core.errors import LlmError

Still = Callable[[], None]
"""Raises an LlmError once a call that waits is not to be sent any more."""


@dataclass(slots=True, eq=False)
class Waiter:
    """`unpaid_since`: when it was first told that its money is tied up, if it was."""

    ask: CallAsk
    prefix: str
    still: Still | None
    turn: asyncio.Future[None]
    unpaid_since: float | None = None


def has_gone(waiter: Waiter) -> bool:
    """Whether it is not to be sent any more: it was cancelled, or is told now what came in between."""
    if waiter.still is not None and not waiter.turn.done():
        try:
            waiter.still()
        except LlmError as error:
            refuse(waiter, error)
    return waiter.turn.done()


def refuse(waiter: Waiter, error: Exception) -> None:
    if not waiter.turn.done():
        waiter.turn.set_exception(error)
