"""The process `image-score`: pictures nobody has looked at in, scores out.

Two loops over the inbox, so that what waits for the LLM never stands before a new picture: with a student live, the
first one needs no LLM at all, whatever its budget, limits and breaker say.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

from core.ports import Clock, Task, TaskInbox, TaskKind
from core.runtime.work import POLL_S, WorkPlan, WorkProcess
from core.settings import Settings
from core.stages.picture_calls import PICTURES_A_CALL
from core.telemetry import Metrics

NEW_POLL_S = 0.1
"""Between two looks for new pictures while there are none: a listing is to have its student's score within 2 s, and a
look at an empty inbox costs under a millisecond."""

AHEAD = 1.0
"""Groups under way beyond the pictures fetched, as a share of them: while these wait for their host, those are decoded
and read and write in PostgreSQL."""

LEASED_SHARE = 8
"""One in so many groups is leased at once while all are busy: at 50 pictures a second every 80 ms, which a new listing
does not feel, and a lease that looks through a backlog of a million costs 5 ms of PostgreSQL."""


def build(
    settings: Settings,
    inbox: TaskInbox,
    score: Callable[[Sequence[Task]], Awaitable[None]],
    wall: Clock,
    soon_s: float,
    metrics: Metrics | None = None,
) -> list[WorkProcess]:
    """pictures of one listing -> fetched -> measured -> student at once, else LLM -> scores, events, end of tasks in
    one transaction; beside it: pictures that the judge is to look at too -> LLM -> scores in place of the student's."""

    groups = settings.image_in_flight + math.ceil(settings.image_in_flight * AHEAD)

    def process(name: str, kinds: tuple[TaskKind, ...], poll_s: float, leased: int = 1) -> WorkProcess:
        plan = WorkPlan(
            name=name,
            kinds=kinds,
            handle=score,
            groups=groups,
            leased=leased,
            per_group=PICTURES_A_CALL,
            lease_s=settings.task_lease_s,
            guaranteed=settings.llm_lane_shares,
            soon_s=soon_s,
            poll_s=poll_s,
        )
        return WorkProcess(plan, inbox, wall, metrics)

    return [
        process("image-score", ("image",), NEW_POLL_S, max(1, groups // LEASED_SHARE)),
        process("image-label", ("image_label", "shadow_image"), POLL_S),
    ]
