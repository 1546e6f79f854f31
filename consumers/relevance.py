"""The process `relevance`: leased pairs in, labels out; anchors too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from core.ports import Clock, Task, TaskInbox
from core.runtime.work import WorkPlan, WorkProcess
from core.settings import Settings


def build(
    settings: Settings, inbox: TaskInbox, judge: Callable[[Sequence[Task]], Awaitable[None]], wall: Clock, soon_s: float
) -> WorkProcess:
    """pairs of one query -> guideline -> products (and pictures) -> LLM -> labels, events, end of tasks in one."""
    plan = WorkPlan(
        name="relevance",
        kinds=("relevance", "anchor"),
        handle=judge,
        groups=settings.llm_max_in_flight,
        per_group=settings.judge_products_per_call,
        lease_s=settings.task_lease_s,
        soon_s=soon_s,
    )
    return WorkProcess(plan, inbox, wall)
