"""What a call is told that does not get its turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from core.domain.budget import Over
from core.errors import LlmImpossible, LlmOverBudget, LlmSlowDown, RetryLater

UNPAID_PAUSE: Final = timedelta(seconds=60.0)
"""A call whose money is tied up comes back after this: most calls under way have ended by then and given some back."""

STARVED_PAUSE_SECONDS: Final = 5.0
"""A call that this replica has no place for comes back after this, by another replica if that is free."""


def over(verdict: Over) -> LlmOverBudget:
    """The day's money, or the lane's, has no room."""
    lane = verdict.reason == "lane_budget"
    which = "the lane's part of it (ASSAY_LLM_LANE_BUDGET_USD_PER_DAY)" if lane else "(ASSAY_LLM_BUDGET_USD_PER_DAY)"
    until = verdict.until or datetime.max.replace(tzinfo=UTC)
    text = f"the day's budget {which} has no room for this call"
    return LlmOverBudget(text, until, "lane_budget" if lane else "over_budget")


def unpaid(now: datetime) -> LlmOverBudget:
    """What calls under way may cost at most has taken all the room; `now` is the business's time."""
    text = "what the calls under way, batches among them, may cost at most leaves no room in the day's budget"
    return LlmOverBudget(text, now + UNPAID_PAUSE)


def held(seconds: float) -> LlmSlowDown:
    """The provider wants no call for so long."""
    return LlmSlowDown(f"the provider asked to wait; no call for another {seconds:.0f} s", seconds)


def starved() -> LlmSlowDown:
    """Other replicas hold all places."""
    text = "other replicas have all the calls at once that ASSAY_LLM_MAX_IN_FLIGHT allows: raise it, or run fewer"
    return LlmSlowDown(text, STARVED_PAUSE_SECONDS)


def too_large(tokens: int) -> LlmImpossible:
    """No minute holds it."""
    return LlmImpossible(f"the call may take {tokens} tokens, more than ASSAY_LLM_TOKENS_PER_MINUTE allows in a minute")


def closing() -> RetryLater:
    """The process stops."""
    return RetryLater("the process stops and sends no more calls")
