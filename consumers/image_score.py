"""The process `image-score`: pictures nobody has looked at in, scores out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from core.ports import Clock, Task, TaskInbox
from core.runtime.work import WorkPlan, WorkProcess
from core.settings import Settings
from core.telemetry import Metrics

PICTURES_A_GROUP = 8
"""Pictures of one listing leased together: sellers show three to ten."""


def build(
    settings: Settings,
    inbox: TaskInbox,
    score: Callable[[Sequence[Task]], Awaitable[None]],
    wall: Clock,
    soon_s: float,
    metrics: Metrics | None = None,
) -> WorkProcess:
    """pictures of one listing -> fetched -> measured -> LLM -> scores, events, end of tasks in one transaction."""
    plan = WorkPlan(
        name="image-score",
        kinds=("image", "shadow_image"),
        handle=score,
        groups=settings.image_in_flight,
        per_group=PICTURES_A_GROUP,
        lease_s=settings.task_lease_s,
        guaranteed=settings.llm_lane_shares,
        soon_s=soon_s,
    )
    return WorkProcess(plan, inbox, wall, metrics)
