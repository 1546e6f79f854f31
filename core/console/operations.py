"""Pages about the service itself: how it stands, what it asked the LLM, what it could not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from aiohttp import web

from core.console import params
from core.console.queries import signal_charts, volume_chart
from core.console.site import SITE, page
from core.domain.labels import LANE_RANK
from core.read_models import Json
from core.read_ports import Overview, TaskCount


async def overview(request: web.Request) -> web.Response:
    """How the service stands and what came of the work."""
    found = await request.app[SITE].reads.overview()
    charts = []
    if found.window is not None:
        charts = [*signal_charts(found.days, found.window, None), ("Searches", volume_chart(found.days, found.window))]
    return page(request, "overview.html", found=found, charts=charts, work=_work(found))


async def calls(request: web.Request) -> web.Response:
    """The newest LLM calls."""
    lane, status = params.text(request, "lane"), params.text(request, "status")
    found = await request.app[SITE].reads.calls(lane, status)
    return page(request, "calls.html", calls=found, lane=lane, wanted=status, lanes=list(LANE_RANK))


async def call(request: web.Request) -> web.Response:
    """One LLM call's story."""
    try:
        call_id = UUID(request.match_info["call_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    found = await request.app[SITE].reads.call(call_id)
    if found is None:
        return page(request, "no_call.html", status=404)
    return page(request, "call.html", story=found, reply=_pretty_text(found.reply), parts=_parts(found.request))


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


def _parts(request: Json) -> list[str]:
    """The parts of a prompt's data as text, in their order; pictures by size and hash, as they are kept."""
    found = request.get("user") if isinstance(request, Mapping) else request
    listed = found if isinstance(found, list) else [] if found is None else [found]
    return [_part(part) for part in listed]


def _part(part: Json) -> str:
    said = part.get("text") if isinstance(part, Mapping) else part
    return said if isinstance(said, str) else _pretty(part)


def _pretty_text(reply: str) -> str:
    """JSON laid out for reading; anything else as it is."""
    try:
        return msgspec.json.format(reply, indent=2)
    except msgspec.DecodeError:
        return reply


def _pretty(value: Json) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
