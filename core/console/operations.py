"""Pages about the service itself: how it stands, what it could not read."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.console import params
from core.console.queries import signal_charts, volume_chart
from core.console.site import SITE, page
from core.read_ports import Overview
from core.status_models import TaskCount


async def overview(request: web.Request) -> web.Response:
    """How the service stands and what came of the work."""
    found = await request.app[SITE].reads.overview()
    charts = []
    if found.window is not None:
        charts = [*signal_charts(found.days, found.window, None), ("Searches", volume_chart(found.days, found.window))]
    return page(request, "overview.html", found=found, charts=charts, work=_work(found))


async def dead_letters(request: web.Request) -> web.Response:
    """What could not be read, and why."""
    reason, topic = params.text(request, "reason"), params.text(request, "topic")
    reads = request.app[SITE].reads
    counts = await reads.dead_letter_counts()
    letters = await reads.dead_letters(reason, topic)
    return page(request, "dead_letters.html", counts=counts, letters=letters, reason=reason, topic=topic)


def _work(found: Overview) -> dict[str, int]:
    """Tasks by state."""
    return {state: _count(found.status.tasks, state) for state in ("waiting", "running", "done", "failed")}


def _count(tasks: Sequence[TaskCount], state: str) -> int:
    return sum(task.count for task in tasks if task.state == state)
