"""The process `relevance`: leased pairs in, labels out; anchors too."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from core.ports import Clock, Task, TaskInbox
from core.runtime.work import WorkPlan, WorkProcess
from core.settings import Settings
from core.telemetry import Metrics

AHEAD = 0.5
"""Groups under way beyond the calls in flight, as a share of them: while these wait for the LLM, those read listings or
write labels, and the LLM always has the next ones to choose from."""

CALLS_A_GROUP = 5
"""Calls that one query's results fill at most, leased together: its guideline is read once, and all but the first call
find rules and guideline in the provider's cache."""


def build(
    settings: Settings,
    inbox: TaskInbox,
    judge: Callable[[Sequence[Task]], Awaitable[None]],
    wall: Clock,
    soon_s: float,
    metrics: Metrics | None = None,
) -> WorkProcess:
    """pairs of one query -> guideline -> products (and pictures) -> LLM -> labels, events, end of tasks in one."""
    plan = WorkPlan(
        name="relevance",
        kinds=("relevance", "anchor", "shadow"),
        handle=judge,
        groups=settings.llm_max_in_flight + math.ceil(settings.llm_max_in_flight * AHEAD),
        per_group=CALLS_A_GROUP * settings.judge_products_per_call,
        lease_s=settings.task_lease_s,
        guaranteed=settings.llm_lane_shares,
        soon_s=soon_s,
    )
    return WorkProcess(plan, inbox, wall, metrics)
