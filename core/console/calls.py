"""Pages about the LLM's calls: listed, one with its whole story, and a label or score with the calls behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec
from aiohttp import web

from core.console import params
from core.console.site import SITE, page
from core.domain.labels import LANE_RANK
from core.domain.normalise import normalised_query
from core.money_models import CallFilter, CallStory, CallView
from core.read_models import Json

PURPOSES = ("guideline", "judgements", "picture_description", "picture_scores", "critique")
"""What is asked of the LLM, in the order of the work."""

VERDICT_WORDS = {"y": "met", "n": "not met", "?": "not told", "": "not asked"}
"""A judge's verdict on a requirement, in words."""


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
        listing=params.text(request, "listing").strip(),
        judge=params.text(request, "judge").strip(),
        run=params.text(request, "run").strip(),
    )
    found = await request.app[SITE].reads.calls(wanted)
    return page(request, "calls.html", calls=found, wanted=wanted, lanes=list(LANE_RANK), purposes=PURPOSES)


async def one(request: web.Request) -> web.Response:
    """One LLM call's story."""
    found = await request.app[SITE].reads.call(_id(request, "call_id"))
    if found is None:
        return page(request, "no_call.html", status=404)
    reply, parts, tries = _told(found)
    return page(request, "call.html", story=found, reply=reply, parts=parts, tries=tries)


async def result(request: web.Request) -> web.Response:
    """A label or score: what it says, by whom and by what, and every call behind it."""
    found = await request.app[SITE].reads.result(_id(request, "event_id"))
    if found is None:
        return page(request, "no_label.html", status=404)
    story = found.story
    reply, parts, tries = _told(story) if story else _NOTHING
    words = VERDICT_WORDS
    return page(
        request, "label.html", found=found, story=story, reply=reply, parts=parts, tries=tries, verdict_words=words
    )


class _Told(NamedTuple):
    """What was said laid out for reading, and all the calls for its tasks in their order."""

    reply: str
    parts: list[str]
    tries: list[CallView]


_NOTHING = _Told("", [], [])


def _told(story: CallStory) -> _Told:
    tries = sorted([*story.tries, story.call], key=lambda call: call.started_at)
    return _Told(_pretty_text(story.reply), _parts(story.request), tries)


def _id(request: web.Request, name: str) -> UUID:
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise web.HTTPNotFound from None


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
