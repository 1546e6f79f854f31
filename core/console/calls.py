"""Pages about the LLM's calls: listed, and one with its whole story."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from aiohttp import web

from core.console import params
from core.console.site import SITE, page
from core.domain.labels import LANE_RANK
from core.domain.normalise import normalised_query
from core.money_models import CallFilter
from core.read_models import Json

PURPOSES = ("guideline", "judgements", "picture_description", "picture_scores")
"""What is asked of the LLM, in the order of the work."""


async def listed(request: web.Request) -> web.Response:
    """The newest LLM calls that are wanted."""
    wanted = CallFilter(
        lane=params.choice(request, "lane", list(LANE_RANK), ""),
        status=params.text(request, "status"),
        model=params.text(request, "model"),
        purpose=params.choice(request, "purpose", PURPOSES, ""),
        query=normalised_query(params.text(request, "query")),
        day=params.day(request, "day"),
        task=_task(params.text(request, "task")),
    )
    found = await request.app[SITE].reads.calls(wanted)
    return page(request, "calls.html", calls=found, wanted=wanted, lanes=list(LANE_RANK), purposes=PURPOSES)


async def one(request: web.Request) -> web.Response:
    """One LLM call's story."""
    try:
        call_id = UUID(request.match_info["call_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    found = await request.app[SITE].reads.call(call_id)
    if found is None:
        return page(request, "no_call.html", status=404)
    tries = sorted([*found.tries, found.call], key=lambda call: call.started_at)
    reply, parts = _pretty_text(found.reply), _parts(found.request)
    return page(request, "call.html", story=found, reply=reply, parts=parts, tries=tries)


def _task(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        return ""


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
